package api_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/api/layout"
	"github.com/weft-dev/weft/internal/server/api/spantext"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// shop is the traces the goldens show: a failed payment, a fast page, another tenant's.
func shop(w *world) {
	w.Helper()
	pay, err := os.ReadFile("testdata/pay.spantext")
	if err != nil {
		w.Fatal(err)
	}
	w.apply("default", string(pay))
	w.apply("default", "trace 2\n1 - web \"GET /\" 2000 12.5 server ok http.route=/\n2 1 cache get 2001 0.05 client ->1/d2")
	w.apply("other", "trace 3\n1 - secret-service \"GET /secret\" 3000 1 server")
}

const payID = "00000000000000000000000000000001"

// Every path's answer is golden; web/mock serves the same files.
func TestGoldenAnswers(t *testing.T) {
	w := newWorld(t)
	shop(w)
	w.host.refused = []api.Refused{{
		TimeUnixNano: "1769871601000000000", Protocol: "otlp/http", Remote: "127.0.0.1:51312", Path: "/v1/trace", Status: 404,
		Reason: "wrong path", Hint: "OTLP over HTTP goes to /v1/traces", Count: 14,
	}}
	w.host.status = api.Status{
		Version: "0.1.0", StartedUnixNano: "1769871500000000000", Demo: true, DataDir: "/home/me/.local/share/weft",
		Disk:  api.Disk{UsedBytes: 104857600, CapBytes: 50e9, FreeBytes: 120e9},
		Store: api.StoreState{Spans: 8, Traces: 2},
		Listeners: []api.Listener{
			{Name: "main", Protocols: []string{"ui", "api", "otlp/http", "otlp/grpc"}, Address: "127.0.0.1:8800", Listening: true},
			{Name: "otlp/grpc", Protocols: []string{"otlp/grpc"}, Address: "127.0.0.1:4317", Detail: "in use by otelcol (pid 812)"},
		},
		Tenants: []api.TenantCounters{{
			Tenant: "default", AcceptedSpans: 8, AcceptedRequests: 2, RefusedRequests: 14,
			Dropped: []api.DropCount{{Reason: "bad_trace_id", Spans: 2}},
		}},
	}
	f := func(name, path string) {
		t.Helper()
		a := w.get(path)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, a.Status)
		}
		w.golden(name, a.body)
	}
	f("search", "/search")
	f("search-preview", "/search?preview=true&q=status%3Derror")
	f("search-empty", "/search?q=service=nobody")
	f("heatmap", "/heatmap?start=1769871590&end=1769871620&columns=30")
	f("trace", "/traces/1")
	f("trace-jaeger", "/traces/1?format=jaeger")
	f("card-answer", "/traces/1/card")
	f("span", "/traces/1/spans/d2")
	f("span-linking", "/traces/2/spans/2")
	f("services", "/services")
	f("operations", "/operations?service=bank")
	f("keys", "/attributes/keys?scope=span&prefix=http")
	f("values", "/attributes/values?scope=span&key=provider")
	f("complete", "/complete?q=service%3Dp")
	f("refused", "/refused")
	f("status", "/status")
	f("session", "/session")
	w.golden("problem-query", w.get("/search?q=service%3D%3D").body)
	w.golden("problem-not-found", w.get("/traces/77").body)
}

// The bounds of the heat map have three digits, and what a row counts is what its bounds
// find as conditions, also at a bound and just below it.
func TestHeatmapRows(t *testing.T) {
	w := newWorld(t)
	for i, us := range []int{0, 999, 1000, 1779, 1780, 17_783, 17_799, 17_800, 562_000, 562_341, 3_161_000} {
		w.apply("default", fmt.Sprintf("trace %x\n1 - s op %d %f", i+1, i, float64(us)/1000))
	}
	m := getJSON[api.Heatmap](w, "/heatmap")
	rows := map[int]int{}
	for _, c := range m.Cells {
		rows[c.Row] += c.Count
	}
	if len(rows) < 6 {
		t.Fatalf("traces in %d rows: %v", len(rows), rows)
	}
	for row, low := range m.DurationBoundsNs {
		if digits := strings.TrimRight(low, "0"); len(digits) > 3 {
			t.Errorf("row %d begins at %s ns", row, low)
		}
		q := "traceDuration>=" + low + "ns"
		if row+1 < len(m.DurationBoundsNs) {
			q += " traceDuration<" + m.DurationBoundsNs[row+1] + "ns"
		}
		if found := getJSON[api.SearchResult](w, "/search?limit=100&q="+url.QueryEscape(q)); len(found.Traces) != rows[row] {
			t.Errorf("row %d counts %d traces, %s finds %d", row, rows[row], q, len(found.Traces))
		}
	}
}

// Zipkin's client and server span of one id are two rows of the layout and two variants
// of the span, in the same order, whichever came first, and the subtree of the id is both.
func TestSharedID(t *testing.T) {
	w := newWorld(t)
	w.apply("default", "1 - shop call 0 90 client\n2 1 db query 20 5 client\n1 - bank serve 10 70 server")
	w.apply("default", "trace 2\n1 - bank serve 10 70 server\n2 1 db query 20 5 client\n1 - shop call 0 90 client")
	for _, id := range []string{"1", "2"} {
		s := getJSON[api.SpanDetail](w, "/traces/"+id+"/spans/1")
		if s.Name != "call" || len(s.Alternates) != 1 || s.Alternates[0].Name != "serve" {
			t.Errorf("trace %s: the span is %s with %d alternates", id, s.Name, len(s.Alternates))
		}
		for _, path := range []string{"/layout", "/layout?root=1"} {
			head := layoutHead(w, "/traces/"+id+path)
			if want := []string{"call", "serve", "query"}; head.Rows != 3 || !slices.Equal(head.Names, want) {
				t.Errorf("trace %s%s: %d rows, in order %v, want %v", id, path, head.Rows, head.Names, want)
			}
		}
	}
}

// layoutHeader is what stands before the columns.
type layoutHeader struct {
	Rows, Spans int
	Names       []string
	Cut         *struct{ Spans int }
}

func layoutHead(w *world, path string) layoutHeader {
	w.Helper()
	a := w.get(path, "Accept-Encoding", "identity")
	if a.StatusCode != http.StatusOK {
		w.Fatalf("%s: %s", path, a.Status)
	}
	var h layoutHeader
	if err := json.Unmarshal(a.body[8:8+binary.LittleEndian.Uint32(a.body[4:])], &h); err != nil {
		w.Fatal(err)
	}
	return h
}

// Of more children of one span than rows are drawn, the failed and the longest are sent,
// by the subtree of their parent too; the others are a link and a download away.
func TestManySiblings(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as many children as rows are drawn, which -short leaves to the full run")
	}
	const children = layout.MaxRows + 500
	id := func(i int) span.SpanID { return span.SpanID{4: 1, 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)} }
	b := &span.Batch{Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1)}
	start := spantext.Epoch.UnixNano()
	b.Spans = append(b.Spans, span.Span{TraceID: span.TraceID{15: 1}, SpanID: span.SpanID{7: 1}, Name: "root", Start: start, End: start + 1e9})
	for i := range children {
		s := span.Span{TraceID: span.TraceID{15: 1}, SpanID: id(i), Parent: span.SpanID{7: 1}, Name: "child", Start: start + int64(i), End: start + int64(2*i)}
		if i == 3 {
			s.Status, s.Presence, s.Name = span.StatusError, span.HasStatus, "short and failed"
		}
		b.Spans = append(b.Spans, s)
	}
	w := newWorld(t)
	w.applyBatch("default", b)
	for _, path := range []string{"/traces/1/layout", "/traces/1/layout?root=1"} {
		h := layoutHead(w, path)
		if h.Rows != layout.MaxRows || h.Spans != children+1 || h.Cut == nil || h.Cut.Spans != children+1 {
			t.Errorf("%s: %+v", path, h)
		}
		if !slices.Contains(h.Names, "short and failed") {
			t.Errorf("%s: a failed child was left out: %v", path, h.Names)
		}
	}
	if s := getJSON[api.SpanDetail](w, "/traces/1/spans/"+id(0).String()+"?incoming=false"); s.Name != "child" {
		t.Errorf("a child that was left out is %q", s.Name)
	}
	whole, _, err := otlp.Decode(w.get("/traces/1?format=protobuf").body, otlp.Limits{})
	if err != nil || len(whole.Spans) != children+1 {
		t.Errorf("the download: %v", err)
	}
}

// A search is paged without gaps or repeats, in both orders, while spans arrive.
func TestSearchPages(t *testing.T) {
	for _, order := range []string{"newest", "duration"} {
		w := newWorld(t)
		for i := range 25 {
			w.apply("default", fmt.Sprintf("trace %x\n1 - s op %d %d", i+1, i*10, 100-i))
		}
		var got []string
		page := ""
		for n := 1; ; n++ {
			out := getJSON[api.SearchResult](w, "/search?limit=10&order="+order+"&page="+page)
			for _, row := range out.Traces {
				got = append(got, row.TraceId)
			}
			if len(out.Traces) > 10 {
				t.Fatalf("%s: a page of %d", order, len(out.Traces))
			}
			if page = out.NextPage; page == "" {
				break
			}
			w.clock.advance(time.Hour)
			w.apply("default", fmt.Sprintf("trace ff%x\n1 - s late %d 500", n, 3600_000*n))
		}
		for i, id := range got {
			want := 25 - i
			if order == "duration" {
				want = i + 1
			}
			if id != fmt.Sprintf("%032x", want) {
				t.Errorf("%s: result %d is %s", order, i, id)
			}
		}
		if len(got) != 25 {
			t.Errorf("%s: %d results", order, len(got))
		}
	}
}

// Streamed rows are lines, and the last one tells how it ended.
func TestSearchLines(t *testing.T) {
	w := newWorld(t)
	shop(w)
	a := w.get("/search?limit=1", "Accept", "application/x-ndjson")
	if got := a.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("Content-Type %q", got)
	}
	lines := strings.Split(strings.TrimSpace(string(a.body)), "\n")
	var row api.TraceRow
	var end api.SearchResult
	if len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &row) != nil || json.Unmarshal([]byte(lines[1]), &end) != nil {
		t.Fatalf("lines %q", lines)
	}
	if row.RootName != "GET /" || end.NextPage == "" || end.Stats.Rows != 1 || end.Stats.ElapsedNs == "" {
		t.Errorf("row %+v, end %+v", row, end)
	}
	w.refuses(w.get("/search?q=service%3D%3D", "Accept", "application/x-ndjson"), http.StatusBadRequest, "bad_query")
	if a := w.get("/search?q=service=nobody", "Accept", "application/x-ndjson"); !strings.HasPrefix(string(a.body), `{"stats"`) {
		t.Errorf("an empty answer is %q", a.body)
	}
}

// Malformed requests are refused with a code, and say what is wrong.
func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	shop(w)
	f := func(method, path, body string, status int, code, says string) {
		t.Helper()
		p := w.refuses(w.do(method, path, body), status, code)
		if !strings.Contains(p.Detail+" "+p.Hint, says) {
			t.Errorf("%s %s: %q, %q do not say %q", method, path, p.Detail, p.Hint, says)
		}
		if !strings.Contains(w.logged.String(), p.Id) {
			t.Errorf("%s %s: the log lacks id %s", method, path, p.Id)
		}
	}
	get := http.MethodGet
	f(get, "/search?limit=0", "", 400, "bad_request", "1 to 1000")
	f(get, "/search?limit=1001", "", 400, "bad_request", "1 to 1000")
	f(get, "/search?limit=x", "", 400, "bad_request", "limit")
	f(get, "/search?order=up", "", 400, "bad_request", "newest or duration")
	f(get, "/search?start=yesterday", "", 400, "bad_request", "RFC 3339")
	f(get, "/search?start=5&end=4", "", 400, "bad_request", "after end")
	f(get, "/search?page=x", "", 400, "bad_request", "next_page")
	f(get, "/search?q="+strings.Repeat("x", 8193), "", 400, "bad_request", "8192")
	f(get, "/heatmap?columns=501", "", 400, "bad_request", "1 to 500")
	f(get, "/tail?rows=logs", "", 400, "bad_request", "traces or spans")
	f(get, "/tail?q=service%3D%3D", "", 400, "bad_query", "=")
	f(get, "/traces/xyz", "", 400, "bad_request", "hexadecimal")
	f(get, "/traces/0", "", 400, "bad_request", "zeros")
	f(get, "/traces/"+strings.Repeat("1", 33), "", 400, "bad_request", "hexadecimal")
	f(get, "/traces/1?format=xml", "", 400, "bad_request", "protobuf")
	f(get, "/traces/99", "", 404, "not_found", "")
	f(get, "/traces/99/layout", "", 404, "not_found", "")
	f(get, "/traces/99/card", "", 404, "not_found", "")
	f(get, "/traces/99/spans/1", "", 404, "not_found", "")
	f(get, "/traces/1/layout?root=77", "", 404, "not_found", "no span")
	f(get, "/traces/1/layout?root=zz", "", 400, "bad_request", "hexadecimal")
	f(get, "/traces/1/spans/77", "", 404, "not_found", "span 00")
	f(get, "/operations?kind=robot", "", 400, "bad_request", "server")
	f(get, "/attributes/keys?scope=moon", "", 400, "bad_request", "resource")
	f(get, "/attributes/values", "", 400, "bad_request", "key")
	f(get, "/attributes/values?key=", "", 400, "bad_request", "key")
	f(get, "/nothing", "", 404, "no_such_path", "openapi.yaml")
	f(http.MethodPost, "/search", "{}", 405, "method_not_allowed", "GET")
	f(http.MethodDelete, "/traces/99", "", 404, "not_found", "")
	f(http.MethodDelete, "/traces/1?now=maybe", "", 400, "bad_request", "true or false")
	f(http.MethodPut, "/traces/99/keep", "", 404, "not_found", "")
	f(http.MethodPut, "/traces/1/keep", `{"note":1}`, 400, "bad_request", "note")
	f(http.MethodPut, "/traces/1/keep", `{"remark":""}`, 400, "bad_request", "remark")
	f(http.MethodPut, "/traces/1/keep", `{} {}`, 400, "bad_request", "more than one")
	f(http.MethodPut, "/traces/1/keep", `{"note":"`+strings.Repeat("x", 70_000)+`"}`, 413, "too_large", "65536")
	f(http.MethodPost, "/tokens", `{"scopes":[]}`, 400, "bad_request", "ingest, read")
	f(http.MethodPost, "/tokens", `{"scopes":["root"]}`, 400, "bad_request", "ingest, read")
	f(http.MethodPost, "/tokens", `{"scopes":["read"],"expires":"1"}`, 400, "bad_request", "passed")
	f(http.MethodDelete, "/tokens/wft_9", "", 404, "not_found", "")
	f(http.MethodPost, "/session", `{"token":"bad"}`, 401, "unauthorized", "")

	// A form or a text/plain post from a foreign page has no JSON type.
	p := w.refuses(w.do(http.MethodPost, "/tokens", `{"scopes":["read"]}`, "Content-Type", "text/plain"), 400, "bad_request")
	if !strings.Contains(p.Detail, "application/json") {
		t.Errorf("detail %q", p.Detail)
	}
	if p := w.refuses(w.get("/search?page="+getJSON[api.SearchResult](w, "/search?limit=1").NextPage+"&q=status%3Derror"), 400, "bad_request"); !strings.Contains(p.Detail, "another search") {
		t.Errorf("a token of another search: %+v", p)
	}
	a := w.get("/search", "Test-Tenant", "busy")
	w.refuses(a, 429, "too_many")
	if a.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
	}
}

// What one tenant stored, no other sees, on no path.
func TestTenants(t *testing.T) {
	w := newWorld(t)
	shop(w)
	as := []string{"Test-Tenant", "other"}
	for _, path := range []string{"/traces/1", "/traces/1/layout", "/traces/1/card", "/traces/1/spans/a1"} {
		w.refuses(w.get(path, as...), 404, "not_found")
	}
	w.refuses(w.do(http.MethodDelete, "/traces/1", "", as...), 404, "not_found")
	w.refuses(w.do(http.MethodPut, "/traces/1/keep", "", as...), 404, "not_found")
	for _, path := range []string{"/search", "/search?preview=true", "/heatmap", "/services", "/operations", "/attributes/keys", "/attributes/values?key=provider&scope=span", "/status", "/refused"} {
		a := w.get(path, as...)
		if a.StatusCode != 200 || strings.Contains(string(a.body), "gateway") || strings.Contains(string(a.body), "firstbank") || strings.Contains(string(a.body), payID) {
			t.Errorf("%s as another tenant: %s %s", path, a.Status, a.body)
		}
	}
	if a := w.get("/traces/1"); a.StatusCode != 200 {
		t.Errorf("its own tenant: %s", a.Status)
	}
	// Both tenants may have the same trace id.
	w.apply("other", "1 - theirs op 0 1")
	if a := w.get("/traces/1", as...); a.StatusCode != 200 || strings.Contains(string(a.body), "gateway") || !strings.Contains(string(a.body), "theirs") {
		t.Errorf("the same id of another tenant: %s %s", a.Status, a.body)
	}
}

// Each scope opens its own paths and no others.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	shop(w)
	paths := []struct{ method, path, body, need string }{
		{"GET", "/search", "", "read"},
		{"GET", "/heatmap", "", "read"},
		{"GET", "/traces/1", "", "read"},
		{"GET", "/traces/1/layout", "", "read"},
		{"GET", "/traces/1/card", "", "read"},
		{"GET", "/traces/1/spans/a1", "", "read"},
		{"GET", "/services", "", "read"},
		{"GET", "/operations", "", "read"},
		{"GET", "/attributes/keys", "", "read"},
		{"GET", "/attributes/values?key=a", "", "read"},
		{"GET", "/complete?q=", "", "read"},
		{"GET", "/refused", "", "read"},
		{"GET", "/status", "", "read"},
		{"GET", "/tail?rows=x", "", "read"},
		{"PUT", "/traces/1/keep", "", "operate"},
		{"DELETE", "/traces/1/keep", "", "operate"},
		{"DELETE", "/traces/99", "", "operate"},
		{"GET", "/tokens", "", "admin"},
		{"POST", "/tokens", `{"scopes":["read"]}`, "admin"},
		{"DELETE", "/tokens/x", "", "admin"},
		{"GET", "/audit", "", "admin"},
		{"GET", "/session", "", ""},
		{"GET", "/openapi.yaml", "", ""},
		{"DELETE", "/session", "", ""},
		{"POST", "/session", `{"token":"good"}`, ""},
	}
	includes := map[string][]string{
		"": {""}, "ingest": {""}, "read": {"", "read"}, "operate": {"", "read", "operate"}, "admin": {"", "read", "operate", "admin"},
	}
	for scope, may := range includes {
		who := api.Identity{Tenant: "default", Required: true, SignedIn: scope != ""}
		if scope != "" {
			who.Scopes = []api.AccessScope{api.AccessScope(scope)}
		}
		w.access.be(who)
		for _, p := range paths {
			a := w.do(p.method, p.path, p.body)
			refused := a.StatusCode == 403 || a.StatusCode == 401
			if allowed := slices.Contains(may, p.need); refused == allowed {
				t.Errorf("scope %q: %s %s: %s", scope, p.method, p.path, a.Status)
			}
			if refused {
				code, status := "forbidden", 403
				if scope == "" {
					code, status = "unauthorized", 401
				}
				w.refuses(a, status, code)
			}
		}
	}
}

// A trace comes back as protobuf, byte for byte what the encoder makes, as a download, and
// compressed.
func TestTraceForms(t *testing.T) {
	w := newWorld(t)
	shop(w)
	pay, err := os.ReadFile("testdata/pay.spantext")
	if err != nil {
		t.Fatal(err)
	}
	want := spantext.Parse(string(pay))
	for _, a := range []answer{w.get("/traces/1", "Accept", "application/x-protobuf"), w.get("/traces/1?format=protobuf&download=true")} {
		got, rejected, err := otlp.Decode(a.body, otlp.NoLimits())
		if err != nil || rejected.Altered() || len(got.Spans) != len(want.Spans) {
			t.Fatalf("%v, %+v, %d spans", err, rejected, len(got.Spans))
		}
		for i := range want.Spans {
			if !slices.ContainsFunc(indices(got), func(k int) bool { return want.EqualSpan(i, got, k) }) {
				t.Errorf("span %d did not come back", i)
			}
		}
	}
	a := w.get("/traces/1?download=true")
	if got := a.Header.Get("Content-Disposition"); got != `attachment; filename="trace-`+payID+`.otlp.json"` {
		t.Errorf("Content-Disposition %q", got)
	}
	if a := w.get("/traces/1", "Accept-Encoding", "zstd"); a.Header.Get("Content-Encoding") != "zstd" {
		t.Errorf("encoding %q", a.Header.Get("Content-Encoding"))
	}
	l := w.get("/traces/1/layout", "Accept-Encoding", "identity")
	if l.Header.Get("Content-Type") != "application/vnd.weft.layout" || !strings.HasPrefix(string(l.body), "WTL1") {
		t.Errorf("layout: %s %.20q", l.Header.Get("Content-Type"), l.body)
	}
	if sub := w.get("/traces/1/layout?root=b1", "Accept-Encoding", "identity"); len(sub.body) >= len(l.body) {
		t.Errorf("a subtree takes %d bytes, the trace %d", len(sub.body), len(l.body))
	}
}

func indices(b *span.Batch) []int {
	out := make([]int, len(b.Spans))
	for i := range out {
		out[i] = i
	}
	return out
}

// A deleted trace is gone from every answer; deleting or keeping it then is 404.
func TestDelete(t *testing.T) {
	w := newWorld(t)
	shop(w)
	if a := w.do(http.MethodPut, "/traces/1/keep", ""); a.StatusCode != 200 {
		t.Fatalf("keep: %s %s", a.Status, a.body)
	}
	if a := w.do(http.MethodDelete, "/traces/1?now", ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("delete: %s %s", a.Status, a.body)
	}
	for _, path := range []string{"/traces/1", "/traces/1/layout", "/traces/1/card", "/traces/1/spans/a1"} {
		w.refuses(w.get(path), 404, "not_found")
	}
	for _, row := range getJSON[api.SearchResult](w, "/search").Traces {
		if row.TraceId == payID {
			t.Error("search still shows it")
		}
	}
	w.refuses(w.do(http.MethodDelete, "/traces/1", ""), 404, "not_found")
	w.refuses(w.do(http.MethodPut, "/traces/1/keep", ""), 404, "not_found")
	if len(w.keeps.marks) != 0 {
		t.Errorf("its mark stayed: %v", w.keeps.marks)
	}
}

// A kept trace shows its mark on the card until it is released.
func TestKeep(t *testing.T) {
	w := newWorld(t)
	shop(w)
	since := fmt.Sprint(w.clock.Now().UnixNano())
	for _, note := range []string{"incident", "incident of 31 January"} {
		a := w.do(http.MethodPut, "/traces/1/keep", `{"note":"`+note+`"}`)
		if a.StatusCode != 200 {
			t.Fatalf("keep: %s %s", a.Status, a.body)
		}
		if k := getJSON[api.Card](w, "/traces/1/card").Kept; k.Note != note || k.SinceUnixNano != since {
			t.Errorf("kept %+v", k)
		}
		w.clock.advance(time.Minute)
	}
	for range 2 {
		if a := w.do(http.MethodDelete, "/traces/1/keep", ""); a.StatusCode != http.StatusNoContent {
			t.Errorf("release: %s", a.Status)
		}
	}
	if k := getJSON[api.Card](w, "/traces/1/card").Kept; k != (api.Kept{}) {
		t.Errorf("still kept: %+v", k)
	}
}

// Sign-in sets a cookie, tokens are made once, listed without secret, and revoked.
func TestTokens(t *testing.T) {
	w := newWorld(t)
	a := w.do(http.MethodPost, "/session", `{"token":"good"}`)
	if a.StatusCode != 200 || !strings.Contains(a.Header.Get("Set-Cookie"), "weft_session=s") {
		t.Errorf("sign in: %s %v", a.Status, a.Header)
	}
	if a := w.do(http.MethodDelete, "/session", ""); a.StatusCode != 204 || !strings.Contains(a.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("sign out: %s %v", a.Status, a.Header)
	}
	a = w.do(http.MethodPost, "/tokens", `{"name":"ci","scopes":["ingest","read"],"expires":"2030-01-01T00:00:00Z"}`)
	var made api.CreatedToken
	if err := json.Unmarshal(a.body, &made); err != nil || a.StatusCode != http.StatusCreated || made.Secret != "secret" || made.Token.Tenant != "default" {
		t.Fatalf("create: %s %s %v", a.Status, a.body, err)
	}
	if a := w.get("/tokens"); !strings.Contains(string(a.body), `"name":"ci"`) || strings.Contains(string(a.body), "secret") {
		t.Errorf("list: %s", a.body)
	}
	if a := w.do(http.MethodDelete, "/tokens/"+made.Token.Id, ""); a.StatusCode != 204 {
		t.Errorf("delete: %s", a.Status)
	}
	if a := w.get("/tokens"); string(a.body) != "{\"tokens\":[]}\n" {
		t.Errorf("list: %s", a.body)
	}
}

// Positions in queries count as JavaScript does.
func TestPositions(t *testing.T) {
	w := newWorld(t)
	shop(w)
	p := w.refuses(w.get("/search?q="+url.QueryEscape("x=😀 y==1")), 400, "bad_query") // an emoji is two units, four bytes
	if p.Query.Position != 6 || p.Query.ByteOffset != 8 || p.Query.Length != 2 {
		t.Errorf("query error %+v", p.Query)
	}
	if c := getJSON[api.Completion](w, "/complete?pos=0&limit=30"); len(c.Suggestions) == 0 || c.Suggestions[0].Insert != "service" {
		t.Errorf("an empty box offers %+v", c.Suggestions)
	}
	c := getJSON[api.Completion](w, "/complete?limit=7&pos=14&q="+url.QueryEscape("x=😀 service=pxx"))
	if c.From != 13 || c.To != 16 || len(c.Suggestions) != 1 || c.Suggestions[0].Insert != "payment" {
		t.Errorf("completion %+v", c)
	}
}

// The file served is the file this package is made from.
func TestOpenAPI(t *testing.T) {
	w := newWorld(t)
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if a := w.get("/openapi.yaml"); string(a.body) != string(want) {
		t.Errorf("%d bytes, want %d", len(a.body), len(want))
	}
}

// events reads a live tail.
type events struct {
	t    *testing.T
	scan *bufio.Scanner
	stop func() error
	id   string // of the newest event that has one
}

func (w *world) tail(query string, header ...string) *events {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.url+"/tail?"+query, nil)
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		w.Fatalf("tail: %s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	e := &events{t: w.T, scan: bufio.NewScanner(resp.Body), stop: resp.Body.Close}
	w.Cleanup(func() { _ = resp.Body.Close() })
	if name, data := e.next(); name != "" || data != "following" {
		w.Fatalf("the tail begins with %q %q", name, data)
	}
	return e
}

// next is the name and data of the next event, or "" and the text of a comment.
func (e *events) next() (name, data string) {
	e.t.Helper()
	for e.scan.Scan() {
		line := e.scan.Text()
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			return name, data
		case key == "":
			data = value
		case key == "id":
			e.id = value
		case key == "event":
			name = value
		case key == "data":
			data = value
		}
	}
	e.t.Fatalf("the tail ended: %v", e.scan.Err())
	return "", ""
}

// until advances the clock in small steps, as time would pass, until the next event.
func (w *world) until(e *events, step time.Duration) (name, data string) {
	w.Helper()
	type event struct{ name, data string }
	got := make(chan event)
	go func() {
		name, data := e.next()
		got <- event{name, data}
	}()
	for {
		select {
		case ev := <-got:
			return ev.name, ev.data
		case <-time.After(time.Millisecond):
			w.clock.advance(step)
		}
	}
}

// The tail shows matching spans as they arrive, each tenant its own.
func TestTailSpans(t *testing.T) {
	w := newWorld(t)
	e := w.tail("rows=spans&q=status%3Derror")
	w.apply("other", "1 - theirs op 0 1 error")
	w.apply("default", "1 - s fine 0 1\n2 1 s bad 0 1 client error status=why")
	name, data := e.next()
	var s api.TailSpan
	if err := json.Unmarshal([]byte(data), &s); err != nil || name != "span" || s.Name != "bad" || s.StatusMessage != "why" || s.Kind != "client" || s.ParentSpanId == "" || !s.Ended {
		t.Errorf("%s %s %v", name, data, err)
	}
}

// In trace rows, spans that arrive together are one row, and a trace that grows is sent
// again as it is then.
func TestTailTraces(t *testing.T) {
	w := newWorld(t)
	e := w.tail("q=service=pay")
	w.apply("default", "1 - gateway root 0 50")
	w.apply("default", "2 1 pay a 0 5\n3 1 pay b 0 5")
	read := func() api.TraceRow {
		t.Helper()
		name, data := w.until(e, 50*time.Millisecond)
		var row api.TraceRow
		if err := json.Unmarshal([]byte(data), &row); err != nil || name != "trace" {
			t.Fatalf("%s %s %v", name, data, err)
		}
		return row
	}
	if row := read(); row.RootName != "root" || row.Matched != 2 || row.Spans != 3 {
		t.Errorf("first %+v", row)
	}
	w.apply("default", "4 1 pay c 9 5")
	if row := read(); row.Matched != 3 || row.Spans != 4 {
		t.Errorf("then %+v", row)
	}
}

// A predicate over the whole trace is decided with the trace as far as it has arrived.
func TestTailWholeTrace(t *testing.T) {
	w := newWorld(t)
	e := w.tail("rows=spans&q=%7BtraceDuration%3E1s%7D")
	w.apply("default", "trace 2\n2 1 s fast 0 5")
	w.apply("default", "1 - s root 0 2000")
	w.apply("default", "2 1 s child 0 5")
	for _, want := range []string{"root", "child"} {
		if name, data := e.next(); name != "span" || !strings.Contains(data, `"name":"`+want+`"`) {
			t.Errorf("%s %s, want %s", name, data, want)
		}
	}
}

// An idle tail writes a comment now and then.
func TestTailHeartbeat(t *testing.T) {
	w := newWorld(t)
	e := w.tail("")
	if name, data := w.until(e, time.Second); name != "" || data != "still here" {
		t.Errorf("%q %q", name, data)
	}
}

// Rows beyond the rate are counted, not sent.
func TestTailRate(t *testing.T) {
	w := newWorld(t)
	e := w.tail("rows=spans")
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "%x - s op %d 1\n", i+1, i)
	}
	w.apply("default", text.String())
	for i := range 200 {
		if name, data := e.next(); name != "span" {
			t.Fatalf("event %d: %s %s", i, name, data)
		}
	}
	name, data := w.until(e, 100*time.Millisecond)
	if name != "lost" || data != `{"reason":"more than 200 rows a second","spans":300}` {
		t.Errorf("%s %s", name, data)
	}
}

// A client that comes back gets what it missed, and is told that it was away.
func TestTailResume(t *testing.T) {
	for _, rows := range []string{"spans", "traces"} {
		w := newWorld(t)
		w.apply("default", "1 - s missed 9000 1")
		w.apply("default", "trace 2\n1 - s old -200000 1")
		e := w.tail("rows="+rows, "Last-Event-ID", fmt.Sprint(spantext.Epoch.UnixNano()))
		if name, data := e.next(); name != strings.TrimSuffix(rows, "s") || !strings.Contains(data, "missed") {
			t.Errorf("%s: %s %s", rows, name, data)
		}
		if name, data := e.next(); name != "lost" || !strings.Contains(data, "since_unix_nano") {
			t.Errorf("%s: %s %s", rows, name, data)
		}
	}
}

// A client that saw no row before the tail broke has an id to come back with.
func TestTailResumeWithoutRow(t *testing.T) {
	w := newWorld(t)
	e := w.tail("rows=spans")
	if err := e.stop(); err != nil {
		t.Fatal(err)
	}
	w.apply("default", "1 - s missed 9000 1")
	e = w.tail("rows=spans", "Last-Event-ID", e.id)
	if name, data := e.next(); name != "span" || !strings.Contains(data, "missed") {
		t.Errorf("back with id %q: %s %s", e.id, name, data)
	}
}

// When the client leaves, the handler ends and so does its subscription.
func TestTailEnds(t *testing.T) {
	w := newWorld(t)
	e := w.tail("")
	if err := e.stop(); err != nil {
		t.Fatal(err)
	}
	// The server's Close in the cleanup waits for handlers; a leak would hang there.
	w.apply("default", "1 - s op 0 1")
}
