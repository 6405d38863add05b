package pack

import (
	"encoding/binary"
	"unsafe"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Reader reads rows into a batch that it uses again. The zero value is ready. Not safe for
// concurrent use.
type Reader struct {
	b        span.Batch
	from     *shared // whose scopes the batch has
	in       []byte  // of the row at hand
	keys     []key   // of a form that has no number
	may      func(b *span.Batch, i int) bool
	verdicts []verdict // by number of the form + 1
}

// verdict is what is known of a form.
type verdict uint8

const (
	notAsked verdict = iota
	wanted
	passedOver
)

// All reads all rows, or those that Only has left. What it returns is valid until the next
// read.
//
// Its resources and scopes are those of all that was packed into the table: they are reached
// from spans only.
func (r *Reader) All(rows *Rows) *span.Batch {
	r.Begin(rows)
	for i := range rows.Len() {
		if r.may == nil || r.wants(rows, i) {
			r.Append(rows, i)
		}
	}
	return r.Batch()
}

// Only has All pass over spans that nobody wants. may is asked once about what the spans of a
// form say alike: span i of b, whose attributes have keys and kinds and no values. It has to
// be called before anything is read.
func (r *Reader) Only(may func(b *span.Batch, i int) bool) { r.may = may }

// wants reports whether row i has to be read.
func (r *Reader) wants(rows *Rows, i int) bool {
	id := rows.form[i]
	if id == 0 {
		return true
	}
	if int(id) >= len(r.verdicts) {
		r.verdicts = append(r.verdicts, make([]verdict, len(rows.forms)+1-len(r.verdicts))...)
	}
	v := &r.verdicts[id]
	if *v == notAsked {
		if *v = passedOver; r.ask(&rows.forms[id-1]) {
			*v = wanted
		}
	}
	return *v == wanted
}

// ask asks about a form, at the end of the batch, which is as before then.
func (r *Reader) ask(f *form) bool {
	b := &r.b
	spans, attrs := len(b.Spans), len(b.Attrs)
	for _, k := range f.keys {
		b.Attrs = append(b.Attrs, span.Attr{Key: k.text, Value: span.Value{Kind: k.kind}})
	}
	b.Spans = append(b.Spans, span.Span{
		Scope: f.scope, Name: f.name, Kind: f.kind, Status: f.status, Flags: f.flags,
		Attrs: span.Range{From: uint32(attrs), To: uint32(len(b.Attrs))},
	})
	may := r.may(b, spans)
	b.Spans, b.Attrs = b.Spans[:spans], b.Attrs[:attrs]
	return may
}

// One reads row i. What it returns is valid until the next read.
func (r *Reader) One(rows *Rows, i int) *span.Batch {
	r.Begin(rows)
	r.Append(rows, i)
	return r.Batch()
}

// Begin begins a batch to which Append adds rows of the table that newest is of, none of them
// finished after newest.
func (r *Reader) Begin(newest *Rows) {
	s, b := newest.shared, &r.b
	b.Spans, b.Events, b.Links = b.Spans[:0], b.Events[:0], b.Links[:0]
	switch {
	case r.from == nil || r.from.head != s.head:
		r.verdicts = r.verdicts[:0]
		b.Attrs = append(b.Attrs[:0], s.batch.Attrs...)
	case len(r.from.batch.Scopes) >= len(s.batch.Scopes): // what came later does no harm
		s = r.from
		b.Attrs = b.Attrs[:len(s.batch.Attrs)]
	default:
		known := len(r.from.batch.Attrs)
		b.Attrs = append(b.Attrs[:known], s.batch.Attrs[known:]...)
	}
	if r.from != s {
		fixed := *s // live grows
		r.from = &fixed
	}
	b.Resources, b.Scopes = s.batch.Resources, s.batch.Scopes
	b.AttrUnknown = nil
	if s.batch.AttrUnknown != nil {
		b.AttrUnknown = make(map[uint32]string, len(s.batch.AttrUnknown))
		for at, u := range s.batch.AttrUnknown {
			b.AttrUnknown[at] = u
		}
	}
}

// Batch is the rows appended since Begin, valid until the next.
func (r *Reader) Batch() *span.Batch { return &r.b }

// Append adds row i of rows.
func (r *Reader) Append(rows *Rows, i int) {
	in := rows.row(i)
	b := &r.b
	b.Spans = append(b.Spans, span.Span{
		TraceID: span.TraceID(in[:atSpanID]), SpanID: span.SpanID(in[atSpanID:atStart]),
		Start: int64(binary.LittleEndian.Uint64(in[atStart:])),
	})
	s := &b.Spans[len(b.Spans)-1]
	r.in = in[rowFixed:]
	var f *form
	if id := rows.form[i]; id > 0 {
		f = &rows.forms[id-1]
	} else {
		f = r.form(rows)
	}
	s.Scope, s.Name, s.Kind, s.Status, s.Flags, s.Presence, s.Marks = f.scope, f.name, f.kind, f.status, f.flags, f.presence, f.marks
	s.End = s.Start + r.varint()
	s.Attrs.From = uint32(len(b.Attrs))
	for k := range f.keys {
		b.Attrs = append(b.Attrs, span.Attr{Key: f.keys[k].text})
		r.value(rows, &b.Attrs[len(b.Attrs)-1].Value, f.keys[k].kind)
	}
	s.Attrs.To = uint32(len(b.Attrs))
	s.Events = span.Range{From: uint32(len(b.Events)), To: uint32(len(b.Events))}
	s.Links = span.Range{From: uint32(len(b.Links)), To: uint32(len(b.Links))}
	if f.has != 0 {
		r.rare(rows, s, f.has)
	}
}

// form reads a form that has no number.
func (r *Reader) form(rows *Rows) *form {
	f := &form{scope: uint32(r.uvarint()), kind: span.Kind(r.varint()), status: span.StatusCode(r.varint()), flags: uint32(r.uvarint())}
	f.presence, f.marks = span.Presence(r.in[0]), span.Marks(r.in[1])
	r.in = r.in[2:]
	f.has = has(r.uvarint())
	f.name = r.text(rows)
	r.keys = r.keys[:0]
	for range r.uvarint() {
		k := key{text: r.text(rows)}
		k.kind = r.kind()
		r.keys = append(r.keys, k)
	}
	f.keys = r.keys
	return f
}

func (r *Reader) rare(rows *Rows, s *span.Span, has has) {
	if has&hasParent != 0 {
		r.in = r.in[copy(s.Parent[:], r.in):]
	}
	if has&hasTraceState != 0 {
		s.TraceState = r.text(rows)
	}
	if has&hasStatusMessage != 0 {
		s.StatusMessage = r.text(rows)
	}
	if has&hasDropped != 0 {
		s.DroppedAttrs, s.DroppedEvents, s.DroppedLinks = uint32(r.uvarint()), uint32(r.uvarint()), uint32(r.uvarint())
	}
	b := &r.b
	if has&hasEvents != 0 {
		for range r.uvarint() {
			e := span.Event{Time: s.Start + r.varint(), Name: r.text(rows), Dropped: uint32(r.uvarint()), Unknown: r.text(rows)}
			e.Attrs = r.attrs(rows)
			b.Events = append(b.Events, e)
		}
		s.Events.To = uint32(len(b.Events))
	}
	if has&hasLinks != 0 {
		for range r.uvarint() {
			var l span.Link
			r.in = r.in[copy(l.TraceID[:], r.in):]
			r.in = r.in[copy(l.SpanID[:], r.in):]
			l.Flags, l.TraceState, l.Dropped, l.Unknown = uint32(r.uvarint()), r.text(rows), uint32(r.uvarint()), r.text(rows)
			l.Attrs = r.attrs(rows)
			b.Links = append(b.Links, l)
		}
		s.Links.To = uint32(len(b.Links))
	}
	if has&hasUnknown != 0 {
		s.Unknown, s.StatusUnknown = r.text(rows), r.text(rows)
	}
	if has&hasAttrUnknown != 0 {
		r.attrUnknown(rows, s.Attrs.From)
	}
}

// attrUnknown is for the attributes from the given one on: those of a span, its events and
// its links, as they were appended.
func (r *Reader) attrUnknown(rows *Rows, from uint32) {
	for k := from; k < uint32(len(r.b.Attrs)); k++ {
		u := r.text(rows)
		if u == "" {
			continue
		}
		if r.b.AttrUnknown == nil {
			r.b.AttrUnknown = map[uint32]string{}
		}
		r.b.AttrUnknown[k] = u
	}
}

func (r *Reader) attrs(rows *Rows) span.Range {
	from := uint32(len(r.b.Attrs))
	for range r.uvarint() {
		a := span.Attr{Key: r.text(rows)}
		r.value(rows, &a.Value, r.kind())
		r.b.Attrs = append(r.b.Attrs, a)
	}
	return span.Range{From: from, To: uint32(len(r.b.Attrs))}
}

func (r *Reader) value(rows *Rows, v *span.Value, kind span.ValueKind) {
	v.Kind = kind
	switch kind {
	case span.ValueAbsent, span.ValueEmpty:
	case span.ValueBool, span.ValueInt:
		v.Num = uint64(r.varint())
	case span.ValueDouble:
		v.Num = binary.LittleEndian.Uint64(r.in)
		r.in = r.in[8:]
	default:
		v.Str = r.text(rows)
	}
}

func (r *Reader) kind() span.ValueKind {
	k := span.ValueKind(r.in[0])
	r.in = r.in[1:]
	return k
}

func (r *Reader) text(rows *Rows) string {
	n := r.uvarint()
	if n&1 != 0 {
		return rows.texts[n>>1]
	}
	if n == 0 {
		return ""
	}
	s := unsafe.String(&r.in[0], n>>1)
	r.in = r.in[n>>1:]
	return s
}

func (r *Reader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

// uvarint reads a number of a row, which we wrote: it ends.
func (r *Reader) uvarint() uint64 {
	if n := r.in[0]; n < 0x80 {
		r.in = r.in[1:]
		return uint64(n)
	}
	n, size := binary.Uvarint(r.in)
	r.in = r.in[size:]
	return n
}
