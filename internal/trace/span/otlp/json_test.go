package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/trace/span"
)

// mapIDs rewrites the ids of a JSON request, which protojson has in base64 and OTLP in hex.
func mapIDs(t *testing.T, buf []byte, f func(string) string) []byte {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(buf))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, e := range v {
				switch key {
				case "traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id":
					v[key] = f(e.(string))
				default:
					walk(e)
				}
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(tree)
	out, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func toHex(s string) string {
	b, _ := base64.StdEncoding.DecodeString(s)
	return hex.EncodeToString(b)
}

func toBase64(s string) string {
	b, _ := hex.DecodeString(s)
	return base64.StdEncoding.EncodeToString(b)
}

// Requests that JSON can hold mean the same in JSON and in protobuf, in both directions,
// judged by protobuf's own JSON codec.
func TestJSONEqualsProtobuf(t *testing.T) {
	seeds := uint64(160)
	if testing.Short() { // one goroutine
		seeds = 16
	}
	for seed := uint64(0); seed < seeds; seed += 2 { // even seeds are plain
		m := newMaker(seed)
		want := m.request()
		b, _ := decode(t, marshal(t, want), NoLimits())

		official := &collector.ExportTraceServiceRequest{}
		if err := protojson.Unmarshal(mapIDs(t, AppendJSON(nil, b), toBase64), official); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !proto.Equal(official, want) {
			t.Fatalf("seed %d: our JSON read by protojson: got\n%v\nwant\n%v", seed, official, want)
		}
		for _, o := range []protojson.MarshalOptions{
			{}, {UseProtoNames: true, Multiline: true}, {UseEnumNumbers: true, EmitUnpopulated: true},
		} {
			text, err := o.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			got, rej, err := DecodeJSON(mapIDs(t, text, toHex), NoLimits())
			if err != nil || rej.Altered() {
				t.Fatalf("seed %d: %v %+v\n%s", seed, err, rej, text)
			}
			if !bytes.Equal(AppendRequest(nil, got), AppendRequest(nil, b)) {
				t.Fatalf("seed %d: protojson's text read by us: got\n%s\nwant\n%s", seed, AppendJSON(nil, got), AppendJSON(nil, b))
			}
		}
	}
}

// jsonSpan wraps the members of one span in a request; ids are there.
func jsonSpan(members string) string {
	return `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"000102030405060708090A0B0C0D0E0F","spanId":"0102030405060708"` +
		members + `}]}]}]}`
}

func TestJSONSpellings(t *testing.T) {
	f := func(members, want string) {
		t.Helper()
		b, rej, err := DecodeJSON([]byte(jsonSpan(members)), Limits{})
		if err != nil || rej.Altered() {
			t.Errorf("%s: %v %+v", members, err, rej)
			return
		}
		got := strings.TrimPrefix(string(AppendSpanJSON(nil, b, 0)), `{"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"0102030405060708"`)
		if want != "" {
			want += ","
		}
		got = strings.Replace(strings.TrimSuffix(got, "}")+",", `,"startTimeUnixNano":"0","endTimeUnixNano":"0"`, "", 1)
		if got != ","+want && got != want {
			t.Errorf("%s: got %s, want %s", members, got, want)
		}
	}
	f(``, ``)
	f(`,"kind":3`, `"kind":3`)
	f(`,"kind":"SPAN_KIND_CLIENT"`, `"kind":3`)
	f(`,"kind":"4"`, `"kind":4`)
	f(`,"kind":-7`, `"kind":-7`)
	f(`,"status":{"code":"STATUS_CODE_ERROR","message":"m"}`, `"status":{"message":"m","code":2}`)
	f(`,"status":{}`, `"status":{}`)
	f(`,"status":null`, ``)
	f(`,"name":"a","name":"b"`, `"name":"b"`)
	f(`,"someday":{"x":[1,{"y":null},"\u00e9",-1.5e-3,true,false]},"name":"n"`, `"name":"n"`)
	f(` , "name" : "\u00e9\ud83d\ude00\/\b\f\n\r\t\\\"" `, `"name":"é😀/\u0008\u000c\n\r\t\\\""`)
	f(`,"name":"\ud83d"`, `"name":"�"`)
	f(`,"name":"\ud83dx"`, `"name":"�x"`)
	f(`,"name":"\ud83d\u0041"`, `"name":"�A"`)
	f(`,"name":"\ude00\ud83d\ude00"`, `"name":"�😀"`)
	f(`,"parentSpanId":""`, ``)
	f(`,"parent_span_id":"00000000000000ff"`, `"parentSpanId":"00000000000000ff"`)
	f(`,"droppedAttributesCount":"7","dropped_events_count":8.0,"flags":4294967295`, `"droppedAttributesCount":7,"droppedEventsCount":8,"flags":4294967295`)
	f(`,"attributes":[{"key":"k"},{"key":"k","value":{}},{"key":"k","value":null},null]`, `"attributes":[{"key":"k"},{"key":"k","value":{}},{"key":"k"},{"key":""}]`)
	f(`,"attributes":[{"key":"k","value":{"int_value":-9223372036854775808}}]`, `"attributes":[{"key":"k","value":{"intValue":"-9223372036854775808"}}]`)
	f(`,"attributes":[{"key":"k","value":{"doubleValue":"-Infinity"}},{"key":"k","value":{"doubleValue":"1e3"}}]`, `"attributes":[{"key":"k","value":{"doubleValue":"-Infinity"}},{"key":"k","value":{"doubleValue":1000}}]`)
	f(`,"attributes":[{"key":"k","value":{"bytesValue":"-_8"}},{"key":"k","value":{"bytesValue":"+/8="}}]`, `"attributes":[{"key":"k","value":{"bytesValue":"+/8="}},{"key":"k","value":{"bytesValue":"+/8="}}]`)
	f(`,"attributes":[{"key":"k","value":{"stringValue":null,"boolValue":false}}]`, `"attributes":[{"key":"k","value":{"boolValue":false}}]`)
	f(`,"attributes":[{"key":"k","value":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":1},{}]}}}]}}}]`,
		`"attributes":[{"key":"k","value":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"1"},{}]}}}]}}}]`)
	f(`,"events":[{"timeUnixNano":"5","name":"e"}],"links":[{"traceId":"","spanId":"0a"}]`, `"events":[{"timeUnixNano":"5","name":"e"}],"links":[{}]`)
}

func TestJSONNumbers(t *testing.T) {
	f := func(text string, want uint64, negative, ok bool) {
		t.Helper()
		v, neg, good := wholeNumber(text)
		if good != ok || ok && (v != want || neg != negative) {
			t.Errorf("wholeNumber(%q) = %d %v %v, want %d %v %v", text, v, neg, good, want, negative, ok)
		}
	}
	f("0", 0, false, true)
	f("-0", 0, true, true)
	f("18446744073709551615", math.MaxUint64, false, true)
	f("18446744073709551616", 0, false, false)
	f("1.6e18", 1600000000000000000, false, true)
	f("1.5E+3", 1500, false, true)
	f("15e-1", 0, false, false)
	f("150e-1", 15, false, true)
	f("-2.0", 2, true, true)
	f("0.0e-9", 0, false, true)
	f("1e400000000000000000000", 0, false, false)
	f("", 0, false, false)
	f("1.", 0, false, false)
	f("0x10", 0, false, false)
	f("1_0", 0, false, false)
	f("--1", 0, false, false)
}

// Values that do not fit cost their span only, and the reason names the field.
func TestJSONRejects(t *testing.T) {
	f := func(members, reason string) {
		t.Helper()
		good := `{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"good"}`
		text := strings.TrimSuffix(jsonSpan(members), `]}]}]}`) + `,` + good + `]}]}]}`
		b, rej, err := DecodeJSON([]byte(text), Limits{})
		if err != nil {
			t.Errorf("%s: %v", members, err)
			return
		}
		if len(b.Spans) != 1 || b.Spans[0].Name != "good" || rej.Spans != 1 || len(rej.Reasons) != 1 || rej.Reasons[0] != reason {
			t.Errorf("%s: %d spans, %+v, want reason %q", members, len(b.Spans), rej, reason)
		}
	}
	f(`,"traceId":"xyz"`, "traceId: expected hex digits, an even number")
	f(`,"traceId":"0g"`, "traceId: expected hex digits")
	f(`,"traceId":"00"`, "trace_id has 1 bytes, not 16")
	f(`,"traceId":"00000000000000000000000000000000"`, "trace_id is zero")
	f(`,"spanId":5`, "spanId: expected a string")
	f(`,"kind":"SERVER"`, "kind: expected SPAN_KIND_UNSPECIFIED or another name or number of that kind")
	f(`,"startTimeUnixNano":-1`, "startTimeUnixNano: expected a whole number from 0 to 2^64-1")
	f(`,"startTimeUnixNano":"9223372036854775808"`, "start_time_unix_nano is past the year 2262")
	f(`,"attributes":[{"key":"k"},{"key":"k","value":{"intValue":"1.5"}}]`, "attributes[1].value.intValue: expected a whole number of 64 bits")
	f(`,"attributes":{"k":"v"}`, "attributes: expected an array")
	f(`,"attributes":[{"value":{"boolValue":"true"}}]`, "attributes[0].value.boolValue: expected true or false")
	f(`,"attributes":[{"value":{"doubleValue":"0x1p-2"}}]`, "attributes[0].value.doubleValue: expected a number")
	f(`,"attributes":[{"value":{"bytesValue":"*"}}]`, "attributes[0].value.bytesValue: expected base64")
	f(`,"events":[{"attributes":[3]}]`, "events[0].attributes[0]: expected an object")
}

// Damaged JSON fails the request at the byte where it is damaged.
func TestJSONSyntax(t *testing.T) {
	f := func(text string, offset int, path, reason string) {
		t.Helper()
		_, _, err := DecodeJSON([]byte(text), Limits{})
		var bad *SyntaxError
		if !errors.As(err, &bad) || bad.Offset != offset || bad.Path != path || bad.Reason != reason {
			t.Errorf("%s: got %v, want %s: %s at offset %d", text, err, path, reason, offset)
		}
	}
	f(``, 0, "", "unexpected end of text")
	f(`[]`, 0, "", "expected an object")
	f(`{} x`, 3, "", "text behind the end of the value")
	f(`{"a"}`, 4, "", "expected ':'")
	f(`{"a":1,}`, 7, "", "expected a key")
	f(`{"a":tru}`, 5, "a", "unexpected character")
	f(`{"a":01}`, 6, "", "expected ',' or '}'")
	f(`{"a":-}`, 6, "a", "invalid number")
	f(`{"a":"\x"}`, 7, "a", `invalid escape`)
	f(`{"a":"\u12"}`, 8, "a", `invalid \u escape`)
	f("{\"a\":\"\n\"}", 6, "a", "control character in a string")
	f(`{"a":"`, 6, "a", "string does not end")
	f(`{"resourceSpans":[{"resource":7}]}`, 30, "resourceSpans[0].resource", "expected an object")
	f(`{"resourceSpans":[{},{"scopeSpans":[{"spans":[{"name":"a",,]}]}]}`, 58, "resourceSpans[1].scopeSpans[0].spans[0]", "expected a key")
	f(strings.Repeat(`{"a":`, maxJSONDepth+1), 5*maxJSONDepth+1, strings.Repeat("a.", maxJSONDepth-1)+"a", "nested too deep")
	f(`{"resourceSpans":[{"`+strings.Repeat("k", 100)+`":?}]}`, 122, "resourceSpans[0]."+strings.Repeat("k", 64), "unexpected character")
}

// A value nested deeper than the limit arrives cut and marked, whatever its form was.
func TestJSONDepth(t *testing.T) {
	nested := strings.Repeat(`{"arrayValue":{"values":[`, 500) + strings.Repeat(`]}}`, 500)
	b, rej, err := DecodeJSON([]byte(jsonSpan(`,"attributes":[{"key":"deep","value":`+nested+`}]`)), Limits{Depth: 3})
	if err != nil || rej.Truncated != 1 || b.Spans[0].Marks != span.MarkTruncated {
		t.Fatalf("%v %+v %v", err, rej, b.Spans)
	}
	got := string(AppendPlainJSON(nil, b.Attrs[0].Value))
	if got != "[[[null]]]" {
		t.Errorf("got %s", got)
	}
}
