package proof

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// dressed is real requests, under other trace ids, with everything that OTLP has and the
// real data have not: attributes of every kind, nested and doubled, integers of 64 bits,
// events, links, states, dropped counts, schema addresses, spans without an end, with one
// before their start, and different spans with the same id.
func dressed(t *testing.T, lines [][]byte) [][]byte {
	t.Helper()
	d := dresser{rand.New(rand.NewPCG(testSeed, 1))}
	var out [][]byte
	for n, line := range lines {
		td, err := officialRequest(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, rs := range td.ResourceSpans {
			d.resource(rs)
			for _, ss := range rs.ScopeSpans {
				d.scope(ss)
				for _, sp := range ss.Spans {
					d.span(sp)
				}
				if len(ss.Spans) > 0 && n%7 == 0 {
					other := proto.Clone(ss.Spans[0]).(*tracepb.Span)
					other.Name += ", another with its id"
					ss.Spans = append(ss.Spans, other)
				}
			}
		}
		dressed, err := officialLine(td)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, dressed)
	}
	return out
}

type dresser struct{ *rand.Rand }

func (d dresser) some(one int) bool { return d.IntN(one) == 0 }

func (d dresser) resource(rs *tracepb.ResourceSpans) {
	switch d.IntN(12) {
	case 0:
		rs.Resource = nil
	case 1:
		rs.Resource = &resourcepb.Resource{}
	default:
		rs.Resource.Attributes = append(rs.Resource.Attributes, d.attrs(3)...)
		rs.Resource.DroppedAttributesCount = uint32(d.IntN(2) * d.IntN(1000))
	}
	if d.some(2) {
		rs.SchemaUrl = fmt.Sprintf("https://opentelemetry.io/schemas/1.%d.0", d.IntN(3))
	}
}

func (d dresser) scope(ss *tracepb.ScopeSpans) {
	switch d.IntN(12) {
	case 0:
		ss.Scope = nil
	case 1:
		ss.Scope = &commonpb.InstrumentationScope{}
	default:
		ss.Scope.Version = fmt.Sprintf("0.%d.0", d.IntN(3))
		ss.Scope.Attributes = d.attrs(2)
		ss.Scope.DroppedAttributesCount = uint32(d.IntN(2) * d.IntN(1000))
	}
	if d.some(2) {
		ss.SchemaUrl = fmt.Sprintf("https://opentelemetry.io/schemas/1.%d.0", d.IntN(3))
	}
}

func (d dresser) span(sp *tracepb.Span) {
	sp.TraceId[0] ^= 0xff
	sp.Attributes = d.attrs(8)
	sp.Kind = tracepb.Span_SpanKind(d.IntN(6))
	if d.some(40) {
		sp.Kind = 77 // of a later OTLP
	}
	if d.some(3) {
		sp.TraceState = "vendor=value,other=" + strings.Repeat("v", d.IntN(40))
	}
	if d.some(2) {
		sp.Flags = d.Uint32N(0x400)
	}
	switch d.IntN(6) {
	case 0:
		sp.Status = &tracepb.Status{}
	case 1:
		sp.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_OK}
	case 2:
		sp.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: d.text()}
	}
	if d.some(4) {
		sp.DroppedAttributesCount, sp.DroppedEventsCount, sp.DroppedLinksCount = d.Uint32(), d.Uint32N(3), math.MaxUint32
	}
	for range d.IntN(3) {
		sp.Events = append(sp.Events, &tracepb.Span_Event{
			TimeUnixNano: sp.StartTimeUnixNano + d.Uint64N(1_000_000), Name: d.text(),
			Attributes: d.attrs(3), DroppedAttributesCount: d.Uint32N(2),
		})
	}
	for range d.IntN(2) * d.IntN(3) {
		link := &tracepb.Span_Link{
			TraceId: make([]byte, 16), SpanId: make([]byte, 8), TraceState: "l=" + fmt.Sprint(d.IntN(9)),
			Attributes: d.attrs(2), DroppedAttributesCount: d.Uint32N(2), Flags: d.Uint32N(0x400),
		}
		link.TraceId[3], link.SpanId[3] = byte(1+d.IntN(200)), byte(1+d.IntN(200))
		sp.Links = append(sp.Links, link)
	}
	switch d.IntN(60) {
	case 0:
		sp.EndTimeUnixNano = 0
	case 1:
		sp.EndTimeUnixNano = sp.StartTimeUnixNano - 1
	case 2:
		sp.StartTimeUnixNano = uint64(d.IntN(2)) // 1970
	case 3:
		sp.StartTimeUnixNano += 100 * 365 * 86400 * 1_000_000_000
		sp.EndTimeUnixNano = math.MaxInt64
	case 4:
		sp.ParentSpanId = sp.SpanId
	case 5:
		sp.Name = ""
	}
}

func (d dresser) attrs(most int) []*commonpb.KeyValue {
	var out []*commonpb.KeyValue
	for range d.IntN(most + 1) {
		out = append(out, &commonpb.KeyValue{Key: fmt.Sprintf("key.%d", d.IntN(12)), Value: d.value(3)}) // also twice the same
	}
	return out
}

func (d dresser) value(levels int) *commonpb.AnyValue {
	switch d.IntN(9) {
	case 0:
		integers := [...]int64{0, 1, -1, 1<<53 + 1, math.MaxInt64, math.MinInt64, d.Int64()}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: integers[d.IntN(len(integers))]}}
	case 1:
		doubles := [...]float64{
			0, math.Copysign(0, -1), 0.1, 1, 1 << 60, math.Inf(1), math.Inf(-1), math.NaN(),
			math.MaxFloat64, math.SmallestNonzeroFloat64, d.NormFloat64(),
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: doubles[d.IntN(len(doubles))]}}
	case 2:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: d.some(2)}}
	case 3:
		raw := make([]byte, d.IntN(20))
		for i := range raw {
			raw[i] = byte(d.IntN(256))
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: raw}}
	case 4:
		array := &commonpb.ArrayValue{}
		for range d.IntN(4) * min(1, levels) {
			array.Values = append(array.Values, d.value(levels-1))
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: array}}
	case 5:
		list := &commonpb.KeyValueList{}
		for range d.IntN(4) * min(1, levels) {
			list.Values = append(list.Values, &commonpb.KeyValue{Key: fmt.Sprintf("inner.%d", d.IntN(3)), Value: d.value(levels - 1)})
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: list}}
	case 6:
		return &commonpb.AnyValue{} // no value
	case 7:
		if d.some(50) {
			return text(strings.Repeat("very long ", 6000)) // below the limit of a value
		}
	}
	return text(d.text())
}

func (d dresser) text() string {
	texts := [...]string{
		"", "a", "заказ 37", "naïve \u0000 \u2028 \U0001F9F5", "two\nlines\tand a tab", `"traceId":"00"`, `{"spanId":"zz"}`, `\"`, "</script>",
		"SELECT * FROM orders WHERE id = " + fmt.Sprint(d.IntN(1000)), fmt.Sprintf("/orders/%d/items/%d", d.IntN(100), d.IntN(100)),
		fmt.Sprint(d.IntN(1_000_000)), "007", "1e5", strings.Repeat("long ", d.IntN(80)*d.IntN(10)), "true", "null",
	}
	return texts[d.IntN(len(texts))]
}
