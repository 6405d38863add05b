package part

import (
	"fmt"
	"math"
	"sync"
	"unsafe"

	"github.com/weft-dev/weft/internal/trace/span"
)

// tables is what the spans of a group share, decoded. Immutable but for consts.
type tables struct {
	names     []string
	keys      []string
	resources []resourceInfo
	scopes    []scopeInfo
	columns   []columnInfo // by colID; of fixed columns mostly just the layout
	attrs     []colID      // of the attribute columns, in order of the table
	slots     []slotInfo
	shapes    []shape
	classes   []classInfo // number - 1
	size      int64       // bytes in memory, about

	scopeAttrs int      // of all resources and scopes
	shapeSlots []uint32 // of all shapes, one behind the other

	constOnce sync.Once
	consts    *constants
}

type classInfo struct {
	class
	count uint32
}

// hasInline reports whether some shapes of the owner are not in the table.
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
//	names, keys: count; the texts
//	attribute columns: count; owner, key, kind of each
//	columns with values: count; of each number, values, flags; dictionary; range; filter
//	resources, scopes: count; the records, and the spans of each scope
//	slots: count; the records
//	shapes: the slots of all; count; the records
//	classes: count; the scopes, the shapes, the spans of each
func (g *groupBuilder) appendTables(dst []byte) ([]byte, error) {
	dst = appendTexts(dst, g.nameList)
	dst = appendTexts(dst, g.keyList)
	attrs := g.col[firstAttr:]
	dst = appendUvarint(dst, len(attrs))
	for i := range attrs {
		c := &attrs[i]
		dst = append(dst, byte(c.attr.own))
		dst = appendUvarint(dst, g.keys[c.attr.key])
		dst = append(dst, byte(c.attr.kind))
	}
	dst = g.appendColumns(dst)
	dst = appendUvarint(dst, len(g.scopes.resList))
	for _, enc := range g.scopes.resList {
		dst = append(dst, enc...)
	}
	dst = appendUvarint(dst, len(g.scopes.list))
	for i, enc := range g.scopes.list {
		dst = append(dst, enc...)
		dst = appendUvarint(dst, g.scopes.count[i])
	}
	dst = g.appendShapes(dst)
	dst = appendUvarint(dst, len(g.classList))
	for _, c := range g.classList {
		dst = appendUvarint(dst, c.scope)
	}
	for _, c := range g.classList {
		dst = appendUvarint(dst, c.shape)
	}
	for _, c := range g.classList {
		dst = appendUvarint(dst, c.count)
	}
	if len(dst) > maxBlock {
		return nil, fmt.Errorf("tables of a group have %d bytes, the format holds %d", len(dst), maxBlock)
	}
	return dst, nil
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

// appendShapes appends the shapes, and before them each attribute that some of them have, once.
func (g *groupBuilder) appendShapes(dst []byte) []byte {
	var slots, ids []byte
	known := map[string]uint32{}
	total := 0
	for _, s := range g.list {
		total += len(s.attrs)
	}
	for _, s := range g.list {
		for i := range s.attrs {
			from := len(slots)
			slots = s.appendSlot(slots, i)
			id, ok := known[string(slots[from:])]
			if ok {
				slots = slots[:from]
			} else {
				id = uint32(len(known))
				known[string(slots[from:])] = id
			}
			ids = appendUvarint(ids, id)
		}
	}
	dst = append(appendUvarint(dst, len(known)), slots...)
	dst = appendUvarint(dst, total)
	dst = appendUvarint(dst, len(g.list))
	r := reader{b: ids}
	for _, s := range g.list {
		dst = append(dst, byte(s.own))
		dst = appendUvarint(dst, s.nameID)
		dst = appendShapeFields(dst, &s.shape)
		dst = appendUvarint(dst, s.count)
		dst = appendUvarint(dst, len(s.attrs))
		from := r.at
		for range s.attrs {
			r.uvarint()
		}
		dst = append(dst, ids[from:r.at]...)
	}
	return dst
}

func (sb *shapeBuild) appendSlot(dst []byte, i int) []byte {
	if sb.slots[i].varied {
		return appendUvarint(dst, uint32(sb.slots[i].col-firstAttr)<<1)
	}
	dst = appendUvarint(dst, sb.keys[i]<<1|constSlot)
	dst = append(dst, byte(sb.attrs[i].Value.Kind))
	return appendValue(dst, sb.attrs[i].Value)
}

// readTables is the inverse of appendTables. Texts alias the block.
func readTables(r *reader, version int) *tables {
	t := &tables{size: int64(len(r.b))}
	t.names = readTexts(r)
	t.keys = readTexts(r)
	t.readAttrColumns(r)
	t.readColumns(r)
	t.resources = make([]resourceInfo, r.count(7))
	for i := range t.resources {
		t.resources[i] = readResource(r)
		t.scopeAttrs += len(t.resources[i].attrs)
	}
	t.scopes = make([]scopeInfo, r.count(11))
	for i := range t.scopes {
		t.scopes[i] = readScope(r, len(t.resources))
		t.scopes[i].count = r.uvarint()
		t.scopeAttrs += len(t.scopes[i].attrs)
	}
	if version >= versionSlots {
		t.readSlots(r)
	}
	t.shapes = make([]shape, r.count(5))
	for i := range t.shapes {
		t.shapes[i] = readShape(r, t, version)
		t.shapes[i].id = uint32(i)
	}
	t.readClasses(r)
	r.end()
	t.size += int64(t.scopeAttrs) * int64(unsafe.Sizeof(span.Attr{}))
	t.size += int64(len(t.names)+len(t.keys))*16 + int64(len(t.shapeSlots))*4 +
		int64(len(t.classes))*int64(unsafe.Sizeof(classInfo{})) +
		int64(len(t.columns))*int64(unsafe.Sizeof(columnInfo{})) +
		int64(len(t.slots))*int64(unsafe.Sizeof(slotInfo{})) +
		int64(len(t.shapes))*int64(unsafe.Sizeof(shape{})) +
		int64(len(t.resources)+len(t.scopes))*int64(unsafe.Sizeof(resourceInfo{}))
	return t
}

// readSlots reads the attributes of shapes, and makes room for the lists of them.
func (t *tables) readSlots(r *reader) {
	t.slots = make([]slotInfo, r.count(1))
	for i := range t.slots {
		t.slots[i] = readSlot(r, t)
	}
	t.shapeSlots = make([]uint32, 0, r.count(1))
}

func (t *tables) readAttrColumns(r *reader) {
	n := r.count(3)
	t.columns = make([]columnInfo, int(firstAttr)+n)
	for i := range fixedColumns {
		t.columns[i] = columnInfo{id: colID(i), phys: fixedColumns[i].phys}
	}
	t.attrs = make([]colID, n)
	for i := range n {
		id := firstAttr + colID(i)
		t.attrs[i] = id
		c := &t.columns[id]
		c.id = id
		c.attr.own = owner(r.upTo(uint64(numOwners) - 1))
		key := r.uvarint()
		if key >= uint64(len(t.keys)) {
			r.fail("unknown key")
			return
		}
		c.attr.key = t.keys[key]
		c.attr.kind = readKind(r)
		phys, ok := physicalOf(c.attr.kind)
		if !ok {
			r.fail("column of a kind without values")
			return
		}
		c.phys = phys
	}
}

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

func (t *tables) readClasses(r *reader) {
	t.classes = make([]classInfo, r.count(3))
	var some [256]uint64
	each := func(limit int, set func(*classInfo, uint32)) {
		for from := 0; from < len(t.classes); from += len(some) {
			list := t.classes[from:min(from+len(some), len(t.classes))]
			r.takeVarints(some[:len(list)])
			for i := range list {
				if some[i] >= uint64(limit) {
					r.fail("class out of range")
					return
				}
				set(&list[i], uint32(some[i]))
			}
		}
	}
	each(len(t.scopes), func(c *classInfo, n uint32) { c.scope = n })
	each(len(t.shapes), func(c *classInfo, n uint32) {
		if c.shape = n; t.shapes[n].own != ownSpan {
			r.fail("class of an unknown shape")
		}
	})
	each(math.MaxUint32, func(c *classInfo, n uint32) { c.count = n })
	if r.bad != "" {
		t.classes = nil
	}
}

func appendTexts(dst []byte, list []string) []byte {
	dst = appendUvarint(dst, len(list))
	for _, s := range list {
		dst = appendText(dst, s)
	}
	return dst
}

func readTexts(r *reader) []string {
	out := make([]string, r.count(1))
	for i := range out {
		out[i] = r.text()
	}
	return out
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
