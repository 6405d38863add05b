package otlp

import (
	"math"
	"math/rand/v2"
	"strings"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maker builds random requests out of the official types. Every part that OTLP has turns
// up. Plain requests have nothing that needs the Unknown strings; the others have, in every
// message.
type maker struct {
	*rand.Rand
	plain bool
}

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 1)), seed%2 == 0} }

func (m maker) one(n int) bool { return m.IntN(n) == 0 }

// some calls make between 0 and n times, seldom many.
func some[T any](m maker, n int, one func() T) (out []T) {
	for range m.IntN(n + 1) {
		out = append(out, one())
	}
	return out
}

func (m maker) text() string {
	words := []string{"", "a", "service.name", "POST /pay", "заказ", "日本", "\x00", "\"\\/\n\u2028", strings.Repeat("x", 130), strings.Repeat("é", 9000)}
	if m.one(500) { // seldom, for it takes most of the time
		return words[len(words)-1]
	}
	return words[m.IntN(len(words)-1)]
}

func (m maker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

func (m maker) count() uint32 { return []uint32{0, 0, 1, 300, math.MaxUint32}[m.IntN(5)] }

func (m maker) value(depth int) *common.AnyValue {
	v := &common.AnyValue{}
	n := 9
	if depth == 0 {
		n = 7
	}
	switch m.IntN(n) {
	case 0:
	case 1, 2:
		v.Value = &common.AnyValue_StringValue{StringValue: m.text()}
	case 3:
		v.Value = &common.AnyValue_BoolValue{BoolValue: m.one(2)}
	case 4:
		v.Value = &common.AnyValue_IntValue{IntValue: []int64{0, 1, -1, math.MinInt64, math.MaxInt64, int64(m.Uint64())}[m.IntN(6)]}
	case 5:
		v.Value = &common.AnyValue_DoubleValue{DoubleValue: []float64{0, math.Copysign(0, -1), 1.5, math.NaN(), math.Inf(1), math.Inf(-1), m.NormFloat64(), 1e300, 5e-324}[m.IntN(9)]}
	case 6:
		v.Value = &common.AnyValue_BytesValue{BytesValue: m.bytes(m.IntN(40))}
	case 7:
		a := &common.ArrayValue{Values: some(m, 4, func() *common.AnyValue { return m.value(depth - 1) })}
		m.extra(a)
		v.Value = &common.AnyValue_ArrayValue{ArrayValue: a}
	case 8:
		a := &common.KeyValueList{Values: some(m, 4, func() *common.KeyValue { return m.attr(depth - 1) })}
		m.extra(a)
		v.Value = &common.AnyValue_KvlistValue{KvlistValue: a}
	}
	m.extra(v)
	return v
}

func (m maker) attr(depth int) *common.KeyValue {
	a := &common.KeyValue{Key: m.text()}
	if !m.one(12) {
		a.Value = m.value(depth)
	}
	m.extra(a)
	return a
}

func (m maker) attrs() []*common.KeyValue {
	return some(m, 6, func() *common.KeyValue { return m.attr(3) })
}

// id is usually a good one; bad ones are only for links.
func (m maker) id(n int, bad bool) []byte {
	if bad && !m.plain && m.one(4) {
		return [][]byte{nil, make([]byte, n), m.bytes(n - 1), m.bytes(2 * n)}[m.IntN(4)]
	}
	b := m.bytes(n)
	b[0] |= 1
	return b
}

// past2262 is the shift that keeps a time in range, or none.
func (m maker) past2262() int {
	if !m.plain && m.one(4) {
		return 0
	}
	return 1
}

func (m maker) span() *trace.Span {
	s := &trace.Span{
		TraceId: m.id(16, false), SpanId: m.id(8, false), TraceState: m.text(), Name: m.text(),
		Kind: trace.Span_SpanKind([]int32{0, 1, 2, 3, 4, 5, 77, -1}[m.IntN(8)]), Flags: m.count(),
		StartTimeUnixNano: m.Uint64() >> 1, EndTimeUnixNano: m.Uint64() >> 1,
		Attributes: m.attrs(), DroppedAttributesCount: m.count(),
		DroppedEventsCount: m.count(), DroppedLinksCount: m.count(),
		Events: some(m, 4, func() *trace.Span_Event {
			e := &trace.Span_Event{TimeUnixNano: m.Uint64() >> m.past2262(), Name: m.text(), Attributes: m.attrs(), DroppedAttributesCount: m.count()}
			m.extra(e)
			return e
		}),
		Links: some(m, 3, func() *trace.Span_Link {
			l := &trace.Span_Link{TraceId: m.id(16, true), SpanId: m.id(8, true), TraceState: m.text(), Attributes: m.attrs(), DroppedAttributesCount: m.count(), Flags: m.count()}
			m.extra(l)
			return l
		}),
	}
	if m.one(2) {
		s.ParentSpanId = m.id(8, false)
		if !m.plain && m.one(3) {
			s.ParentSpanId = make([]byte, 8)
		}
	}
	if m.one(2) {
		s.Status = &trace.Status{Message: m.text(), Code: trace.Status_StatusCode([]int32{0, 1, 2, 9, -3}[m.IntN(5)])}
		m.extra(s.Status)
	}
	m.extra(s)
	return s
}

// request has at least one span in every group, for others do not reach the Batch, and no
// two neighbouring groups that are equal.
func (m maker) request() *collector.ExportTraceServiceRequest {
	r := &collector.ExportTraceServiceRequest{}
	for range m.IntN(4) {
		rs := &trace.ResourceSpans{SchemaUrl: m.text()}
		if !m.one(4) {
			rs.Resource = &resource.Resource{Attributes: m.attrs(), DroppedAttributesCount: m.count()}
			if !m.plain && m.one(3) {
				rs.Resource.EntityRefs = []*common.EntityRef{{Type: "service", IdKeys: []string{"service.name"}}}
			}
			m.extra(rs.Resource)
		}
		for range 1 + m.IntN(3) {
			ss := &trace.ScopeSpans{SchemaUrl: m.text()}
			if !m.one(4) {
				ss.Scope = &common.InstrumentationScope{Name: m.text(), Version: m.text(), Attributes: m.attrs(), DroppedAttributesCount: m.count()}
				m.extra(ss.Scope)
			}
			for range 1 + m.IntN(5) {
				ss.Spans = append(ss.Spans, m.span())
			}
			m.extra(ss)
			rs.ScopeSpans = append(rs.ScopeSpans, ss)
		}
		m.extra(rs)
		r.ResourceSpans = append(r.ResourceSpans, rs)
	}
	return r
}

// extra gives msg unknown fields: of each wire type, a group, and a known number with a
// type it does not have.
func (m maker) extra(msg proto.Message) {
	if m.plain || !m.one(3) {
		return
	}
	var b []byte
	for range 1 + m.IntN(3) {
		switch m.IntN(5) {
		case 0:
			b = protowire.AppendVarint(protowire.AppendTag(b, 1000, protowire.VarintType), m.Uint64())
		case 1:
			b = protowire.AppendBytes(protowire.AppendTag(b, 200, protowire.BytesType), m.bytes(m.IntN(200)))
		case 2:
			b = protowire.AppendTag(b, 99, protowire.StartGroupType)
			b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), 7)
			b = protowire.AppendTag(protowire.AppendTag(b, 5, protowire.StartGroupType), 5, protowire.EndGroupType)
			b = protowire.AppendTag(b, 99, protowire.EndGroupType)
		case 3:
			b = protowire.AppendFixed32(protowire.AppendTag(b, 1, protowire.Fixed32Type), m.Uint32())
		case 4:
			b = protowire.AppendFixed64(protowire.AppendTag(b, protowire.MaxValidNumber, protowire.Fixed64Type), m.Uint64())
		}
	}
	msg.ProtoReflect().SetUnknown(protoreflect.RawFields(b))
}
