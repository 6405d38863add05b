package part

// rareColumns have a value of each span whose shape says so.
var rareColumns = []struct {
	bit mask
	id  colID
}{
	{hasMarks, colMarks},
	{hasFlags, colFlags},
	{hasDroppedAttrs, colDroppedAttrs},
	{hasDroppedEvents, colDroppedEvents},
	{hasDroppedLinks, colDroppedLinks},
	{hasName, colName},
	{hasStatusMessage, colStatusMessage},
	{hasTraceState, colTraceState},
	{hasUnknown, colUnknown},
	{hasStatusUnknown, colStatusUnknown},
}

// skipRows moves the columns over the page's first rows. No column depends on where another
// one is, so that each moves once, over what all these rows have of it. What they have is
// counted by shapes, of which a page has far fewer than rows.
func (d *decoder) skipRows(rows int) {
	d.rowClass = sized(d.rowClass, rows)
	d.cursor(colClass).takeNums(d.rowClass)
	d.cursor(colStart).skipNums(rows)
	d.shapeRows = emptied(d.shapeRows, len(d.t.shapes))
	d.ahead = emptied(d.ahead, len(d.t.columns))
	for _, class := range d.rowClass {
		switch {
		case class > uint64(len(d.t.classes)):
			d.fail("unknown class")
			return
		case class > 0:
			d.shapeRows[d.t.classes[class-1].shape]++
		default:
			in := &d.cursor(colInlineSpan).reader
			in.uint32() // the scope
			readInline(in, ownSpan, &d.inline)
			d.skipSpans(&d.inline, 1)
		}
	}
	for id, n := range d.shapeRows {
		if n > 0 {
			d.skipSpans(&d.t.shapes[id], n)
		}
	}
	d.skipChildren(ownEvent, colEventCount, colEventShape)
	d.skipChildren(ownLink, colLinkCount, colLinkShape)
	for id, n := range d.ahead {
		if n == 0 || d.bad != "" {
			continue
		}
		switch c := d.cursor(colID(id)); d.t.columns[id].phys {
		case physText:
			c.skipTexts(n)
		case physRaw:
			c.bytes(n)
		default:
			c.skipNums(n)
		}
	}
}

// skipSpans counts what n spans of a shape have.
func (d *decoder) skipSpans(sh *shape, n int) {
	m := sh.mask // sh may be used again by events
	if d.want.has(colDuration) {
		if m&hasOddEnd == 0 {
			d.ahead[colDuration] += n
		} else {
			d.ahead[colOddEnd] += n
		}
	}
	if d.want.has(colParent) {
		d.ahead[colParent] += n
	}
	for _, c := range rareColumns {
		if m&c.bit != 0 && d.want.has(c.id) {
			d.ahead[c.id] += n
		}
	}
	if m&hasEvents != 0 && d.want.has(colEventCount) {
		d.ahead[colEventCount] += n
	}
	if m&hasLinks != 0 && d.want.has(colLinkCount) {
		d.ahead[colLinkCount] += n
	}
	d.skipAttrs(sh, n, colOverflowSpan)
	if m&hasAttrUnknown != 0 && d.want.all {
		r := &d.cursor(colAttrUnknown).reader
		for range n {
			for range r.count(2) {
				r.uint32()
				r.text()
			}
		}
	}
}

// skipAttrs counts the attributes of n spans, events or links of a shape.
func (d *decoder) skipAttrs(sh *shape, n int, overflow colID) {
	if sh.overflow {
		if d.want.has(overflow) && d.spend(len(sh.attrs)) {
			r := &d.cursor(overflow).reader
			for i := range sh.attrs {
				readValue(r, sh.attrs[i].Value.Kind)
			}
		}
		return
	}
	_, fill := d.chosen(sh)
	if !d.spend(n * len(fill)) {
		return
	}
	for _, f := range fill {
		d.ahead[f.col] += n
	}
}

// skipChildren counts what the events, or the links, of the rows have.
func (d *decoder) skipChildren(own owner, count, shapes colID) {
	children := 0
	for range d.ahead[count] {
		children += d.things(count)
	}
	d.ahead[count] = 0
	clear(d.shapeRows)
	for range children {
		sh := d.childShape(shapes, own)
		switch {
		case sh == nil:
			return
		case sh.overflow:
			d.skipChild(sh, 1)
		default:
			d.shapeRows[sh.id]++
		}
	}
	for id, n := range d.shapeRows {
		if n > 0 {
			d.skipChild(&d.t.shapes[id], n)
		}
	}
}

// skipChild counts what n events or links of a shape have.
func (d *decoder) skipChild(sh *shape, n int) {
	some := func(bit mask, id colID) {
		if sh.mask&bit != 0 && d.want.all {
			d.ahead[id] += n
		}
	}
	if sh.own == ownLink {
		if d.want.has(colLinkTraceID) {
			d.ahead[colLinkTraceID] += 16 * n
		}
		if d.want.has(colLinkSpanID) {
			d.ahead[colLinkSpanID] += 8 * n
		}
		some(hasFlags, colLinkFlags)
		some(hasTraceState, colLinkTraceState)
		some(hasDroppedAttrs, colLinkDropped)
		some(hasUnknown, colLinkUnknown)
		d.skipAttrs(sh, n, colOverflowLink)
		return
	}
	if d.want.has(colEventTime) {
		d.ahead[colEventTime] += n
	}
	if sh.mask&hasName != 0 && d.want.has(colEventName) {
		d.ahead[colEventName] += n
	}
	some(hasDroppedAttrs, colEventDropped)
	some(hasUnknown, colEventUnknown)
	d.skipAttrs(sh, n, colOverflowEvent)
}
