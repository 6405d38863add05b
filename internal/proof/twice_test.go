package proof

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

// One server gets every span once. Another gets them many times: as sent, in one request,
// by a hundred, by seven and one by one, in another order each time, each request twice
// over, with a kill or a restart between, with what came before in the head, in parts and
// in merged parts. Every answer of both is the same.
func TestTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("drives the real binary, which -short leaves to the full run")
	}
	files := realLines(t)
	var all, few []*tracepb.ResourceSpans // few is what is sent by small requests
	sent, original := spanSet{}, [][]byte{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		lines := slices.Concat(files[name], dressed(t, files[name][:min(len(files[name]), 10)]))
		for _, line := range lines {
			if err := sent.add(line); err != nil {
				t.Fatal(err)
			}
			td, err := officialRequest(line)
			if err != nil {
				t.Fatal(err)
			}
			spans := slices.Collect(alone(td))
			all = append(all, spans...)
			original = append(original, requests(t, spans, len(spans))...)
			if len(few) < 8000 {
				few = append(few, spans...)
			}
		}
	}
	rnd := rand.New(rand.NewPCG(testSeed, 2))
	// Of the whole data sets, neighbours change places: a trace scattered over all of them
	// would be in every part.
	shuffled := func(spans []*tracepb.ResourceSpans) []*tracepb.ResourceSpans {
		spans = slices.Clone(spans)
		for some := range slices.Chunk(spans, 20_000) {
			rnd.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		}
		return spans
	}
	whole := min(len(all), 100_000) // one request takes no more than 64 MB

	once := serve(t, neverFlush...)
	once.post(original)
	want := once.answers(sent)
	t.Logf("%d traces, %d spans; %d answers", len(sent), len(all), len(want))

	twice := serve(t, neverFlush...)
	same := func(when string) {
		t.Helper()
		got := twice.answers(sent)
		for _, path := range slices.Sorted(maps.Keys(want)) {
			if want, got := want[path], got[path]; got != want {
				t.Errorf("%s: %s\nafter one delivery:\n%.1500s\nafter several:\n%.1500s", when, path, want, got)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
		twice.wantExport(when, sent)
	}
	twice.post(original)
	twice.post(original)
	twice.post(requests(t, shuffled(all), whole))
	twice.crash(neverFlush...)
	twice.post(original)
	twice.post(requests(t, shuffled(few), 7))
	same("after a kill, in the head")

	flushAlways := []string{"--head", "1B", "--head-age", "1s", "--log-cap", "4GB"}
	inParts := func() { t.Helper(); twice.await("weft_store_head_spans", 0) }
	if os.Getenv("TEST_DATA") != "" { // that would be thousands of parts, and each trace in dozens
		flushAlways[1] = "4MB"
		inParts = func() {}
	}
	twice.restart(flushAlways...) // reads the log, and so makes parts
	twice.post(requests(t, shuffled(all), 100))
	inParts()
	same("in parts")
	twice.crash(neverFlush...)
	twice.post(requests(t, shuffled(few), 1))
	same("after a kill, in parts and in the head")

	twice.restart(flushAlways...)
	inParts()
	if os.Getenv("TEST_DATA") != "" { // too many spans for one part soon
		same("after merges")
		return
	}
	twice.mergedToOne(func() []byte { return requests(t, shuffled(all)[:100], 100)[0] })
	if got := twice.gauge("weft_store_spans"); got != len(all) {
		t.Errorf("one part has %d spans, want %d", got, len(all))
	}
	twice.crash(neverFlush...)
	same("after merges and a kill")
}

// mergedToOne makes parts, of requests it asks for, until the store has merged all into one.
func (l *loaded) mergedToOne(more func() []byte) {
	l.t.Helper()
	const fanIn = 12 // parts of about the same size become one
	for deadline := time.Now().Add(2 * time.Minute); l.gauge("weft_store_parts") != 1; {
		if time.Now().After(deadline) {
			l.t.Fatal("the parts do not become one")
		}
		if l.gauge("weft_store_parts") >= fanIn {
			continue // a merge is due
		}
		if err := l.Post(l.t.Context(), more()); err != nil {
			l.t.Fatal(err)
		}
		l.await("weft_store_head_spans", 0)
	}
}

// requests makes requests of n spans each, as OTLP protobuf.
func requests(t *testing.T, spans []*tracepb.ResourceSpans, n int) [][]byte {
	t.Helper()
	var out [][]byte
	for some := range slices.Chunk(spans, n) {
		body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: some})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, body)
	}
	return out
}

// post sends each request twice, several at a time, but not so many bytes that the server
// would ask to wait.
func (l *loaded) post(bodies [][]byte) {
	l.t.Helper()
	g, ctx := errgroup.WithContext(l.t.Context())
	g.SetLimit(min(16, max(1, (32<<20)/len(bodies[0]))))
	for _, body := range bodies {
		g.Go(func() error {
			if err := l.Post(ctx, body); err != nil {
				return err
			}
			return l.Post(ctx, body)
		})
	}
	if err := g.Wait(); err != nil {
		l.t.Fatal(err)
	}
}

// queries touch every way of finding: by span, by resource, by trace, by structure, by
// what is missing.
var queries = []string{
	`{}`,
	`{ resource.service.name = "frontend" }`,
	`{ resource.service.name =~ "ts-.*" && kind = client }`,
	`{ name =~ ".*Get.*" }`,
	`{ status = error }`,
	`{ status != error && duration > 2ms }`,
	`{ duration < 100us }`,
	`{ traceDuration > 100ms }`,
	`{ traceDuration < 50ms && status = error }`,
	`{ rootServiceName = "frontend" }`,
	`{ rootName =~ ".*order.*" && kind = server }`,
	`{ childCount > 3 }`,
	`{ nestedSetParent = -1 }`,
	`{ nestedSetLeft > 20 }`,
	`{ span:parentID = nil }`,
	`{ span.key.1 = 9223372036854775807 }`,
	`{ .key.2 != nil }`,
	`{ span.key.3 = nil && status = ok }`,
	`{ event:name = "a" }`,
	`{ link:traceID != nil }`,
	`{ statusMessage =~ ".+" }`,
	`{ instrumentation:version = "0.1.0" }`,
	`{ resource.service.name = "no such service" }`,
}

// answers is what every reading part of the server says, by what was asked.
func (l *loaded) answers(sent spanSet) map[string]string {
	l.t.Helper()
	window := url.Values{"start": {allOfTime[0]}, "end": {allOfTime[1]}}.Encode()
	paths := []string{"/api/v1/services?limit=1000", "/api/v1/operations?limit=1000", "/api/v1/attributes/keys?limit=1000", "/jaeger/api/services"}
	for n := range 12 {
		paths = append(paths, fmt.Sprintf("/api/v1/attributes/values?limit=1000&key=key.%d", n))
	}
	services, err := sent.services()
	if err != nil {
		l.t.Fatal(err)
	}
	for n, s := range slices.Sorted(maps.Keys(services)) {
		v := url.Values{"service": {s}, "limit": {"1000"}}
		paths = append(paths, "/api/v1/operations?"+v.Encode(), "/jaeger/api/services/"+url.PathEscape(s)+"/operations",
			"/jaeger/api/operations?"+v.Encode())
		if n%4 == 0 { // answered with whole traces
			v.Set("start", "0")
			v.Set("end", "9000000000000000") // microseconds
			paths = append(paths, "/jaeger/api/traces?"+v.Encode())
		}
	}
	paths = append(paths, "/jaeger/api/dependencies?endTs=1700000000000&lookback=300000000000")
	for _, q := range queries {
		v := url.Values{"q": {q}}
		paths = append(paths, "/api/v1/search?limit=1000&"+window+"&"+v.Encode(),
			"/api/v1/search?limit=1000&order=duration&"+window+"&"+v.Encode(), "/api/v1/heatmap?"+window+"&"+v.Encode())
	}
	paths = append(paths, "/api/v1/search?limit=1000&preview=true&"+window)
	for _, id := range slices.Sorted(maps.Keys(sent)) {
		paths = append(paths, "/api/v1/traces/"+id, "/api/v1/traces/"+id+"/layout", "/api/v1/traces/"+id+"/card", "/jaeger/api/traces/"+id)
	}
	texts := make([]string, len(paths))
	g, ctx := errgroup.WithContext(l.t.Context())
	g.SetLimit(4)
	for i, path := range paths {
		g.Go(func() (err error) {
			texts[i], err = l.answer(ctx, path)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		l.t.Fatal(err)
	}
	out := map[string]string{}
	for i, path := range paths {
		out[path] = texts[i]
	}
	return out
}

// answer is all pages of a path, without the pages' tokens and what they cost.
func (l *loaded) answer(ctx context.Context, path string) (string, error) {
	var out bytes.Buffer
	for page := ""; ; {
		from := path
		if page != "" {
			from += "&page=" + url.QueryEscape(page)
		}
		body, err := l.get(ctx, from)
		if err != nil {
			return "", err
		}
		if strings.HasSuffix(path, "/layout") { // binary
			return short(hex.EncodeToString(body)), nil
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(body, &members); err != nil {
			return "", fmt.Errorf("get %s: %w", path, err)
		}
		page = ""
		if next := members["next_page"]; next != nil {
			if page, err = strconv.Unquote(string(next)); err != nil {
				return "", err
			}
		}
		delete(members, "next_page")
		delete(members, "stats")
		for _, name := range slices.Sorted(maps.Keys(members)) {
			fmt.Fprintf(&out, "%s: %s\n", name, strings.TrimSpace(string(members[name])))
		}
		if page == "" {
			return short(out.String()), nil
		}
	}
}

// short is a text, or its begin and its digest: the answers about the whole data sets are
// more than the memory of a small machine.
func short(text string) string {
	const most = 4000
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… %d bytes, sha256 %x", text[:most], len(text), sha256.Sum256([]byte(text)))
}
