package otlp

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/trace/span"
)

// field is one length-delimited field; num and fixed are the other kinds.
func field(n int32, content ...string) string {
	return string(protowire.AppendBytes(protowire.AppendTag(nil, protowire.Number(n), protowire.BytesType), []byte(strings.Join(content, ""))))
}

func num(n int32, v uint64) string {
	return string(protowire.AppendVarint(protowire.AppendTag(nil, protowire.Number(n), protowire.VarintType), v))
}

func fixed64(n int32, v uint64) string {
	return string(protowire.AppendFixed64(protowire.AppendTag(nil, protowire.Number(n), protowire.Fixed64Type), v))
}

func kv(key, value string) string { return field(1, key) + field(2, value) }

const (
	goodTrace = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
	goodSpan  = "\x01\x02\x03\x04\x05\x06\x07\x08"
)

// oneSpan is a request with one span that has good ids and the given fields.
func oneSpan(fields ...string) []byte {
	return []byte(field(1, field(2, field(2, field(1, goodTrace), field(2, goodSpan), strings.Join(fields, "")))))
}

// plain shows attributes as a person would write them.
func plain(b *span.Batch, r span.Range) string {
	var out []string
	for _, a := range b.AttrsOf(r) {
		out = append(out, a.Key+"="+string(AppendPlainJSON(nil, a.Value)))
	}
	return strings.Join(out, " ")
}

// Spans that the model cannot hold are left out alone, and the reasons say why, each once.
func TestRejects(t *testing.T) {
	f := func(spanFields, reason string) {
		t.Helper()
		good := field(2, field(1, goodTrace), field(2, goodSpan), field(9, kv("a", field(1, "b"))))
		buf := field(1, field(2, good, field(2, spanFields, field(9, kv("x", field(1, "y")), num(77, 1)), field(11, field(2, "e")), field(13)), good))
		b, rej := decode(t, []byte(buf), Limits{})
		if len(b.Spans) != 2 || rej.Spans != 1 || len(rej.Reasons) != 1 || rej.Reasons[0] != reason {
			t.Errorf("%q: %d spans, %+v, want reason %q", spanFields, len(b.Spans), rej, reason)
		}
		if len(b.Attrs) != 2 || len(b.Events) != 0 || len(b.Links) != 0 || len(b.AttrUnknown) != 0 {
			t.Errorf("%q: the rejected span left something behind: %+v", spanFields, b)
		}
		if !rej.Altered() {
			t.Error("a request with a rejected span has to count as altered")
		}
	}
	id := field(1, goodTrace) + field(2, goodSpan)
	f("", "trace_id has 0 bytes, not 16")
	f(field(1, goodTrace[:15])+field(2, goodSpan), "trace_id has 15 bytes, not 16")
	f(field(1, zeros)+field(2, goodSpan), "trace_id is zero")
	f(field(1, goodTrace), "span_id has 0 bytes, not 8")
	f(field(1, goodTrace)+field(2, zeros[:8]), "span_id is zero")
	f(id+field(2, zeros[:8]), "span_id is zero") // the last one counts
	f(id+field(4, "1234567"), "parent_span_id has 7 bytes, not 8")
	f(id+fixed64(7, math.MaxInt64+1), "start_time_unix_nano is past the year 2262")
	f(id+fixed64(8, math.MaxUint64), "end_time_unix_nano is past the year 2262")
}

func TestRejectedReasonsAreFew(t *testing.T) {
	var spans string
	for i := range 1000 {
		spans += field(2, field(1, strings.Repeat("x", i%10)))
	}
	_, rej := decode(t, []byte(field(1, field(2, spans))), Limits{})
	if rej.Spans != 1000 || len(rej.Reasons) != maxReasons {
		t.Errorf("got %+v", rej)
	}
}

// Edge values that the model does hold.
func TestAccepts(t *testing.T) {
	f := func(fields string, check func(b *span.Batch, s *span.Span) bool) {
		t.Helper()
		b, rej := decode(t, oneSpan(fields), Limits{})
		if rej.Altered() || len(b.Spans) != 1 {
			t.Fatalf("%q: %+v", fields, rej)
		}
		if !check(b, &b.Spans[0]) {
			t.Errorf("%q: %+v", fields, b.Spans[0])
		}
	}
	f(fixed64(7, math.MaxInt64)+fixed64(8, 5), func(_ *span.Batch, s *span.Span) bool { return s.Start == math.MaxInt64 && s.End == 5 })
	f(field(4), func(_ *span.Batch, s *span.Span) bool { return s.Parent.IsZero() && s.Unknown == "" })
	f(field(4, zeros[:8]), func(_ *span.Batch, s *span.Span) bool { return s.Parent.IsZero() && s.Unknown == field(4, zeros[:8]) })
	f(field(4, "short")+field(4, "12345678"), func(_ *span.Batch, s *span.Span) bool { return string(s.Parent[:]) == "12345678" && s.Unknown == "" })
	f(field(15), func(_ *span.Batch, s *span.Span) bool { return s.Presence == span.HasStatus && s.Status == 0 })
	f(field(15, field(2, "m"), num(3, 2), num(1, 9))+field(15, num(3, 1), num(1, 8)), func(_ *span.Batch, s *span.Span) bool {
		return s.StatusMessage == "m" && s.Status == span.StatusOK && s.StatusUnknown == num(1, 9)+num(1, 8)
	})
	f(num(6, 1<<32|3), func(_ *span.Batch, s *span.Span) bool { return s.Kind == span.KindClient })
	f(num(6, math.MaxUint64), func(_ *span.Batch, s *span.Span) bool { return s.Kind == -1 })
	f(num(7, 5), func(_ *span.Batch, s *span.Span) bool { return s.Start == 0 && s.Unknown == num(7, 5) }) // not its wire type
	f(field(11, fixed64(1, math.MaxUint64)), func(b *span.Batch, s *span.Span) bool {
		return b.Events[0].Time == math.MaxInt64 && b.Events[0].Unknown == fixed64(1, math.MaxUint64)
	})
	f(field(13, field(1, "odd"), field(2, goodSpan), num(50, 1)), func(b *span.Batch, s *span.Span) bool {
		return b.Links[0].TraceID.IsZero() && string(b.Links[0].SpanID[:]) == goodSpan && b.Links[0].Unknown == num(50, 1)+field(1, "odd")
	})
	f(field(9, field(1, "k"), num(3, 7), field(2, num(3, 1)), num(60, 1)), func(b *span.Batch, s *span.Span) bool {
		return b.Attrs[0] == (span.Attr{Key: "k", Value: span.Int(1)}) && b.AttrUnknown[0] == num(3, 7)+num(60, 1)
	})
}

// Of several alternatives of a value the last counts, lists that follow one another are
// joined, and what has an unknown field is opaque but still shows what is known.
func TestValueAlternatives(t *testing.T) {
	f := func(anyValue string, kind span.ValueKind, want string) {
		t.Helper()
		for _, value := range []string{field(2, anyValue), field(2, anyValue[:0]) + field(2, anyValue)} {
			b, _ := decode(t, oneSpan(field(9, field(1, "k")+value)), Limits{})
			v := b.Attrs[0].Value
			if got := string(AppendPlainJSON(nil, v)); v.Kind != kind || got != want {
				t.Errorf("%q: kind %d %s, want %d %s", anyValue, v.Kind, got, kind, want)
			}
			var official trace.TracesData
			if err := proto.Unmarshal(AppendRequest(nil, b), &official); err != nil {
				t.Fatal(err)
			}
			in := &common.AnyValue{}
			if err := proto.Unmarshal([]byte(anyValue), in); err != nil {
				t.Fatal(err)
			}
			if out := official.ResourceSpans[0].ScopeSpans[0].Spans[0].Attributes[0].Value; !proto.Equal(in, out) {
				t.Errorf("%q: protobuf reads %v, and from us %v", anyValue, in, out)
			}
		}
	}
	one, two := field(1, num(3, 1)), field(1, num(3, 2))
	f("", span.ValueEmpty, "null")
	f(field(1, "a")+field(1, "b"), span.ValueString, `"b"`)
	f(field(1, "a")+num(3, 5), span.ValueInt, "5")
	f(field(5, one)+field(5, two), span.ValueArray, "[1,2]")
	f(field(5, one)+field(5)+field(5, two), span.ValueArray, "[1,2]")
	f(field(5, one)+field(1, "a")+field(5, two), span.ValueArray, "[2]")
	f(field(5, one)+field(6, field(1, kv("a", num(2, 1)))), span.ValueMap, `{"a":true}`)
	f(field(5, one, two), span.ValueArray, "[1,2]")
	f(num(3, 5)+num(8, 1), span.ValueOpaque, "5")
	f(num(1, 5), span.ValueOpaque, "null")
	f(field(5, field(1, num(2, 1), num(99, 1))), span.ValueArray, "[true]")
	f(field(6, field(1, field(2, num(3, 1)), field(1, "k"), field(2, num(3, 2)))), span.ValueMap, `{"k":2}`)
}

// A resource or scope that comes in pieces is one, its spans in between or not.
func TestMergedMessages(t *testing.T) {
	s := field(2, field(1, goodTrace), field(2, goodSpan))
	scope := field(2, field(1, field(1, "n"), field(3, kv("a", num(3, 1)))), s, field(1, field(2, "v"), field(3, kv("b", num(3, 2))), num(90, 1)))
	buf := field(1, field(1, field(1, kv("r1", num(3, 1))), num(2, 4)), scope, field(1, field(1, kv("r2", num(3, 2)))), field(3, "u"), num(91, 1))
	b, _ := decode(t, []byte(buf), Limits{})
	r, sc := b.Resources[0], b.Scopes[0]
	if got := plain(b, r.Attrs); got != "r1=1 r2=2" || r.Dropped != 4 || r.SchemaURL != "u" || r.GroupUnknown != num(91, 1) {
		t.Errorf("resource %s %+v", got, r)
	}
	if got := plain(b, sc.Attrs); got != "a=1 b=2" || sc.Name != "n" || sc.Version != "v" || sc.Unknown != num(90, 1) {
		t.Errorf("scope %s %+v", got, sc)
	}
}

// Groups without spans do not reach the Batch.
func TestEmptyGroups(t *testing.T) {
	s := field(2, field(1, goodTrace), field(2, goodSpan))
	resource := field(1, field(1, kv("r", num(3, 1))))
	scope := field(1, field(1, "n"), field(3, kv("a", num(3, 1))))
	buf := field(1, resource) + field(1, resource, field(2, scope)) + field(1, resource, field(2, scope), field(2, scope, s), field(2, scope)) + num(5, 5)
	b, rej := decode(t, []byte(buf), Limits{})
	if len(b.Resources) != 1 || len(b.Scopes) != 1 || len(b.Spans) != 1 || len(b.Attrs) != 2 || rej.Altered() {
		t.Errorf("%+v %+v", b, rej)
	}
	if got := string(AppendRequest(nil, b)); got != field(1, resource, field(2, scope, s)) {
		t.Errorf("got %q", got)
	}
}

// Text that is not UTF-8 is kept and marks every span it concerns.
func TestInvalidUTF8(t *testing.T) {
	const bad = "caf\xe9"
	id := field(1, goodTrace) + field(2, goodSpan)
	f := func(buf string, want ...span.Marks) {
		t.Helper()
		b, rej := decode(t, []byte(buf), Limits{})
		if rej.Altered() {
			t.Errorf("%q: altered", buf)
		}
		var got []span.Marks
		for _, s := range b.Spans {
			got = append(got, s.Marks)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: marks %v, want %v", buf, got, want)
		}
		if string(AppendRequest(nil, b)) != buf {
			t.Errorf("%q: bytes changed", buf)
		}
		if js := AppendJSON(nil, b); bytes.Contains(js, []byte("\xe9")) || want[0] != 0 && !bytes.Contains(js, []byte("caf\uFFFD")) {
			t.Errorf("%q: JSON %s", buf, js)
		}
	}
	inSpan := func(fields string) string { return field(1, field(2, field(2, id+fields), field(2, id))) }
	f(inSpan(""), 0, 0)
	f(inSpan(field(5, bad)), span.MarkInvalidUTF8, 0)
	f(inSpan(field(9, kv(bad, num(3, 1)))), span.MarkInvalidUTF8, 0)
	f(inSpan(field(9, kv("k", field(1, bad)))), span.MarkInvalidUTF8, 0)
	f(inSpan(field(9, kv("k", field(6, field(1, kv("k", field(5, field(1, field(1, bad))))))))), span.MarkInvalidUTF8, 0)
	f(inSpan(field(9, kv("k", field(6, field(1, kv(bad, "")))))), span.MarkInvalidUTF8, 0)
	f(inSpan(field(11, field(2, bad))), span.MarkInvalidUTF8, 0)
	f(inSpan(field(13, field(3, bad))), span.MarkInvalidUTF8, 0)
	f(inSpan(field(15, field(2, bad))), span.MarkInvalidUTF8, 0)
	f(field(1, field(2, field(1, field(1, bad)), field(2, id)), field(2, field(2, id))), span.MarkInvalidUTF8, 0)
	f(field(1, field(1, field(1, kv("k", field(1, bad)))), field(2, field(2, id)), field(2, field(2, id))), span.MarkInvalidUTF8, span.MarkInvalidUTF8)
	f(field(1, field(2, field(2, id), field(3, bad))), span.MarkInvalidUTF8)
}

// Bytes that are not protobuf fail the request, with the place.
func TestSyntaxErrors(t *testing.T) {
	f := func(buf string, offset int, path, reason string) {
		t.Helper()
		_, _, err := Decode([]byte(buf), Limits{})
		var bad *SyntaxError
		if !errors.As(err, &bad) || bad.Offset != offset || bad.Path != path || bad.Reason != reason {
			t.Errorf("%q: got %v, want %s: %s at offset %d", buf, err, path, reason, offset)
		}
		if err := proto.Unmarshal([]byte(buf), &trace.TracesData{}); err == nil {
			t.Errorf("%q: protobuf takes it", buf)
		}
	}
	f("\x0a", 1, "", "varint is cut short")
	f("\x0a\x05", 2, "", "length runs past the end of the message")
	f("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "", "length runs past the end of the message")
	f("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 1, "", "varint is longer than 64 bits")
	f("\x00\x01", 1, "", "field number out of range")
	f("\x80\x80\x80\x80\x10\x01", 5, "", "field number out of range")
	f("\x0c", 1, "", "invalid wire type")
	f("\x0f", 1, "", "invalid wire type")
	f("\x0d\x01", 1, "", "4-byte field is cut short")
	f("\x09\x01", 1, "", "8-byte field is cut short")
	f("\x13", 1, "", "varint is cut short")
	f("\x13\x1c", 2, "", "group ends with another field's number")
	f("\x13\x0a\x09\x14", 3, "", "length runs past the end of the message")
	f(strings.Repeat("\x13", maxDepth+1), maxDepth+1, "", "groups are nested too deep")
	f(field(1, field(2, field(2, field(9, "\x0a")))), 9, "resource_spans[0].scope_spans[0].spans[0].attributes[0]", "varint is cut short")
	f(field(1, field(2, field(2), field(2, field(11), field(11, field(3), field(3, field(2, "\x0f")))))), 19,
		"resource_spans[0].scope_spans[0].spans[1].events[1].attributes[1].value", "invalid wire type")
	f(field(1, field(2, field(2, field(13, "\x0f")))), 9, "resource_spans[0].scope_spans[0].spans[0].links[0]", "invalid wire type")
	f(field(1, field(2, field(2, field(15, "\x0f")))), 9, "resource_spans[0].scope_spans[0].spans[0].status", "invalid wire type")
	f(field(1, field(2))+field(1, field(2), field(2, field(1, "\x0f"))), 13, "resource_spans[1].scope_spans[1].scope", "invalid wire type")
	f(field(1, field(1, "\x0f")), 5, "resource_spans[0].resource", "invalid wire type")
	f(field(1, field(1, field(1, field(2, field(6, field(1, field(2, field(5, field(1, "\x0f"))))))))), 19,
		"resource_spans[0].resource.attributes[0].value.values[0].value.values[0]", "invalid wire type")
}

// What is not looked at in a Batch is still checked, so that damage never depends on limits.
func TestSyntaxErrorBehindLimits(t *testing.T) {
	lim := Limits{AttrsPerSpan: 1, EventsPerSpan: 1, LinksPerSpan: 1}
	for _, n := range []int32{9, 11, 13} {
		buf := oneSpan(field(n), field(n, "\x0f"))
		if _, _, err := Decode(buf, lim); err == nil {
			t.Errorf("field %d: no error", n)
		}
	}
}

func TestTooLarge(t *testing.T) {
	buf := oneSpan(strings.Repeat(field(11), 4096))
	if _, _, err := Decode(buf, Limits{BatchBytes: 300 << 10}); err != nil {
		t.Error(err)
	}
	if _, _, err := Decode(buf, Limits{BatchBytes: 200 << 10}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	// Groups without spans take nothing.
	if _, _, err := Decode([]byte(strings.Repeat(field(1, field(1, field(1)), field(2)), 100_000)), Limits{BatchBytes: 1}); err != nil {
		t.Error(err)
	}
}

// A batch of one request needs an allocation per arena and a few more, however many spans
// it has.
func TestFewAllocations(t *testing.T) {
	for _, spans := range []int{1, 500} {
		buf := benchRequest(spans)
		n := testing.AllocsPerRun(20, func() {
			if _, _, err := Decode(buf, Limits{}); err != nil {
				t.Fatal(err)
			}
		})
		if n > 8 {
			t.Errorf("%d spans: %v allocations", spans, n)
		}
	}
}

func ExampleWalk() {
	v := Map(
		span.Attr{Key: "card", Value: Map(span.Attr{Key: "brand", Value: span.String("visa")})},
		span.Attr{Key: "amounts", Value: Array(span.Int(3), span.Double(4.5))},
	)
	for path, leaf := range Walk(v) {
		fmt.Printf("%s = %s\n", strings.Join(path, "."), AppendPlainJSON(nil, leaf))
	}
	fmt.Printf("%s\n", AppendValueJSON(nil, v))
	// Output:
	// card.brand = "visa"
	// amounts = 3
	// amounts = 4.5
	// {"kvlistValue":{"values":[{"key":"card","value":{"kvlistValue":{"values":[{"key":"brand","value":{"stringValue":"visa"}}]}}},{"key":"amounts","value":{"arrayValue":{"values":[{"intValue":"3"},{"doubleValue":4.5}]}}}]}}
}
