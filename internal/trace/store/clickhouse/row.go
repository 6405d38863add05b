package clickhouse

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// spanColumns is the columns of a row as rowWriter writes them.
const spanColumns = "tenant, seq, arrival_ns, trace_id, span_id, parent_id, start_ns, end_ns, kind, status, marks, service, name, hash, " +
	"attr.scope, attr.key, attr.type, attr.text, attr.number, rest, bytes"

// inArray marks, in attr.type, a scalar that is an element of the array before it.
const inArray = 0x80

// placeholder stands for the ids in rest: a span without them is no span to the decoder.
var (
	placeTrace = span.TraceID{15: 1}
	placeSpan  = span.SpanID{7: 1}
)

// rowWriter turns spans into rows of spans. What it holds is reused from span to span.
type rowWriter struct {
	out   []byte
	rest  []byte
	attrs []attrRow
}

type attrRow struct {
	scope  store.Scope
	key    string
	kind   uint8
	text   string
	number float64
}

// append adds span i of b.
func (w *rowWriter) append(tenant string, seq uint64, arrival int64, b *span.Batch, i int) {
	s := &b.Spans[i]
	w.rest = appendRest(w.rest[:0], b, i)
	w.list(b, s)
	size := len(w.rest) + 128
	for _, a := range w.attrs {
		size += len(a.key) + len(a.text) + 8
	}

	w.out = appendString(w.out, tenant)
	w.out = appendUint64(w.out, seq)
	w.out = appendUint64(w.out, uint64(arrival))
	w.out = append(w.out, s.TraceID[:]...)
	w.out = append(w.out, s.SpanID[:]...)
	w.out = append(w.out, s.Parent[:]...)
	w.out = appendUint64(w.out, uint64(s.Start))
	w.out = appendUint64(w.out, uint64(s.End))
	w.out = binary.LittleEndian.AppendUint32(w.out, uint32(s.Kind))
	w.out = binary.LittleEndian.AppendUint32(w.out, uint32(s.Status))
	w.out = append(w.out, byte(s.Marks))
	w.out = appendString(w.out, b.Service(s))
	w.out = appendString(w.out, s.Name)
	hash := hashOf(s, w.rest)
	w.out = append(w.out, hash[:]...)
	w.column(func(a attrRow) { w.out = append(w.out, byte(a.scope)) })
	w.column(func(a attrRow) { w.out = appendString(w.out, a.key) })
	w.column(func(a attrRow) { w.out = append(w.out, a.kind) })
	w.column(func(a attrRow) { w.out = appendString(w.out, a.text) })
	w.column(func(a attrRow) { w.out = appendUint64(w.out, math.Float64bits(a.number)) })
	w.out = appendString(w.out, w.rest)
	w.out = appendUint64(w.out, uint64(size))
}

func (w *rowWriter) column(value func(attrRow)) {
	w.out = binary.AppendUvarint(w.out, uint64(len(w.attrs)))
	for _, a := range w.attrs {
		value(a)
	}
}

// list collects the attributes of all levels of s.
func (w *rowWriter) list(b *span.Batch, s *span.Span) {
	w.attrs = w.attrs[:0]
	add := func(scope store.Scope, r span.Range) {
		for _, a := range b.AttrsOf(r) {
			w.attrs = append(w.attrs, newAttrRow(scope, a.Key, a.Value))
			if a.Value.Kind != span.ValueArray {
				continue
			}
			for v := range otlp.ArrayValues(a.Value) {
				e := newAttrRow(scope, a.Key, v)
				e.kind |= inArray
				w.attrs = append(w.attrs, e)
			}
		}
	}
	add(store.ScopeSpan, s.Attrs)
	add(store.ScopeResource, b.ResourceOf(s).Attrs)
	add(store.ScopeInstrumentation, b.Scopes[s.Scope].Attrs)
	for _, e := range b.EventsOf(s) {
		add(store.ScopeEvent, e.Attrs)
	}
	for _, l := range b.LinksOf(s) {
		add(store.ScopeLink, l.Attrs)
	}
}

func newAttrRow(scope store.Scope, key string, v span.Value) attrRow {
	a := attrRow{scope: scope, key: key, kind: uint8(v.Kind)}
	a.text, _ = store.ValueText(v)
	switch v.Kind {
	case span.ValueInt:
		a.number = float64(v.Int())
	case span.ValueDouble:
		a.number = v.Double()
	}
	return a
}

// appendRest appends span i as a request of its own, without what is in columns.
func appendRest(dst []byte, b *span.Batch, i int) []byte {
	s := b.Spans[i]
	s.TraceID, s.SpanID, s.Parent, s.Start, s.End = placeTrace, placeSpan, span.SpanID{}, 0, 0
	one := *b
	one.Spans = []span.Span{s}
	return otlp.AppendRequest(dst, &one)
}

// hashOf tells spans with the same ids apart. It is cryptographic because who could make two
// of them equal could hide one.
func hashOf(s *span.Span, rest []byte) (out [16]byte) {
	h := sha256.New()
	var fixed [24]byte
	copy(fixed[:], s.Parent[:])
	binary.LittleEndian.PutUint64(fixed[8:], uint64(s.Start))
	binary.LittleEndian.PutUint64(fixed[16:], uint64(s.End))
	h.Write(fixed[:])
	h.Write(rest)
	copy(out[:], h.Sum(nil))
	return out
}

// readColumns is the columns of which traceReader makes spans.
const readColumns = "trace_id, span_id, parent_id, start_ns, end_ns, marks, rest"

var errCount = errors.New("not one span in each row")

// traceReader makes a batch of the rows of a trace.
type traceReader struct {
	heads []span.Span // ids, times and marks
	rests []byte      // one after the other: messages that follow each other are one message
}

// row reads a row but for its trace id.
func (t *traceReader) row(id span.TraceID, r *rowReader) {
	s := span.Span{TraceID: id}
	r.full(s.SpanID[:])
	r.full(s.Parent[:])
	s.Start, s.End, s.Marks = r.int64(), r.int64(), span.Marks(r.uint8())
	t.rests = r.appendString(t.rests)
	t.heads = append(t.heads, s)
}

// size is about the bytes the rows take in memory.
func (t *traceReader) size() int64 { return int64(len(t.rests)) + 200*int64(len(t.heads)) }

// batch is the spans in the order of the rows, scopes and resources shared.
func (t *traceReader) batch() (*span.Batch, error) {
	b, _, err := otlp.Decode(t.rests, otlp.NoLimits())
	if err == nil && len(b.Spans) != len(t.heads) {
		err = errCount
	}
	if err != nil {
		return nil, &store.CorruptError{File: "spans of trace " + t.heads[0].TraceID.String(), Reason: err.Error()}
	}
	var w span.Builder
	for i, h := range t.heads {
		s := &b.Spans[i]
		s.TraceID, s.SpanID, s.Parent, s.Start, s.End, s.Marks = h.TraceID, h.SpanID, h.Parent, h.Start, h.End, h.Marks
		w.Append(b, i)
	}
	return w.Batch(), nil
}
