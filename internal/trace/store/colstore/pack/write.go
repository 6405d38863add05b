package pack

import (
	"encoding/binary"

	"github.com/weft-dev/weft/internal/base/arena"
	"github.com/weft-dev/weft/internal/trace/span"
)

// Rows is spans that were packed together. Immutable once finished, and then safe for
// concurrent use.
type Rows struct {
	*shared
	data []byte
	ends []uint32 // of each row, in data
	form []uint32 // number + 1 of each row's form, 0: the row has it
}

// Where things are in a row.
const (
	atSpanID = 16
	atStart  = 24
	rowFixed = 32
)

// Len is the number of rows.
func (r *Rows) Len() int { return len(r.ends) }

// TraceID is that of row i.
func (r *Rows) TraceID(i int) span.TraceID { return span.TraceID(r.row(i)[:atSpanID]) }

// SpanID is that of row i.
func (r *Rows) SpanID(i int) span.SpanID { return span.SpanID(r.row(i)[atSpanID:atStart]) }

// Start is that of row i.
func (r *Rows) Start(i int) int64 { return int64(binary.LittleEndian.Uint64(r.row(i)[atStart:])) }

func (r *Rows) row(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = r.ends[i-1]
	}
	return r.data[from:r.ends[i]]
}

// Begin begins rows, to which Append adds until they are finished. They may be read meanwhile,
// by the caller.
func (t *Table) Begin() *Rows {
	t.buf, t.of = t.buf[:0], nil
	t.rows = Rows{shared: &t.live, ends: t.rows.ends[:0], form: t.rows.form[:0]}
	return &t.rows
}

// Finish ends the rows, false if there are none.
func (t *Table) Finish() (*Rows, bool) {
	filled := &t.rows
	if len(filled.ends) == 0 {
		return nil, false
	}
	return &Rows{shared: t.snapshot(), data: kept(t.arena, t.buf), ends: kept(t.arena, filled.ends), form: kept(t.arena, filled.form)}, true
}

func kept[T any](a *arena.Arena, list []T) []T {
	out := arena.Slice[T](a, len(list))
	copy(out, list)
	return out
}

// Append adds span i of b to the rows that were begun. Its texts are copied.
func (t *Table) Append(b *span.Batch, i int) {
	s := &b.Spans[i]
	scope := t.scope(b, s.Scope)
	has := hasOf(b, s)
	dst := append(t.buf, s.TraceID[:]...)
	dst = append(dst, s.SpanID[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.Start))
	form := t.form(b, s, scope, has)
	attrs := b.AttrsOf(s.Attrs)
	if form == 0 {
		dst = t.appendForm(dst, s, scope, has, attrs)
	}
	dst = binary.AppendVarint(dst, s.End-s.Start)
	for i := range attrs {
		dst = t.appendValue(dst, &attrs[i].Value)
	}
	if has != 0 {
		dst = t.appendRare(dst, b, s, has)
	}
	t.buf = dst
	t.rows.data, t.rows.ends, t.rows.form = dst, append(t.rows.ends, uint32(len(dst))), append(t.rows.form, form)
}

func hasOf(b *span.Batch, s *span.Span) (h has) {
	set := func(bit has, is bool) {
		if is {
			h |= bit
		}
	}
	set(hasParent, !s.Parent.IsZero())
	set(hasTraceState, s.TraceState != "")
	set(hasStatusMessage, s.StatusMessage != "")
	set(hasDropped, s.DroppedAttrs|s.DroppedEvents|s.DroppedLinks != 0)
	set(hasEvents, s.Events.Len() > 0)
	set(hasLinks, s.Links.Len() > 0)
	set(hasUnknown, s.Unknown != "" || s.StatusUnknown != "")
	set(hasAttrUnknown, len(b.AttrUnknown) > 0)
	return h
}

// appendForm appends a form that has no number.
func (t *Table) appendForm(dst []byte, s *span.Span, scope uint32, has has, attrs []span.Attr) []byte {
	dst = binary.AppendUvarint(dst, uint64(scope))
	dst = binary.AppendVarint(dst, int64(s.Kind))
	dst = binary.AppendVarint(dst, int64(s.Status))
	dst = binary.AppendUvarint(dst, uint64(s.Flags))
	dst = append(dst, byte(s.Presence), byte(s.Marks))
	dst = binary.AppendUvarint(dst, uint64(has))
	dst = t.appendText(dst, s.Name)
	dst = binary.AppendUvarint(dst, uint64(len(attrs)))
	for i := range attrs {
		dst = append(t.appendText(dst, attrs[i].Key), byte(attrs[i].Value.Kind))
	}
	return dst
}

// appendText appends the number of a text and a bit, or its length, no bit, and the text.
func (t *Table) appendText(dst []byte, s string) []byte {
	if len(s) > 1 { // else it is as short as a number
		if id, ok := t.texts.intern(&t.live.texts, t.arena, s); ok {
			return binary.AppendUvarint(dst, uint64(id)<<1|1)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(s))<<1)
	return append(dst, s...)
}

// appendValue appends what kind v has, which is known.
func (t *Table) appendValue(dst []byte, v *span.Value) []byte {
	switch v.Kind {
	case span.ValueAbsent, span.ValueEmpty:
		return dst
	case span.ValueBool, span.ValueInt:
		return binary.AppendVarint(dst, int64(v.Num))
	case span.ValueDouble:
		return binary.LittleEndian.AppendUint64(dst, v.Num)
	}
	return t.appendText(dst, v.Str)
}

func (t *Table) appendAttrs(dst []byte, attrs []span.Attr) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(attrs)))
	for i := range attrs {
		a := &attrs[i]
		dst = append(t.appendText(dst, a.Key), byte(a.Value.Kind))
		dst = t.appendValue(dst, &a.Value)
	}
	return dst
}

func (t *Table) appendRare(dst []byte, b *span.Batch, s *span.Span, has has) []byte {
	if has&hasParent != 0 {
		dst = append(dst, s.Parent[:]...)
	}
	if has&hasTraceState != 0 {
		dst = t.appendText(dst, s.TraceState)
	}
	if has&hasStatusMessage != 0 {
		dst = t.appendText(dst, s.StatusMessage)
	}
	if has&hasDropped != 0 {
		for _, n := range [...]uint32{s.DroppedAttrs, s.DroppedEvents, s.DroppedLinks} {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	if has&hasEvents != 0 {
		dst = t.appendEvents(dst, b, s)
	}
	if has&hasLinks != 0 {
		dst = t.appendLinks(dst, b, s)
	}
	if has&hasUnknown != 0 {
		dst = t.appendText(t.appendText(dst, s.Unknown), s.StatusUnknown)
	}
	if has&hasAttrUnknown != 0 {
		dst = t.appendAttrUnknown(dst, b, s)
	}
	return dst
}

func (t *Table) appendEvents(dst []byte, b *span.Batch, s *span.Span) []byte {
	events := b.EventsOf(s)
	dst = binary.AppendUvarint(dst, uint64(len(events)))
	for i := range events {
		e := &events[i]
		dst = binary.AppendVarint(dst, e.Time-s.Start)
		dst = t.appendText(dst, e.Name)
		dst = binary.AppendUvarint(dst, uint64(e.Dropped))
		dst = t.appendText(dst, e.Unknown)
		dst = t.appendAttrs(dst, b.AttrsOf(e.Attrs))
	}
	return dst
}

func (t *Table) appendLinks(dst []byte, b *span.Batch, s *span.Span) []byte {
	links := b.LinksOf(s)
	dst = binary.AppendUvarint(dst, uint64(len(links)))
	for i := range links {
		l := &links[i]
		dst = append(dst, l.TraceID[:]...)
		dst = append(dst, l.SpanID[:]...)
		dst = binary.AppendUvarint(dst, uint64(l.Flags))
		dst = t.appendText(dst, l.TraceState)
		dst = binary.AppendUvarint(dst, uint64(l.Dropped))
		dst = t.appendText(dst, l.Unknown)
		dst = t.appendAttrs(dst, b.AttrsOf(l.Attrs))
	}
	return dst
}

// appendAttrUnknown appends for each attribute of a span, then of its events, then of its
// links, in this order, the raw fields that it has beside key and value.
func (t *Table) appendAttrUnknown(dst []byte, b *span.Batch, s *span.Span) []byte {
	add := func(r span.Range) {
		for k := r.From; k < r.To; k++ {
			dst = t.appendText(dst, b.AttrUnknown[k])
		}
	}
	add(s.Attrs)
	for _, e := range b.EventsOf(s) {
		add(e.Attrs)
	}
	for _, l := range b.LinksOf(s) {
		add(l.Attrs)
	}
	return dst
}
