package truth

import (
	"encoding/binary"

	"github.com/zeebo/xxh3"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/trace/span"
)

// A span's content is a hash of everything the workload puts into one: ids, times, name,
// kind, flags, status, attributes in their order, events, links, service. It is computed
// from the protobuf message when sent and from a span.Batch when read back; the sum over
// a trace does not depend on the order of its spans.

func hash(s string) uint64 { return xxh3.HashString(s) }

// writer lines fields up so that different contents are different bytes.
type writer []byte

func (w *writer) num(n uint64) { *w = binary.LittleEndian.AppendUint64(*w, n) }

func (w *writer) str(s string) {
	w.num(uint64(len(s)))
	*w = append(*w, s...)
}

// id writes an id of n bytes; none is all zeros.
func (w *writer) id(b []byte, n int) {
	*w = append(*w, b...)
	*w = append(*w, make([]byte, n-len(b))...)
}

func contentSent(s workload.Span) uint64 {
	w := make(writer, 0, 1024)
	w.id(s.TraceId, 16)
	w.id(s.SpanId, 8)
	w.id(s.ParentSpanId, 8)
	w.num(s.StartTimeUnixNano)
	w.num(s.EndTimeUnixNano)
	w.num(uint64(s.Kind))
	w.num(uint64(s.Flags))
	w.str(s.Name)
	w.num(uint64(s.Status.GetCode()))
	w.str(s.Status.GetMessage())
	w.str(s.Service)
	w.sent(s.Attributes)
	w.num(uint64(len(s.Events)))
	for _, e := range s.Events {
		w.num(e.TimeUnixNano)
		w.str(e.Name)
		w.sent(e.Attributes)
	}
	w.num(uint64(len(s.Links)))
	for _, l := range s.Links {
		w.id(l.TraceId, 16)
		w.id(l.SpanId, 8)
		w.num(uint64(l.Flags))
		w.sent(l.Attributes)
	}
	return xxh3.Hash(w)
}

func (w *writer) sent(list []*commonpb.KeyValue) {
	w.num(uint64(len(list)))
	for _, a := range list {
		w.str(a.Key)
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			w.value(span.String(v.StringValue))
		case *commonpb.AnyValue_IntValue:
			w.value(span.Int(v.IntValue))
		case *commonpb.AnyValue_DoubleValue:
			w.value(span.Double(v.DoubleValue))
		case *commonpb.AnyValue_BoolValue:
			w.value(span.Bool(v.BoolValue))
		}
	}
}

func (w *writer) value(v span.Value) {
	w.num(uint64(v.Kind))
	w.num(v.Num)
	w.str(v.Str)
}

// contentRead is the content of span i of b.
func contentRead(b *span.Batch, i int) uint64 {
	s := &b.Spans[i]
	w := make(writer, 0, 1024)
	w.id(s.TraceID[:], 16)
	w.id(s.SpanID[:], 8)
	w.id(s.Parent[:], 8)
	w.num(uint64(s.Start))
	w.num(uint64(s.End))
	w.num(uint64(s.Kind))
	w.num(uint64(s.Flags))
	w.str(s.Name)
	w.num(uint64(s.Status))
	w.str(s.StatusMessage)
	w.str(b.Service(s))
	w.read(b.AttrsOf(s.Attrs))
	w.num(uint64(s.Events.Len()))
	for _, e := range b.EventsOf(s) {
		w.num(uint64(e.Time))
		w.str(e.Name)
		w.read(b.AttrsOf(e.Attrs))
	}
	w.num(uint64(s.Links.Len()))
	for _, l := range b.LinksOf(s) {
		w.id(l.TraceID[:], 16)
		w.id(l.SpanID[:], 8)
		w.num(uint64(l.Flags))
		w.read(b.AttrsOf(l.Attrs))
	}
	return xxh3.Hash(w)
}

func (w *writer) read(list []span.Attr) {
	w.num(uint64(len(list)))
	for _, a := range list {
		w.str(a.Key)
		w.value(a.Value)
	}
}
