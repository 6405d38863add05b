package otlp

import (
	"unsafe"

	"github.com/weft-dev/weft/internal/trace/span"
)

// counts is the size of a request, as far as the limits let it into a Batch.
// Resources and scopes without a span do not count.
type counts struct{ resources, scopes, spans, attrs, events, links int }

// count runs over the request without looking into attributes. Where the encoding is
// damaged it stops; decoding then says where.
func count(s string, lim *Limits) (n counts) {
	c := message(s, 0, len(s))
	for c.next() {
		if c.tag != tagResourceSpans {
			continue
		}
		spans := n.spans
		group := message(s, c.from, c.to)
		for group.next() {
			if group.tag == tagMembers {
				n.scope(s, group.from, group.to, lim)
			}
		}
		if n.spans > spans {
			n.resources++
			n.attrs += countOwnerAttrs(s, c.from, c.to, tagResourceAttr, lim)
		}
	}
	return n
}

func (n *counts) scope(s string, from, to int, lim *Limits) {
	spans := n.spans
	c := message(s, from, to)
	for c.next() {
		if c.tag == tagMembers {
			n.span(s, c.from, c.to, lim)
		}
	}
	if n.spans > spans {
		n.scopes++
		n.attrs += countOwnerAttrs(s, from, to, tagScopeAttr, lim)
	}
}

// countOwnerAttrs counts the attributes of the Resource of a ResourceSpans, or of the
// InstrumentationScope of a ScopeSpans.
func countOwnerAttrs(s string, from, to int, attr uint32, lim *Limits) (attrs int) {
	c := message(s, from, to)
	for c.next() {
		if c.tag == tagOwner {
			attrs += countTag(s, c.from, c.to, attr)
		}
	}
	return capped(attrs, lim.AttrsPerResource)
}

func (n *counts) span(s string, from, to int, lim *Limits) {
	n.spans++
	var attrs, events, links int
	c := message(s, from, to)
	for c.next() {
		switch c.tag {
		case tagSpanAttr:
			attrs++
		case tagSpanEvent:
			if events++; events <= lim.EventsPerSpan {
				n.attrs += capped(countTag(s, c.from, c.to, tagEventAttr), lim.AttrsPerEvent)
			}
		case tagSpanLink:
			if links++; links <= lim.LinksPerSpan {
				n.attrs += capped(countTag(s, c.from, c.to, tagLinkAttr), lim.AttrsPerEvent)
			}
		}
	}
	n.attrs += capped(attrs, lim.AttrsPerSpan)
	n.events += min(events, lim.EventsPerSpan)
	n.links += min(links, lim.LinksPerSpan)
}

func countTag(s string, from, to int, tag uint32) (n int) {
	c := message(s, from, to)
	for c.next() {
		if c.tag == tag {
			n++
		}
	}
	return n
}

// capped is n attributes under a limit, with the one that lists what was cut.
func capped(n, limit int) int {
	if n > limit {
		return limit + 1
	}
	return n
}

func (n *counts) bytes() int {
	return n.resources*int(unsafe.Sizeof(span.Resource{})) + n.scopes*int(unsafe.Sizeof(span.Scope{})) +
		n.spans*int(unsafe.Sizeof(span.Span{})) + n.attrs*int(unsafe.Sizeof(span.Attr{})) +
		n.events*int(unsafe.Sizeof(span.Event{})) + n.links*int(unsafe.Sizeof(span.Link{}))
}

// allocate empties b and gives it room.
func (n *counts) allocate(b *span.Batch) {
	b.Resources, b.Scopes, b.Spans = room(b.Resources, n.resources), room(b.Scopes, n.scopes), room(b.Spans, n.spans)
	b.Attrs, b.Events, b.Links = room(b.Attrs, n.attrs), room(b.Events, n.events), room(b.Links, n.links)
	b.AttrUnknown = nil
}

// room is an empty list for n values, in the memory of old if that is enough.
func room[T any](old []T, n int) []T {
	if cap(old) >= n {
		return old[:0]
	}
	return make([]T, 0, n)
}
