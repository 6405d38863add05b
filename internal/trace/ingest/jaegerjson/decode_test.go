package jaegerjson_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/ingest/jaegerjson"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// A saved document as OTLP JSON; the golden shows every rule of the translation.
func TestDecodeGolden(t *testing.T) {
	in, err := os.ReadFile("testdata/trace.json")
	if err != nil {
		t.Fatal(err)
	}
	b, rej, err := jaegerjson.Decode(in)
	if err != nil {
		t.Fatal(err)
	}
	if rej.Spans != 1 || len(rej.Reasons) != 1 || rej.Reasons[0] != "spanID is not a span id" {
		t.Errorf("rejected %+v", rej)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, otlp.AppendJSON(nil, b), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	const path = "testdata/trace.otlp.json"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
	}
}

// oneSpan is a trace alone, with one span of the given members.
func oneSpan(members string) []byte {
	return []byte(`{"traceID":"1","spans":[{"traceID":"1","spanID":"2",` + members + `"processID":"p1"}],"processes":{"p1":{"serviceName":"s"}}}`)
}

// What tags become, one rule a line: kind, status, message, and the attributes left.
func TestDecodeTags(t *testing.T) {
	f := func(tags string, kind span.Kind, status span.StatusCode, message, rest string) {
		t.Helper()
		b, rej, err := jaegerjson.Decode(oneSpan(`"tags":[` + tags + `],`))
		if err != nil || rej.Spans != 0 {
			t.Errorf("%s: %v %+v", tags, err, rej)
			return
		}
		s := &b.Spans[0]
		var left []string
		for _, a := range b.AttrsOf(s.Attrs) {
			left = append(left, a.Key+"="+string(otlp.AppendPlainJSON(nil, a.Value)))
		}
		if got := strings.Join(left, " "); s.Kind != kind || s.Status != status || s.StatusMessage != message || got != rest {
			t.Errorf("%s: kind %d status %d %q attributes %s, want %d %d %q %s", tags, s.Kind, s.Status, s.StatusMessage, got, kind, status, message, rest)
		}
		if has := s.Presence == span.HasStatus; has != (status != span.StatusUnset || strings.Contains(tags, "otel.status_code")) {
			t.Errorf("%s: presence %v", tags, s.Presence)
		}
	}
	f(``, 0, 0, "", "")
	f(`{"key":"span.kind","value":"consumer"}`, span.KindConsumer, 0, "", "")
	f(`{"key":"span.kind","value":"odd"}`, 0, 0, "", "")
	f(`{"key":"error","type":"bool","value":true}`, 0, span.StatusError, "", "")
	f(`{"key":"error","type":"string","value":"true"}`, 0, span.StatusError, "", "")
	f(`{"key":"error","type":"bool","value":false}`, 0, 0, "", "error=false")
	f(`{"key":"error","type":"string","value":"timeout"},{"key":"otel.status_code","value":"ERROR"}`, 0, span.StatusError, "", `error="timeout"`)
	f(`{"key":"error","type":"bool","value":true},{"key":"otel.status_code","value":"OK"},{"key":"otel.status_description","value":"d"}`, 0, span.StatusError, "d", "")
	f(`{"key":"error","type":"bool","value":true},{"key":"http.status_message","value":"Bad Gateway"}`, 0, span.StatusError, "Bad Gateway", `http.status_message="Bad Gateway"`)
	f(`{"key":"otel.status_code","value":"ok"}`, 0, span.StatusOK, "", "")
	f(`{"key":"otel.status_code","value":"UNSET"}`, 0, 0, "", "")
	f(`{"key":"http.status_code","type":"int64","value":503},{"key":"span.kind","value":"server"}`, span.KindServer, span.StatusError, "", "http.status_code=503")
	f(`{"key":"http.status_code","type":"int64","value":404},{"key":"span.kind","value":"server"}`, span.KindServer, 0, "", "http.status_code=404")
	f(`{"key":"http.status_code","type":"string","value":"404"},{"key":"span.kind","value":"client"}`, span.KindClient, span.StatusError, "", `http.status_code="404"`)
	f(`{"key":"http.status_code","type":"int64","value":302}`, 0, 0, "", "http.status_code=302")
	f(`{"key":"http.status_code","type":"bool","value":true}`, 0, 0, "", "http.status_code=true")
	// Values by type, and as they are where they do not fit it.
	f(`{"key":"k","type":"int64","value":"12"},{"key":"k","type":"INT64","value":12},{"key":"k","type":"int64","value":"x"}`, 0, 0, "", `k=12 k=12 k="x"`)
	f(`{"key":"k","type":"float64","value":"NaN"},{"key":"k","type":"float64","value":2},{"key":"k","type":"bool","value":"true"}`, 0, 0, "", `k="NaN" k=2 k=true`)
	f(`{"key":"k","type":"binary","value":"*"},{"key":"k","type":"string","value":7},{"key":"k","value":1.5},{"key":"k","type":"string","value":null}`, 0, 0, "", `k="*" k="7" k=1.5 k=null`)
	f(`{"key":"k","value":{"a": [1]}},{"key":"k"}`, 0, 0, "", `k="{\"a\": [1]}" k=null`)
}

// A span that cannot be read costs only itself.
func TestDecodeRejects(t *testing.T) {
	f := func(members, reason string) {
		t.Helper()
		in := bytes.Replace(oneSpan(members), []byte(`"spans":[`), []byte(`"spans":[{"traceID":"1","spanID":"3"},`), 1)
		b, rej, err := jaegerjson.Decode(in)
		if err != nil || len(b.Spans) != 1 || rej.Spans != 1 || rej.Reasons[0] != reason {
			t.Errorf("%s: %v %d spans, %+v, want %s", members, err, len(b.Spans), rej, reason)
		}
	}
	f(`"traceID":"0",`, "traceID is not a trace id")
	f(`"traceID":"123456789012345678901234567890123",`, "traceID is not a trace id")
	f(`"spanID":"",`, "spanID is not a span id")
	f(`"startTime":-1,`, "startTime is not a time up to 2262")
	f(`"startTime":9223372036854776,`, "startTime is not a time up to 2262")
	f(`"startTime":9223372036854775,"duration":1,`, "duration does not end by 2262")
	f(`"duration":1e300,`, "duration does not end by 2262")
	f(`"parentSpanID":"x",`, "parentSpanID is not a span id")
	f(`"references":[{"refType":"CHILD_OF","traceID":"1","spanID":"-"}],`, "a reference does not hold ids")
	f(`"logs":[{"timestamp":-5}],`, "the timestamp of a log is not a time up to 2262")
	f(`"flags":-1,`, "flags are not a number of 32 bits")
	f(`"operationName":7,`, "operationName: unexpected number")
}

func TestDecodeShapes(t *testing.T) {
	f := func(in string, spans int, fails string) {
		t.Helper()
		b, _, err := jaegerjson.Decode([]byte(in))
		switch {
		case fails != "" && (err == nil || err.Error() != fails):
			t.Errorf("%s: got %v, want %s", in, err, fails)
		case fails == "" && (err != nil || len(b.Spans) != spans):
			t.Errorf("%s: %v, want %d spans", in, err, spans)
		}
	}
	one := string(oneSpan(""))
	f(one, 1, "")
	f(`{"data":[`+one+`,`+one+`]}`, 2, "")
	f(`{"data":`+one+`}`, 1, "")
	f(`{"data":[]}`, 0, "")
	f(`{"data":null}`, 0, "")
	f(`{}`, 0, `decode Jaeger JSON: neither "data" nor "spans" is there`)
	f(`{"data":[}`, 0, "decode Jaeger JSON: invalid character '}' looking for beginning of value at offset 10")
	f(`{"data":7}`, 0, "decode Jaeger JSON: json: cannot unmarshal number into Go value of type []jaegerjson.trace")
}

// The oldest documents name the parent in a field; a process may lie in the span.
func TestDecodeOldForms(t *testing.T) {
	b, _, err := jaegerjson.Decode(oneSpan(`"parentSpanID":"a","process":{"serviceName":"own","tags":[{"key":"hostname","value":"h"},{"key":"host.name","value":"g"}]},`))
	if err != nil || b.Spans[0].Parent != (span.SpanID{7: 10}) || b.Service(&b.Spans[0]) != "own" {
		t.Fatalf("%v %+v", err, b)
	}
	if v, _ := b.Get(b.ResourceOf(&b.Spans[0]).Attrs, "hostname"); v != span.String("h") {
		t.Errorf("hostname was renamed over another host.name")
	}
}

// What Jaeger's form can hold comes back from it.
func TestEncodeDecode(t *testing.T) {
	want := sample()
	got, rej, err := jaegerjson.Decode(jaegerjson.AppendTraces(nil, want))
	if err != nil || rej.Spans != 0 || len(got.Spans) != len(want.Spans) {
		t.Fatalf("%v %+v", err, rej)
	}
	us := func(ns int64) int64 { return ns / 1000 * 1000 }
	for i := range want.Spans {
		w, g := &want.Spans[i], &got.Spans[i]
		if g.TraceID != w.TraceID || g.SpanID != w.SpanID || g.Parent != w.Parent || g.Kind != w.Kind || g.Status != w.Status ||
			g.StatusMessage != w.StatusMessage || g.TraceState != w.TraceState || g.Flags != w.Flags ||
			g.Start != us(w.Start) || g.End-g.Start != us(w.Duration()) || g.Name != strings.ToValidUTF8(w.Name, "\uFFFD") ||
			got.Scopes[g.Scope].Name != want.Scopes[w.Scope].Name || got.Scopes[g.Scope].Version != want.Scopes[w.Scope].Version {
			t.Errorf("span %d: got %+v, want %+v", i, g, w)
		}
		if len(got.EventsOf(g)) != len(want.EventsOf(w)) || len(got.LinksOf(g)) != len(want.LinksOf(w)) {
			t.Errorf("span %d: events %d links %d", i, len(got.EventsOf(g)), len(got.LinksOf(g)))
		}
		for _, a := range want.AttrsOf(w.Attrs) {
			v, ok := got.Get(g.Attrs, a.Key)
			switch a.Value.Kind {
			case span.ValueArray, span.ValueMap:
				a.Value = span.String(string(otlp.AppendPlainJSON(nil, a.Value)))
			case span.ValueEmpty:
				a.Value = span.String("")
			case span.ValueDouble:
				if a.Value.Double() != a.Value.Double() && v.Double() != v.Double() {
					continue // both are NaN
				}
			}
			if !ok || v != a.Value {
				t.Errorf("span %d: %s = %+v, want %+v", i, a.Key, v, a.Value)
			}
		}
	}
}

// Warnings of a document are warnings again in the next.
func TestWarningsReturn(t *testing.T) {
	b, _, err := jaegerjson.Decode(oneSpan(`"duration":1,"startTime":1,"warnings":["clock skew","a \"b\""],`))
	if err != nil {
		t.Fatal(err)
	}
	out := jaegerjson.AppendTrace(nil, b)
	if !bytes.Contains(out, []byte(`"tags":[],`)) || !bytes.Contains(out, []byte(`"warnings":["clock skew","a \"b\""]`)) {
		t.Errorf("got %s", out)
	}
}

// Whatever is accepted can be written, read again and is then the same.
func FuzzDecode(f *testing.F) {
	in, err := os.ReadFile("testdata/trace.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(in)
	f.Add(oneSpan(`"tags":[{"key":"k","type":"int64","value":"12"}],`))
	f.Add([]byte(`{"data":{"spans":[{"traceID":"f","spanID":"1","startTime":1.5,"duration":1e3}]}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, _, err := jaegerjson.Decode(in)
		if err != nil {
			return
		}
		kept, rej, err := otlp.Decode(otlp.AppendRequest(nil, b), otlp.NoLimits())
		if err != nil || rej.Altered() || len(kept.Spans) != len(b.Spans) {
			t.Fatalf("not a sound batch: %v %+v", err, rej)
		}
		out := jaegerjson.AppendTraces(nil, b)
		if !json.Valid(out) {
			t.Fatalf("invalid JSON: %s", out)
		}
		again, rej, err := jaegerjson.Decode(out)
		if err != nil || rej.Spans != 0 || len(again.Spans) != len(b.Spans) {
			t.Fatalf("%v %+v\n%s", err, rej, out)
		}
	})
}
