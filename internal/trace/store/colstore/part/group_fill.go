package part

import (
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// columnBuild is the values of one column of a group, with the ends of the pages.
type columnBuild struct {
	columnInfo
	numbers []uint64
	strings []string
	bytes   []byte // of a raw column
	ends    []int  // of each page, in values or bytes

	ids     []uint32 // index in the dictionary of each value, if there is one
	coded   *patternColumn
	filters pageFilters
}

func (c *columnBuild) len() int {
	switch c.phys {
	case physRaw:
		return len(c.bytes)
	case physText:
		return len(c.strings)
	}
	return len(c.numbers)
}

func (c *columnBuild) num(n uint64)  { c.numbers = append(c.numbers, n) }
func (c *columnBuild) text(s string) { c.strings = append(c.strings, s) }

// of is the values of page p: from and to.
func (c *columnBuild) of(p int) (from, to int) {
	if p > 0 {
		from = c.ends[p-1]
	}
	return from, c.ends[p]
}

// pageStats is what the page table says of a page.
type pageStats struct {
	Stats
	length int64 // bytes; Stats.Bytes, when written
	header int64 // bytes of the header
	front  int64 // bytes up to the end of the directory's columns
	core   int64 // bytes up to the end of the times
	sum    uint64
}

// fixedBuilds is the fixed columns, empty.
func fixedBuilds() []columnBuild {
	col := make([]columnBuild, firstAttr)
	for i := range col {
		col[i].id = colID(i)
		if i < int(numFixed) {
			col[i].phys = fixedColumns[i].phys
		}
	}
	return col
}

// add takes the spans of a trace, or of a piece of one, apart, into the page at hand.
func (g *groupBuilder) add(id span.TraceID, spans []Ref, continued, continues bool) {
	if g.page.Spans == 0 {
		s := spans[0].Span()
		g.page.MinStart, g.page.MaxStart = s.Start, s.Start
		g.page.MinDuration, g.page.MaxDuration = s.Duration(), s.Duration()
		g.prevStart = 0
		clear(g.ids)
	}
	g.page.Spans += len(spans)
	g.page.Traces++
	g.rows += len(spans)
	if !continued {
		g.traces++
	}
	e := g.summarize(spans)
	prev := e.Start
	g.run = g.run[:0]
	for i, ref := range spans {
		row := g.classify(ref)
		g.run = append(g.run, row)
		s := ref.Span()
		g.col[colStart].num(uint64(s.Start - prev))
		prev = s.Start
		g.fillParent(i, s)
		g.fillSpan(row, s)
		res := int(g.origins.resOf[row.scope])
		for len(g.code) <= res {
			g.code = append(g.code, 0)
		}
		g.code[res] = g.code[res].and(s)
	}
	g.col[colTraceID].bytes = append(g.col[colTraceID].bytes, id[:]...)
	g.appendEntry(e, continued, continues)
	g.prevStart = e.Start
	clear(g.run)
}

// closePage ends the page at hand.
func (g *groupBuilder) closePage() {
	g.stats = append(g.stats, g.page)
	g.page = pageStats{}
	g.codes = append(g.codes, slices.Clone(g.code))
	clear(g.code)
	for i := range g.col {
		g.col[i].ends = append(g.col[i].ends, g.col[i].len())
	}
	for own := range g.inline {
		g.inline[own].closePage()
	}
}

// runEntry is a directory entry, with the row its root is in.
type runEntry struct {
	TraceEntry
	root int
}

// summarize sums up the spans at hand, for the directory and the page.
func (g *groupBuilder) summarize(spans []Ref) runEntry {
	clear(g.rowOf)
	for i, r := range spans {
		id := r.Span().SpanID
		if _, ok := g.rowOf[id]; !ok {
			g.rowOf[id] = i
		}
	}
	st := &g.page
	e := runEntry{TraceEntry{Rows: len(spans), Start: spans[0].Span().Start}, 0}
	for i, r := range spans {
		s := r.Span()
		e.Start = min(e.Start, s.Start)
		e.End = max(e.End, s.Start+s.Duration())
		if s.Status == span.StatusError {
			e.Errors++
			st.HasError = true
		}
		isRoot := s.Parent.IsZero()
		if isRoot && !e.HasRoot || isRoot == e.HasRoot && compareRefs(r, spans[e.root]) < 0 {
			e.root, e.HasRoot = i, isRoot
		}
		st.MinStart, st.MaxStart = min(st.MinStart, s.Start), max(st.MaxStart, s.Start)
		st.MinDuration, st.MaxDuration = min(st.MinDuration, s.Duration()), max(st.MaxDuration, s.Duration())
	}
	return e
}

func compareRefs(a, b Ref) int { return store.CompareSpans(a.Batch, a.Index, b.Batch, b.Index) }

// appendEntry appends the directory entry of the spans at hand: flags, rows, start, length,
// errors, and the root's start, resource and name.
func (g *groupBuilder) appendEntry(e runEntry, continued, continues bool) {
	root := g.run[e.root]
	s := root.Span()
	dst := append(g.col[colDirectory].bytes, entryFlags(e.HasRoot, continued, continues))
	dst = appendUvarint(dst, e.Rows)
	dst = appendZigzag(dst, e.Start-g.prevStart)
	dst = appendUvarint(dst, uint64(e.End-e.Start))
	dst = appendUvarint(dst, e.Errors)
	dst = appendUvarint(dst, uint64(s.Start-e.Start))
	dst = appendUvarint(dst, g.origins.resOf[root.scope])
	if id := g.nameIDs[s.Name]; id > 0 {
		dst = appendUvarint(dst, id)
	} else {
		dst = appendText(appendUvarint(dst, 0), s.Name)
	}
	if continued || continues {
		dst = append(dst, s.SpanID[:]...)
	}
	g.col[colDirectory].bytes = dst
}

// fillParent stores the parent as 0 for none, odd for one of the same run (zigzag of the
// rows back to it), even for the index of an id that is not.
func (g *groupBuilder) fillParent(i int, s *span.Span) {
	c := &g.col[colParent]
	if s.Parent.IsZero() {
		c.num(0)
		return
	}
	if at, ok := g.rowOf[s.Parent]; ok {
		c.num(zigzag(int64(i-at))<<1 | 1)
		return
	}
	k, ok := g.ids[s.Parent]
	if !ok {
		k = len(g.ids)
		g.ids[s.Parent] = k
		g.col[colParentID].bytes = append(g.col[colParentID].bytes, s.Parent[:]...)
	}
	c.num(uint64(k+1) << 1)
}

func (g *groupBuilder) fillSpan(row row, s *span.Span) {
	b := row.Batch
	g.col[colSpanID].bytes = append(g.col[colSpanID].bytes, s.SpanID[:]...)
	g.col[colClass].num(uint64(row.class))
	var m mask
	if row.shape != nil {
		m = row.shape.mask
	} else {
		sh := g.spanShape(b, s)
		sh.mask &^= hasName
		sh.attrs = b.AttrsOf(s.Attrs)
		m = sh.mask
		in := &g.col[colInlineSpan].bytes
		*in = appendInline(appendUvarint(*in, row.scope), &sh)
		g.fillOverflow(ownSpan, sh.attrs)
	}
	if m&hasOddEnd == 0 {
		g.col[colDuration].num(uint64(s.End - s.Start))
	} else if s.End == 0 {
		g.col[colOddEnd].num(0)
	} else {
		g.col[colOddEnd].num(uint64(s.Start - s.End))
	}
	if m&^(hasEvents|hasLinks) != 0 {
		g.fillRare(m, b, s)
	}
	if m&hasEvents != 0 {
		g.fillEvents(b, s)
	}
	if m&hasLinks != 0 {
		g.fillLinks(b, s)
	}
}

func (g *groupBuilder) fillRare(m mask, b *span.Batch, s *span.Span) {
	num := func(bit mask, c colID, n uint64) {
		if m&bit != 0 {
			g.col[c].num(n)
		}
	}
	text := func(bit mask, c colID, t string) {
		if m&bit != 0 {
			g.col[c].text(t)
		}
	}
	num(hasMarks, colMarks, uint64(s.Marks))
	num(hasFlags, colFlags, uint64(s.Flags))
	num(hasDroppedAttrs, colDroppedAttrs, uint64(s.DroppedAttrs))
	num(hasDroppedEvents, colDroppedEvents, uint64(s.DroppedEvents))
	num(hasDroppedLinks, colDroppedLinks, uint64(s.DroppedLinks))
	text(hasName, colName, s.Name)
	text(hasStatusMessage, colStatusMessage, s.StatusMessage)
	text(hasTraceState, colTraceState, s.TraceState)
	text(hasUnknown, colUnknown, s.Unknown)
	text(hasStatusUnknown, colStatusUnknown, s.StatusUnknown)
	if m&hasAttrUnknown != 0 {
		dst := &g.col[colAttrUnknown].bytes
		list := allUnknown(b, s)
		*dst = appendUvarint(*dst, len(list))
		for _, u := range list {
			*dst = appendText(appendUvarint(*dst, u.pos), u.text)
		}
	}
}

func (g *groupBuilder) fillEvents(b *span.Batch, s *span.Span) {
	events := b.EventsOf(s)
	g.col[colEventCount].num(uint64(len(events)))
	for i := range events {
		e := &events[i]
		sh := g.eventShape(e)
		attrs := b.AttrsOf(e.Attrs)
		id := g.internPlus1(&sh, attrs)
		g.col[colEventShape].num(uint64(id))
		g.col[colEventTime].num(uint64(e.Time - s.Start))
		var m mask
		if id > 0 {
			m = g.known[id-1].mask
		} else {
			sh.mask &^= hasName
			sh.attrs = attrs
			m = sh.mask
			in := &g.col[colInlineEvent].bytes
			*in = appendInline(*in, &sh)
			g.fillOverflow(ownEvent, attrs)
		}
		if m&hasName != 0 {
			g.col[colEventName].text(e.Name)
		}
		if m&hasDroppedAttrs != 0 {
			g.col[colEventDropped].num(uint64(e.Dropped))
		}
		if m&hasUnknown != 0 {
			g.col[colEventUnknown].text(e.Unknown)
		}
	}
}

func (g *groupBuilder) fillLinks(b *span.Batch, s *span.Span) {
	links := b.LinksOf(s)
	g.col[colLinkCount].num(uint64(len(links)))
	for i := range links {
		l := &links[i]
		sh := linkShape(l)
		attrs := b.AttrsOf(l.Attrs)
		id := g.internPlus1(&sh, attrs)
		g.col[colLinkShape].num(uint64(id))
		g.col[colLinkTraceID].bytes = append(g.col[colLinkTraceID].bytes, l.TraceID[:]...)
		g.col[colLinkSpanID].bytes = append(g.col[colLinkSpanID].bytes, l.SpanID[:]...)
		if id == 0 {
			sh.attrs = attrs
			in := &g.col[colInlineLink].bytes
			*in = appendInline(*in, &sh)
			g.fillOverflow(ownLink, attrs)
		}
		if sh.mask&hasFlags != 0 {
			g.col[colLinkFlags].num(uint64(l.Flags))
		}
		if sh.mask&hasTraceState != 0 {
			g.col[colLinkTraceState].text(l.TraceState)
		}
		if sh.mask&hasDroppedAttrs != 0 {
			g.col[colLinkDropped].num(uint64(l.Dropped))
		}
		if sh.mask&hasUnknown != 0 {
			g.col[colLinkUnknown].text(l.Unknown)
		}
	}
}

// fillOverflow writes the values of a shape that is not in the schema.
func (g *groupBuilder) fillOverflow(own owner, attrs []span.Attr) {
	dst := &g.col[overflowColumns[own]].bytes
	for _, a := range attrs {
		*dst = appendValue(*dst, a.Value)
	}
	g.inline[own].add(attrs)
}
