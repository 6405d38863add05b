package otlphttp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/trace/ingest"
	"github.com/weft-dev/weft/internal/trace/ingest/log/file"
	"github.com/weft-dev/weft/internal/trace/ingest/otlphttp"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/colstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is the receiver on a real port, over a real log and store in a temporary folder.
type rig struct {
	*ingest.Pipeline
	store  *colstore.Store
	url    string
	client *http.Client
}

func newRig(t *testing.T, limits ingest.Limits, ready bool) *rig {
	t.Helper()
	dir := t.TempDir()
	st, err := colstore.Open(colstore.Config{Dir: dir + "/traces"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := file.Open(file.Config{Dir: dir + "/log"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ingest.New(ingest.Config{Log: l, Store: st, Limits: limits, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if ready {
		if _, err := p.Replay(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h := otlphttp.New(otlphttp.Config{Pipeline: p})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What the layer that knows tokens does.
		if tenant := r.Header.Get("Test-Tenant"); tenant != "" {
			r = r.WithContext(ingest.WithTenant(r.Context(), tenant))
		}
		if r.Header.Get("Authorization") == "Bearer wrong" {
			h.Refuse(w, r, &ingest.Refusal{Reason: ingest.Unauthenticated, Detail: "unknown token"})
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		srv.Close()
		for _, err := range []error{p.Close(context.Background()), st.Close(), l.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return &rig{Pipeline: p, store: st, url: srv.URL, client: srv.Client()}
}

// answer is what came back, with the body read.
type answer struct {
	*http.Response
	body []byte
}

func (r *rig) post(t *testing.T, path string, body io.Reader, header ...string) answer {
	t.Helper()
	return r.do(t, http.MethodPost, path, body, header...)
}

func (r *rig) do(t *testing.T, method, path string, body io.Reader, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, b}
}

// request is request number i: a trace of its own with n spans.
func request(i, n int) *coltrace.ExportTraceServiceRequest {
	var spans []*trace.Span
	for k := range n {
		id := traceID(i)
		spans = append(spans, &trace.Span{
			TraceId: id[:], SpanId: []byte{1, 0, 0, 0, 0, 0, byte(k >> 8), byte(k)}, Name: "op",
			StartTimeUnixNano: 1_700_000_000_000_000_000, EndTimeUnixNano: 1_700_000_000_000_001_000,
		})
	}
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{{
			Key: "service.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "shop"}},
		}}},
		ScopeSpans: []*trace.ScopeSpans{{Spans: spans}},
	}}}
}

func traceID(i int) span.TraceID { return span.TraceID{0: 1, 14: byte(i >> 8), 15: byte(i)} }

// must makes test data; nothing here fails.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pb(i, n int) []byte { return must(proto.Marshal(request(i, n))) }

// asJSON writes ids in hexadecimal, as OTLP does and protojson does not.
func asJSON(i, n int) []byte {
	req := request(i, n)
	text := string(must(protojson.Marshal(req)))
	for _, s := range req.ResourceSpans[0].ScopeSpans[0].Spans {
		for _, id := range [][]byte{s.TraceId, s.SpanId} {
			base64 := must(protojson.Marshal(&common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: id}}))
			_, quoted, _ := strings.Cut(string(base64), ":")
			text = strings.ReplaceAll(text, strings.Trim(quoted, ` }`), fmt.Sprintf("%q", fmt.Sprintf("%x", id)))
		}
	}
	return []byte(text)
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	must(z.Write(b))
	must(0, z.Close())
	return out.Bytes()
}

func zl(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	must(z.Write(b))
	must(0, z.Close())
	return out.Bytes()
}

func zs(b []byte) []byte {
	z := must(zstd.NewWriter(nil))
	out := z.EncodeAll(b, nil)
	must(0, z.Close())
	return out
}

const (
	typePB   = "application/x-protobuf"
	typeJSON = "application/json"
)

// TestExport shows that spans sent in every encoding and compression are in the store when
// the answer is there, and that the answer is in the encoding of the request.
func TestExport(t *testing.T) {
	r := newRig(t, ingest.Limits{}, true)
	i := 0
	f := func(contentType, coding string, body []byte) {
		t.Helper()
		header := []string{"Content-Type", contentType}
		if coding != "" {
			header = append(header, "Content-Encoding", coding)
		}
		res := r.post(t, "/v1/traces", bytes.NewReader(body), header...)
		mediaType, _, _ := strings.Cut(contentType, ";")
		wantBody := map[string]string{typePB: "", "application/protobuf": "", typeJSON: "{}"}[mediaType]
		if res.StatusCode != http.StatusOK || string(res.body) != wantBody {
			t.Errorf("%s %s: %d %q", contentType, coding, res.StatusCode, res.body)
		}
		if got := res.Header.Get("Content-Type"); mediaType != "application/protobuf" && got != mediaType {
			t.Errorf("%s %s: answered as %s", contentType, coding, got)
		}
		b, err := r.store.Trace(t.Context(), ingest.DefaultTenant, traceID(i))
		if err != nil || len(b.Spans) != 3 || b.Service(&b.Spans[0]) != "shop" {
			t.Errorf("%s %s: trace %v, %v", contentType, coding, b, err)
		}
		i++
	}
	f(typePB, "", pb(i, 3))
	f(typePB, "identity", pb(i, 3))
	f(typePB, "gzip", gz(pb(i, 3)))
	f(typePB, "GZIP", gz(pb(i, 3)))
	f(typePB, "zstd", zs(pb(i, 3)))
	f(typePB, "deflate", zl(pb(i, 3)))
	f(typePB, "Deflate", zl(pb(i, 3)))
	f(typeJSON, "deflate", zl(asJSON(i, 3)))
	f("application/protobuf", "", pb(i, 3))
	f(typeJSON, "", asJSON(i, 3))
	f("application/json; charset=utf-8", "gzip", gz(asJSON(i, 3)))
	f(typeJSON, "zstd", zs(asJSON(i, 3)))
}

// TestExportAnySize shows that bodies of all sizes around the steps of the buffer arrive
// whole, with and without a length.
func TestExportAnySize(t *testing.T) {
	r := newRig(t, ingest.Limits{}, true)
	for i, n := range []int{1, 800, 1200, 1300, 2500, 5000} {
		body := pb(i, n)
		reader := io.Reader(bytes.NewReader(body))
		if i%2 == 0 {
			reader = io.MultiReader(reader) // sent in chunks
		}
		if res := r.post(t, "/v1/traces", reader, "Content-Type", typePB); res.StatusCode != http.StatusOK {
			t.Errorf("%d bytes: %d %s", len(body), res.StatusCode, res.body)
		}
		b, err := r.store.Trace(t.Context(), ingest.DefaultTenant, traceID(i))
		if err != nil || len(b.Spans) != n {
			t.Errorf("%d spans sent: %v", n, err)
		}
	}
}

// TestTenant shows that the tenant is the one the context names.
func TestTenant(t *testing.T) {
	r := newRig(t, ingest.Limits{}, true)
	r.post(t, "/v1/traces", bytes.NewReader(pb(1, 1)), "Content-Type", typePB, "Test-Tenant", "acme")
	if _, err := r.store.Trace(t.Context(), "acme", traceID(1)); err != nil {
		t.Error(err)
	}
	if _, err := r.store.Trace(t.Context(), ingest.DefaultTenant, traceID(1)); err == nil {
		t.Error("another tenant sees the trace")
	}
}

// TestPartialSuccess shows that good spans are kept, and how the bad ones are reported.
func TestPartialSuccess(t *testing.T) {
	r := newRig(t, ingest.Limits{}, true)
	req := request(1, 3)
	req.ResourceSpans[0].ScopeSpans[0].Spans[1].SpanId = nil
	res := r.post(t, "/v1/traces", bytes.NewReader(must(proto.Marshal(req))), "Content-Type", typePB)
	var got coltrace.ExportTraceServiceResponse
	if err := proto.Unmarshal(res.body, &got); err != nil || res.StatusCode != http.StatusOK ||
		got.GetPartialSuccess().GetRejectedSpans() != 1 || got.GetPartialSuccess().GetErrorMessage() == "" {
		t.Errorf("answer %d %v, %v", res.StatusCode, &got, err)
	}
	body := strings.Replace(string(asJSON(2, 2)), `"0100000000000001"`, `"zz"`, 1)
	res = r.post(t, "/v1/traces", strings.NewReader(body), "Content-Type", typeJSON)
	got.Reset()
	if err := protojson.Unmarshal(res.body, &got); err != nil || got.GetPartialSuccess().GetRejectedSpans() != 1 {
		t.Errorf("answer %d %s, %v", res.StatusCode, res.body, err)
	}
	for i, want := range map[int]int{1: 2, 2: 1} {
		if b, err := r.store.Trace(t.Context(), ingest.DefaultTenant, traceID(i)); err != nil || len(b.Spans) != want {
			t.Errorf("trace %d: %v, %v, want %d spans", i, b, err, want)
		}
	}
}

// TestRefused shows for every kind of bad request its status, that its body is a
// google.rpc.Status in the encoding of the request, that nothing says to try again, and
// that it is on the list for people, with a hint that helps.
func TestRefused(t *testing.T) {
	r := newRig(t, ingest.Limits{RequestBytes: 10_000}, true)
	f := func(path, body string, header []string, status int, reason ingest.Reason, hint string) {
		t.Helper()
		res := r.post(t, path, strings.NewReader(body), header...)
		if res.StatusCode != status || res.Header.Get("Retry-After") != "" {
			t.Errorf("%s %v: status %d, Retry-After %q, want %d", path, header, res.StatusCode, res.Header.Get("Retry-After"), status)
		}
		st := readStatus(t, res)
		if st.Code == 0 || st.Message == "" {
			t.Errorf("%s %v: status message %v", path, header, st)
		}
		e := r.Refused(ingest.DefaultTenant)[0]
		if e.Reason != reason || e.Status != status || e.Path != path || !strings.Contains(e.Hint, hint) ||
			!strings.Contains(st.Message, e.Hint) || e.Protocol != "otlp/http" || e.Remote == "" || e.UserAgent == "" {
			t.Errorf("%s %v: noted %+v, want %s with hint %q", path, header, e, reason, hint)
		}
	}
	asPB, asJS := []string{"Content-Type", typePB}, []string{"Content-Type", typeJSON}
	with := func(h []string, more ...string) []string { return append(h[:2:2], more...) }

	f("/", "x", asPB, 404, ingest.WrongPath, "/v1/traces")
	f("/v1/trace", "x", asJS, 404, ingest.WrongPath, "OTEL_EXPORTER_OTLP_ENDPOINT")
	f("/v1/traces/v1/traces", "x", asPB, 404, ingest.WrongPath, "take it off")
	f("/v1/metrics", "x", asPB, 404, ingest.WrongPath, "OTEL_METRICS_EXPORTER")
	f("/api/v2/spans", "x", asJS, 404, ingest.WrongPath, "another protocol")
	f("/opentelemetry.proto.collector.trace.v1.TraceService/Export", "x", []string{"Content-Type", "application/grpc"},
		404, ingest.WrongPath, "4317")
	f("/v1/traces", "x", []string{"Content-Type", "text/plain"}, 415, ingest.BadContentType, "application/x-protobuf")
	f("/v1/traces", "x", nil, 415, ingest.BadContentType, "application/json")
	f("/v1/traces", "x", with(asPB, "Content-Encoding", "br"), 415, ingest.BadEncoding, "gzip")
	f("/v1/traces", "x", asPB, 400, ingest.BadProtobuf, "application/json")
	f("/v1/traces", "{", asJS, 400, ingest.BadJSON, "JSON")
	f("/v1/traces", "not gzip at all", with(asPB, "Content-Encoding", "gzip"), 400, ingest.BadBody, "Content-Encoding")
	f("/v1/traces", "not zlib at all", with(asPB, "Content-Encoding", "deflate"), 400, ingest.BadBody, "Content-Encoding")
	f("/v1/traces", "not zstd at all", with(asPB, "Content-Encoding", "zstd"), 400, ingest.BadBody, "Content-Encoding")
	cut := string(gz(pb(1, 50)))
	f("/v1/traces", cut[:len(cut)/2], with(asPB, "Content-Encoding", "gzip"), 400, ingest.BadBody, "Content-Encoding")
	f("/v1/traces", "", with(asPB, "Content-Encoding", "gzip"), 400, ingest.BadBody, "Content-Encoding")
	cut = string(zl(pb(1, 50)))
	f("/v1/traces", cut[:len(cut)/2], with(asPB, "Content-Encoding", "deflate"), 400, ingest.BadBody, "Content-Encoding")
	f("/v1/traces", cut[2:], with(asPB, "Content-Encoding", "deflate"), 400, ingest.BadBody, "Content-Encoding") // without zlib's frame
	f("/v1/traces", string(pb(1, 300)), asPB, 413, ingest.TooLarge, "smaller")
	f("/v1/traces", string(gz(pb(1, 300))), with(asPB, "Content-Encoding", "gzip"), 413, ingest.TooLarge, "smaller")
	f("/v1/traces", "x", with(asPB, "Authorization", "Bearer wrong"), 401, ingest.Unauthenticated, "")

	res := r.post(t, "/v1/traces", io.MultiReader(bytes.NewReader(pb(1, 300))), "Content-Type", typePB)
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too large in chunks: %d", res.StatusCode)
	}
	if r.Stats()[0].AcceptedSpans != 0 {
		t.Errorf("spans were taken: %+v", r.Stats())
	}
}

// TestLookingAround shows that a person with a browser is answered and not noted.
func TestLookingAround(t *testing.T) {
	r := newRig(t, ingest.Limits{}, true)
	if res := r.do(t, http.MethodGet, "/v1/traces", nil); res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
	}
	if res := r.do(t, http.MethodGet, "/", nil); res.StatusCode != 404 || !strings.Contains(string(res.body), "/v1/traces") {
		t.Errorf("GET /: %d %s", res.StatusCode, res.body)
	}
	if l := r.Refused(""); len(l) != 0 {
		t.Errorf("noted %+v", l)
	}
	if res := r.do(t, http.MethodPut, "/v1/traces", strings.NewReader("x")); res.StatusCode != 405 || len(r.Refused("")) != 1 {
		t.Errorf("PUT: %d, noted %+v", res.StatusCode, r.Refused(""))
	}
}

// TestRetryAfter shows that refusals that pass say when to come back.
func TestRetryAfter(t *testing.T) {
	r := newRig(t, ingest.Limits{}, false) // not replayed
	res := r.post(t, "/v1/traces", bytes.NewReader(pb(1, 1)), "Content-Type", typePB)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") != "1" {
		t.Errorf("starting: %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	if st := readStatus(t, res); codes.Code(st.Code) != codes.Unavailable {
		t.Errorf("starting: %v", st)
	}

	r = newRig(t, ingest.Limits{RequestBytes: 100 << 10}, true)
	mem := r.Reserve("default")
	defer mem.Release()
	if err := mem.Grow(r.Limits().InFlightBytes - 100); err != nil {
		t.Fatal(err)
	}
	res = r.post(t, "/v1/traces", bytes.NewReader(pb(1, 3)), "Content-Type", typePB)
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "1" {
		t.Errorf("no memory: %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
}

// TestRate shows that a tenant over its rate gets 429 and when to come back, and that it is
// counted and listed with the reason.
func TestRate(t *testing.T) {
	r := newRig(t, ingest.Limits{Rate: func(tenant string) ingest.Rate {
		return map[string]ingest.Rate{"noisy": {Spans: 1}}[tenant]
	}}, true)
	f := func(tenant string, n, want int, retry string) {
		t.Helper()
		res := r.post(t, "/v1/traces", bytes.NewReader(pb(n, 500)), "Content-Type", typePB, "Test-Tenant", tenant)
		if res.StatusCode != want || res.Header.Get("Retry-After") != retry {
			t.Errorf("tenant %s: %d, Retry-After %q; want %d and %q", tenant, res.StatusCode, res.Header.Get("Retry-After"), want, retry)
		}
	}
	f("noisy", 1, http.StatusOK, "")
	f("noisy", 2, http.StatusTooManyRequests, "60")
	f("quiet", 3, http.StatusOK, "")
	if l := r.Refused("noisy"); len(l) != 1 || l[0].Reason != ingest.TooManySpans {
		t.Errorf("noted %+v", l)
	}
	if l := r.Refused("quiet"); len(l) != 0 {
		t.Errorf("noted for another tenant: %+v", l)
	}
	for _, s := range r.Stats() {
		if got := s.Refused[ingest.TooManySpans]; (s.Tenant == "noisy") != (got == 1) {
			t.Errorf("tenant %s: %d refused for their rate", s.Tenant, got)
		}
	}
}

// TestBomb shows that a gigabyte behind a megabyte of gzip, deflate or zstd costs memory of
// about the limit and is refused for good.
func TestBomb(t *testing.T) {
	r := newRig(t, ingest.Limits{RequestBytes: 4 << 20}, true)
	f := func(coding string, piece []byte, pieces int) {
		t.Helper()
		bomb := bytes.Repeat(piece, pieces)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res := r.post(t, "/v1/traces", bytes.NewReader(bomb), "Content-Type", typePB, "Content-Encoding", coding)
		runtime.ReadMemStats(&after)
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", coding, res.StatusCode, res.body)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 40<<20 {
			t.Errorf("%s: allocated %d MiB", coding, used>>20)
		}
	}
	pieces := 32 // 1 GB
	if testing.Short() {
		pieces = 4
	}
	zeros := make([]byte, 32<<20)
	f("gzip", gz(zeros), pieces)
	f("deflate", zl(make([]byte, pieces*len(zeros))), 1) // zlib has no members to repeat
	f("zstd", zs(zeros), pieces)
	if n := r.InFlight(); n != 0 {
		t.Errorf("%d bytes are still reserved", n)
	}
}

// TestClaimedLength shows that a length that is only claimed reserves next to nothing.
func TestClaimedLength(t *testing.T) {
	r := newRig(t, ingest.Limits{}, true)
	body, send := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	req := must(http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/v1/traces", body))
	req.Header.Set("Content-Type", typePB)
	req.ContentLength = 60 << 20
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := r.client.Do(req); err == nil {
			res.Body.Close()
		}
	}()
	must(send.Write(make([]byte, 100)))
	for r.InFlight() == 0 { // until the handler has begun to read
		runtime.Gosched()
	}
	if n := r.InFlight(); n > 1<<20 {
		t.Errorf("100 bytes sent, %d reserved", n)
	}
	stop()
	must(0, send.Close())
	<-done
	for r.InFlight() != 0 {
		runtime.Gosched()
	}
}

func readStatus(t *testing.T, res answer) *status.Status {
	t.Helper()
	var st status.Status
	var err error
	switch ct := res.Header.Get("Content-Type"); ct {
	case typePB:
		err = proto.Unmarshal(res.body, &st)
	case typeJSON:
		err = protojson.Unmarshal(res.body, &st)
	default:
		t.Errorf("answered as %q", ct)
	}
	if err != nil {
		t.Errorf("body %q: %v", res.body, err)
	}
	return &st
}
