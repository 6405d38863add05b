package part

// judge decodes the classes of the page and asks the filter about each. It is false if no row
// is wanted.
func (d *decoder) judge() bool {
	d.rowClass = sized(d.rowClass, d.spans)
	c := d.cursor(colClass)
	c.takeNums(d.rowClass)
	verdicts := d.classes.verdicts
	some := false
	for _, class := range d.rowClass {
		if class >= uint64(len(verdicts)) {
			d.fail("unknown class")
			return true
		}
		v := verdicts[class]
		if v == notAsked {
			v = d.classes.ask(class)
			if v == cannotMatch && d.isBare(class) {
				v = cannotMatchBare
			}
			verdicts[class] = v
		}
		some = some || v == mayMatch
	}
	return some || c.bad != ""
}

// isBare reports whether rows of a class have a duration, and nothing else that is wanted.
func (d *decoder) isBare(class uint64) bool {
	sh := &d.t.shapes[d.t.classes[class-1].shape]
	_, fill := d.chosen(sh)
	return d.plain && len(fill) == 0 && sh.mask&(hasOddEnd|hasName) == 0
}

// rowsWhere decodes the rows in [from, to) whose class is wanted.
func (d *decoder) rowsWhere(from, to int) {
	if d.bad != "" {
		return
	}
	d.rowStart = sized(d.rowStart, d.spans)
	d.cursor(colStart).takeNums(d.rowStart)
	verdicts := d.classes.verdicts
	bare := 0 // rows whose duration is still to be passed over
	for i := range d.dir {
		e := &d.dir[i]
		if e.First >= to {
			return
		}
		prev := uint64(e.Start)
		for row := e.First; row < min(e.First+e.Rows, to); row++ {
			prev += d.rowStart[row]
			class := d.rowClass[row]
			v := verdicts[class]
			if v == cannotMatchBare {
				bare++
				continue
			}
			if bare > 0 && d.want.has(colDuration) {
				d.cursor(colDuration).skipNums(bare)
			}
			bare = 0
			if v == cannotMatch || row < from {
				d.skip(class, row, int64(prev), e)
			} else {
				d.row(class, row, int64(prev), e)
			}
			if d.bad != "" {
				return
			}
		}
	}
}

// plainColumns are those that skip moves on by itself.
const plainColumns = always | 1<<colDuration | 1<<colOddEnd | 1<<colSpanID | 1<<colName | 1<<colOverflowSpan

// skip moves the columns over a row.
func (d *decoder) skip(class uint64, row int, start int64, e *TraceEntry) {
	if class == 0 || class > uint64(len(d.t.classes)) || !d.plain {
		d.skipped.Start = start
		attrs, events, links := len(d.out.Attrs), len(d.out.Events), len(d.out.Links)
		d.span(&d.skipped, class, row, e, false)
		d.out.Attrs, d.out.Events, d.out.Links = d.out.Attrs[:attrs], d.out.Events[:events], d.out.Links[:links]
		for k := range d.out.AttrUnknown {
			if k >= uint32(attrs) {
				delete(d.out.AttrUnknown, k)
			}
		}
		return
	}
	sh := &d.t.shapes[d.t.classes[class-1].shape]
	if d.want.has(colDuration) {
		if sh.mask&hasOddEnd == 0 {
			d.cursor(colDuration).nextNum()
		} else {
			d.cursor(colOddEnd).nextNum()
		}
	}
	if sh.mask&hasName != 0 && d.want.has(colName) {
		d.cursor(colName).nextText()
	}
	_, fill := d.chosen(sh)
	if !d.spend(len(fill)) {
		return
	}
	for _, f := range fill {
		if c := &d.cur[d.at[f.col]]; d.t.columns[f.col].phys == physText {
			c.nextText()
		} else {
			c.nextNum()
		}
	}
}
