package part

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"
	"unsafe"
)

// tables is what a group says of its spans, beside the schema that it shares with other groups
// of the part, decoded. Immutable but for used.
type tables struct {
	*schema
	columns []columnInfo // by colID; of fixed columns mostly just the layout
	classes []classInfo  // number - 1
	// How many spans of the group, or events or links, have each scope and shape of the schema,
	// and which resources some have.
	scopeCount, shapeCount []uint32
	resourceUsed           []bool
	size                   int64 // bytes in memory, about, without the schema

	usedOnce sync.Once
	used     []uint8 // see usedSlots
}

// classInfo is a class of the group.
type classInfo struct {
	class
	count uint32
}

// hasInline reports whether some shapes of the owner are not in the schema.
func (t *tables) hasInline(own owner) bool { return !t.columns[inlineColumns[own]].filter.isZero() }

// Flags of a column in the table.
const (
	columnHasDict = 1 << iota
	columnHasRange
	columnHasFilter
	columnHasPatterns
)

// appendTables appends the group's tables:
//
//	columns with values: count; of each number, values, flags; dictionary; range; filter; patterns
//	classes: numbers among the schema's pairs, ascending; the spans of each
//	scopes of spans whose shape is inline: numbers, ascending; the spans of each
//	shapes of events and links: numbers, ascending; the events or links of each
func (g *groupBuilder) appendTables(dst []byte) ([]byte, error) {
	dst = g.appendColumns(dst)
	dst = appendCounts(dst, g.classes)
	var scopes, shapes []counted
	for id, n := range g.origins.inline {
		if n > 0 {
			scopes = append(scopes, counted{uint32(id), n})
		}
	}
	for _, sb := range g.known {
		if sb.own != ownSpan && sb.count > 0 {
			shapes = append(shapes, counted{sb.number - 1, uint32(sb.count)})
		}
	}
	dst = appendCounts(appendCounts(dst, scopes), shapes)
	if len(dst) > maxBlock {
		return nil, fmt.Errorf("tables of a group have %d bytes, the format holds %d", len(dst), maxBlock)
	}
	return dst, nil
}

// counted is a number in the schema and how many of the group have it.
type counted struct{ id, count uint32 }

// appendCounts sorts the list by number and appends the numbers and the counts.
func appendCounts(dst []byte, list []counted) []byte {
	slices.SortFunc(list, func(a, b counted) int { return cmp.Compare(a.id, b.id) })
	ids := make([]uint32, len(list))
	for i := range list {
		ids[i] = list[i].id
	}
	dst = appendAscending(dst, ids)
	for i := range list {
		dst = appendUvarint(dst, list[i].count)
	}
	return dst
}

func (g *groupBuilder) appendColumns(dst []byte) []byte {
	n := 0
	for i := range g.col {
		if g.col[i].values > 0 || g.col[i].filters != nil {
			n++
		}
	}
	dst = appendUvarint(dst, n)
	for i := range g.col {
		c := &g.col[i]
		if c.values == 0 && c.filters == nil {
			continue
		}
		flags := byte(0)
		if c.hasDict() {
			flags |= columnHasDict
		}
		if c.ranged {
			flags |= columnHasRange
		}
		if c.filters != nil {
			flags |= columnHasFilter
		}
		if c.coded != nil {
			flags |= columnHasPatterns
		}
		dst = appendUvarint(dst, uint32(c.id))
		dst = appendUvarint(dst, c.values)
		dst = append(dst, flags)
		if c.hasDict() {
			dst = appendUvarint(dst, len(c.count))
			for _, n := range c.count {
				dst = appendUvarint(dst, n)
			}
			for _, s := range c.texts {
				dst = appendUvarint(dst, len(s))
			}
			for _, s := range c.texts {
				dst = append(dst, s...)
			}
			for _, n := range c.nums {
				dst = appendZigzag(dst, int64(n))
			}
		}
		if c.ranged {
			dst = appendZigzag(dst, int64(c.min))
			dst = appendZigzag(dst, int64(c.max))
		}
		if c.filters != nil {
			dst = c.filter.append(dst)
		}
		if c.coded != nil {
			dst = c.patterns.append(dst)
		}
	}
	return dst
}

// readTables is the inverse of appendTables. Texts alias the block.
func readTables(r *reader, in *schema) *tables {
	t := &tables{schema: in, size: int64(len(r.b))}
	t.columns = make([]columnInfo, int(firstAttr)+len(in.attrs))
	for i := range fixedColumns {
		t.columns[i] = columnInfo{id: colID(i), phys: fixedColumns[i].phys}
	}
	for i, a := range in.attrs {
		phys, _ := physicalOf(a.kind)
		t.columns[int(firstAttr)+i] = columnInfo{id: firstAttr + colID(i), attr: a, phys: phys}
	}
	t.readColumns(r)
	t.scopeCount, t.shapeCount = make([]uint32, len(in.scopes)), make([]uint32, len(in.shapes))
	t.readClasses(r)
	readCounts(r, t.scopeCount)
	readCounts(r, t.shapeCount)
	r.end()
	t.resourceUsed = make([]bool, len(in.resources))
	for i, n := range t.scopeCount {
		if n > 0 {
			t.resourceUsed[in.scopes[i].Resource] = true
		}
	}
	t.size += int64(len(t.columns))*int64(unsafe.Sizeof(columnInfo{})) + int64(len(t.classes))*int64(unsafe.Sizeof(classInfo{})) +
		int64(len(t.scopeCount)+len(t.shapeCount))*4 + int64(len(t.resourceUsed))
	return t
}

// readCounts adds to the counts by number.
func readCounts(r *reader, counts []uint32) {
	ids := r.ascending(len(counts))
	r.eachVarint(len(ids), math.MaxUint32, func(i int, n uint64) { counts[ids[i]] += uint32(n) })
}

// readClasses numbers the classes: those with the most spans first, by powers of two, and then
// by their number in the schema, so that the numbers of nearly all spans are short.
func (t *tables) readClasses(r *reader) {
	ids := r.ascending(len(t.pairs))
	counts := make([]uint32, len(ids))
	r.eachVarint(len(ids), math.MaxUint32, func(i int, n uint64) { counts[i] = uint32(n) })
	if r.bad != "" {
		return
	}
	var next [33]int // class of each power of two
	for _, n := range counts {
		next[rankOf(n)]++
	}
	sum := 0
	for i, n := range next {
		next[i] = sum
		sum += n
	}
	t.classes = make([]classInfo, len(ids))
	for i, id := range ids {
		at := &next[rankOf(counts[i])]
		t.classes[*at] = classInfo{t.pairs[id], counts[i]}
		*at++
		t.scopeCount[t.pairs[id].scope] += counts[i]
		t.shapeCount[t.pairs[id].shape] += counts[i]
	}
}

// rankOf is 0 for the largest counts of spans.
func rankOf(count uint32) int { return 32 - bits.Len32(count) }

func (t *tables) readColumns(r *reader) {
	for range r.count(3) {
		id := r.uvarint()
		if id >= uint64(len(t.columns)) || numFixed <= colID(id) && colID(id) < firstAttr {
			r.fail("unknown column")
			return
		}
		c := &t.columns[id]
		c.values = r.uvarint()
		flags := r.byte()
		if flags&columnHasDict != 0 {
			t.readDict(r, c)
		}
		if flags&columnHasRange != 0 {
			c.ranged = true
			c.min, c.max = uint64(r.zigzag()), uint64(r.zigzag())
		}
		if flags&columnHasFilter != 0 {
			c.filter = readBlockRef(r)
		}
		if flags&columnHasPatterns != 0 {
			c.patterns = readBlockRef(r)
		}
	}
}

func (t *tables) readDict(r *reader, c *columnInfo) {
	n := r.count(2)
	t.size += int64(n) * 24
	c.count = make([]uint64, n)
	for i := range c.count {
		c.count[i] = r.uvarint()
	}
	switch c.phys {
	case physRaw:
		r.fail("dictionary of a column of bytes")
	case physText:
		sizes := make([]int, n)
		for i := range sizes {
			sizes[i] = r.count(1)
		}
		c.texts = make([]string, n)
		for i := range c.texts {
			c.texts[i] = alias(r.bytes(sizes[i]))
		}
	default:
		c.nums = make([]uint64, n)
		for i := range c.nums {
			c.nums[i] = uint64(r.zigzag())
		}
	}
}

// appendPageTable appends what is known of each page before it is read.
func appendPageTable(dst []byte, pages []pageStats) []byte {
	for i := range pages {
		p := &pages[i]
		dst = appendUvarint(dst, p.length)
		dst = appendUvarint(dst, p.header)
		dst = appendUvarint(dst, p.front)
		dst = appendUvarint(dst, p.core)
		dst = appendFixed64(dst, p.sum)
		dst = appendUvarint(dst, p.Spans)
		dst = appendUvarint(dst, p.Traces)
		dst = appendStats(dst, &p.Stats)
	}
	return dst
}

func readPageTable(r *reader, pages int) []pageStats {
	if pages > r.left()/19 {
		r.fail("block too short")
		return nil
	}
	out := make([]pageStats, pages)
	for i := range out {
		p := &out[i]
		p.length = int64(r.upTo(maxFile))
		p.header = int64(r.upTo(uint64(p.length)))
		p.front = int64(r.upTo(uint64(p.length)))
		p.core = int64(r.upTo(uint64(p.length)))
		if p.header > p.front || p.front > p.core {
			r.fail("regions of a page out of order")
		}
		p.sum = r.fixed64()
		p.Spans = int(r.upTo(maxPageSpans))
		p.Traces = int(r.upTo(uint64(p.Spans)))
		readStats(r, &p.Stats)
		p.Bytes = p.length
	}
	r.end()
	return out
}

// appendStats appends the times and the error bit.
func appendStats(dst []byte, s *Stats) []byte {
	dst = appendUvarint(dst, s.MinStart)
	dst = appendUvarint(dst, uint64(s.MaxStart-s.MinStart))
	dst = appendUvarint(dst, s.MinDuration)
	dst = appendUvarint(dst, uint64(s.MaxDuration-s.MinDuration))
	return appendPresent(dst, s.HasError)
}

func readStats(r *reader, s *Stats) {
	s.MinStart = int64(r.uvarint())
	s.MaxStart = int64(uint64(s.MinStart) + r.uvarint())
	s.MinDuration = int64(r.uvarint())
	s.MaxDuration = int64(uint64(s.MinDuration) + r.uvarint())
	s.HasError = readPresent(r)
}
