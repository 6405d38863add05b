package part

import (
	"cmp"
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

// filler turns the rows of a group into columns.
type filler struct {
	*groupBuilder
	col   []columnBuild // by colID
	stats []pageStats
	event int // next of events
	link  int // next of links

	rowOf map[span.SpanID]int // of the run at hand
	ids   map[span.SpanID]int // index among the parent ids of the page
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

// fill makes the columns. Classes get their final numbers: the frequent ones small ones.
func (g *groupBuilder) fill() *filler {
	g.sortClasses()
	f := &filler{groupBuilder: g, rowOf: map[span.SpanID]int{}, ids: map[span.SpanID]int{}}
	f.makeColumns()
	for _, p := range g.pages {
		f.fillPage(p)
		for i := range f.col {
			f.col[i].ends = append(f.col[i].ends, f.col[i].len())
		}
	}
	return f
}

func (g *groupBuilder) sortClasses() {
	order := make([]uint32, len(g.classList))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortStableFunc(order, func(a, b uint32) int {
		return cmp.Compare(g.classList[b].count, g.classList[a].count)
	})
	renumbered := make([]uint32, len(order)+1)
	sorted := make([]classBuild, len(order))
	for to, from := range order {
		sorted[to] = g.classList[from]
		renumbered[from+1] = uint32(to + 1)
	}
	g.classList = sorted
	for i := range g.rows {
		g.rows[i].class = renumbered[g.rows[i].class]
	}
}

// makeColumns lays out the fixed columns and, in order of the shapes, those of attributes.
func (f *filler) makeColumns() {
	f.col = make([]columnBuild, firstAttr)
	for i := range f.col {
		f.col[i].id = colID(i)
		if i < int(numFixed) {
			f.col[i].phys = fixedColumns[i].phys
		}
	}
	known := map[attrColumn]colID{}
	for _, s := range f.list {
		for i, a := range s.attrs {
			if !s.varied[i] {
				continue
			}
			k := attrColumn{s.own, a.Key, a.Value.Kind}
			id, ok := known[k]
			if !ok {
				id = colID(len(f.col))
				known[k] = id
				phys, _ := physicalOf(a.Value.Kind)
				f.col = append(f.col, columnBuild{columnInfo: columnInfo{id: id, attr: k, phys: phys}})
			}
			s.col[i] = id
		}
	}
}

func (f *filler) fillPage(p pageBuild) {
	var st pageStats
	first := f.rows[p.firstRow].Span()
	st.Spans, st.Traces = p.rows, p.runs
	st.MinStart, st.MaxStart = first.Start, first.Start
	st.MinDuration, st.MaxDuration = first.Duration(), first.Duration()
	clear(f.ids)
	dir := &f.col[colDirectory].bytes
	prevStart := int64(0)
	for _, r := range f.runs[p.firstRun : p.firstRun+p.runs] {
		e := f.fillRun(r, &st)
		f.col[colTraceID].bytes = append(f.col[colTraceID].bytes, r.id[:]...)
		*dir = f.appendEntry(*dir, r, e, prevStart)
		prevStart = e.Start
	}
	f.stats = append(f.stats, st)
}

// runEntry is a directory entry, with the row its root is in.
type runEntry struct {
	TraceEntry
	root int
}

func (f *filler) fillRun(r run, st *pageStats) runEntry {
	rows := f.rows[r.first : r.first+r.rows]
	clear(f.rowOf)
	for i, row := range rows {
		id := row.Span().SpanID
		if _, ok := f.rowOf[id]; !ok {
			f.rowOf[id] = i
		}
	}
	e := runEntry{TraceEntry{Start: rows[0].Span().Start}, 0}
	for i, row := range rows {
		s := row.Span()
		e.Start = min(e.Start, s.Start)
		e.End = max(e.End, s.Start+s.Duration())
		if s.Status == span.StatusError {
			e.Errors++
			st.HasError = true
		}
		isRoot := s.Parent.IsZero()
		if isRoot && !e.HasRoot || isRoot == e.HasRoot && compareRefs(row.Ref, rows[e.root].Ref) < 0 {
			e.root, e.HasRoot = i, isRoot
		}
		st.MinStart, st.MaxStart = min(st.MinStart, s.Start), max(st.MaxStart, s.Start)
		st.MinDuration, st.MaxDuration = min(st.MinDuration, s.Duration()), max(st.MaxDuration, s.Duration())
	}
	prev := e.Start
	for i, row := range rows {
		s := row.Span()
		f.col[colStart].num(uint64(s.Start - prev))
		prev = s.Start
		f.fillParent(i, s)
		f.fillSpan(row, s)
	}
	return e
}

func compareRefs(a, b Ref) int { return store.CompareSpans(a.Batch, a.Index, b.Batch, b.Index) }

// appendEntry appends the directory entry of a run: flags, rows, start, length, errors, and
// the root's start, resource and name.
func (f *filler) appendEntry(dst []byte, r run, e runEntry, prevStart int64) []byte {
	root := f.rows[r.first+e.root]
	s := root.Span()
	dst = append(dst, entryFlags(e.HasRoot, r.continued, r.continues))
	dst = appendUvarint(dst, r.rows)
	dst = appendZigzag(dst, e.Start-prevStart)
	dst = appendUvarint(dst, uint64(e.End-e.Start))
	dst = appendUvarint(dst, e.Errors)
	dst = appendUvarint(dst, uint64(s.Start-e.Start))
	dst = appendUvarint(dst, f.scopes.resOf[root.scope])
	if id := f.names[s.Name]; id > 0 {
		dst = appendUvarint(dst, id)
	} else {
		dst = appendText(appendUvarint(dst, 0), s.Name)
	}
	if r.continued || r.continues {
		dst = append(dst, s.SpanID[:]...)
	}
	return dst
}

// fillParent stores the parent as 0 for none, odd for one of the same run (zigzag of the
// rows back to it), even for the index of an id that is not.
func (f *filler) fillParent(i int, s *span.Span) {
	c := &f.col[colParent]
	if s.Parent.IsZero() {
		c.num(0)
		return
	}
	if at, ok := f.rowOf[s.Parent]; ok {
		c.num(zigzag(int64(i-at))<<1 | 1)
		return
	}
	k, ok := f.ids[s.Parent]
	if !ok {
		k = len(f.ids)
		f.ids[s.Parent] = k
		f.col[colParentID].bytes = append(f.col[colParentID].bytes, s.Parent[:]...)
	}
	c.num(uint64(k+1) << 1)
}

func (f *filler) fillSpan(row row, s *span.Span) {
	b := row.Batch
	f.col[colSpanID].bytes = append(f.col[colSpanID].bytes, s.SpanID[:]...)
	f.col[colClass].num(uint64(row.class))
	var m mask
	if row.class > 0 {
		sb := f.list[f.classList[row.class-1].shape]
		m = sb.mask
		f.fillAttrs(sb, b.AttrsOf(s.Attrs))
	} else {
		sh := f.spanShape(b, s)
		sh.mask &^= hasName
		sh.attrs = b.AttrsOf(s.Attrs)
		m = sh.mask
		in := &f.col[colInlineSpan].bytes
		*in = appendInline(appendUvarint(*in, row.scope), &sh)
		f.fillOverflow(colOverflowSpan, sh.attrs)
	}
	if m&hasOddEnd == 0 {
		f.col[colDuration].num(uint64(s.End - s.Start))
	} else if s.End == 0 {
		f.col[colOddEnd].num(0)
	} else {
		f.col[colOddEnd].num(uint64(s.Start - s.End))
	}
	if m&^(hasEvents|hasLinks) != 0 {
		f.fillRare(m, b, s)
	}
	if m&hasEvents != 0 {
		f.fillEvents(b, s)
	}
	if m&hasLinks != 0 {
		f.fillLinks(b, s)
	}
}

func (f *filler) fillRare(m mask, b *span.Batch, s *span.Span) {
	num := func(bit mask, c colID, n uint64) {
		if m&bit != 0 {
			f.col[c].num(n)
		}
	}
	text := func(bit mask, c colID, t string) {
		if m&bit != 0 {
			f.col[c].text(t)
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
		dst := &f.col[colAttrUnknown].bytes
		list := allUnknown(b, s)
		*dst = appendUvarint(*dst, len(list))
		for _, u := range list {
			*dst = appendText(appendUvarint(*dst, u.pos), u.text)
		}
	}
}

func (f *filler) fillEvents(b *span.Batch, s *span.Span) {
	events := b.EventsOf(s)
	f.col[colEventCount].num(uint64(len(events)))
	for i := range events {
		e := &events[i]
		id := f.events[f.event]
		f.event++
		f.col[colEventShape].num(uint64(id))
		f.col[colEventTime].num(uint64(e.Time - s.Start))
		var m mask
		if attrs := b.AttrsOf(e.Attrs); id > 0 {
			m = f.list[id-1].mask
			f.fillAttrs(f.list[id-1], attrs)
		} else {
			sh := f.eventShape(e)
			sh.mask &^= hasName
			sh.attrs = attrs
			m = sh.mask
			in := &f.col[colInlineEvent].bytes
			*in = appendInline(*in, &sh)
			f.fillOverflow(colOverflowEvent, attrs)
		}
		if m&hasName != 0 {
			f.col[colEventName].text(e.Name)
		}
		if m&hasDroppedAttrs != 0 {
			f.col[colEventDropped].num(uint64(e.Dropped))
		}
		if m&hasUnknown != 0 {
			f.col[colEventUnknown].text(e.Unknown)
		}
	}
}

func (f *filler) fillLinks(b *span.Batch, s *span.Span) {
	links := b.LinksOf(s)
	f.col[colLinkCount].num(uint64(len(links)))
	for i := range links {
		l := &links[i]
		id := f.links[f.link]
		f.link++
		f.col[colLinkShape].num(uint64(id))
		f.col[colLinkTraceID].bytes = append(f.col[colLinkTraceID].bytes, l.TraceID[:]...)
		f.col[colLinkSpanID].bytes = append(f.col[colLinkSpanID].bytes, l.SpanID[:]...)
		sh := linkShape(l)
		if attrs := b.AttrsOf(l.Attrs); id > 0 {
			f.fillAttrs(f.list[id-1], attrs)
		} else {
			sh.attrs = attrs
			in := &f.col[colInlineLink].bytes
			*in = appendInline(*in, &sh)
			f.fillOverflow(colOverflowLink, attrs)
		}
		if sh.mask&hasFlags != 0 {
			f.col[colLinkFlags].num(uint64(l.Flags))
		}
		if sh.mask&hasTraceState != 0 {
			f.col[colLinkTraceState].text(l.TraceState)
		}
		if sh.mask&hasDroppedAttrs != 0 {
			f.col[colLinkDropped].num(uint64(l.Dropped))
		}
		if sh.mask&hasUnknown != 0 {
			f.col[colLinkUnknown].text(l.Unknown)
		}
	}
}

func (f *filler) fillAttrs(sb *shapeBuild, attrs []span.Attr) {
	for i, varied := range sb.varied {
		if !varied {
			continue
		}
		c, v := &f.col[sb.col[i]], &attrs[i].Value
		if c.phys == physText {
			c.text(v.Str)
		} else {
			c.num(v.Num)
		}
	}
}

func (f *filler) fillOverflow(c colID, attrs []span.Attr) {
	dst := &f.col[c].bytes
	for _, a := range attrs {
		*dst = appendValue(*dst, a.Value)
	}
}
