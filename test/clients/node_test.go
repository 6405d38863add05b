package clients

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// What the OpenTelemetry SDK for Node sends is there whole.
func TestNodeSDK(t *testing.T) {
	t.Parallel()
	need(t, "node", "npm")
	modules := installed(t, "node", []string{"package.json", "package-lock.json", ".npmrc"}, nil,
		[]string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"})
	// Node looks for modules beside the program.
	dir := t.TempDir()
	program, err := filepath.Abs("node/send.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"node_modules": filepath.Join(modules, "node_modules"), "send.mjs": program} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tr := range []transport{
		{"grpc", ""}, {"grpc", "gzip"}, {"http/protobuf", ""}, {"http/protobuf", "gzip"}, {"http/json", ""}, {"http/json", "gzip"},
	} {
		t.Run(tr.String(), func(t *testing.T) {
			service, base := "node-"+tr.String(), newBase()
			out := run(t, tr.environ(service), "node", "--preserve-symlinks-main", "--preserve-symlinks", filepath.Join(dir, "send.mjs"), strconv.FormatInt(base, 10))
			checkStory(t, parseRefs(t, out), base, service, "nodejs")
		})
	}
}
