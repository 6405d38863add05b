package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/weft-dev/weft/internal/bench/truth"
	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/proof"
	"github.com/weft-dev/weft/internal/trace/span"
)

// server is the real server, built from this tree and started on an empty folder.
func server(t *testing.T) *proof.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("drives the real binary, which -short leaves to the full run")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "weft")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/weft")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	s := &proof.Server{Binary: binary, Dir: filepath.Join(dir, "data")}
	if _, err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Over every wire the real server takes a stream and answers every kind of question as
// the truth says; where the truth says something else, it shows.
func TestAnswers(t *testing.T) {
	s := server(t)
	c := newClient(s.URL)
	defer c.close()
	now := time.Now()
	for i, wire := range []string{"http", "gzip", "grpc"} {
		// Streams of other hours and seeds, so that no answer holds traces of two.
		config := workload.Config{World: workload.Fleet(), Seed: uint64(i), Spans: 4000, From: now.Add(-time.Duration(i+1) * 3 * time.Hour)}
		known := truth.New(config.World, config.Spans)
		requests := config.Requests(known.Add)
		if wire == "gzip" {
			requests = zipped(requests)
		}
		sent, err := send(t.Context(), s.URL, wire, requests, nil)
		if err != nil {
			t.Fatalf("%s: %v", wire, err)
		}
		if int(sent.spans) != known.Spans || len(sent.unseen) > 0 {
			t.Errorf("%s: %d of %d spans acknowledged, not seen: %v", wire, sent.spans, known.Spans, sent.unseen)
		}
		if bad := answerAll(t, c, known); len(bad) > 0 {
			t.Errorf("%s: %v", wire, bad)
		}
	}

	config := workload.Config{World: workload.Fleet(), Seed: 0, Spans: 4000, From: now.Add(-3 * time.Hour)}
	lie := truth.New(config.World, config.Spans)
	// This truth lacks one trace in thirty, and the first span of all others.
	n := 0
	for range config.Requests(func(spans []workload.Span) {
		if n++; n%30 != 0 {
			lie.Add(spans[min(1, len(spans)-1):])
		}
	}) {
		continue
	}
	bad := answerAll(t, c, lie)
	for _, kind := range []string{truth.ByID.String(), truth.Operation.String(), truth.Errors.String(), "all traces"} {
		if !slices.ContainsFunc(bad, func(err error) bool { return strings.HasPrefix(err.Error(), kind+":") }) {
			t.Errorf("no answer of kind %s is wrong, although the truth is a lie: %v", kind, bad)
		}
	}
}

// answerAll asks some questions of each kind and lists all traces; it returns what is wrong.
func answerAll(t *testing.T, c *client, known *truth.Truth) []error {
	t.Helper()
	var wrong []error
	k := plan{ids: 25, searches: 25}.questions(known, 1)
	for _, kind := range truth.Kinds() {
		a, err := k.ask(t.Context(), c, kind)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if a.asked != 50 {
			t.Errorf("%s: %d questions asked, want 25 twice", kind, a.asked)
		}
		wrong = append(wrong, a.wrong...)
	}
	more, err := everyTrace(t.Context(), c, known)
	if err != nil {
		t.Fatal(err)
	}
	return append(wrong, more...)
}

// A killed server has what it acknowledged.
func TestMeasureKill(t *testing.T) {
	s := server(t)
	p := plan{binary: s.Binary, killSpans: 8000, over: time.Hour}
	f := figures{}
	wrong, err := p.measureKill(t.Context(), stream{world: workload.Shop(), seed: 3, wire: "http"}, t.TempDir(), f)
	if err != nil {
		t.Fatal(err)
	}
	if k := f["killed"]; len(wrong) > 0 || len(k) != 3 || k[0] < 2000 || k[1]+k[2] != 0 {
		t.Errorf("figures %v, wrong %v", k, wrong)
	}
}

// Spans that are missing or there twice are counted.
func TestCount(t *testing.T) {
	f := func(acked, there string, missing, doubled int) {
		t.Helper()
		var ids []span.SpanID
		for _, c := range acked {
			ids = append(ids, span.SpanID{byte(c)})
		}
		var b *span.Batch
		if there != "" {
			b = &span.Batch{}
		}
		for _, c := range there {
			b.Spans = append(b.Spans, span.Span{SpanID: span.SpanID{byte(c)}})
		}
		if m, d := count(ids, b); m != missing || d != doubled {
			t.Errorf("acknowledged %q, there %q: %d missing, %d doubled, want %d and %d", acked, there, m, d, missing, doubled)
		}
	}
	f("abc", "abc", 0, 0)
	f("abc", "", 3, 0)
	f("abc", "ac", 1, 0)
	f("abc", "cba", 0, 0)
	f("ab", "abx", 0, 0) // sent and not acknowledged: it may be there
	f("abc", "abbx", 1, 1)
	f("a", "aaa", 0, 2)
}

// zipped keeps what is in the bodies.
func TestZipped(t *testing.T) {
	c := workload.Config{World: workload.Shop(), Seed: 1, Spans: 1000, From: time.Unix(1_760_000_000, 0)}
	var plain [][]byte
	for r, err := range c.Requests(nil) {
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, r.Body)
	}
	packed, err := hold(zipped(c.Requests(nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what is held can be sent again
		i := 0
		for r := range packed {
			z, err := gzip.NewReader(bytes.NewReader(r.Body))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain[i]) {
				t.Fatalf("request %d: %d bytes unpacked, want %d: %v", i, len(got), len(plain[i]), err)
			}
			i++
		}
		if i != len(plain) {
			t.Errorf("%d requests, want %d", i, len(plain))
		}
	}
}

// The usage of this process grows as it works and writes.
func TestUsage(t *testing.T) {
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	c := workload.Config{World: workload.Shop(), Seed: 1, Spans: 20_000, From: time.Unix(1_760_000_000, 0)}
	bodies := 0
	for r := range c.Requests(nil) {
		bodies += len(r.Body)
	}
	after, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after.cpu <= before.cpu || after.peakRSS < 1 || bodies == 0 {
		t.Errorf("usage was %+v, is %+v", before, after)
	}
}

// folderBytes counts what is in a folder, to all depths.
func TestFolderBytes(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{"x": 10, "a/y": 200, "a/b/z": 3000} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := folderBytes(dir); err != nil || n != 3210 {
		t.Errorf("%d bytes, %v; want 3210", n, err)
	}
	if err := forget(dir); err != nil {
		t.Error(err)
	}
}

// What was written is counted when it is gone, too, and a file that grew once.
func TestPartWatch(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, n int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w := &partWatch{dir: dir, stop: make(chan struct{}), seen: map[string]int64{}}
	write("a", 10)
	w.look()
	write("a", 100)
	write("b", 1000)
	w.look()
	if err := os.Remove(filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	write("c", 7)
	for range 2 {
		if written, left, err := w.end(); err != nil || written != 1107 || left != 107 {
			t.Errorf("%d bytes written, %d left, %v; want 1107 and 107", written, left, err)
		}
	}
}
