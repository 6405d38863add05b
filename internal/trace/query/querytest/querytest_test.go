package querytest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the outputs into the files")

// TestFiles runs the language on the files, without an engine.
func TestFiles(t *testing.T) {
	if !*update {
		Run(t, nil, nil)
		return
	}
	Run(t, nil, func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join("testdata", name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	})
}
