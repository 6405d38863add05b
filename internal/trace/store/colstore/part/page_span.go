package part

import (
	"math"

	"github.com/weft-dev/weft/internal/trace/span"
)

// span decodes a row. Where keep is not set only the columns have to move on.
func (d *decoder) span(s *span.Span, class uint64, row int, e *TraceEntry, keep bool) {
	var sh *shape
	scope := uint32(0)
	switch {
	case class > uint64(len(d.t.classes)):
		d.fail("unknown class")
		return
	case class > 0:
		c := &d.t.classes[class-1]
		sh, scope = &d.t.shapes[c.shape], c.scope
	default:
		in := &d.cursor(colInlineSpan).reader
		scope = in.uint32()
		readInline(in, ownSpan, &d.inline)
		sh = &d.inline
	}
	if int(scope) >= len(d.t.scopes) {
		d.fail("unknown scope")
		return
	}
	if keep {
		s.Scope = d.scope(scope)
	}
	base := len(d.out.Attrs)
	s.Name, s.Kind, s.Status, s.Flags, s.Presence = sh.name, sh.kind, sh.status, sh.flags, sh.presence
	if d.want.has(colDuration) {
		d.end(s, sh.mask)
	}
	if d.want.has(colSpanID) && d.bad == "" {
		s.SpanID = span.SpanID(d.spanIDs[8*row:])
	}
	if d.want.has(colParent) {
		d.parent(s, row, e.First, e.Rows)
	}
	m := sh.mask // sh may be used again by events
	s.Attrs = d.attrs(sh, colOverflowSpan)
	if m&^(hasEvents|hasLinks|hasAttrUnknown|hasOddEnd) != 0 {
		d.rare(s, m)
	}
	if m&hasEvents != 0 && d.want.has(colEventCount) {
		d.spanEvents(s)
	}
	if m&hasLinks != 0 && d.want.has(colLinkCount) {
		d.spanLinks(s)
	}
	if m&hasAttrUnknown != 0 && d.want.all {
		r := &d.cursor(colAttrUnknown).reader
		for range r.count(2) {
			pos := base + int(r.uint32())
			text := r.text()
			if pos >= len(d.out.Attrs) {
				d.fail("unknown fields of no attribute")
				return
			}
			setUnknown(d.out, uint32(pos), text)
		}
	}
}

func (d *decoder) end(s *span.Span, m mask) {
	if m&hasOddEnd == 0 {
		s.End = int64(uint64(s.Start) + d.cursor(colDuration).nextNum())
	} else if n := d.cursor(colOddEnd).nextNum(); n > 0 {
		s.End = int64(uint64(s.Start) - n)
	}
}

func (d *decoder) parent(s *span.Span, row, first, rows int) {
	n := d.cursor(colParent).nextNum()
	switch {
	case n == 0:
	case n&1 == 1:
		at := int64(row-first) - unzigzag(n>>1)
		if at < 0 || at >= int64(rows) || d.bad != "" {
			d.fail("parent outside the trace")
			return
		}
		s.Parent = span.SpanID(d.spanIDs[8*(first+int(at)):])
	default:
		if n>>1 > uint64(len(d.parentIDs)/8) {
			d.fail("unknown parent")
			return
		}
		s.Parent = span.SpanID(d.parentIDs[8*(n>>1-1):])
	}
}

// rare decodes what few spans have.
func (d *decoder) rare(s *span.Span, m mask) {
	num := func(bit mask, id colID) uint64 {
		if m&bit == 0 || !d.want.has(id) {
			return 0
		}
		return d.cursor(id).nextNum()
	}
	text := func(bit mask, id colID) string {
		if m&bit == 0 || !d.want.has(id) {
			return ""
		}
		return d.cursor(id).nextText()
	}
	s.Marks = span.Marks(num(hasMarks, colMarks))
	if m&hasFlags != 0 {
		s.Flags = uint32(num(hasFlags, colFlags))
	}
	s.DroppedAttrs = uint32(num(hasDroppedAttrs, colDroppedAttrs))
	s.DroppedEvents = uint32(num(hasDroppedEvents, colDroppedEvents))
	s.DroppedLinks = uint32(num(hasDroppedLinks, colDroppedLinks))
	if m&hasName != 0 {
		s.Name = text(hasName, colName)
	}
	s.StatusMessage = text(hasStatusMessage, colStatusMessage)
	s.TraceState = text(hasTraceState, colTraceState)
	s.Unknown = text(hasUnknown, colUnknown)
	s.StatusUnknown = text(hasStatusUnknown, colStatusUnknown)
}

func (d *decoder) spanEvents(s *span.Span) {
	from := len(d.out.Events)
	for range d.things(colEventCount) {
		sh := d.childShape(colEventShape, ownEvent)
		if sh == nil {
			return
		}
		e := span.Event{Name: sh.name}
		m := sh.mask
		if d.want.has(colEventTime) {
			e.Time = int64(uint64(s.Start) + d.cursor(colEventTime).nextNum())
		}
		e.Attrs = d.attrs(sh, colOverflowEvent)
		if m&hasName != 0 && d.want.has(colEventName) {
			e.Name = d.cursor(colEventName).nextText()
		}
		if m&hasDroppedAttrs != 0 && d.want.all {
			e.Dropped = uint32(d.cursor(colEventDropped).nextNum())
		}
		if m&hasUnknown != 0 && d.want.all {
			e.Unknown = d.cursor(colEventUnknown).nextText()
		}
		d.out.Events = append(d.out.Events, e)
	}
	s.Events = span.Range{From: uint32(from), To: uint32(len(d.out.Events))}
}

func (d *decoder) spanLinks(s *span.Span) {
	from := len(d.out.Links)
	for range d.things(colLinkCount) {
		sh := d.childShape(colLinkShape, ownLink)
		if sh == nil {
			return
		}
		var l span.Link
		m := sh.mask
		if d.want.has(colLinkTraceID) {
			copy(l.TraceID[:], d.cursor(colLinkTraceID).bytes(16))
		}
		if d.want.has(colLinkSpanID) {
			copy(l.SpanID[:], d.cursor(colLinkSpanID).bytes(8))
		}
		l.Attrs = d.attrs(sh, colOverflowLink)
		if d.want.all {
			if m&hasFlags != 0 {
				l.Flags = uint32(d.cursor(colLinkFlags).nextNum())
			}
			if m&hasTraceState != 0 {
				l.TraceState = d.cursor(colLinkTraceState).nextText()
			}
			if m&hasDroppedAttrs != 0 {
				l.Dropped = uint32(d.cursor(colLinkDropped).nextNum())
			}
			if m&hasUnknown != 0 {
				l.Unknown = d.cursor(colLinkUnknown).nextText()
			}
		}
		d.out.Links = append(d.out.Links, l)
	}
	s.Links = span.Range{From: uint32(from), To: uint32(len(d.out.Links))}
}

// things is the number of events or links of a span.
func (d *decoder) things(id colID) int {
	n := d.cursor(id).nextNum()
	if n > math.MaxInt32 || !d.spend(int(n)) {
		d.fail("too many events or links")
		return 0
	}
	return int(n)
}

// spend takes n attributes, events or links off what a page may hold.
func (d *decoder) spend(n int) bool {
	if d.budget -= n; d.budget < 0 {
		d.fail("too many attributes, events or links")
		return false
	}
	return true
}

// childShape is the shape of the next event or link; nil after damage.
func (d *decoder) childShape(id colID, own owner) *shape {
	c := d.cursor(id)
	n := c.nextNum()
	switch {
	case c.bad != "" || d.bad != "":
		return nil
	case n == 0:
		r := &d.cursor(inlineColumns[own]).reader
		readInline(r, own, &d.inline)
		if r.bad != "" {
			return nil
		}
		return &d.inline
	case n > uint64(len(d.t.shapes)) || d.t.shapes[n-1].own != own:
		d.fail("unknown shape")
		return nil
	}
	return &d.t.shapes[n-1]
}
