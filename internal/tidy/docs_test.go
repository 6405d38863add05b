package tidy

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every package says what it is for.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		documented[s.pkg] = documented[s.pkg] || (s.file.Doc != nil && strings.TrimSpace(s.file.Doc.Text()) != "")
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// The store and the log reach files through vfs only, so that crash tests see every
// operation. Reading the os package's errors and arguments is fine.
func TestStoreUsesVFS(t *testing.T) {
	files := map[string]bool{
		"Create": true, "Open": true, "OpenFile": true, "WriteFile": true, "ReadFile": true, "Rename": true,
		"Remove": true, "RemoveAll": true, "Mkdir": true, "MkdirAll": true, "Link": true, "Symlink": true,
		"Truncate": true, "CreateTemp": true, "MkdirTemp": true, "ReadDir": true, "Stat": true, "Chtimes": true,
	}
	for _, s := range sources(t) {
		if s.test || (!strings.HasPrefix(s.pkg, "internal/trace/store") && !strings.HasPrefix(s.pkg, "internal/trace/ingest")) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == "os" && files[sel.Sel.Name] {
				t.Errorf("%s: os.%s: go through vfs.FS, so that crash tests see it", s.fset.Position(n.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

// Relative links in the documents lead to files that exist.
func TestDocLinks(t *testing.T) {
	root := moduleRoot(t)
	var docs []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "changelog/*/*.md", "web/*.md", "internal/*/*/*/*.md", "internal/*/*/*.md"} {
		m, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, m...)
	}
	if len(docs) < 3 {
		t.Fatalf("found only %d documents", len(docs))
	}
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", doc, m[1])
			}
		}
	}
}

// docs/dependencies.md has a line for each module the binary or the tests need directly.
func TestDependenciesListed(t *testing.T) {
	root := moduleRoot(t)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(root, "docs/dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(mod), "\n") {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(f) < 2 || !strings.HasPrefix(f[1], "v") || strings.Contains(line, "// indirect") {
			continue
		}
		if !strings.Contains(string(list), "`"+f[0]+"`") {
			t.Errorf("docs/dependencies.md has no line for %s: what for, instead of what, licence, who reads its releases", f[0])
		}
	}
}
