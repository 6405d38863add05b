package proof

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// The window of every span of the real data, and of those made from it.
var allOfTime = [2]string{"1970-01-01T00:00:00Z", "2262-01-01T00:00:00Z"}

// realLines is the requests of the real data sets: the extract in testdata, or the whole
// files of the folder TEST_DATA.
func realLines(t *testing.T) map[string][][]byte {
	t.Helper()
	dir := os.Getenv("TEST_DATA")
	if dir == "" {
		dir = "testdata"
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.otlp.jsonl.zst"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%s has %d files *.otlp.jsonl.zst, want two: %v", dir, len(files), err)
	}
	out := map[string][][]byte{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		out[strings.TrimSuffix(filepath.Base(name), ".otlp.jsonl.zst")] = readLines(t, z)
	}
	return out
}

func readLines(t *testing.T, r io.Reader) [][]byte {
	t.Helper()
	var out [][]byte
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			out = append(out, line)
		}
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Ids are hex in OTLP JSON and base64 in the JSON of protobuf. A quote inside of a string
// stands behind a backslash, so that no text of a user looks like the end of one of these
// keys.
var idKeys = [][]byte{[]byte(`raceId":`), []byte(`panId":`)}

func recodeIDs(text []byte, recode func(string) (string, error)) ([]byte, error) {
	for _, key := range idKeys {
		out := make([]byte, 0, 2*len(text))
		for {
			at := bytes.Index(text, key)
			if at < 0 {
				break
			}
			at += len(key)
			value, opened := bytes.CutPrefix(bytes.TrimLeft(text[at:], " "), []byte(`"`))
			value, rest, closed := bytes.Cut(value, []byte(`"`))
			if !opened || !closed {
				return nil, fmt.Errorf("an id is no text in %.100s", text[at:])
			}
			id, err := recode(string(value))
			if err != nil {
				return nil, err
			}
			out = append(append(out, text[:at]...), `"`+id+`"`...)
			text = rest
		}
		text = append(out, text...)
	}
	return text, nil
}

// officialRequest reads OTLP JSON with the official types and the official decoder, which
// share no code with ours.
func officialRequest(text []byte) (*tracepb.TracesData, error) {
	text, err := recodeIDs(text, func(id string) (string, error) {
		raw, err := hex.DecodeString(id)
		return base64.StdEncoding.EncodeToString(raw), err
	})
	if err != nil {
		return nil, err
	}
	var td tracepb.TracesData
	return &td, protojson.Unmarshal(text, &td)
}

// officialLine writes OTLP JSON with the official encoder, on one line.
func officialLine(td *tracepb.TracesData) ([]byte, error) {
	text, err := protojson.Marshal(td)
	if err != nil {
		return nil, err
	}
	text, err = recodeIDs(text, func(id string) (string, error) {
		raw, err := base64.StdEncoding.DecodeString(id)
		return hex.EncodeToString(raw), err
	})
	if err != nil {
		return nil, err
	}
	var line bytes.Buffer
	err = json.Compact(&line, text)
	line.WriteByte('\n')
	return line.Bytes(), err
}

// spanSet is spans as a multiset, by trace. Each is the request that would hold it alone,
// resource, scope and schema addresses included, in the official deterministic encoding:
// two are the same text if and only if all their fields are equal.
type spanSet map[string][]string

func (s spanSet) add(text []byte) error {
	td, err := officialRequest(text)
	if err != nil {
		return fmt.Errorf("%w in %.300s", err, text)
	}
	for one := range alone(td) {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(one)
		if err != nil {
			return err
		}
		id := hex.EncodeToString(one.ScopeSpans[0].Spans[0].TraceId)
		s[id] = append(s[id], string(text))
	}
	return nil
}

// alone yields, for each span of a request, the request that would hold it alone.
func alone(td *tracepb.TracesData) iter.Seq[*tracepb.ResourceSpans] {
	return func(yield func(*tracepb.ResourceSpans) bool) {
		for _, rs := range td.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, sp := range ss.Spans {
					if !yield(&tracepb.ResourceSpans{Resource: rs.Resource, SchemaUrl: rs.SchemaUrl, ScopeSpans: []*tracepb.ScopeSpans{
						{Scope: ss.Scope, SchemaUrl: ss.SchemaUrl, Spans: []*tracepb.Span{sp}},
					}}) {
						return
					}
				}
			}
		}
	}
}

func (s spanSet) spans() int {
	n := 0
	for _, list := range s {
		n += len(list)
	}
	return n
}

// services counts the spans of each service.
func (s spanSet) services() (map[string]int, error) {
	out := map[string]int{}
	for _, list := range s {
		for _, text := range list {
			var rs tracepb.ResourceSpans
			if err := proto.Unmarshal([]byte(text), &rs); err != nil {
				return nil, err
			}
			attrs := rs.Resource.GetAttributes()
			if i := slices.IndexFunc(attrs, func(a *commonpb.KeyValue) bool { return a.Key == "service.name" }); i >= 0 {
				out[attrs[i].Value.GetStringValue()]++
			}
		}
	}
	return out, nil
}

// diff says how a trace differs from what it should be, nil if it does not.
func (s spanSet) diff(id string, got []string) error {
	lost, foreign := without(s[id], got), without(got, s[id])
	if len(lost)+len(foreign) == 0 {
		return nil
	}
	shown := fmt.Errorf("trace %s has %d spans, want %d; %d are lost, %d were never sent", id, len(got), len(s[id]), len(lost), len(foreign))
	first := func(list []string) []string {
		if len(list) == 0 {
			return nil
		}
		var rs tracepb.ResourceSpans
		if err := proto.Unmarshal([]byte(list[0]), &rs); err != nil {
			return []string{err.Error()}
		}
		return strings.Split(prototext.Format(&rs), "\n")
	}
	slices.SortFunc(foreign, func(a, b string) int { // the one most like it first
		return cmp.Compare(len(without(first(lost), first([]string{a}))), len(without(first(lost), first([]string{b}))))
	})
	return fmt.Errorf("%w; of the first lost:\n%.2000s\nof one never sent:\n%.2000s", shown,
		strings.Join(without(first(lost), first(foreign)), "\n"), strings.Join(without(first(foreign), first(lost)), "\n"))
}

// without is list less what other has, each as often as it is there.
func without(list, other []string) []string {
	count := map[string]int{}
	for _, o := range other {
		count[o]++
	}
	var out []string
	for _, l := range list {
		if count[l]--; count[l] < 0 {
			out = append(out, l)
		}
	}
	return out
}

func (s spanSet) diffAll(got spanSet) error {
	for _, id := range slices.Sorted(maps.Keys(s)) {
		if err := s.diff(id, got[id]); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(got)) {
		if err := s.diff(id, got[id]); err != nil {
			return err
		}
	}
	return nil
}

// loaded is a real server with real data, and what was put into it.
type loaded struct {
	*Server
	t    *testing.T
	home string // of the command line
}

// serve starts a server; the test ends it.
func serve(t *testing.T, args ...string) *loaded {
	t.Helper()
	dir := t.TempDir()
	l := &loaded{t: t, home: filepath.Join(dir, "home"), Server: &Server{Binary: weft(t), Dir: filepath.Join(dir, "data")}}
	l.start(args...)
	t.Cleanup(func() {
		if err := l.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			text, _ := os.ReadFile(l.Log)
			t.Logf("the server's log:\n%s", text[max(0, len(text)-4000):])
		}
	})
	return l
}

func (l *loaded) start(args ...string) {
	l.t.Helper()
	l.Args = append([]string{"--otlp.grpc", "off", "--otlp.http", "off", "--pprof", "off"}, args...)
	if _, err := l.Start(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

// restart ends the server as an operator does and starts it again.
func (l *loaded) restart(args ...string) {
	l.t.Helper()
	if err := l.Stop(); err != nil {
		l.t.Fatal(err)
	}
	l.start(args...)
}

// crash kills the server and starts it again.
func (l *loaded) crash(args ...string) {
	l.t.Helper()
	if err := l.Kill(); err != nil {
		l.t.Fatal(err)
	}
	l.start(args...)
}

// run runs a command of the real binary against the server and returns what it wrote.
func (l *loaded) run(args ...string) (stdout, stderr string) {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), l.Binary, args...)
	cmd.Env = append(os.Environ(), "HOME="+l.home, "XDG_CACHE_HOME="+l.home, "WEFT_SERVER="+l.URL)
	var out, notes bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &notes
	if err := cmd.Run(); err != nil {
		l.t.Fatalf("weft %s: %v\n%s", strings.Join(args, " "), err, notes.String())
	}
	return out.String(), notes.String()
}

// get reads a path of the server as JSON.
func (l *loaded) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := l.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %s: %s: %.300s", path, resp.Status, body)
	}
	return body, err
}

// gauge reads a number of /metrics.
func (l *loaded) gauge(name string) int {
	l.t.Helper()
	text, err := l.get(l.t.Context(), "/metrics")
	if err != nil {
		l.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				l.t.Fatal(err)
			}
			return int(n)
		}
	}
	l.t.Fatalf("/metrics has no %s", name)
	return 0
}

// await waits until a number of /metrics is what it should become.
func (l *loaded) await(name string, want int) {
	l.t.Helper()
	got := l.gauge(name)
	for deadline := time.Now().Add(2 * time.Minute); got != want && time.Now().Before(deadline); got = l.gauge(name) {
		select {
		case <-l.t.Context().Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	if got != want {
		l.t.Fatalf("%s is %d, want %d", name, got, want)
	}
}

// flushed fills the head with made-up spans, at least size bytes of
// them, in one request, so that all of it is written as one part, and adds them to sent.
func (l *loaded) flushed(number int, size int64, sent spanSet) {
	l.t.Helper()
	const value = 60_000
	td := &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{}}}}}
	into := td.ResourceSpans[0].ScopeSpans[0]
	for n := int64(0); n*value < size; n++ {
		into.Spans = append(into.Spans, &tracepb.Span{
			TraceId: fmt.Appendf(nil, "filler%010d", number), SpanId: fmt.Appendf(nil, "%08d", n+1),
			StartTimeUnixNano: 1_700_000_000_000_000_000, EndTimeUnixNano: 1_700_000_000_000_000_001, Name: "filler",
			Attributes: []*commonpb.KeyValue{{Key: "filler", Value: text(strings.Repeat("x", value))}},
		})
	}
	line, err := officialLine(td)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := sent.add(line); err != nil {
		l.t.Fatal(err)
	}
	body, err := proto.Marshal(td)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.Post(l.t.Context(), body); err != nil {
		l.t.Fatal(err)
	}
	l.await("weft_store_head_spans", 0)
}

// load imports files, given as lines, by the command line and adds them to sent.
func (l *loaded) load(files map[string][][]byte, sent spanSet) {
	l.t.Helper()
	args, want := []string{"import"}, []string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(filepath.Dir(l.Dir), name+".otlp.jsonl")
		if err := os.WriteFile(file, bytes.Join(files[name], nil), 0o600); err != nil {
			l.t.Fatal(err)
		}
		before := sent.spans()
		for _, line := range files[name] {
			if err := sent.add(line); err != nil {
				l.t.Fatal(err)
			}
		}
		args = append(args, file)
		want = append(want, fmt.Sprintf("%s: %d spans imported", file, sent.spans()-before))
	}
	_, notes := l.run(args...)
	for _, w := range want {
		if !strings.Contains(notes, w) {
			l.t.Fatalf("weft import said %q, want %q", notes, w)
		}
	}
}

// wantTraces reads every trace by its id, as OTLP JSON, and compares it with what was sent.
func (l *loaded) wantTraces(when string, sent spanSet) {
	l.t.Helper()
	g, ctx := errgroup.WithContext(l.t.Context())
	g.SetLimit(4)
	for id := range sent {
		g.Go(func() error {
			body, err := l.get(ctx, "/api/v1/traces/"+id)
			if err != nil {
				return err
			}
			got := spanSet{}
			if err := got.add(body); err != nil {
				return err
			}
			if len(got) > 1 {
				return fmt.Errorf("the answer for %s has spans of %d traces", id, len(got))
			}
			return sent.diff(id, got[id])
		})
	}
	if err := g.Wait(); err != nil {
		l.t.Fatalf("%s: %v", when, err)
	}
}

// wantExport compares `weft export` with what was sent.
func (l *loaded) wantExport(when string, sent spanSet) {
	l.t.Helper()
	if err := sent.diffAll(l.exported()); err != nil {
		l.t.Fatalf("%s: the export: %v", when, err)
	}
}

func (l *loaded) exported() spanSet {
	l.t.Helper()
	file := filepath.Join(filepath.Dir(l.Dir), "export.otlp.jsonl")
	l.run("export", "--start", allOfTime[0], "--end", allOfTime[1], "--to", file)
	f, err := os.Open(file)
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	got := spanSet{}
	for _, line := range readLines(l.t, f) {
		if err := got.add(line); err != nil {
			l.t.Fatal(err)
		}
	}
	return got
}

// wantCounts compares what search and the list of services count with what was sent.
func (l *loaded) wantCounts(when string, sent spanSet) {
	l.t.Helper()
	ctx := l.t.Context()
	window := [2]time.Time{}
	for i, text := range allOfTime {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			l.t.Fatal(err)
		}
		window[i] = at
	}
	found, err := l.Search(ctx, "{}", window[0], window[1])
	if err != nil {
		l.t.Fatalf("%s: %v", when, err)
	}
	want := map[string]int{}
	for id, list := range sent {
		want[id] = len(list)
	}
	if !maps.Equal(found, want) {
		l.t.Fatalf("%s: search finds %d traces, want %d, or a trace's count of spans differs", when, len(found), len(want))
	}
	body, err := l.get(ctx, "/api/v1/search")
	if err != nil {
		l.t.Fatal(err)
	}
	if !strings.Contains(string(body), `"traces":[]`) {
		l.t.Fatalf("%s: spans that are years old are found within the last hour: %.300s", when, body)
	}
	body, err = l.get(ctx, "/api/v1/services?limit=1000")
	if err != nil {
		l.t.Fatal(err)
	}
	var list struct {
		Services []struct {
			Name  string `json:"name"`
			Spans int    `json:"spans"`
		} `json:"services"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		l.t.Fatal(err)
	}
	services := map[string]int{}
	for _, s := range list.Services {
		services[s.Name] = s.Spans
	}
	wantServices, err := sent.services()
	if err != nil {
		l.t.Fatal(err)
	}
	if !maps.Equal(services, wantServices) {
		l.t.Fatalf("%s: services are %v, want %v", when, services, wantServices)
	}
}

var statNote = regexp.MustCompile(`(\d+) parts, (\d+) traces, (\d+) spans`)

// wantStat compares `weft store stat` with what was sent; all of it is in parts.
func (l *loaded) wantStat(when string, parts int, sent spanSet) {
	l.t.Helper()
	_, notes := l.run("store", "stat", "--data", l.Dir)
	m := statNote.FindStringSubmatch(notes)
	if m == nil || m[1] != strconv.Itoa(parts) || m[3] != strconv.Itoa(sent.spans()) {
		l.t.Fatalf("%s: weft store stat says %q, want %d parts and %d spans", when, notes, parts, sent.spans())
	}
	// A trace whose spans are in two parts counts in each.
	if traces, err := strconv.Atoi(m[2]); err != nil || traces < len(sent) || parts == 1 && traces != len(sent) {
		l.t.Fatalf("%s: weft store stat says %q, want %d traces", when, notes, len(sent))
	}
}

func text(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}
