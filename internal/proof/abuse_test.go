package proof

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/server/app"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// The tests named TestAbuse… do to the real server what breaks servers. Each says what it
// does, compares the answer with docs/guide/limits.md, and shows that the spans of another
// sender are acknowledged and found meanwhile and that the process stays small.

// abused is a server under abuse.
type abused struct {
	*Server
	t    *testing.T
	grpc string // its standard gRPC address
	docs docs
}

// abuse starts a server; the test ends it. change may set the binary or the folder.
func abuse(t *testing.T, change func(*Server), args ...string) *abused {
	t.Helper()
	t.Parallel()
	if testing.Short() {
		t.Skip("drives the real binary, which -short leaves to the full run")
	}
	a := &abused{t: t, grpc: freeAddress(t), docs: readDocs(t)}
	a.Server = &Server{
		Binary: weft(t), Dir: filepath.Join(t.TempDir(), "data"),
		Args: append([]string{"--otlp.grpc", a.grpc, "--otlp.http", "off", "--pprof", "off"}, args...),
	}
	if change != nil {
		change(a.Server)
	}
	if _, err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			text, _ := os.ReadFile(a.Log)
			t.Logf("the server's log:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return a
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// docs is what docs/guide/limits.md says.
type docs struct {
	limits   map[string]int // by the first cell of the table
	settings map[string]int // the same by setting
	answers  map[string]documentedAnswer
}

type documentedAnswer struct {
	http  int
	grpc  codes.Code
	again string // seconds, "" for never
}

func readDocs(t *testing.T) docs {
	t.Helper()
	text, err := os.ReadFile("../../docs/guide/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	d := docs{limits: map[string]int{}, settings: map[string]int{}, answers: map[string]documentedAnswer{}}
	words := regexp.MustCompile("`([a-z._-]+)`")
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch len(cells) {
		case 4:
			n, err := strconv.Atoi(strings.ReplaceAll(cells[1], ",", ""))
			if err != nil {
				continue // the head of the table
			}
			d.limits[cells[0]] = n
			if m := words.FindStringSubmatch(cells[2]); m != nil {
				d.settings[m[1]] = n
			}
		case 5:
			status, err := strconv.Atoi(cells[1])
			if err != nil {
				continue
			}
			var code codes.Code
			if err := code.UnmarshalJSON([]byte(strconv.Quote(cells[2]))); err != nil {
				t.Errorf("docs/guide/limits.md: %v", err)
			}
			for _, m := range words.FindAllStringSubmatch(cells[0], -1) {
				d.answers[m[1]] = documentedAnswer{status, code, strings.TrimSuffix(cells[3], " s")}
			}
		}
	}
	if len(d.limits) < 10 || len(d.answers) < 15 {
		t.Fatalf("docs/guide/limits.md: %d limits and %d answers understood; the tables have changed", len(d.limits), len(d.answers))
	}
	return d
}

// limit is a documented figure.
func (d docs) limit(t *testing.T, what string) int {
	t.Helper()
	n, ok := d.limits[what]
	if !ok {
		t.Fatalf("docs/guide/limits.md has no limit called %q, but %q", what, slices.Sorted(maps.Keys(d.limits)))
	}
	return n
}

// The documented limits are the defaults of the settings they name, and every such setting
// is documented.
func TestLimitsDocumented(t *testing.T) {
	d := readDocs(t)
	for _, s := range app.Settings() {
		if !strings.HasPrefix(s.Key, "limits.") || strings.HasPrefix(s.Key, "limits.quer") {
			continue
		}
		n, err := app.ParseBytes(s.Value)
		if err != nil {
			t.Fatal(err)
		}
		if have, ok := d.settings[s.Key]; !ok || app.Bytes(have) != n {
			t.Errorf("%s is %s by default, docs/guide/limits.md says %d (found: %v)", s.Key, s.Value, have, ok)
		}
	}
}

// answer is what a sender got.
type answer struct {
	status  int
	again   string // Retry-After
	message string // of the google.rpc.Status
	partial *coltrace.ExportTracePartialSuccess
}

// send posts a body.
func (a *abused) send(path, contentType, coding string, body []byte) answer {
	a.t.Helper()
	got, err := a.trySend(path, contentType, coding, body)
	if err != nil {
		a.t.Fatal(err)
	}
	return got
}

func (a *abused) trySend(path, contentType, coding string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.URL+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", contentType)
	if coding != "" {
		req.Header.Set("Content-Encoding", coding)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	out := answer{status: resp.StatusCode, again: resp.Header.Get("Retry-After")}
	switch {
	case resp.StatusCode == http.StatusOK:
		var ok coltrace.ExportTraceServiceResponse
		if err := proto.Unmarshal(text, &ok); err != nil {
			return answer{}, err
		}
		out.partial = ok.PartialSuccess
	case resp.Header.Get("Content-Type") == protobufType:
		var st spb.Status
		if err := proto.Unmarshal(text, &st); err != nil {
			return answer{}, err
		}
		out.message = st.Message
	default:
		var st struct{ Message string }
		if err := json.Unmarshal(text, &st); err != nil {
			return answer{}, fmt.Errorf("%s: %w: %.200s", resp.Status, err, text)
		}
		out.message = st.Message
	}
	return out, nil
}

const (
	ingestPath   = "/v1/traces"
	protobufType = "application/x-protobuf"
)

// sendBatch posts a batch that has to be taken whole.
func (a *abused) sendBatch(b *span.Batch) {
	a.t.Helper()
	if got := a.send(ingestPath, protobufType, "", otlp.AppendRequest(nil, b)); got.status != http.StatusOK || got.partial != nil {
		a.t.Fatalf("sent %d spans: %+v; want all taken", len(b.Spans), got)
	}
}

// refused is an entry of the list for people.
type refused struct {
	Protocol, Path, Reason, Detail, Hint string
	Status                               int
	Count                                int64
}

func (a *abused) refused() []refused {
	a.t.Helper()
	var out struct{ Refused []refused }
	a.getJSON("/api/v1/refused", &out)
	return out.Refused
}

func (a *abused) getJSON(path string, v any) {
	a.t.Helper()
	resp, err := a.get(a.t.Context(), path)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		a.t.Fatalf("GET %s: %s: %.300s", path, resp.Status, text)
	}
	if err := json.Unmarshal(text, v); err != nil {
		a.t.Fatalf("GET %s: %v", path, err)
	}
}

// wantRefused compares an answer with the documentation, and with the list for people.
func (a *abused) wantRefused(what string, got answer, reason string) {
	a.t.Helper()
	a.wantAnswer(what, got, reason)
	i := slices.IndexFunc(a.refused(), func(r refused) bool { return r.Protocol == "otlp/http" && r.Reason == reason })
	if i < 0 {
		a.t.Errorf("%s: no entry with reason %s on the list of refused requests", what, reason)
		return
	}
	r := a.refused()[i]
	if r.Status != got.status || r.Detail == "" || r.Hint == "" || got.message != r.Detail+"; "+r.Hint {
		a.t.Errorf("%s: the sender was told %q, the list says %+v", what, got.message, r)
	}
}

func (a *abused) wantAnswer(what string, got answer, reason string) {
	a.t.Helper()
	want := a.docs.answers[reason]
	if want.http == 0 {
		a.t.Fatalf("docs/guide/limits.md does not speak of %s", reason)
	}
	if got.status != want.http || got.again != want.again {
		a.t.Errorf("%s: status %d, Retry-After %q (%s); documented for %s: %d and %q",
			what, got.status, got.again, got.message, reason, want.http, want.again)
	}
}

// neighbour is another sender, whose spans must not suffer.
type neighbour struct {
	a     *abused
	stop  chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	acked []Work // Guarded by mu.
	first chan struct{}
	err   error // of the first request that was not acknowledged. Guarded by mu.
}

// neighbour starts one, and returns when it is at work.
func (a *abused) neighbour() *neighbour {
	a.t.Helper()
	n := &neighbour{a: a, stop: make(chan struct{}), first: make(chan struct{})}
	n.wg.Add(1)
	go func() {
		defer n.wg.Done()
		every := time.NewTicker(10 * time.Millisecond) // one of many clients, not a flood
		defer every.Stop()
		for i := uint64(0); ; i++ {
			w := Workload(4711, i, 20, time.Unix(1_790_000_000, 0))
			err := a.Post(context.Background(), w.Body())
			n.mu.Lock()
			if err == nil {
				n.acked = append(n.acked, w)
			} else if n.err == nil {
				n.err = err
			}
			n.mu.Unlock()
			if i == 0 {
				close(n.first)
			}
			select {
			case <-n.stop:
				return
			case <-every.C:
			}
		}
	}()
	<-n.first
	return n
}

// end stops it and returns what was acknowledged.
func (n *neighbour) end() []Work {
	close(n.stop)
	n.wg.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.acked
}

// wantUnharmed stops it: everything it sent was acknowledged and is found.
func (n *neighbour) wantUnharmed() {
	n.a.t.Helper()
	acked := n.end()
	if n.err != nil {
		n.a.t.Errorf("another sender was refused: %v", n.err)
	}
	n.a.wantWorks(acked)
}

// wantWorks reads acknowledged requests back.
func (a *abused) wantWorks(acked []Work) {
	a.t.Helper()
	if len(acked) == 0 {
		a.t.Error("nothing was acknowledged, so nothing is proven")
	}
	for _, w := range acked {
		a.wantTraces(w.Batch)
	}
}

// wantTraces reads every trace of a batch and compares it with what was sent.
func (a *abused) wantTraces(b *span.Batch) {
	a.t.Helper()
	byTrace := map[span.TraceID][]int{}
	for i := range b.Spans {
		byTrace[b.Spans[i].TraceID] = append(byTrace[b.Spans[i].TraceID], i)
	}
	for id, want := range byTrace {
		got, err := a.Trace(a.t.Context(), id)
		if err != nil {
			a.t.Error(err)
			continue
		}
		if got == nil {
			a.t.Errorf("trace %s was acknowledged and is lost", id)
			continue
		}
		a.wantSpans(got, b, want)
	}
}

// wantSpans compares a trace with the spans of b it was sent with.
func (a *abused) wantSpans(got, b *span.Batch, want []int) {
	a.t.Helper()
	if len(got.Spans) != len(want) {
		a.t.Errorf("trace %s has %d spans, %d were sent", b.Spans[want[0]].TraceID, len(got.Spans), len(want))
		return
	}
	at := map[span.SpanID]int{}
	for i := range got.Spans {
		at[got.Spans[i].SpanID] = i
	}
	for _, w := range want {
		if g, ok := at[b.Spans[w].SpanID]; !ok || !b.EqualSpan(w, got, g) {
			a.t.Errorf("trace %s: span %s came back changed or not at all", b.Spans[w].TraceID, b.Spans[w].SpanID)
			return
		}
	}
}

// wantSmall bounds the most memory the process ever had.
func (a *abused) wantSmall(mib int) {
	a.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.PID()))
	if err != nil {
		a.t.Logf("memory is not checked: %v", err)
		return
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		a.t.Fatal("the kernel does not say how much memory the server had")
	}
	kib, err := strconv.Atoi(string(m[1]))
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Logf("the server had at most %d MiB of memory", kib>>10)
	if kib>>10 > mib {
		a.t.Errorf("the server had %d MiB of memory, want at most %d", kib>>10, mib)
	}
}

// metric reads one number of /metrics.
func (a *abused) metric(name string) float64 {
	a.t.Helper()
	resp, err := a.get(a.t.Context(), "/metrics")
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
	if m == nil {
		a.t.Fatalf("no metric %s in:\n%.500s", name, text)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		a.t.Fatal(err)
	}
	return v
}

// until waits for what the server does by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for deadline := time.Now().Add(time.Minute); !is(); <-every.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for this: %s", what)
		}
	}
}

// oneSpan is a batch of one span, with an id of its own for each seed.
func oneSpan(seed uint64) *span.Batch {
	b := &span.Batch{Resources: []span.Resource{{Present: true}}, Scopes: []span.Scope{{Present: true}}}
	b.Resources[0].Attrs = attrs(b, span.Attr{Key: "service.name", Value: span.String("abuser")})
	s := span.Span{Start: 1_790_000_000_000_000_000, End: 1_790_000_001_000_000_000, Name: "abuse", Kind: span.KindServer}
	binary.BigEndian.PutUint64(s.TraceID[:8], 0xAB<<56)
	binary.BigEndian.PutUint64(s.TraceID[8:], seed)
	binary.BigEndian.PutUint64(s.SpanID[:], seed)
	b.Spans = []span.Span{s}
	return b
}
