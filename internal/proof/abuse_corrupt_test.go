package proof

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A flipped byte in a part costs the traces of its block: they are answered as damaged, the
// rest reads, a warning stands, check names file and block, repair saves the rest and keeps
// the damaged part.
func TestAbuseCorruptBlock(t *testing.T) {
	a := abuse(t, nil, "--head", "256KiB")
	var works []Work
	for n := range uint64(30) {
		w := Workload(1, n, 200, time.Unix(1_790_000_000+int64(n), 0))
		a.sendBatch(w.Batch)
		works = append(works, w)
	}
	until(t, "a part is written", func() bool { return a.metric("weft_store_parts") > 0 })
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	a.wantSound()
	damagedFile := flipByte(t, filepath.Join(a.Dir, "traces", "parts"))
	if _, err := a.Start(t.Context()); err != nil {
		t.Fatalf("start with a damaged block: %v", err)
	}
	other := a.neighbour()
	readable := a.readable(works)
	total := len(works) * 20
	if len(readable) == 0 || len(readable) == total {
		t.Fatalf("%d of %d traces read; the damage must cost some and not all", len(readable), total)
	}
	var state struct {
		Store struct {
			Quarantined int `json:"quarantined_blocks"`
		}
		Warnings []string
	}
	a.getJSON("/api/v1/status", &state)
	if state.Store.Quarantined != 1 || !strings.Contains(strings.Join(state.Warnings, " "), "weft store check") {
		t.Errorf("one byte flipped, status: %+v", state)
	}
	if log, err := os.ReadFile(a.Log); err != nil || !strings.Contains(string(log), "block does not read") {
		t.Errorf("the log does not name the block: %v", err)
	}
	found, err := a.Search(t.Context(), `{ name =~ "GET /route/.*" }`, time.Unix(1_790_000_000, 0), time.Unix(1_790_001_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	for id := range readable {
		if found[id] != 10 {
			t.Fatalf("a search shows trace %s, which reads, with %d spans", id, found[id])
		}
	}
	other.wantUnharmed()
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}

	f := func(want int, say string, args ...string) {
		t.Helper()
		out, err := exec.Command(a.Binary, append([]string{"store"}, append(args, "--data", a.Dir)...)...).CombinedOutput()
		code := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != want || !strings.Contains(string(out), say) {
			t.Errorf("store %v: exit code %d, want %d and %q in:\n%s", args, code, want, say, out)
		}
	}
	name, err := filepath.Rel(a.Dir, damagedFile)
	if err != nil {
		t.Fatal(err)
	}
	f(1, filepath.ToSlash(name), "check")
	part := filepath.Base(filepath.Dir(damagedFile))
	f(0, part, "repair")
	f(0, " 0 blocks damaged", "check")
	f(0, "nothing to repair", "repair")
	if _, err := os.Stat(filepath.Join(a.Dir, "traces", "quarantine", part, filepath.Base(damagedFile))); err != nil {
		t.Errorf("the damaged part is not kept: %v", err)
	}
	if _, err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := a.stillThere(works)
	for id := range readable {
		if !after[id] {
			t.Fatalf("trace %s read before the repair and is gone after it", id)
		}
	}
	a.wantSmall(512)
}

// flipByte damages the largest file below dir where its first page lies, which by-id reads
// need: pages come first in a part, tables after them.
func flipByte(t *testing.T, dir string) string {
	t.Helper()
	best, size := "", int64(0)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			best, size = name, info.Size()
		}
		return err
	})
	if err != nil || best == "" {
		t.Fatalf("no file to damage in %s: %v", dir, err)
	}
	f, err := os.OpenFile(best, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := []byte{0}
	at := size / 8
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{b[0] ^ 0x40}, at); err != nil {
		t.Fatal(err)
	}
	return best
}

// readable reads every trace: those that read are whole, the others say that they are
// damaged.
func (a *abused) readable(works []Work) map[string]bool {
	a.t.Helper()
	out := map[string]bool{}
	a.eachTrace(works, func(id string, status int, body []byte) {
		switch {
		case status == http.StatusOK:
			out[id] = true
		case status != http.StatusInternalServerError || !bytes.Contains(body, []byte(`"code":"damaged"`)):
			a.t.Errorf("trace %s: status %d, want 200, or 500 and the code damaged: %.200s", id, status, body)
		}
	})
	return out
}

// stillThere reads every trace: it is there, or it is not.
func (a *abused) stillThere(works []Work) map[string]bool {
	a.t.Helper()
	out := map[string]bool{}
	a.eachTrace(works, func(id string, status int, body []byte) {
		if status != http.StatusOK && status != http.StatusNotFound {
			a.t.Errorf("trace %s: status %d: %.200s", id, status, body)
		}
		out[id] = status == http.StatusOK
	})
	return out
}

func (a *abused) eachTrace(works []Work, visit func(id string, status int, body []byte)) {
	a.t.Helper()
	for _, w := range works {
		for i := 0; i < len(w.Batch.Spans); i += 10 {
			id := w.Batch.Spans[i].TraceID.String()
			resp, err := a.get(a.t.Context(), "/api/v1/traces/"+id)
			if err != nil {
				a.t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				a.t.Fatal(err)
			}
			visit(id, resp.StatusCode, body)
		}
	}
}

// A flipped byte in the middle of the ingest log costs the request it is in: the start says
// so and reads the rest back.
func TestAbuseCorruptLog(t *testing.T) {
	a := abuse(t, nil)
	var works []Work
	for n := range uint64(30) {
		w := Workload(1, n, 200, time.Unix(1_790_000_000+int64(n), 0))
		a.sendBatch(w.Batch)
		works = append(works, w)
	}
	if err := a.Kill(); err != nil {
		t.Fatal(err)
	}
	flipByte(t, filepath.Join(a.Dir, "log"))
	if _, err := a.Start(t.Context()); err != nil {
		t.Fatalf("start with a damaged log: %v", err)
	}
	lost := 0
	for i, w := range works {
		here := a.stillThere([]Work{w})
		n := 0
		for _, yes := range here {
			if yes {
				n++
			}
		}
		if n != len(here) && n != 0 {
			t.Errorf("request %d: %d of %d traces are there, want all or none", i, n, len(here))
		}
		if n == 0 {
			lost++
		} else {
			a.wantTraces(w.Batch)
		}
	}
	if lost != 1 {
		t.Errorf("%d requests are lost by one flipped byte, want 1", lost)
	}
	log, err := os.ReadFile(a.Log)
	if err != nil || !strings.Contains(string(log), "level=ERROR") {
		t.Errorf("the start says nothing of the damage (%v):\n%s", err, log)
	}
	w := Workload(2, 1, 50, time.Unix(1_790_000_000, 0))
	a.sendBatch(w.Batch)
	a.wantTraces(w.Batch)
}
