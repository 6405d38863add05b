package part

import (
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// tallyPage is the page at hand, in memory that the next page uses again.
type tallyPage struct {
	raw     rawPage
	decoder decoder // for what it knows about reading columns
	err     error   // the first
	dir     []TraceEntry

	classes []uint64 // of the rows
	ids     []uint32 // of their groups; or leftOut
	asked   []uint32 // what the filter is asked about
	codes   []uint32 // of the field at hand
	column  []uint64 // values of the column at hand
	kinds   []span.ValueKind
	nums    []uint64 // what is summed up, of those kinds
	starts  []uint64
	rows    []uint32 // those that count
	sorted  []uint32 // by bucket
	buckets []int
	counts  []int
}

func (pg *tallyPage) fail(err error) {
	if pg.err == nil {
		pg.err = err
	}
}

// damaged is fail for what does not decode.
func (pg *tallyPage) damaged(reason string) {
	p := pg.raw.p
	pg.fail(p.group.part.file.corrupt(p.off, "page does not decode: "+reason))
}

// fromColumns adds up a page by its columns; false if they do not tell.
func (t *Tally) fromColumns(p Page, skip []uint64) (bool, error) {
	pg, plan := &t.page, t.plan
	st := &p.table[p.index]
	pg.raw.memory.used, pg.err = 0, nil
	if err := pg.raw.load(p, st.core); err != nil {
		return false, err
	}
	pg.decoder.t, pg.decoder.want, pg.decoder.linesUsed = plan.t, &t.columns, 0
	all, codes, told := t.takeClasses(st.Spans)
	if !told || codes && !t.askCodes() || !t.takeFields() {
		return false, pg.err
	}
	one := t.within(&st.Stats)
	if !one {
		t.takeStarts()
	}
	if pg.err != nil {
		return false, pg.err
	}
	t.bytes += int64(len(pg.raw.b) + len(pg.raw.extra))
	if one && all && len(skip) == 0 {
		return true, t.addAll(t.q.Bucket(st.MinStart))
	}
	pg.rows = pg.rows[:0]
	for i, id := range pg.ids {
		if id != leftOut && !isSkipped(skip, i) && (one || t.q.Contains(int64(pg.starts[i]))) {
			pg.rows = append(pg.rows, uint32(i))
		}
	}
	if one {
		return true, t.addRows(t.q.Bucket(st.MinStart), pg.rows)
	}
	return true, t.addByBucket()
}

// takeFields turns the columns of all fields into ids and numbers. It is false if a span has
// a field so often that only a reader of spans knows what to believe.
func (t *Tally) takeFields() bool {
	pg, plan := &t.page, t.plan
	for _, i := range plan.vary {
		if !pg.plausible(plan.fields[i]) {
			return false
		}
		t.takeCodes(plan.fields[i])
		t.nextIDs(i)
	}
	if plan.of != nil {
		if !pg.plausible(plan.of) {
			return false
		}
		t.takeNumbers()
	}
	return true
}

// plausible reports whether the rows have no more values in columns than a page may have.
func (pg *tallyPage) plausible(f *tallyField) bool {
	for i := range f.columns {
		if pg.values(&f.columns[i]) > maxPageSlots {
			return false
		}
	}
	return true
}

// open makes a cursor over a column; one without values if the page does not have it.
func (t *Tally) open(id colID) cursor {
	pg := &t.page
	d := &pg.decoder
	for i := range pg.raw.columns {
		c := &pg.raw.columns[i]
		if c.id != id {
			continue
		}
		stored, err := pg.raw.stored(i, d)
		if err != nil {
			pg.fail(err)
			return cursor{}
		}
		b, err := pg.raw.decode(c, stored)
		if err != nil {
			pg.fail(err)
			return cursor{}
		}
		info := &d.t.columns[id]
		if c.enc != encPattern {
			return newCursor(info, c.enc, b)
		}
		lines, err := d.patterns(&pg.raw, info, b)
		if err != nil {
			pg.fail(err)
		}
		return cursor{enc: encPattern, lines: lines}
	}
	return cursor{}
}

// takeClasses starts the ids of the rows with those of their classes. It reports whether all
// rows match, whether codes have to be asked, and whether these, if not classes, tell it.
func (t *Tally) takeClasses(rows int) (all, codes, told bool) {
	pg, byClass := &t.page, t.plan.byClass
	pg.classes, pg.ids = sized(pg.classes, rows), sized(pg.ids, rows)
	cur := t.open(colClass)
	cur.takeNums(pg.classes)
	if cur.bad != "" {
		pg.damaged("column class: " + cur.bad)
		return false, false, false
	}
	all = true
	for i, class := range pg.classes {
		if class >= uint64(len(byClass)) {
			pg.damaged("unknown class")
			return false, false, false
		}
		id := byClass[class]
		pg.ids[i] = id
		if id < leftOut {
			continue
		}
		if id == rowTells {
			return false, false, false
		}
		all = false
		codes = codes || id == codesTell
	}
	return all, codes, true
}

// values is how many values the rows have in a column.
func (pg *tallyPage) values(c *tallyColumn) int {
	n := 0
	for _, class := range pg.classes {
		n += int(c.uses[class] >> 1)
	}
	return n
}

// takeCodes decodes the codes of a field that has columns.
func (t *Tally) takeCodes(f *tallyField) {
	pg := &t.page
	pg.codes = sized(pg.codes, len(pg.classes))
	for i, class := range pg.classes {
		pg.codes[i] = f.fixed[class]
	}
	for k := range f.columns {
		c := &f.columns[k]
		n := pg.values(c)
		if n == 0 {
			continue
		}
		pg.column = sized(pg.column, n)
		cur := t.open(c.info.id)
		f.takeCodes(c, &cur, pg.column)
		if cur.bad != "" {
			pg.damaged("column " + c.info.name() + ": " + cur.bad)
			return
		}
		at := 0
		for i, class := range pg.classes {
			if uses := c.uses[class]; uses != 0 {
				if uses&1 != 0 {
					pg.codes[i] = uint32(pg.column[at])
				}
				at += int(uses >> 1)
			}
		}
	}
}

// takeCodes decodes the codes of the values of a column.
func (f *tallyField) takeCodes(c *tallyColumn, cur *cursor, dst []uint64) {
	text := c.info.phys == physText
	switch {
	case cur.enc == encDict:
		cur.takeVarints(dst)
		base, size := uint64(c.base), uint64(len(c.info.count))
		for i, n := range dst {
			if n >= size {
				cur.fail("index outside the dictionary")
				clear(dst[i:])
				return
			}
			dst[i] = base + n
		}
	case cur.enc == encConst && text:
		fillWith(dst, uint64(f.text(c, cur.nextText())))
	case cur.enc == encConst:
		fillWith(dst, uint64(f.num(c, cur.nextNum())))
	case text:
		for i := range dst {
			dst[i] = uint64(f.text(c, cur.nextText()))
		}
	default:
		cur.takeNums(dst)
		for i, n := range dst {
			dst[i] = uint64(f.num(c, n))
		}
	}
}

func fillWith(dst []uint64, n uint64) {
	for i := range dst {
		dst[i] = n
	}
}

// nextIDs makes of the ids so far and the codes of a field those of both.
func (t *Tally) nextIDs(field int) {
	pg, plan := &t.page, t.plan
	if plan.direct() {
		for i, id := range pg.ids {
			if id != leftOut {
				pg.ids[i] = pg.codes[i]
			}
		}
		return
	}
	pairs := plan.pairsOf(field)
	for i, id := range pg.ids {
		if id != leftOut {
			pg.ids[i] = pairs.id(id, pg.codes[i])
		}
	}
}

// takeNumbers decodes what is summed up.
func (t *Tally) takeNumbers() {
	pg, f := &t.page, t.plan.of
	pg.kinds, pg.nums = sized(pg.kinds, len(pg.classes)), sized(pg.nums, len(pg.classes))
	for i, class := range pg.classes {
		v := &f.values[f.fixed[class]]
		pg.kinds[i], pg.nums[i] = v.Kind, v.Num
	}
	for k := range f.columns {
		c := &f.columns[k]
		kind := c.kind()
		n := pg.values(c)
		if n == 0 || kind != span.ValueInt && kind != span.ValueDouble {
			continue
		}
		pg.column = sized(pg.column, n)
		cur := t.open(c.info.id)
		cur.takeNums(pg.column)
		if cur.bad != "" {
			pg.damaged("column " + c.info.name() + ": " + cur.bad)
			return
		}
		at := 0
		for i, class := range pg.classes {
			if uses := c.uses[class]; uses != 0 {
				if uses&1 != 0 {
					pg.kinds[i], pg.nums[i] = kind, pg.column[at]
				}
				at += int(uses >> 1)
			}
		}
	}
}

// takeStarts decodes when the rows start.
func (t *Tally) takeStarts() {
	pg := &t.page
	dir, err := pg.raw.directory(t.plan.t, pg.dir)
	if err != nil {
		pg.fail(err)
		return
	}
	pg.dir = dir
	pg.starts = sized(pg.starts, len(pg.classes))
	cur := t.open(colStart)
	cur.takeNums(pg.starts)
	if cur.bad != "" {
		pg.damaged("column start: " + cur.bad)
		return
	}
	for i := range dir {
		at := uint64(dir[i].Start)
		rows := pg.starts[dir[i].First : dir[i].First+dir[i].Rows]
		for k := range rows {
			at += rows[k]
			rows[k] = at
		}
	}
}

// addAll counts all rows, in one bucket.
func (t *Tally) addAll(bucket int) error {
	pg, plan := &t.page, t.plan
	if plan.of != nil {
		pg.rows = pg.rows[:0]
		for i := range pg.ids {
			pg.rows = append(pg.rows, uint32(i))
		}
		return t.addRows(bucket, pg.rows)
	}
	cells := plan.bucket(bucket)
	for _, id := range pg.ids {
		c := cells[id]
		if c == nil {
			var err error
			if c, err = plan.cell(bucket, id); err != nil {
				return err
			}
			cells[id] = c
		}
		c.Count++
	}
	return nil
}

// addRows counts rows, and sums up their numbers, in one bucket.
func (t *Tally) addRows(bucket int, rows []uint32) error {
	pg, plan := &t.page, t.plan
	cells := plan.bucket(bucket)
	for _, row := range rows {
		id := pg.ids[row]
		c := cells[id]
		if c == nil {
			var err error
			if c, err = plan.cell(bucket, id); err != nil {
				return err
			}
			cells[id] = c
		}
		c.Count++
		if plan.of == nil {
			continue
		}
		switch pg.kinds[row] {
		case span.ValueInt:
			c.AddInt(int64(pg.nums[row]))
		case span.ValueDouble:
			c.Add(span.Value{Kind: span.ValueDouble, Num: pg.nums[row]})
		}
	}
	return nil
}

// addByBucket counts the rows bucket by bucket.
func (t *Tally) addByBucket() error {
	pg := &t.page
	if len(pg.rows) == 0 {
		return nil
	}
	pg.buckets = sized(pg.buckets, len(pg.rows))
	first, last := store.MaxBuckets, 0
	from, to, bucket := uint64(1), uint64(0), 0 // the bucket of the row before
	for i, row := range pg.rows {
		if start := pg.starts[row]; start < from || start >= to {
			bucket = t.q.Bucket(int64(start))
			from = uint64(t.q.BucketStart(bucket))
			to = from + uint64(t.q.Step)
			first, last = min(first, bucket), max(last, bucket)
		}
		pg.buckets[i] = bucket
	}
	// Sorted by counting: where each bucket begins.
	pg.counts = emptied(pg.counts, last-first+2)
	for _, bucket := range pg.buckets {
		pg.counts[bucket-first+1]++
	}
	for i := 1; i < len(pg.counts); i++ {
		pg.counts[i] += pg.counts[i-1]
	}
	pg.sorted = sized(pg.sorted, len(pg.rows))
	for i, row := range pg.rows {
		at := &pg.counts[pg.buckets[i]-first]
		pg.sorted[*at] = row
		*at++
	}
	begin := 0 // counts are where each bucket ends by now
	for i, end := range pg.counts[:len(pg.counts)-1] {
		if begin < end {
			if err := t.addRows(first+i, pg.sorted[begin:end]); err != nil {
				return err
			}
		}
		begin = end
	}
	return nil
}
