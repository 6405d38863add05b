package part

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/span"
)

const (
	// maxDictText is the most text in one dictionary: tables stay in memory.
	maxDictText = 512 << 10
	// filterMin is the number of entries up to which a dictionary needs no filters.
	filterMin = 128
	// filterText is the average length up to which texts get filters. Nobody asks for a
	// statement or a stack trace by its exact text.
	filterText = 64
)

// finish decides how the columns of the group are encoded.
func (g *groupBuilder) finish() {
	for i := range g.col {
		c := &g.col[i]
		n := c.len()
		if n == 0 || c.phys == physRaw {
			continue
		}
		c.values = uint64(n)
		runtime.Gosched()
		attribute := c.id >= firstAttr
		switch c.phys {
		case physText:
			g.textDict(c)
			if !c.hasDict() {
				g.findPatterns(c)
			}
			if attribute || c.id == colName {
				g.textFilters(c)
			}
		case physNum, physDouble:
			if attribute {
				g.numDict(c)
				c.setRange()
			}
		}
	}
}

// worthDict reports whether so many different values are few enough for a dictionary.
func (g *groupBuilder) worthDict(distinct, values int) bool {
	if g.vary != nil && g.vary.IntN(4) == 0 {
		return distinct <= g.lim.dict
	}
	return distinct <= g.lim.dict && distinct <= max(16, values/3)
}

// hopeless reports, while a dictionary is gathered, that it will not be worth it.
func (g *groupBuilder) hopeless(distinct, seen int) bool {
	return distinct > g.lim.dict || distinct > 2048 && distinct > seen/2
}

func (g *groupBuilder) textDict(c *columnBuild) {
	known := map[string]uint32{}
	ids := make([]uint32, len(c.strings))
	var texts []string
	var count []uint64
	size := 0
	for i, s := range c.strings {
		id, ok := known[s]
		if !ok {
			id = uint32(len(texts))
			known[s] = id
			texts, count = append(texts, s), append(count, 0)
			size += len(s)
			if g.hopeless(len(texts), i) || size > maxDictText {
				return
			}
		}
		ids[i] = id
		count[id]++
	}
	if !g.worthDict(len(texts), len(c.strings)) {
		return
	}
	order := byCount(count)
	slices.SortStableFunc(order, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(texts[a], texts[b]))
	})
	c.texts = permuted(texts, order)
	c.count = permuted(count, order)
	c.ids = renumber(ids, order)
}

func (g *groupBuilder) numDict(c *columnBuild) {
	known := map[uint64]uint32{}
	ids := make([]uint32, len(c.numbers))
	var nums, count []uint64
	for i, n := range c.numbers {
		id, ok := known[n]
		if !ok {
			id = uint32(len(nums))
			known[n] = id
			nums, count = append(nums, n), append(count, 0)
			if g.hopeless(len(nums), i) {
				return
			}
		}
		ids[i] = id
		count[id]++
	}
	if !g.worthDict(len(nums), len(c.numbers)) {
		return
	}
	order := byCount(count)
	slices.SortStableFunc(order, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(nums[a], nums[b]))
	})
	c.nums = permuted(nums, order)
	c.count = permuted(count, order)
	c.ids = renumber(ids, order)
}

func byCount(count []uint64) []uint32 {
	order := make([]uint32, len(count))
	for i := range order {
		order[i] = uint32(i)
	}
	return order
}

func permuted[T any](v []T, order []uint32) []T {
	out := make([]T, len(v))
	for to, from := range order {
		out[to] = v[from]
	}
	return out
}

func renumber(ids, order []uint32) []uint32 {
	to := make([]uint32, len(order))
	for i, from := range order {
		to[from] = uint32(i)
	}
	for i := range ids {
		ids[i] = to[ids[i]]
	}
	return ids
}

// setRange notes the smallest and largest number.
func (c *columnBuild) setRange() {
	for _, n := range c.numbers {
		if c.phys == physDouble && math.IsNaN(math.Float64frombits(n)) {
			continue
		}
		if !c.ranged {
			c.min, c.max, c.ranged = n, n, true
			continue
		}
		if c.less(n, c.min) {
			c.min = n
		}
		if c.less(c.max, n) {
			c.max = n
		}
	}
}

func (c *columnBuild) less(a, b uint64) bool {
	if c.phys == physDouble {
		return math.Float64frombits(a) < math.Float64frombits(b)
	}
	return int64(a) < int64(b)
}

// findPatterns finds the patterns of a column's texts, unless a page has more text than a
// reader takes on trust.
func (g *groupBuilder) findPatterns(c *columnBuild) {
	for p := range g.stats {
		size := 0
		from, to := c.of(p)
		for _, s := range c.strings[from:to] {
			size += len(s)
		}
		if size > freeRaw {
			return
		}
	}
	if g.vary == nil || g.vary.IntN(3) > 0 {
		c.coded = findPatterns(c.strings)
	}
}

// textFilters makes a filter for each page, so that a needle finds its page.
func (g *groupBuilder) textFilters(c *columnBuild) {
	if c.hasDict() && len(c.texts) <= filterMin {
		return
	}
	if k := c.attr.kind; c.id >= firstAttr && k != span.ValueString && k != span.ValueBytes {
		return
	}
	size := 0
	for _, s := range c.strings {
		size += len(s)
	}
	if size > filterText*len(c.strings) || g.vary != nil && g.vary.IntN(3) == 0 {
		return
	}
	var hashes []uint64
	for p := range g.stats {
		hashes = hashes[:0]
		from, to := c.of(p)
		for _, s := range c.strings[from:to] {
			hashes = append(hashes, hashText(s))
		}
		c.filters = append(c.filters, appendFilter(nil, hashes))
	}
}

// inlineColumns is where the shapes of each owner go that are not in the table, and
// overflowColumns where their values go.
var (
	inlineColumns   = [numOwners]colID{colInlineSpan, colInlineEvent, colInlineLink}
	overflowColumns = [numOwners]colID{colOverflowSpan, colOverflowEvent, colOverflowLink}
)

// writePage encodes page p of the group and writes it.
//
//	header: number of columns; for each: number (difference to the one before), encoding,
//	        stored size, size before compression if compressed, checksum
//	the columns, in order of number
func (g *groupBuilder) writePage(w *fileWriter, p int) error {
	st := &g.stats[p]
	header, body := w.header[:0], w.body[:0]
	columns, prev := 0, colID(0)
	for i := range g.col {
		c := &g.col[i]
		if c.ends == nil {
			continue
		}
		from, to := c.of(p)
		if from == to {
			continue
		}
		raw, enc := w.column[:0], encRaw
		var ids []uint32
		if c.ids != nil {
			ids = c.ids[from:to]
		}
		switch {
		case c.phys == physRaw:
			raw = append(raw, c.bytes[from:to]...)
		case c.coded != nil:
			zip := w.zstd
			if w.plain {
				zip = nil
			}
			raw, enc = c.coded.encode(raw, c.strings[from:to], zip), encPattern
		case c.phys == physText:
			raw, enc = encodeTexts(raw, c.strings[from:to], ids, g.vary)
		default:
			raw, enc = encodeNums(raw, c.numbers[from:to], ids, c.phys == physDouble, g.vary)
		}
		w.column = raw
		if len(raw) > maxBlock {
			return fmt.Errorf("column %q of a page has %d bytes, the format holds %d", c.name(), len(raw), maxBlock)
		}
		at := len(body)
		zipped := false
		if !w.plain && enc != encPattern && (g.vary == nil || g.vary.IntN(3) > 0) {
			body, zipped = w.zstd.compress(body, raw)
		}
		if zipped {
			enc |= encZstd
		} else {
			body = append(body, raw...)
		}
		stored := body[at:]
		columns++
		header = appendUvarint(header, uint32(c.id-prev))
		prev = c.id
		header = append(header, byte(enc))
		header = appendUvarint(header, len(stored))
		if zipped {
			header = appendUvarint(header, len(raw))
		}
		header = binary.LittleEndian.AppendUint32(header, uint32(xxh3.Hash(stored)))
		if c.id <= colTraceID {
			st.front = int64(len(body))
		}
		if c.id <= colOddEnd {
			st.core = int64(len(body))
		}
	}
	w.header, w.body = header, body
	head := appendUvarint(nil, columns)
	head = append(head, header...)
	st.header = int64(len(head))
	st.front += st.header
	st.core += st.header
	st.length = st.header + int64(len(body))
	st.sum = xxh3.Hash(head)
	w.write(head)
	w.write(body)
	return w.err
}

// writeGroup writes a group: its pages, its filters, its tables, its outline, its page table.
func (g *groupBuilder) writeGroup(ctx context.Context, w *fileWriter) (groupMeta, error) {
	g.assemble()
	g.finish()
	m := groupMeta{tenant: g.tenant, pages: len(g.stats), off: w.off}
	for p := range g.stats {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		if err := g.writePage(w, p); err != nil {
			return m, err
		}
		runtime.Gosched() // who waits for an answer goes first
		m.stats.add(&g.stats[p].Stats)
	}
	for i := range g.col {
		if c := &g.col[i]; c.filters != nil {
			c.filter = w.block(appendPageFilters(nil, c.filters), false)
		}
		if c := &g.col[i]; c.coded != nil {
			c.patterns = w.block(c.coded.append(nil), true)
		}
	}
	tables, err := g.appendTables(nil)
	if err != nil {
		return m, err
	}
	m.tables = w.block(tables, true)
	m.outline = w.block(newOutline(readTables(&reader{b: tables}, &g.schema), g.codes).append(nil), false)
	m.pageTable = w.block(appendPageTable(nil, g.stats), true)
	m.stats.Bytes = w.off - m.off
	m.stats.Traces = g.traces
	return m, w.err
}

// add takes in the stats of a page. Traces are counted by the caller: one may be in several.
func (s *Stats) add(o *Stats) {
	if s.Spans == 0 {
		s.MinStart, s.MaxStart, s.MinDuration, s.MaxDuration = o.MinStart, o.MaxStart, o.MinDuration, o.MaxDuration
	}
	s.Spans += o.Spans
	s.MinStart, s.MaxStart = min(s.MinStart, o.MinStart), max(s.MaxStart, o.MaxStart)
	s.MinDuration, s.MaxDuration = min(s.MinDuration, o.MinDuration), max(s.MaxDuration, o.MaxDuration)
	s.HasError = s.HasError || o.HasError
}
