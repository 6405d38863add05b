package clickhouse

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// front is a ClickHouse of the test's own: chdb behind its HTTP interface, see
// test/chdb/front.mjs.
type front struct {
	url  string
	kill func(t testing.TB) // as kill -9 does
}

const frontDir = "../../../../test/chdb"

// needFront skips the test where chdb cannot run: it has no build for some machines.
func needFront(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skipf("no ClickHouse to test with: %v", err)
	}
	if lib, err := filepath.Glob(filepath.Join(frontDir, "node_modules/@chdb/lib-*")); err != nil || len(lib) == 0 {
		t.Skip("no ClickHouse to test with: make chdb installs it in test/chdb, where there is a build for the machine")
	}
}

// startFront starts it on a folder.
func startFront(t testing.TB, folder string) front {
	t.Helper()
	needFront(t)
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(frontDir, "front.mjs"), folder)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end := func(stop func() error) {
		if ended {
			return
		}
		ended = true
		if err := stop(); err != nil {
			t.Errorf("stop chdb: %v", err)
		}
		_ = cmd.Wait() // it was told to end, how it does is no matter
	}
	t.Cleanup(func() { end(stdin.Close) })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	port := 0
	if _, scanErr := fmt.Sscanf(line, "listening %d", &port); err != nil || scanErr != nil {
		end(cmd.Process.Kill)
		t.Fatalf("chdb does not start: %q, %v\n%s", line, err, stderr.String())
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	return front{url: fmt.Sprintf("http://127.0.0.1:%d", port), kill: func(testing.TB) { end(cmd.Process.Kill) }}
}

// memoryFolder is a folder of the test's own, in memory where the machine has such a file
// system: syncs are free there, and are tested elsewhere.
func memoryFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "weft-chdb-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
