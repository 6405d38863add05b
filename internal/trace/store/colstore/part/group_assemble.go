package part

import (
	"cmp"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
)

// assemble makes the columns of attributes of the values that the shapes hold, in the order
// of the spans, and gives classes and shapes their final numbers.
func (g *groupBuilder) assemble() {
	g.makeColumns()
	for p := range g.stats {
		g.assembleSpans(p)
		g.assembleChildren(p, colEventShape)
		g.assembleChildren(p, colLinkShape)
		for i := int(firstAttr); i < len(g.col); i++ {
			g.col[i].ends = append(g.col[i].ends, g.col[i].len())
		}
	}
	for own := range g.inline {
		g.col[inlineColumns[own]].filters = g.inline[own].result(len(g.stats))
	}
	g.settle()
	g.numberClasses()
	g.numberShapes(colEventShape)
	g.numberShapes(colLinkShape)
}

// makeColumns lays out the columns of attributes that vary.
func (g *groupBuilder) makeColumns() {
	size := map[colID]int{}
	for _, sb := range g.known {
		for i := range sb.slots {
			if sl := &sb.slots[i]; sl.varied && sb.count > 0 {
				sl.col = g.column(attrColumn{sb.own, sb.attrs[i].Key, sb.attrs[i].Value.Kind})
				size[sl.col] += sb.count
			}
		}
	}
	for i, a := range g.attrs {
		phys, _ := physicalOf(a.kind)
		c := columnBuild{columnInfo: columnInfo{id: firstAttr + colID(i), attr: a, phys: phys}}
		if phys == physText {
			c.strings = make([]string, 0, size[c.id])
		} else {
			c.numbers = make([]uint64, 0, size[c.id])
		}
		g.col = append(g.col, c)
	}
}

// assembleSpans moves the values of a page's spans into the columns.
func (g *groupBuilder) assembleSpans(p int) {
	c := &g.col[colClass]
	from, to := c.of(p)
	for _, n := range c.numbers[from:to] {
		if n > 0 {
			g.move(g.known[g.met[n-1].shape])
		}
	}
}

// assembleChildren does so for its events or links.
func (g *groupBuilder) assembleChildren(p int, shapes colID) {
	c := &g.col[shapes]
	from, to := c.of(p)
	for _, n := range c.numbers[from:to] {
		if n > 0 {
			g.move(g.known[n-1])
		}
	}
}

// move moves the next value of each attribute of a shape into its column.
func (g *groupBuilder) move(s *shapeBuild) {
	for i := range s.slots {
		sl := &s.slots[i]
		if !sl.varied {
			continue
		}
		c := &g.col[sl.col]
		if sl.text {
			c.strings = append(c.strings, sl.texts[sl.next])
		} else {
			c.numbers = append(c.numbers, sl.nums[sl.next])
		}
		sl.next++
	}
}

// numberClasses gives the classes the numbers that readClasses will.
func (g *groupBuilder) numberClasses() {
	var order []uint32 // in met
	pairs := make([]uint32, len(g.met))
	for i := range g.met {
		if g.met[i].count > 0 {
			order = append(order, uint32(i))
			pairs[i] = g.pair(g.met[i].class)
		}
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(rankOf(g.met[a].count), rankOf(g.met[b].count)), cmp.Compare(pairs[a], pairs[b]))
	})
	final := make([]uint64, len(g.met)+1)
	for to, from := range order {
		g.classes = append(g.classes, counted{pairs[from], g.met[from].count})
		final[from+1] = uint64(to + 1)
	}
	for i, n := range g.col[colClass].numbers {
		g.col[colClass].numbers[i] = final[n]
	}
}

// numberShapes turns numbers of known + 1 into numbers of the schema + 1.
func (g *groupBuilder) numberShapes(shapes colID) {
	for i, n := range g.col[shapes].numbers {
		if n > 0 {
			g.col[shapes].numbers[i] = uint64(g.known[n-1].number)
		}
	}
}

// inlineFilter gathers the keys and texts of inline shapes of one owner, for filters.
type inlineFilter struct {
	hashes []uint64 // of the page at hand
	pages  pageFilters
	any    bool
}

func (f *inlineFilter) add(attrs []span.Attr) {
	f.any = true
	for _, a := range attrs {
		f.hashes = append(f.hashes, hashText(a.Key))
		switch a.Value.Kind {
		case span.ValueString, span.ValueBytes:
			f.hashes = append(f.hashes, hashInline(a.Key, a.Value.Str))
		case span.ValueArray:
			f.hashes = append(f.hashes, hashArray(a.Key))
		}
	}
}

func (f *inlineFilter) closePage() {
	f.pages = append(f.pages, appendFilter(nil, f.hashes))
	f.hashes = f.hashes[:0]
}

// result is the filters, nil if nothing is inline.
func (f *inlineFilter) result(pages int) pageFilters {
	if !f.any {
		return nil
	}
	return f.pages[:pages]
}
