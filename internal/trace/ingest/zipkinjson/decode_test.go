package zipkinjson_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/ingest/zipkinjson"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// A list of spans as OTLP JSON; the golden shows every rule of the translation.
func TestDecodeGolden(t *testing.T) {
	in, err := os.ReadFile("testdata/spans.json")
	if err != nil {
		t.Fatal(err)
	}
	b, rej, err := zipkinjson.Decode(in)
	if err != nil {
		t.Fatal(err)
	}
	if rej.Spans != 1 || len(rej.Reasons) != 1 || rej.Reasons[0] != "id is not a span id" {
		t.Errorf("rejected %+v", rej)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, otlp.AppendJSON(nil, b), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	const path = "testdata/spans.otlp.json"
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

func oneSpan(members string) string { return `[{"traceId":"1","id":"2"` + members + `}]` }

// One rule a line: kind, status, message, and the attributes.
func TestDecodeSpan(t *testing.T) {
	f := func(members string, kind span.Kind, status span.StatusCode, message, attrs string) {
		t.Helper()
		b, rej, err := zipkinjson.Decode([]byte(oneSpan(members + `,"timestamp":1`)))
		if err != nil || rej.Spans != 0 {
			t.Errorf("%s: %v %+v", members, err, rej)
			return
		}
		s := &b.Spans[0]
		var list []string
		for _, a := range b.AttrsOf(s.Attrs) {
			list = append(list, a.Key+"="+string(otlp.AppendPlainJSON(nil, a.Value)))
		}
		if got := strings.Join(list, " "); s.Kind != kind || s.Status != status || s.StatusMessage != message || got != attrs {
			t.Errorf("%s: kind %d status %d %q attributes %s, want %d %d %q %s", members, s.Kind, s.Status, s.StatusMessage, got, kind, status, message, attrs)
		}
	}
	f(``, 0, 0, "", "")
	f(`,"kind":"PRODUCER"`, span.KindProducer, 0, "", "")
	f(`,"kind":"CLIENT","tags":{"span.kind":"internal"}`, span.KindClient, 0, "", `span.kind="internal"`)
	f(`,"tags":{"span.kind":"internal"}`, span.KindInternal, 0, "", "")
	f(`,"tags":{"error":""}`, 0, span.StatusError, "", "")
	f(`,"tags":{"error":"true"}`, 0, span.StatusError, "", "")
	f(`,"tags":{"error":"boom"}`, 0, span.StatusError, "boom", `error="boom"`)
	f(`,"tags":{"error":"false"}`, 0, 0, "", `error="false"`)
	f(`,"tags":{"otel.status_code":"ERROR","otel.status_description":"d","error":"boom"}`, 0, span.StatusError, "d", `error="boom"`)
	f(`,"tags":{"b":"1","a":"2","b":"3"}`, 0, 0, "", `b="1" a="2" b="3"`)
	f(`,"tags":null,"localEndpoint":{"ipv6":"::1"}`, 0, 0, "", `net.host.ip="::1"`)
	f(`,"remoteEndpoint":{"serviceName":"db","port":5432}`, 0, 0, "", `peer.service="db" net.peer.port=5432`)
	f(`,"shared":true`, 0, 0, "", `zipkin.shared=true`)
}

// A span that cannot be read costs only itself.
func TestDecodeRejects(t *testing.T) {
	f := func(members, reason string) {
		t.Helper()
		in := strings.Replace(oneSpan(members), "[", `[{"traceId":"1","id":"3"},`, 1)
		b, rej, err := zipkinjson.Decode([]byte(in))
		if err != nil || len(b.Spans) != 1 || rej.Spans != 1 || rej.Reasons[0] != reason {
			t.Errorf("%s: %v %+v, want %s", members, err, rej, reason)
		}
	}
	f(`,"traceId":""`, "traceId is not a trace id")
	f(`,"id":"0"`, "id is not a span id")
	f(`,"parentId":"?"`, "parentId is not a span id")
	f(`,"timestamp":-1`, "timestamp is not a time up to 2262")
	f(`,"timestamp":1,"duration":9223372036854775`, "duration does not end by 2262")
	f(`,"annotations":[{"timestamp":1e40,"value":"x"}]`, "the timestamp of an annotation is not a time up to 2262")
	f(`,"tags":[]`, "expected an object")
	f(`,"name":{}`, "name: unexpected object")
}

func TestDecodeShapes(t *testing.T) {
	f := func(in string, spans int, fails string) {
		t.Helper()
		b, _, err := zipkinjson.Decode([]byte(in))
		switch {
		case fails != "" && (err == nil || err.Error() != fails):
			t.Errorf("%s: got %v, want %s", in, err, fails)
		case fails == "" && (err != nil || len(b.Spans) != spans):
			t.Errorf("%s: %v, want %d spans", in, err, spans)
		}
	}
	f(`[]`, 0, "")
	f(oneSpan(""), 1, "")
	f(`[`+oneSpan("")+`,`+oneSpan("")+`,[]]`, 2, "")
	f(`null`, 0, "decode Zipkin JSON: expected an array of spans")
	f(`[{]`, 0, "decode Zipkin JSON: invalid character ']' looking for beginning of object key string at offset 3")
}

// Whatever is accepted is a sound batch.
func FuzzDecode(f *testing.F) {
	in, err := os.ReadFile("testdata/spans.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(in)
	f.Add([]byte(oneSpan(`,"annotations":[{"timestamp":1,"value":"a|{}|0"}],"tags":{"otlp.link.0":"1|2||{}|0"}`)))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, _, err := zipkinjson.Decode(in)
		if err != nil {
			return
		}
		kept, rej, err := otlp.Decode(otlp.AppendRequest(nil, b), otlp.NoLimits())
		if err != nil || rej.Altered() || len(kept.Spans) != len(b.Spans) {
			t.Fatalf("not a sound batch: %v %+v", err, rej)
		}
		for i := range b.Spans {
			if !b.EqualSpan(i, kept, i) {
				t.Fatalf("span %d changes on its way", i)
			}
		}
	})
}
