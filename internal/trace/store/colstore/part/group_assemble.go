package part

import (
	"cmp"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
)

// assemble makes the columns of attributes of the values that the shapes hold, in the order
// of the spans, and gives the classes their final numbers.
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
	for _, s := range g.list {
		for i := range s.slots {
			s.slots[i].texts, s.slots[i].nums = nil, nil
		}
	}
	for own := range g.inline {
		g.col[inlineColumns[own]].filters = g.inline[own].result(len(g.stats))
	}
	g.sortClasses()
}

// makeColumns lays out the columns of attributes in order of the shapes.
func (g *groupBuilder) makeColumns() {
	known := map[attrColumn]colID{}
	size := map[colID]int{}
	for _, s := range g.list {
		for i, a := range s.attrs {
			sl := &s.slots[i]
			if !sl.varied {
				continue
			}
			k := attrColumn{s.own, a.Key, a.Value.Kind}
			id, ok := known[k]
			if !ok {
				id = colID(len(g.col))
				known[k] = id
				phys, _ := physicalOf(a.Value.Kind)
				g.col = append(g.col, columnBuild{columnInfo: columnInfo{id: id, attr: k, phys: phys}})
			}
			sl.col = id
			size[id] += len(sl.texts) + len(sl.nums)
		}
	}
	for id, n := range size {
		if c := &g.col[id]; c.phys == physText {
			c.strings = make([]string, 0, n)
		} else {
			c.numbers = make([]uint64, 0, n)
		}
	}
}

// assembleSpans moves the values of a page's spans into the columns.
func (g *groupBuilder) assembleSpans(p int) {
	c := &g.col[colClass]
	from, to := c.of(p)
	for _, n := range c.numbers[from:to] {
		if n > 0 {
			g.move(g.list[g.classList[n-1].shape])
		}
	}
}

// assembleChildren does so for its events or links.
func (g *groupBuilder) assembleChildren(p int, shapes colID) {
	c := &g.col[shapes]
	from, to := c.of(p)
	for _, n := range c.numbers[from:to] {
		if n > 0 {
			g.move(g.list[n-1])
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

// sortClasses gives frequent classes small numbers.
func (g *groupBuilder) sortClasses() {
	order := make([]uint32, len(g.classList))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortStableFunc(order, func(a, b uint32) int {
		return cmp.Compare(g.classList[b].count, g.classList[a].count)
	})
	renumbered := make([]uint64, len(order)+1)
	sorted := make([]classBuild, len(order))
	for to, from := range order {
		sorted[to] = g.classList[from]
		renumbered[from+1] = uint64(to + 1)
	}
	g.classList = sorted
	numbers := g.col[colClass].numbers
	for i, n := range numbers {
		numbers[i] = renumbered[n]
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
