package otlp

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/trace/span"
)

// withoutLoss is what Decode keeps of a message by its promise: no bad spans, no groups
// without spans, no unknown fields of the request.
func withoutLoss(m *trace.TracesData) *trace.TracesData {
	m.ProtoReflect().SetUnknown(nil)
	m.ResourceSpans = slices.DeleteFunc(m.ResourceSpans, func(rs *trace.ResourceSpans) bool {
		rs.ScopeSpans = slices.DeleteFunc(rs.ScopeSpans, func(ss *trace.ScopeSpans) bool {
			ss.Spans = slices.DeleteFunc(ss.Spans, func(s *trace.Span) bool {
				return len(s.TraceId) != 16 || bytes.Count(s.TraceId, []byte{0}) == 16 ||
					len(s.SpanId) != 8 || bytes.Count(s.SpanId, []byte{0}) == 8 ||
					len(s.ParentSpanId) != 0 && len(s.ParentSpanId) != 8 ||
					s.StartTimeUnixNano > math.MaxInt64 || s.EndTimeUnixNano > math.MaxInt64
			})
			return len(ss.Spans) == 0
		})
		return len(rs.ScopeSpans) == 0
	})
	return m
}

// Whatever the official types accept, we accept and write back equal. What only we accept
// (text that is not UTF-8) survives our own way back. Limits hold and cutting is stable.
func FuzzDecode(f *testing.F) {
	for seed := range uint64(20) {
		m := newMaker(seed)
		buf, err := proto.Marshal(m.request())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(buf[:min(len(buf), 4096)])
		f.Add(buf)
	}
	f.Add(oneSpan(field(9, kv("k", field(5, field(1, num(3, 1)))+field(5, field(1, num(3, 2)))))))
	f.Add(oneSpan(field(9, kv("k", field(1, "a"))+field(2, num(99, 1))), field(4, zeros[:8])))
	f.Add([]byte(field(1, field(1, field(1, kv("a", "")), num(9, 1)), field(2, field(2, field(1, goodTrace), field(2, goodSpan))), field(1, num(9, 2)))))
	f.Add([]byte("\x13\x14\x1b\x23\x24\x1c"))
	f.Fuzz(func(t *testing.T, in []byte) {
		official := &trace.TracesData{}
		accepted := proto.Unmarshal(in, official) == nil
		b, rej, err := Decode(bytes.Clone(in), NoLimits())
		if err != nil {
			if accepted {
				t.Fatalf("protobuf accepts, we do not: %v", err)
			}
			return
		}
		out := AppendRequest(nil, b)
		if accepted {
			got := &trace.TracesData{}
			if err := proto.Unmarshal(out, got); err != nil {
				t.Fatalf("protobuf cannot read what we wrote: %v", err)
			}
			if want := withoutLoss(official); !proto.Equal(got, want) {
				t.Fatalf("got\n%v\nwant\n%v", got, want)
			}
		}
		again, none, err := Decode(out, NoLimits())
		if err != nil || none.Altered() || len(again.Spans) != len(b.Spans) {
			t.Fatalf("our own output: %v %+v", err, none)
		}
		for i := range b.Spans {
			if !b.EqualSpan(i, again, i) || b.Spans[i].Marks != again.Spans[i].Marks {
				t.Fatalf("span %d differs when decoded again", i)
			}
		}
		if js := AppendJSON(nil, b); !json.Valid(js) {
			t.Fatalf("invalid JSON: %s", js)
		} else if _, _, err := DecodeJSON(js, NoLimits()); err != nil {
			t.Fatalf("our own JSON: %v\n%s", err, js)
		}
		small := Limits{AttrsPerSpan: 2, AttrsPerResource: 2, AttrsPerEvent: 1, EventsPerSpan: 1, LinksPerSpan: 1, AttrKeyBytes: 3, AttrValueBytes: 30, NameBytes: 4, Depth: 2}
		cut, rejected := cutTwice(t, in, small)
		if len(cut.Spans) != len(b.Spans) || rejected.Spans != rej.Spans {
			t.Fatalf("limits changed the number of spans: %+v", rejected)
		}
	})
}

// Text that is JSON to encoding/json and to us gives a Batch that survives its own JSON;
// nothing that encoding/json refuses is accepted.
func FuzzDecodeJSON(f *testing.F) {
	for seed := uint64(0); seed < 20; seed += 2 {
		m := newMaker(seed)
		buf, err := proto.Marshal(m.request())
		if err != nil {
			f.Fatal(err)
		}
		b, _, err := Decode(buf, Limits{})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(AppendJSON(nil, b))
	}
	f.Add([]byte(jsonSpan(`,"kind":"SPAN_KIND_CLIENT","startTimeUnixNano":1.5e18,"attributes":[{"key":"\ud83d\ude00","value":{"doubleValue":"NaN"}}]`)))
	f.Add([]byte(jsonSpan(`,"parentSpanId":"zz","status":null,"events":[null],"x":[{"y":-0.1e-2}]`)))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, rej, err := DecodeJSON(in, Limits{})
		if err != nil {
			return
		}
		if !json.Valid(in) {
			t.Fatalf("accepted, but not JSON: %q", in)
		}
		out := AppendJSON(nil, b)
		// Without limits, for U+FFFD is longer than the byte it stands for.
		again, none, err := DecodeJSON(out, NoLimits())
		if err != nil || none.Altered() || len(again.Spans) != len(b.Spans) {
			t.Fatalf("our own output: %v %+v, first %+v\n%s", err, none, rej, out)
		}
		if second := AppendJSON(nil, again); !bytes.Equal(out, second) {
			t.Fatalf("JSON is not stable:\n%s\n%s", out, second)
		}
		for i := range b.Spans {
			if b.Spans[i].Marks&^span.MarkInvalidUTF8 != again.Spans[i].Marks {
				t.Fatalf("marks %v became %v", b.Spans[i].Marks, again.Spans[i].Marks)
			}
		}
	})
}
