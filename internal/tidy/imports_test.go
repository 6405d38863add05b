package tidy

import (
	"slices"
	"strings"
	"testing"
)

// rows is the dependency direction: a package imports only packages of rows above its
// own, its own parents, and what its row allows among neighbours. The longest prefix
// decides. ARCHITECTURE.md explains the rows.
var rows = []struct {
	row    int
	prefix string
}{
	{1, "internal/trace/span"},
	{1, "internal/base/vfs"},
	{1, "internal/base/arena"},
	{1, "internal/base/clock"},
	{1, "internal/base/obs"},
	{2, "internal/trace/store"},
	{2, "internal/trace/ingest/log"},
	{2, "internal/base/meta"},
	{2, "internal/base/blob"},
	{3, "internal/trace/store/colstore"},
	{3, "internal/trace/store/clickhouse"},
	{3, "internal/trace/ingest/log/file"},
	{3, "internal/trace/ingest/log/logtest"},
	{3, "internal/trace/store/storetest"},
	{3, "internal/base/meta/sqlite"},
	{3, "internal/base/meta/metatest"},
	{3, "internal/base/meta/all"},
	{4, "internal/trace/ingest"},
	{4, "internal/trace/query"},
	{5, "internal/server"},
	{5, "internal/demo"},
	{5, "internal/client"},
	{6, "internal/server/app"},
	{6, "internal/transfer"},
	{7, "internal/cli"},
	{7, "internal/proof"},
	{8, "internal/bench"},
	{8, "internal/soak"},
	{8, "cmd/weft"},
}

// neighbours are imports inside a row that are meant, each with its reason.
var neighbours = map[string]string{
	"internal/trace/store → internal/trace/ingest/log":           "a record carries its position in the log",
	"internal/trace/store/storetest → internal/trace/ingest/log": "a record carries its position in the log",
	"internal/base/meta/all → internal/base/meta/sqlite":         "the list of engines",
}

func rowOf(pkg string) int {
	row, longest := 0, -1
	for _, r := range rows {
		if (pkg == r.prefix || strings.HasPrefix(pkg, r.prefix+"/")) && len(r.prefix) > longest {
			row, longest = r.row, len(r.prefix)
		}
	}
	return row
}

// family is the prefix of rows that pkg falls under.
func family(pkg string) string {
	best := ""
	for _, r := range rows {
		if (pkg == r.prefix || strings.HasPrefix(pkg, r.prefix+"/")) && len(r.prefix) > len(best) {
			best = r.prefix
		}
	}
	return best
}

func allowed(from, to string) bool {
	switch {
	case rowOf(from) == 0 || rowOf(to) == 0:
		return rowOf(to) == 0 && to == "web" && rowOf(from) >= 6
	case rowOf(to) < rowOf(from):
		// An engine is reached through its contract; only the wiring names it.
		engine := rowOf(to) == 3 && !strings.HasSuffix(to, "test") && rowOf(from) < 6
		return !engine || family(from) == family(to) || strings.HasPrefix(to, from+"/")
	case family(from) == family(to):
		return true
	}
	_, ok := neighbours[from+" → "+to]
	return ok
}

// Imports go in one direction: model, contracts, engines, domains, API, wiring, command.
func TestImportDirection(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.pkg, "internal/tidy") {
			continue // a test may use what it proves
		}
		for _, im := range s.imports {
			to, ours := strings.CutPrefix(im, module)
			if ours && to != s.pkg && !allowed(s.pkg, to) {
				t.Errorf("%s: package %s (row %d) must not import %s (row %d): only rows above, see internal/tidy",
					s.path, s.pkg, rowOf(s.pkg), to, rowOf(to))
			}
		}
	}
}

// The rule itself refuses what it should.
func TestAllowed(t *testing.T) {
	f := func(from, to string, want bool) {
		t.Helper()
		if got := allowed(from, to); got != want {
			t.Errorf("allowed(%s, %s) = %v, want %v", from, to, got, want)
		}
	}
	f("internal/trace/store/colstore", "internal/trace/store", true)
	f("internal/trace/store/colstore", "internal/trace/store/colstore/part", true)
	f("internal/trace/store", "internal/trace/store/colstore", false)
	f("internal/trace/query", "internal/trace/store/colstore", false)
	f("internal/trace/query", "internal/trace/ingest", false)
	f("internal/server/api", "internal/trace/query", true)
	f("internal/server/api", "internal/base/meta/sqlite", false)
	f("internal/server/app", "internal/trace/store/colstore", true)
	f("internal/trace/span", "internal/base/vfs", false)
}

// The model needs nothing but the standard library.
func TestSpanIsPure(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !strings.HasPrefix(s.pkg, "internal/trace/span") {
			continue
		}
		for _, im := range s.imports {
			if strings.Contains(strings.SplitN(im, "/", 2)[0], ".") && !strings.HasPrefix(im, module+"internal/trace/span") {
				t.Errorf("%s imports %s: package span and its children use the standard library only", s.path, im)
			}
		}
	}
}

// banned imports, each with what to use.
var banned = map[string]string{
	"io/ioutil":                   "use io and os",
	"math/rand":                   "use math/rand/v2",
	"log":                         "use log/slog, handed in by Config",
	"github.com/golang/protobuf":  "use google.golang.org/protobuf",
	"github.com/stretchr/testify": "use the standard library's testing",
	"github.com/pkg/errors":       "use errors and fmt",
	"github.com/sirupsen/logrus":  "use log/slog",
	"github.com/spf13/viper":      "use koanf",
	"github.com/mattn/go-sqlite3": "use modernc.org/sqlite, which needs no C compiler",
}

func TestBannedImports(t *testing.T) {
	for _, s := range sources(t) {
		for _, im := range s.imports {
			if why, ok := banned[im]; ok {
				t.Errorf("%s imports %s: %s", s.path, im, why)
			}
		}
	}
}

// Test-only modules stay out of the binary.
func TestTestOnlyModules(t *testing.T) {
	only := []string{"go.uber.org/goleak", "github.com/rogpeppe/go-internal", "testing"}
	for _, s := range sources(t) {
		if s.test || strings.HasSuffix(s.pkg, "test") || strings.Contains(s.pkg, "test/") || strings.HasPrefix(s.pkg, "internal/tidy") {
			continue
		}
		for _, im := range s.imports {
			if slices.ContainsFunc(only, func(m string) bool { return im == m || strings.HasPrefix(im, m+"/") }) {
				t.Errorf("%s imports %s, which is for tests", s.path, im)
			}
		}
	}
}
