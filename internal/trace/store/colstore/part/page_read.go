package part

import (
	"context"
	"math"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
)

// allTraces as an entry means all of the page.
const allTraces = -1

// read decodes one trace of the page, or all; the directory is s.dir. strict also demands that nothing is left
// of any column.
func (s *Scan) read(ctx context.Context, p Page, entry int, strict bool) (*span.Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.raw.memory != nil {
		s.raw.memory.used = 0
	}
	t, err := p.group.tables()
	if err != nil {
		return nil, err
	}
	st := &p.table[p.index]
	n := st.core
	if s.columns.all {
		n = st.length
	}
	if err := s.raw.load(p, n); err != nil {
		return nil, err
	}
	d := &s.decoder
	if s.classes != nil {
		s.classes.begin(p.group, t)
	}
	d.begin(t, &s.columns, s.classes, &s.batch, st.Spans)
	if s.dir, err = s.raw.directory(t, s.dir); err != nil {
		return nil, err
	}
	d.dir = s.dir
	from, to := 0, st.Spans
	if entry != allTraces {
		if entry >= len(d.dir) {
			return nil, p.group.part.file.corrupt(p.off, "trace outside the page")
		}
		from = d.dir[entry].First
		to = from + d.dir[entry].Rows
	}
	if err := d.open(&s.raw); err != nil {
		return nil, err
	}
	switch {
	case s.classes == nil:
		d.rows(from, to)
	case d.spans > 0:
		d.rowsWhere(from, to)
	}
	if d.bad == "" {
		d.bad = d.firstBad(strict)
	}
	if d.bad != "" {
		return nil, p.group.part.file.corrupt(p.off, "page does not decode: "+d.bad)
	}
	return &s.batch, nil
}

// decoder turns columns back into spans. All but the fields of a page's own is memory that
// the next page uses again.
type decoder struct {
	t       *tables
	want    *Columns
	classes *classFilter // nil: all are wanted
	spans   int
	dir     []TraceEntry
	cur     []cursor
	at      []uint16 // index in cur of each column; 0: not there or not wanted
	bad     string
	plain   bool // only plainColumns and attributes of spans in the table are wanted

	out       *span.Batch
	scopes    []uint32 // number + 1 in out of each scope of the schema
	resources []uint32
	choices   []choice // of each shape of t
	wanted    struct { // what choices are made of
		attrs []span.Attr
		fill  []fill
	}
	rowClass  []uint64 // of the rows, where classes is set
	rowStart  []uint64
	shapeRows []int // of each shape of t, those that skipRows passes over
	ahead     []int // of each column, the values that skipRows passes over
	lines     []*patternCursor
	linesUsed int
	spanIDs   []byte
	parentIDs []byte
	inline    shape
	skipped   span.Span
	budget    int // attributes, events and links that may still come
}

// begin forgets the page before. What was chosen of the shapes holds for all groups of a schema.
func (d *decoder) begin(t *tables, want *Columns, classes *classFilter, out *span.Batch, spans int) {
	if d.t == nil || d.t.schema != t.schema {
		d.choices = emptied(d.choices, len(t.shapes))
		d.wanted.attrs, d.wanted.fill = d.wanted.attrs[:0], d.wanted.fill[:0]
	}
	d.t, d.want, d.classes, d.out, d.spans = t, want, classes, out, spans
	*out = span.Batch{
		Resources: out.Resources[:0], Scopes: out.Scopes[:0], Attrs: out.Attrs[:0], Events: out.Events[:0], Links: out.Links[:0],
		Spans: out.Spans[:0],
	}
	d.plain = !want.all && want.fixed&^plainColumns == 0
	d.at = emptied(d.at, len(t.columns))
	d.cur = append(d.cur[:0], cursor{})
	d.scopes = emptied(d.scopes, len(t.scopes))
	d.resources = emptied(d.resources, len(t.resources))
	d.linesUsed, d.bad, d.budget = 0, "", maxPageSlots
}

// open makes cursors over the wanted columns, loading those that are not.
func (d *decoder) open(raw *rawPage) error {
	d.cur = slices.Grow(d.cur, len(raw.columns))
	if len(raw.columns) >= 1<<16 {
		return raw.p.group.part.file.corrupt(raw.p.off, "too many columns")
	}
	for i := 0; i < len(raw.columns); i++ {
		c := &raw.columns[i]
		if int(c.id) >= len(d.t.columns) {
			return raw.p.group.part.file.corrupt(raw.p.off, "unknown column")
		}
		info := &d.t.columns[c.id]
		if c.id <= colTraceID || !d.want.wants(info) {
			continue
		}
		stored, err := raw.stored(i, d)
		if err != nil {
			return err
		}
		b, err := raw.decode(c, stored)
		if err != nil {
			return err
		}
		d.budget += len(b)
		d.at[c.id] = uint16(len(d.cur))
		if c.enc != encPattern {
			d.cur = append(d.cur, newCursor(info, c.enc, b))
			if c.id == colClass && d.classes != nil && !d.judge() {
				d.spans = 0
				return nil
			}
			continue
		}
		lines, err := d.patterns(raw, info, b)
		if err != nil {
			return err
		}
		d.cur = append(d.cur, cursor{enc: encPattern, lines: lines})
	}
	d.spanIDs = d.cursor(colSpanID).b
	d.parentIDs = d.cursor(colParentID).b
	if d.want.has(colSpanID) && len(d.spanIDs) != 8*d.spans {
		d.bad = "span ids do not fit the page"
	}
	return nil
}

// patterns makes a cursor over a column with patterns.
func (d *decoder) patterns(r *rawPage, info *columnInfo, b []byte) (*patternCursor, error) {
	table, err := r.p.group.patterns(info.id, info.patterns)
	if err != nil {
		return nil, err
	}
	if d.linesUsed == len(d.lines) {
		d.lines = append(d.lines, &patternCursor{})
	}
	c := d.lines[d.linesUsed]
	d.linesUsed++
	if reason := c.open(table, b, r.memory, r.p.group.part.cache.dec); reason != "" {
		return nil, r.p.group.part.file.corrupt(r.p.off, "column "+info.name()+": "+reason)
	}
	return c, nil
}

// readGap is how many unwanted bytes are read to save a second read.
const readGap = 4 << 10

// stored is the stored bytes of column i. Where they were not loaded they are read now,
// together with wanted columns close behind.
func (r *rawPage) stored(i int, d *decoder) ([]byte, error) {
	c := &r.columns[i]
	if c.off+c.stored <= int64(len(r.b)) {
		return r.b[c.off : c.off+c.stored : c.off+c.stored], nil
	}
	if c.off < r.extraOff || c.off+c.stored > r.extraOff+int64(len(r.extra)) {
		end := c.off + c.stored
		for _, n := range r.columns[i+1:] {
			if n.off > end+readGap {
				break
			}
			if int(n.id) < len(d.t.columns) && d.want.wants(&d.t.columns[n.id]) {
				end = n.off + n.stored
			}
		}
		b, err := r.p.group.part.file.read(r.memory, r.p.off+c.off, end-c.off)
		if err != nil {
			return nil, err
		}
		r.extra, r.extraOff = b, c.off
	}
	at := c.off - r.extraOff
	return r.extra[at : at+c.stored : at+c.stored], nil
}

func (d *decoder) cursor(id colID) *cursor { return &d.cur[d.at[id]] }

func (d *decoder) fail(reason string) {
	if d.bad == "" {
		d.bad = reason
	}
}

// firstBad is why the first bad column is bad.
func (d *decoder) firstBad(strict bool) string {
	if d.cur[0].bad != "" {
		return "a column is missing"
	}
	for id, at := range d.at {
		if at == 0 {
			continue
		}
		c := &d.cur[at]
		if strict && colID(id) != colSpanID && colID(id) != colParentID {
			c.finish()
		}
		if c.bad != "" {
			return "column " + d.t.columns[id].name() + ": " + c.bad
		}
	}
	return ""
}

// rows decodes the rows in [from, to), which are whole traces, and passes over those before,
// since columns have no index.
func (d *decoder) rows(from, to int) {
	d.reserve(from, to)
	if from > 0 {
		d.skipRows(from)
	}
	starts, classes := d.cursor(colStart), d.cursor(colClass)
	for i := range d.dir {
		e := &d.dir[i]
		if e.First < from {
			continue
		}
		prev := uint64(e.Start)
		for row := e.First; row < e.First+e.Rows; row++ {
			if row >= to || d.bad != "" {
				return
			}
			prev += starts.nextNum()
			d.row(classes.nextNum(), row, int64(prev), e)
		}
	}
}

// row appends a row to the batch.
func (d *decoder) row(class uint64, row int, start int64, e *TraceEntry) {
	// In place: a span is some 300 bytes.
	d.out.Spans = append(d.out.Spans, span.Span{})
	s := &d.out.Spans[len(d.out.Spans)-1]
	s.TraceID, s.Start = e.ID, start
	d.span(s, class, row, e, true)
}

// reserve makes room for what the rows hold, and refuses what no writer writes.
func (d *decoder) reserve(from, to int) {
	b := d.out
	b.Spans = slices.Grow(b.Spans, to-from)
	if !d.want.all {
		return
	}
	class := *d.cursor(colClass)
	slots := 0
	for row := range to {
		n := class.nextNum()
		if n > uint64(len(d.t.classes)) {
			d.fail("unknown class")
			return
		}
		if n > 0 && row >= from {
			slots += len(d.t.shapes[d.t.classes[n-1].shape].slots)
		}
	}
	if slots > d.budget {
		d.fail("too many attributes")
		return
	}
	b.Attrs = slices.Grow(b.Attrs, slots+d.t.scopeAttrs)
}

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

// fill says that the value of attribute pos comes from a column.
type fill struct {
	pos uint32
	col colID
}

// choice is the wanted attributes of a shape, as ranges of decoder.wanted.
type choice struct {
	made  bool
	attrs span.Range
	fill  span.Range
}

// chosen is the attributes of a shape of the table that are wanted.
func (d *decoder) chosen(sh *shape) ([]span.Attr, []fill) {
	c, w := &d.choices[sh.id], &d.wanted
	if c.made {
		return w.attrs[c.attrs.From:c.attrs.To], w.fill[c.fill.From:c.fill.To]
	}
	c.made = true
	c.attrs.From, c.fill.From = uint32(len(w.attrs)), uint32(len(w.fill))
	for _, id := range sh.slots {
		s := &d.t.slots[id]
		if !d.want.hasAttr(sh.own, s.Key) {
			continue
		}
		if s.col != 0 {
			w.fill = append(w.fill, fill{uint32(len(w.attrs)) - c.attrs.From, s.col})
		}
		w.attrs = append(w.attrs, s.Attr)
	}
	c.attrs.To, c.fill.To = uint32(len(w.attrs)), uint32(len(w.fill))
	return w.attrs[c.attrs.From:], w.fill[c.fill.From:]
}

// attrs decodes the attributes of a span, event or link of that shape.
func (d *decoder) attrs(sh *shape, overflow colID) span.Range {
	from := len(d.out.Attrs)
	if sh.overflow {
		if d.want.has(overflow) && d.spend(len(sh.attrs)) {
			d.overflow(sh, &d.cursor(overflow).reader)
		}
		return span.Range{From: uint32(from), To: uint32(len(d.out.Attrs))}
	}
	attrs, fill := d.chosen(sh)
	if len(attrs) == 0 || !d.spend(len(attrs)) {
		return span.Range{From: uint32(from), To: uint32(from)}
	}
	d.out.Attrs = append(d.out.Attrs, attrs...)
	for _, f := range fill {
		v := &d.out.Attrs[from+int(f.pos)].Value
		if c := &d.cur[d.at[f.col]]; d.t.columns[f.col].phys == physText {
			v.Str = c.nextText()
		} else {
			v.Num = c.nextNum()
		}
	}
	return span.Range{From: uint32(from), To: uint32(len(d.out.Attrs))}
}

func (d *decoder) overflow(sh *shape, r *reader) {
	for _, a := range sh.attrs {
		a.Value = readValue(r, a.Value.Kind)
		if d.want.hasAttr(sh.own, a.Key) {
			d.out.Attrs = append(d.out.Attrs, a)
		}
	}
}

// scope is the number in the batch of a scope of the group.
func (d *decoder) scope(id uint32) uint32 {
	if n := d.scopes[id]; n > 0 {
		return n - 1
	}
	in := &d.t.scopes[id]
	sc := in.Scope
	if n := d.resources[in.Resource]; n > 0 {
		sc.Resource = n - 1
	} else {
		from := &d.t.resources[in.Resource]
		res := from.Resource
		res.Attrs = d.shared(from.attrs, from.unknown, d.want.resource)
		sc.Resource = uint32(len(d.out.Resources))
		d.out.Resources = append(d.out.Resources, res)
		d.resources[in.Resource] = sc.Resource + 1
	}
	sc.Attrs = d.shared(in.attrs, in.unknown, d.want.scope)
	d.out.Scopes = append(d.out.Scopes, sc)
	d.scopes[id] = uint32(len(d.out.Scopes))
	return d.scopes[id] - 1
}

// shared adds the attributes of a resource or scope, those with wanted keys only.
func (d *decoder) shared(attrs []span.Attr, unknown []attrUnknown, keys map[string]bool) span.Range {
	if d.want.all {
		return addAttrs(d.out, attrs, unknown)
	}
	from := uint32(len(d.out.Attrs))
	if len(keys) > 0 {
		for _, a := range attrs {
			if keys[a.Key] {
				d.out.Attrs = append(d.out.Attrs, a)
			}
		}
	}
	return span.Range{From: from, To: uint32(len(d.out.Attrs))}
}
