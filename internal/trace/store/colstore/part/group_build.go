package part

import (
	"github.com/weft-dev/weft/internal/trace/span"
)

// groupBuilder turns the spans of one row group into columns. A trace's spans are taken apart
// as they are added; nothing of their batches is kept but texts, so that the memory is a third
// of what the spans take. What they share is interned in the schema, which outlives the group.
type groupBuilder struct {
	*schemaBuilder

	// col is the fixed columns, by colID; those of attributes join them when the group is
	// closed. Until then classes, and shapes of events and links, have numbers of met and known.
	col   []columnBuild
	stats []pageStats  // of the finished pages
	page  pageStats    // of the page at hand
	codes [][]pageCode // of the finished pages, by resource
	code  []pageCode   // of the page at hand
	rows  int          // spans in all
	// traces that begin in the group.
	traces    int
	prevStart int64               // of the trace before in the page
	ids       map[span.SpanID]int // index among the parent ids of the page
	inline    [numOwners]inlineFilter
	classes   []counted // pairs of the schema, once the group is closed

	weight int                 // bytes of text, about
	spill  bool                // the span at hand has so much that all of it goes inline
	run    []row               // the spans at hand
	rowOf  map[span.SpanID]int // of the spans at hand
}

// maxGroupWeight is the text in a group before it is closed early.
const maxGroupWeight = 64 << 20

// row is a span being taken apart.
type row struct {
	Ref
	shape *shapeBuild // nil: inline
	class uint32      // number + 1, 0: the shape is inline
	scope uint32
}

func newGroupBuilder(s *schemaBuilder) *groupBuilder {
	return &groupBuilder{schemaBuilder: s, ids: map[span.SpanID]int{}, rowOf: map[span.SpanID]int{}, col: fixedBuilds()}
}

// full reports whether the group should be closed at the next end of a page.
func (g *groupBuilder) full(spans int) bool {
	return g.rows >= spans || g.weight >= maxGroupWeight || g.size() >= g.lim.bytes
}

// classify interns what a span shares.
func (g *groupBuilder) classify(ref Ref) row {
	b, s := ref.Batch, ref.Span()
	r := row{Ref: ref, scope: g.origins.of(b, s.Scope)}
	g.spill = spanSlots(b, s) > maxPageSlots
	sh := g.spanShape(b, s)
	id, ok := g.intern(&sh, b.AttrsOf(s.Attrs))
	if !ok {
		g.origins.inline[r.scope]++
		return r
	}
	r.shape = g.known[id]
	r.class = g.meet(class{r.scope, id})
	return r
}

// intern is the number of a shape with these attributes; false if it has to be inline.
func (g *groupBuilder) intern(s *shape, attrs []span.Attr) (uint32, bool) {
	if g.spill {
		return 0, false
	}
	return g.schemaBuilder.intern(s, attrs)
}

// internPlus1 is intern, with 0 for a shape that has to be inline.
func (g *groupBuilder) internPlus1(s *shape, attrs []span.Attr) uint32 {
	if id, ok := g.intern(s, attrs); ok {
		return id + 1
	}
	return 0
}

// spanShape is the shape of a span, without attributes.
func (g *groupBuilder) spanShape(b *span.Batch, s *span.Span) shape {
	sh := shape{own: ownSpan, name: s.Name, kind: s.Kind, status: s.Status, flags: s.Flags, presence: s.Presence}
	set := func(m mask, has bool) {
		if has {
			sh.mask |= m
		}
	}
	if s.Flags > maxShapeFlags {
		sh.mask, sh.flags = sh.mask|hasFlags, 0
	}
	set(hasEvents, s.Events.Len() > 0)
	set(hasLinks, s.Links.Len() > 0)
	set(hasOddEnd, s.End < s.Start)
	set(hasMarks, s.Marks != 0)
	set(hasDroppedAttrs, s.DroppedAttrs != 0)
	set(hasDroppedEvents, s.DroppedEvents != 0)
	set(hasDroppedLinks, s.DroppedLinks != 0)
	set(hasName, !g.nameFits(s.Name))
	set(hasStatusMessage, s.StatusMessage != "")
	set(hasTraceState, s.TraceState != "")
	set(hasUnknown, s.Unknown != "")
	set(hasStatusUnknown, s.StatusUnknown != "")
	set(hasAttrUnknown, len(b.AttrUnknown) > 0 && len(allUnknown(b, s)) > 0)
	return sh
}

func (g *groupBuilder) eventShape(e *span.Event) shape {
	sh := shape{own: ownEvent, name: e.Name}
	if !g.nameFits(e.Name) {
		sh.mask |= hasName
	}
	if e.Dropped != 0 {
		sh.mask |= hasDroppedAttrs
	}
	if e.Unknown != "" {
		sh.mask |= hasUnknown
	}
	return sh
}

func linkShape(l *span.Link) shape {
	sh := shape{own: ownLink}
	if l.Flags != 0 {
		sh.mask |= hasFlags
	}
	if l.TraceState != "" {
		sh.mask |= hasTraceState
	}
	if l.Dropped != 0 {
		sh.mask |= hasDroppedAttrs
	}
	if l.Unknown != "" {
		sh.mask |= hasUnknown
	}
	return sh
}

// allUnknown is what AttrUnknown says of a span: positions count its attributes, then
// those of its events, then those of its links.
func allUnknown(b *span.Batch, s *span.Span) []attrUnknown {
	out := unknownOf(nil, b, s.Attrs, 0)
	base := uint32(s.Attrs.Len())
	for _, e := range b.EventsOf(s) {
		out = unknownOf(out, b, e.Attrs, base)
		base += uint32(e.Attrs.Len())
	}
	for _, l := range b.LinksOf(s) {
		out = unknownOf(out, b, l.Attrs, base)
		base += uint32(l.Attrs.Len())
	}
	return out
}
