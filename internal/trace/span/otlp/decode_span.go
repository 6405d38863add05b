package otlp

import (
	"fmt"
	"math"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Tags of Span and of the messages in it.
const (
	tagSpanTraceID       = 1<<3 | wireLen
	tagSpanID            = 2<<3 | wireLen
	tagSpanTraceState    = 3<<3 | wireLen
	tagSpanParent        = 4<<3 | wireLen
	tagSpanName          = 5<<3 | wireLen
	tagSpanKind          = 6<<3 | wireVarint
	tagSpanStart         = 7<<3 | wireI64
	tagSpanEnd           = 8<<3 | wireI64
	tagSpanAttr          = 9<<3 | wireLen
	tagSpanDroppedAttrs  = 10<<3 | wireVarint
	tagSpanEvent         = 11<<3 | wireLen
	tagSpanDroppedEvents = 12<<3 | wireVarint
	tagSpanLink          = 13<<3 | wireLen
	tagSpanDroppedLinks  = 14<<3 | wireVarint
	tagSpanStatus        = 15<<3 | wireLen
	tagSpanFlags         = 16<<3 | wireI32

	tagStatusMessage = 2<<3 | wireLen
	tagStatusCode    = 3<<3 | wireVarint

	tagEventTime    = 1<<3 | wireI64
	tagEventName    = 2<<3 | wireLen
	tagEventAttr    = 3<<3 | wireLen
	tagEventDropped = 4<<3 | wireVarint

	tagLinkTraceID    = 1<<3 | wireLen
	tagLinkSpanID     = 2<<3 | wireLen
	tagLinkTraceState = 3<<3 | wireLen
	tagLinkAttr       = 4<<3 | wireLen
	tagLinkDropped    = 5<<3 | wireVarint
	tagLinkFlags      = 6<<3 | wireI32
)

// span reads one Span: first all but its events and links, whose attributes lie behind its
// own, then those.
func (d *decoder) span(from, to int, scope uint32, marks span.Marks) *SyntaxError {
	undo, rej, index := d.mark(), d.rej, len(d.b.Spans)
	d.b.Spans = append(d.b.Spans, span.Span{Scope: scope})
	s := &d.b.Spans[index]

	var traceID, id, parent string
	var start, end uint64
	var unknown, status raw
	var events, links int
	d.begin()
	s.Attrs.From = uint32(undo.attrs)
	c := message(d.s, from, to)
	for attrs := 0; c.next(); {
		switch c.tag {
		case tagSpanTraceID:
			traceID = d.s[c.from:c.to]
		case tagSpanID:
			id = d.s[c.from:c.to]
		case tagSpanTraceState:
			s.TraceState = d.s[c.from:c.to]
		case tagSpanParent:
			parent = d.s[c.from:c.to]
		case tagSpanName:
			s.Name = d.s[c.from:c.to]
		case tagSpanKind:
			s.Kind = span.Kind(int32(c.num))
		case tagSpanStart:
			start = c.num
		case tagSpanEnd:
			end = c.num
		case tagSpanAttr:
			if err := d.attr(c.from, c.to, s.Attrs.From, d.lim.AttrsPerSpan); err != nil {
				return err.at("attributes", attrs)
			}
			attrs++
		case tagSpanDroppedAttrs:
			s.DroppedAttrs = uint32(c.num)
		case tagSpanEvent:
			events++
		case tagSpanDroppedEvents:
			s.DroppedEvents = uint32(c.num)
		case tagSpanLink:
			links++
		case tagSpanDroppedLinks:
			s.DroppedLinks = uint32(c.num)
		case tagSpanStatus:
			s.Presence |= span.HasStatus
			if err := d.status(s, &status, c.from, c.to); err != nil {
				return err.in("status")
			}
		case tagSpanFlags:
			s.Flags = uint32(c.num)
		default:
			unknown.add(d.s, c.at, c.pos)
		}
	}
	if c.err != nil {
		return c.err
	}
	if parent == zeros[:8] {
		// No parent to us, but protobuf tells it from an empty one.
		unknown.keep(d.s, appendBytes(nil, 4, parent))
	} else {
		copy(s.Parent[:], parent)
	}
	copy(s.TraceID[:], traceID)
	copy(s.SpanID[:], id)
	s.Start, s.End = int64(start), int64(end)
	d.text(&s.Name, d.lim.NameBytes, "name")
	d.text(&s.TraceState, d.lim.AttrValueBytes, "trace_state")
	d.text(&s.StatusMessage, d.lim.AttrValueBytes, "status.message")
	s.DroppedAttrs = add(s.DroppedAttrs, d.attrs)
	s.Attrs.To = d.finish(s.Attrs.From)
	s.Marks = marks | d.marks
	s.Unknown, s.StatusUnknown = unknown.text(d.s), status.text(d.s)
	s.Events.From, s.Links.From = uint32(undo.events), uint32(undo.links)
	if events+links > 0 {
		if err := d.eventsAndLinks(s, from, to); err != nil {
			return err
		}
	}
	s.Events.To, s.Links.To = uint32(len(d.b.Events)), uint32(len(d.b.Links))

	if reason := badSpan(traceID, id, parent, start, end); reason != "" {
		d.undo(undo)
		d.b.Spans = d.b.Spans[:index]
		d.rej = rej
		d.rej.Reject(reason)
	}
	return nil
}

const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// badSpan says why a span cannot be kept, "" if it can.
func badSpan(traceID, id, parent string, start, end uint64) string {
	switch {
	case len(traceID) != 16:
		return fmt.Sprintf("trace_id has %d bytes, not 16", len(traceID))
	case traceID == zeros:
		return "trace_id is zero"
	case len(id) != 8:
		return fmt.Sprintf("span_id has %d bytes, not 8", len(id))
	case id == zeros[:8]:
		return "span_id is zero"
	case len(parent) != 0 && len(parent) != 8:
		return fmt.Sprintf("parent_span_id has %d bytes, not 8", len(parent))
	case start > math.MaxInt64:
		return "start_time_unix_nano is past the year 2262"
	case end > math.MaxInt64:
		return "end_time_unix_nano is past the year 2262"
	}
	return ""
}

func (d *decoder) status(s *span.Span, unknown *raw, from, to int) *SyntaxError {
	c := message(d.s, from, to)
	for c.next() {
		switch c.tag {
		case tagStatusMessage:
			s.StatusMessage = d.s[c.from:c.to]
		case tagStatusCode:
			s.Status = span.StatusCode(int32(c.num))
		default:
			unknown.add(d.s, c.at, c.pos)
		}
	}
	return c.err
}

func (d *decoder) eventsAndLinks(s *span.Span, from, to int) *SyntaxError {
	var events, links, more, moreLinks int
	c := message(d.s, from, to)
	for c.next() {
		switch c.tag {
		case tagSpanEvent:
			if err := d.event(c.from, c.to, s, events < d.lim.EventsPerSpan); err != nil {
				return err.at("events", events)
			}
			if events++; events > d.lim.EventsPerSpan {
				more++
			}
		case tagSpanLink:
			if err := d.link(c.from, c.to, s, links < d.lim.LinksPerSpan); err != nil {
				return err.at("links", links)
			}
			if links++; links > d.lim.LinksPerSpan {
				moreLinks++
			}
		}
	}
	s.DroppedEvents = add(s.DroppedEvents, uint32(more))
	s.DroppedLinks = add(s.DroppedLinks, uint32(moreLinks))
	d.rej.DroppedEvents += more
	d.rej.DroppedLinks += moreLinks
	return c.err
}

// event reads an Event of s. Where keep is false it is over the limit and only checked.
func (d *decoder) event(from, to int, s *span.Span, keep bool) *SyntaxError {
	var e span.Event
	var unknown raw
	var time uint64
	undo, rej := d.mark(), d.rej
	d.begin()
	e.Attrs.From = uint32(undo.attrs)
	c := message(d.s, from, to)
	for attrs := 0; c.next(); {
		switch c.tag {
		case tagEventTime:
			time = c.num
		case tagEventName:
			e.Name = d.s[c.from:c.to]
		case tagEventAttr:
			if err := d.attr(c.from, c.to, e.Attrs.From, d.lim.AttrsPerEvent); err != nil {
				return err.at("attributes", attrs)
			}
			attrs++
		case tagEventDropped:
			e.Dropped = uint32(c.num)
		default:
			unknown.add(d.s, c.at, c.pos)
		}
	}
	if c.err != nil {
		return c.err
	}
	if !keep {
		d.undo(undo)
		d.rej = rej
		return nil
	}
	if e.Time = int64(time); time > math.MaxInt64 {
		e.Time = math.MaxInt64
		unknown.keep(d.s, appendFixed64(nil, 1, time))
	}
	d.text(&e.Name, d.lim.NameBytes, "name")
	e.Dropped = add(e.Dropped, d.attrs)
	e.Attrs.To = d.finish(e.Attrs.From)
	e.Unknown = unknown.text(d.s)
	s.Marks |= d.marks
	d.b.Events = append(d.b.Events, e)
	return nil
}

// link is event for a Link.
func (d *decoder) link(from, to int, s *span.Span, keep bool) *SyntaxError {
	var l span.Link
	var unknown raw
	var traceID, id string
	undo, rej := d.mark(), d.rej
	d.begin()
	l.Attrs.From = uint32(undo.attrs)
	c := message(d.s, from, to)
	for attrs := 0; c.next(); {
		switch c.tag {
		case tagLinkTraceID:
			traceID = d.s[c.from:c.to]
		case tagLinkSpanID:
			id = d.s[c.from:c.to]
		case tagLinkTraceState:
			l.TraceState = d.s[c.from:c.to]
		case tagLinkAttr:
			if err := d.attr(c.from, c.to, l.Attrs.From, d.lim.AttrsPerEvent); err != nil {
				return err.at("attributes", attrs)
			}
			attrs++
		case tagLinkDropped:
			l.Dropped = uint32(c.num)
		case tagLinkFlags:
			l.Flags = uint32(c.num)
		default:
			unknown.add(d.s, c.at, c.pos)
		}
	}
	if c.err != nil {
		return c.err
	}
	if !keep {
		d.undo(undo)
		d.rej = rej
		return nil
	}
	if len(traceID) == 16 && traceID != zeros {
		copy(l.TraceID[:], traceID)
	} else if traceID != "" {
		unknown.keep(d.s, appendBytes(nil, 1, traceID))
	}
	if len(id) == 8 && id != zeros[:8] {
		copy(l.SpanID[:], id)
	} else if id != "" {
		unknown.keep(d.s, appendBytes(nil, 2, id))
	}
	d.text(&l.TraceState, d.lim.AttrValueBytes, "trace_state")
	l.Dropped = add(l.Dropped, d.attrs)
	l.Attrs.To = d.finish(l.Attrs.From)
	l.Unknown = unknown.text(d.s)
	s.Marks |= d.marks
	d.b.Links = append(d.b.Links, l)
	return nil
}
