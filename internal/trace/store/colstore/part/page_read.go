package part

import (
	"context"
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
		slots []uint8 // of the schema, a bit for each owner of which they are wanted
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
		d.wanted.slots = want.slots(d.wanted.slots, t.schema)
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
	slots, shared := 0, 0
	for row := range to {
		n := class.nextNum()
		if n > uint64(len(d.t.classes)) {
			d.fail("unknown class")
			return
		}
		if n > 0 && row >= from {
			c := &d.t.classes[n-1]
			slots += len(d.t.shapes[c.shape].slots)
			shared += d.meetScope(c.scope)
		}
	}
	clear(d.scopes)
	clear(d.resources)
	if slots > d.budget {
		d.fail("too many attributes")
		return
	}
	b.Attrs = slices.Grow(b.Attrs, slots+shared)
}

// meetScope is the attributes of a scope and its resource that no row before had.
func (d *decoder) meetScope(id uint32) (n int) {
	if d.scopes[id] > 0 {
		return 0
	}
	sc := &d.t.scopes[id]
	if d.scopes[id], n = 1, len(sc.attrs); d.resources[sc.Resource] == 0 {
		d.resources[sc.Resource] = 1
		n += len(d.t.resources[sc.Resource].attrs)
	}
	return n
}
