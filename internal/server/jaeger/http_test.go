package jaeger_test

import (
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
	"github.com/weft-dev/weft/internal/server/api/spantext"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

const shop = `
a1 - gateway "POST /pay" 0 1240 server error status=upstream http.status_code=504 customer=37
b1 a1 payment Charge 20 1200 server error order.id="8841" retry=true rate=0.5
d2 b1 bank AUTH 210 1000 client error provider=firstbank resource.service.version="812" @exception:1209 exception.type=BankTimeout
trace 2
1 - web "GET /" 2000 12.5 server ok http.route=/
2 1 cache get 2001 0.05 client key="with space" ->1/d2
3 9 web orphan 2003 1 internal
`

// The answers are golden: their shape is Jaeger's, to the letter.
func TestGoldenAnswers(t *testing.T) {
	w := newWorld(t)
	w.send("default", shop)
	w.send("other", "trace 3\n1 - secret op 0 1")
	f := func(name, path string) {
		t.Helper()
		status, body := w.get(path)
		if status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		w.golden(name, body)
	}
	f("v1-services", "/api/services")
	f("v1-service-operations", "/api/services/web/operations")
	f("v1-operations", "/api/operations?service=web")
	f("v1-search", "/api/traces?service=bank")
	f("v1-search-none", "/api/traces?service=nobody")
	f("v1-trace", "/api/traces/2")
	f("v1-by-id", "/api/traces?traceID=1&traceID=77")
	f("v1-dependencies", "/api/dependencies?lookback=3600000")
	f("v3-services", "/api/v3/services")
	f("v3-operations", "/api/v3/operations?service=web&span_kind=server")
	f("v3-trace", "/api/v3/traces/2")
	f("v3-search", "/api/v3/traces?query.serviceName=bank")
	f("v3-search-none", "/api/v3/traces?query.serviceName=nobody")
	f("v3-summaries", "/api/v3/trace-summaries")
	f("v3-dependencies", "/api/v3/dependencies")
	f("v3-capabilities", "/api/v3/capabilities")
}

// found is the traces of a v1 search, as single digits.
func (w *world) found(params string) string {
	w.Helper()
	status, body := w.get("/api/traces?" + params)
	var v struct {
		Data   []struct{ TraceID string }
		Total  int
		Errors []struct{ Msg string }
	}
	if err := json.Unmarshal(body, &v); err != nil {
		w.Fatalf("%s: %v: %s", params, err, body)
	}
	if status != http.StatusOK {
		return fmt.Sprint(status)
	}
	if v.Total != len(v.Data) {
		w.Errorf("%s: total %d of %d", params, v.Total, len(v.Data))
	}
	var ids []string
	for _, d := range v.Data {
		ids = append(ids, strings.TrimLeft(d.TraceID, "0"))
	}
	return strings.Join(ids, " ")
}

// Each condition of a v1 search selects what it says.
func TestV1Search(t *testing.T) {
	w := newWorld(t)
	w.send("default", shop)
	f := func(params, want string) {
		t.Helper()
		if got := w.found(params); got != want {
			t.Errorf("%s finds %q, want %q", params, got, want)
		}
	}
	tags := func(text string) string { return "tags=" + url.QueryEscape(text) }
	at := func(d time.Duration) string { return fmt.Sprint(spantext.Epoch.Add(d).UnixMicro()) }
	f("", "2 1") // no window: the last two days
	f("service=bank", "1")
	f("service=bank&operation=AUTH", "1")
	f("service=bank&operation=Charge", "") // on one span
	f("operation=GET+/", "2")
	f(tags(`{"error":"true"}`), "1")
	f(tags(`{"error":"false"}`), "2")
	f(tags(`{"span.kind":"client","error":"true"}`), "1")
	f(tags(`{"span.kind":"Internal"}`), "2")
	f(tags(`{"otel.status_code":"OK"}`), "2")
	f(tags(`{"otel.status_description":"upstream"}`), "1")
	f(tags(`{"otel.scope.name":"test"}`), "2 1")
	f(tags(`{"http.status_code":"504"}`), "1") // an int attribute
	f(tags(`{"http.status_code":504}`), "1")   // JSON number
	f(tags(`{"order.id":"8841"}`), "1")        // a text attribute that looks like one
	f(tags(`{"retry":"true"}`), "1")
	f(tags(`{"retry":true}`), "1")
	f(tags(`{"rate":"0.5"}`), "1")
	f(tags(`{"service.version":"812"}`), "1")          // of the process
	f(tags(`{"exception.type":"BankTimeout"}`), "1")   // of a log
	f(tags(`{"event":"exception"}`), "1")              // its name
	f(tags(`{"customer":"37","order.id":"8841"}`), "") // on one span
	f(tags(`error=true span.kind=client`), "1")
	f(tags(`key="with space"`), "2")
	f(tags(`retry`), "1")
	f("tag=order.id:8841", "1")
	f("tag=error:true&tag=provider:firstbank", "1")
	f("minDuration=1.1s", "1")
	f("maxDuration=100us", "2")
	f("minDuration=10ms&maxDuration=20ms", "2")
	f("limit=1", "2")
	f("limit=99999", "2 1")
	f("start="+at(time.Second), "2")
	f("end="+at(time.Second), "1")
	f("start="+at(2*time.Second)+"&end="+at(2*time.Second), "2") // that microsecond is in
	f("lookback=1s", "")
	f("lookback=1h", "2 1")
	f("lookback=2d", "2 1")
	f("lookback=custom", "2 1")

	for _, bad := range []string{
		"limit=0", "limit=x", "minDuration=5", "maxDuration=-1s", "minDuration=2s&maxDuration=1s", "start=yesterday", "end=-1",
		"start=99999999999999999", "lookback=long", "lookback=0d", tags(`{"a":`), tags(`{"a":{}}`), tags(`{"a":"b"} x`), tags(`="x"`), tags(`a="x`),
		"tag=x", "traceID=zz", "start=" + at(2*time.Second) + "&end=" + at(time.Second),
	} {
		f(bad, "400")
	}
}

// v3 takes both spellings, times that lost their plus sign, and structured filters.
func TestV3Search(t *testing.T) {
	w := newWorld(t)
	w.send("default", shop)
	f := func(params, want string) {
		t.Helper()
		status, body := w.get("/api/v3/trace-summaries?" + params)
		var v struct {
			Summaries []struct{ TraceID string }
			Error     struct {
				HTTPCode int
				Message  string
			}
		}
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatalf("%s: %v: %s", params, err, body)
		}
		var ids []string
		for _, s := range v.Summaries {
			ids = append(ids, strings.TrimLeft(s.TraceID, "0"))
		}
		got := strings.Join(ids, " ")
		if status != http.StatusOK {
			got = fmt.Sprint(status)
			if v.Error.HTTPCode != status || v.Error.Message == "" {
				t.Errorf("%s: %s", params, body)
			}
		}
		if got != want {
			t.Errorf("%s finds %q, want %q", params, got, want)
		}
	}
	f("", "2 1")
	f("query.serviceName=bank&query.operationName=AUTH", "1")
	f("query.service_name=bank&query.operation_name=AUTH", "1")
	f("query.attributes="+url.QueryEscape(`{"error":"true"}`), "1")
	f("query.startTimeMin=2026-01-31T14:59:59Z&query.startTimeMax=2026-01-31T15:01:00Z", "2")
	f("query.start_time_min=2026-01-31T23:59:59.5+09:00&query.start_time_max=2026-02-01T00:01:00+09:00", "2") // the plus arrives as a space
	f("query.startTimeMax=2026-01-31T14:59:59Z", "1")
	f("query.durationMin=1.1s", "1")
	f("query.duration_min=10ms&query.duration_max=20ms", "2")
	f("query.searchDepth=1", "2")
	f("query.num_traces=1", "2")
	f("query.startTimeMin=yesterday", "400")
	f("query.startTimeMin=2026-01-31T15:00:00Z&query.startTimeMax=2026-01-31T14:00:00Z", "400")
	f("query.searchDepth=-1", "400")
	f("query.durationMin=fast", "400")
	f("query.attributes=x", "400")
	f("query.pagination.pageSize=5", "400")

	filter := func(text string) string { return "query.filter=" + url.QueryEscape(text) }
	attr := func(key, level string) string { return fmt.Sprintf(`{"attr":{"key":%q,"level":%q}}`, key, level) }
	field := func(level, name string) string { return fmt.Sprintf(`{"field":{"name":%q,"level":%q}}`, name, level) }
	scalar := func(v, typ string) string { return fmt.Sprintf(`{"scalar":{"value":%q,"type":%q}}`, v, typ) }
	call := func(op string, args ...string) string {
		return fmt.Sprintf(`{"op":%q,"args":[%s]}`, op, strings.Join(args, ","))
	}
	sub := func(c string) string { return `{"call":` + c + `}` }
	f(filter(call("eq", attr("http.status_code", ""), scalar("504", ""))), "1")
	f(filter(call("eq", attr("http.status_code", "span"), `{"scalar":{"value":504,"type":"int"}}`)), "1")
	f(filter(call("eq", attr("http.status_code", "resource"), scalar("504", ""))), "")
	f(filter(call("eq", attr("http.status_code", ""), scalar("504", "string"))), "")
	f(filter(call("eq", scalar("812", ""), attr("service.version", ""))), "1") // either side
	f(filter(call("lt", scalar("500", ""), attr("http.status_code", ""))), "1")
	f(filter(call("gt", attr("http.status_code", ""), scalar("504", ""))), "")
	f(filter(call("gte", attr("http.status_code", ""), scalar("504", ""))), "1")
	f(filter(call("ne", attr("customer", ""), scalar("1", ""))), "1") // lacking it is not being different
	f(filter(call("ne", attr("customer", ""), scalar("37", ""))), "")
	f(filter(call("in", attr("provider", ""), `{"list":{"values":["a","firstbank"]}}`)), "1")
	f(filter(call("not_in", attr("provider", ""), `{"list":{"values":["a"]}}`)), "1")
	f(filter(call("not_in", attr("provider", ""), `{"list":{"values":["firstbank"]}}`)), "")
	f(filter(call("exists", attr("http.route", ""))), "2")
	f(filter(call("regex", field("span", "name"), scalar("[/]p", ""))), "1") // anywhere in the text
	f(filter(call("eq", field("span", "kind"), scalar("internal", ""))), "2")
	f(filter(call("eq", field("span", "status"), scalar("error", ""))), "1")
	f(filter(call("eq", field("resource", "service"), scalar("cache", ""))), "2")
	f(filter(call("gt", field("span", "duration"), scalar("1.1s", ""))), "1")
	f(filter(call("eq", field("event", "name"), scalar("exception", ""))), "1")
	f(filter(call("eq", attr("exception.type", "event"), scalar("BankTimeout", ""))), "1")
	f(filter(call("eq", field("link", "traceID"), scalar("1", ""))), "2")
	f(filter(call("eq", field("span", "spanID"), scalar("d2", ""))), "1")
	f(filter(call("and", sub(call("eq", field("span", "status"), scalar("error", ""))), sub(call("eq", field("span", "kind"), scalar("client", ""))))), "1")
	f(filter(call("or", sub(call("exists", attr("http.route", ""))), sub(call("exists", attr("provider", ""))))), "2 1")
	f(filter(call("not", sub(call("eq", field("span", "status"), scalar("error", ""))))), "2")
	for _, bad := range []string{
		`{`, call("some", `{"nested":{"level":"event"}}`, sub(call("exists", attr("a", "")))), call("phrase", attr("a", ""), `{"list":{"values":["x"]}}`),
		call("eq", attr("a", "")), call("eq", attr("a", ""), attr("b", "")), call("eq", attr("", ""), scalar("1", "")),
		call("eq", attr("a", "moon"), scalar("1", "")), call("eq", field("span", "startTime"), scalar("x", "")), call("gt", field("span", "kind"), scalar("client", "")),
		call("eq", field("span", "kind"), scalar("robot", "")), call("gt", field("span", "duration"), scalar("5", "")), call("in", attr("a", ""), `{"list":{"values":[]}}`),
		call("regex", attr("a", ""), scalar("(", "")), call("eq", attr("a", ""), scalar("x", "int")), call("and", sub(call("exists", attr("a", "")))),
		call("and", attr("a", ""), attr("b", "")), call("eq", attr("a", ""), scalar("1", "date")), call("exists"),
		strings.Repeat(`{"op":"not","args":[{"call":`, 200) + call("exists", attr("a", "")) + strings.Repeat(`}]}`, 200),
	} {
		f(filter(bad), "400")
	}
	f(filter(call("exists", attr("a", "")))+"&query.serviceName=x", "400")
}

// An unknown trace is 404 in both faces, in their own words: Grafana reads data[0].
func TestNotFound(t *testing.T) {
	w := newWorld(t)
	w.send("other", "trace 3\n1 - secret op 0 1")
	for _, path := range []string{"/api/traces/77", "/api/traces/3", "/api/v3/traces/77", "/api/v3/traces/3"} {
		status, body := w.get(path)
		if status != http.StatusNotFound || strings.Contains(string(body), "secret") {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if strings.Contains(path, "v3") != strings.Contains(string(body), `"httpCode":404`) || !strings.Contains(path, "v3") && !strings.Contains(string(body), `"errors":[{"code":404`) {
			t.Errorf("%s: %s", path, body)
		}
	}
	if status, _ := w.get("/api/traces/zz"); status != http.StatusBadRequest {
		t.Errorf("an id that is none: %d", status)
	}
}

// Ids may be short hex or base64; prettyPrint is the same document with line breaks.
func TestTraceForms(t *testing.T) {
	w := newWorld(t)
	w.send("default", shop)
	_, want := w.get("/api/traces/00000000000000000000000000000001")
	for _, path := range []string{"/api/traces/1", "/api/traces/AAAAAAAAAAAAAAAAAAAAAQ==", "/api/traces/1?start=1&end=2&raw=true"} {
		if status, got := w.get(path); status != 200 || string(got) != string(want) {
			t.Errorf("%s: %d, %d bytes, want %d", path, status, len(got), len(want))
		}
	}
	_, pretty := w.get("/api/traces/1?prettyPrint=true")
	var a, b any
	if json.Unmarshal(pretty, &a) != nil || json.Unmarshal(want, &b) != nil || fmt.Sprint(a) != fmt.Sprint(b) || !strings.Contains(string(pretty), "\n    ") {
		t.Errorf("pretty: %s", pretty)
	}
}

// Archiving keeps a trace, and needs the scope for it.
func TestArchive(t *testing.T) {
	w := newWorld(t)
	w.send("default", shop)
	w.scopes = []api.AccessScope{"read"}
	if status, _ := w.do(http.MethodPost, "/api/archive/1", ""); status != http.StatusForbidden {
		t.Errorf("with scope read: %d", status)
	}
	w.scopes = []api.AccessScope{"operate"}
	if status, body := w.do(http.MethodPost, "/api/archive/1", ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := w.do(http.MethodPost, "/api/archive/77", ""); status != http.StatusNotFound {
		t.Errorf("an unknown trace: %d", status)
	}
	if got := w.keeps.notes["default/00000000000000000000000000000001"]; len(w.keeps.notes) != 1 || got == "" {
		t.Errorf("marks %v", w.keeps.notes)
	}
	w.scopes = []api.AccessScope{"ingest"}
	for _, path := range []string{"/api/services", "/api/traces", "/api/traces/1", "/api/v3/services", "/api/v3/traces"} {
		if status, _ := w.get(path); status != http.StatusForbidden {
			t.Errorf("%s with scope ingest: %d", path, status)
		}
	}
}

// Transform gives what reading the stored trace gives.
func TestTransform(t *testing.T) {
	w := newWorld(t)
	w.send("default", shop)
	_, one := w.get("/api/traces/1")
	_, two := w.get("/api/traces/2")
	status, got := w.do(http.MethodPost, "/api/transform", string(otlp.AppendJSON(nil, spantext.Parse(shop))))
	type doc struct{ Data []json.RawMessage }
	var a, b, c doc
	if json.Unmarshal(one, &a) != nil || json.Unmarshal(two, &b) != nil || json.Unmarshal(got, &c) != nil || status != 200 {
		t.Fatalf("%d %s", status, got)
	}
	if want := append(a.Data, b.Data...); !slices.EqualFunc(want, c.Data, func(x, y json.RawMessage) bool { return string(x) == string(y) }) {
		t.Errorf("got %s\nwant %s", c.Data, want)
	}
	if status, _ := w.do(http.MethodPost, "/api/transform", "{"); status != http.StatusBadRequest {
		t.Errorf("no JSON: %d", status)
	}
}

// The golden files are complete: none is left from an answer that no test asks for.
func TestGoldenFilesUsed(t *testing.T) {
	src, err := os.ReadFile("http_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.Contains(string(src), `"`+strings.TrimSuffix(f.Name(), ".json")+`"`) {
			t.Errorf("testdata/%s is not used", f.Name())
		}
	}
}
