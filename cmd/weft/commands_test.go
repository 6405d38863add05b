package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// exitCode is: code N COMMAND ARG…
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// awaitLine polls a file, which a command in the background writes.
func awaitLine(ts *testscript.TestScript, _ bool, args []string) {
	file, want := ts.MkAbs(args[0]), regexp.MustCompile("(?m)"+args[1])
	deadline, tick := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(file)
		if err == nil && want.Match(text) {
			return
		}
		select {
		case <-deadline:
			ts.Fatalf("%s has no line like %s: %s", args[0], args[1], text)
		case <-tick.C:
		}
	}
}

// makeSpans is: spans FILE TRACES SPANS, traces of so many spans, one a line, the newest
// first and written as an export writes them.
func makeSpans(ts *testscript.TestScript, _ bool, args []string) {
	traces, err := strconv.Atoi(args[1])
	ts.Check(err)
	spans, err := strconv.Atoi(args[2])
	ts.Check(err)
	var out []byte
	for n := traces; n > 0; n-- {
		var line bytes.Buffer
		line.WriteString(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"loader"}}]},"scopeSpans":[{"spans":[`)
		for i := range spans {
			if i > 0 {
				line.WriteByte(',')
			}
			start := 1_769_839_140_000_000_000 + int64(n)*1_000_000_000 + int64(i)*1000
			fmt.Fprintf(&line, `{"traceId":"%032x","spanId":"%016x","name":"step %d","kind":1,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[{"key":"n","value":{"intValue":"%d"}}]}`,
				n, n*1_000_000+i+1, i%7, start, start+500, i)
		}
		line.WriteString(`]}]}]}`)
		b, rejected, err := otlp.DecodeJSON(line.Bytes(), otlp.NoLimits())
		if err != nil || rejected.Spans > 0 {
			ts.Fatalf("spans: %v, %+v", err, rejected)
		}
		out = append(otlp.AppendJSON(out, b), '\n')
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out, 0o644))
}

// makeProtobuf is: protobuf LINES OUT [delimited], OTLP JSON lines as one message, or each as
// one with its length before it.
func makeProtobuf(ts *testscript.TestScript, _ bool, args []string) {
	var all span.Builder
	var out []byte
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		b, _, err := otlp.DecodeJSON([]byte(line), otlp.NoLimits())
		ts.Check(err)
		for i := range b.Spans {
			all.Append(b, i)
		}
		message := otlp.AppendTracesData(nil, b)
		out = append(binary.AppendUvarint(out, uint64(len(message))), message...)
	}
	if len(args) == 2 {
		out = otlp.AppendTracesData(nil, all.Batch())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out, 0o644))
}

// compress is: compress FILE, which makes FILE.gz and FILE.zst.
func compress(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	var gz, zst bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, err := io.WriteString(w, text)
	ts.Check(errors.Join(err, w.Close()))
	z, err := zstd.NewWriter(&zst)
	ts.Check(err)
	_, err = io.WriteString(z, text)
	ts.Check(errors.Join(err, z.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".gz"), gz.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".zst"), zst.Bytes(), 0o644))
}

// readParquet is: parquet FILE OUT, each row as a line of JSON.
func readParquet(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	r := parquet.NewGenericReader[map[string]any](f)
	defer r.Close()
	var out bytes.Buffer
	for range r.NumRows() {
		row := []map[string]any{{}}
		n, err := r.Read(row)
		if n != 1 || err != nil && !errors.Is(err, io.EOF) {
			ts.Fatalf("read %s: %d rows, %v", args[0], n, err)
		}
		ts.Check(json.NewEncoder(&out).Encode(row[0]))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out.Bytes(), 0o644))
}

// damage is: damage DIR, which turns a byte in the middle of the largest file below it.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	largest, size := "", int64(-1)
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	}))
	if size < 1 {
		ts.Fatalf("damage %s: there is nothing to damage", args[0])
	}
	text, err := os.ReadFile(largest)
	ts.Check(err)
	text[size/2] ^= 0x40
	ts.Check(os.Chmod(largest, 0o644))
	ts.Check(os.WriteFile(largest, text, 0o644))
}

// fetch is: fetch URL OUT, what a browser would get; "! fetch" if it is an error.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	resp, err := http.Get(args[0])
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if (resp.StatusCode != http.StatusOK) != neg {
		ts.Fatalf("GET %s: %s %s", args[0], resp.Status, body)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), body, 0o644))
}

// takePort is: taken NAME, a variable for the address of a server that is not Weft.
func takePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	s := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	ts.Defer(func() { _ = s.Close(); <-done })
	ts.Setenv(args[0], l.Addr().String())
}

type gateKey struct{}

// gate stands before the server and lets so many exports through; the rest waits until its
// client has gone or the gate is opened again.
type gate struct {
	server *http.Server

	mu      sync.Mutex
	left    int           // exports it still lets through; below 0: all. Guarded by mu.
	arrived chan struct{} // closed when one has to wait; nil once it was
}

// openGate is: gate N, all but the first time for the same address; it sets GATE.
func openGate(ts *testscript.TestScript, _ bool, args []string) {
	g := ts.Value(gateKey{}).(*gate)
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	g.mu.Lock()
	g.left, g.arrived = n, make(chan struct{})
	g.mu.Unlock()
	if g.server != nil {
		return
	}
	to, err := url.Parse(ts.Getenv("WEFT_SERVER"))
	ts.Check(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	g.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/traces" && !g.passes() {
			_, _ = io.Copy(io.Discard, r.Body) // so that the server notices when the client goes
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = g.server.Serve(l) }()
	ts.Defer(func() { _ = g.server.Close(); <-done })
	ts.Setenv("GATE", "http://"+l.Addr().String())
}

func (g *gate) passes() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left != 0 {
		g.left--
		return true
	}
	if g.arrived != nil {
		close(g.arrived)
		g.arrived = nil
	}
	return false
}

// atGate waits until an export waits at the gate.
func atGate(ts *testscript.TestScript, _ bool, _ []string) {
	g := ts.Value(gateKey{}).(*gate)
	g.mu.Lock()
	arrived := g.arrived
	g.mu.Unlock()
	if arrived == nil {
		return
	}
	select {
	case <-arrived:
	case <-time.After(20 * time.Second):
		ts.Fatalf("nothing came to the gate")
	}
}
