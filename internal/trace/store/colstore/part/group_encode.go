package part

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
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
func (f *filler) finish() {
	for i := range f.col {
		c := &f.col[i]
		n := c.len()
		if n == 0 || c.phys == physRaw {
			continue
		}
		c.values = uint64(n)
		attribute := c.id >= firstAttr
		switch c.phys {
		case physText:
			f.textDict(c)
			if !c.hasDict() {
				f.findPatterns(c)
			}
			if attribute || c.id == colName {
				f.textFilters(c)
			}
		case physNum, physDouble:
			if attribute {
				f.numDict(c)
				c.setRange()
			}
		}
	}
}

// worthDict reports whether so many different values are few enough for a dictionary.
func (f *filler) worthDict(distinct, values int) bool {
	if f.vary != nil && f.vary.IntN(4) == 0 {
		return distinct <= f.lim.dict
	}
	return distinct <= f.lim.dict && distinct <= max(16, values/3)
}

// hopeless reports, while a dictionary is gathered, that it will not be worth it.
func (f *filler) hopeless(distinct, seen int) bool {
	return distinct > f.lim.dict || distinct > 2048 && distinct > seen/2
}

func (f *filler) textDict(c *columnBuild) {
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
			if f.hopeless(len(texts), i) || size > maxDictText {
				return
			}
		}
		ids[i] = id
		count[id]++
	}
	if !f.worthDict(len(texts), len(c.strings)) {
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

func (f *filler) numDict(c *columnBuild) {
	known := map[uint64]uint32{}
	ids := make([]uint32, len(c.numbers))
	var nums, count []uint64
	for i, n := range c.numbers {
		id, ok := known[n]
		if !ok {
			id = uint32(len(nums))
			known[n] = id
			nums, count = append(nums, n), append(count, 0)
			if f.hopeless(len(nums), i) {
				return
			}
		}
		ids[i] = id
		count[id]++
	}
	if !f.worthDict(len(nums), len(c.numbers)) {
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
func (f *filler) findPatterns(c *columnBuild) {
	for p := range f.pages {
		size := 0
		from, to := c.of(p)
		for _, s := range c.strings[from:to] {
			size += len(s)
		}
		if size > freeRaw {
			return
		}
	}
	if f.vary == nil || f.vary.IntN(3) > 0 {
		c.coded = findPatterns(c.strings)
	}
}

// textFilters makes a filter for each page, so that a needle finds its page.
func (f *filler) textFilters(c *columnBuild) {
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
	if size > filterText*len(c.strings) || f.vary != nil && f.vary.IntN(3) == 0 {
		return
	}
	var hashes []uint64
	for p := range f.pages {
		hashes = hashes[:0]
		from, to := c.of(p)
		for _, s := range c.strings[from:to] {
			hashes = append(hashes, hashText(s))
		}
		c.filters = append(c.filters, appendFilter(nil, hashes))
	}
}

// inlineFilters make filters of the keys and texts of inline shapes.
func (f *filler) inlineFilters() {
	for own, id := range inlineColumns {
		c := &f.col[id]
		if len(c.bytes) == 0 {
			continue
		}
		event, link := 0, 0
		for _, p := range f.pages {
			var hashes []uint64
			add := func(attrs []span.Attr) {
				for _, a := range attrs {
					hashes = append(hashes, hashText(a.Key))
					switch a.Value.Kind {
					case span.ValueString, span.ValueBytes:
						hashes = append(hashes, hashInline(a.Key, a.Value.Str))
					case span.ValueArray:
						hashes = append(hashes, hashArray(a.Key))
					}
				}
			}
			for _, r := range f.rows[p.firstRow : p.firstRow+p.rows] {
				s := r.Span()
				if owner(own) == ownSpan && r.class == 0 {
					add(r.Batch.AttrsOf(s.Attrs))
				}
				for _, e := range r.Batch.EventsOf(s) {
					if owner(own) == ownEvent && f.events[event] == 0 {
						add(r.Batch.AttrsOf(e.Attrs))
					}
					event++
				}
				for _, l := range r.Batch.LinksOf(s) {
					if owner(own) == ownLink && f.links[link] == 0 {
						add(r.Batch.AttrsOf(l.Attrs))
					}
					link++
				}
			}
			c.filters = append(c.filters, appendFilter(nil, hashes))
		}
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
func (f *filler) writePage(w *fileWriter, p int) error {
	st := &f.stats[p]
	header, body := w.header[:0], w.body[:0]
	columns, prev := 0, colID(0)
	for i := range f.col {
		c := &f.col[i]
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
			raw, enc = encodeTexts(raw, c.strings[from:to], ids, f.vary)
		default:
			raw, enc = encodeNums(raw, c.numbers[from:to], ids, c.phys == physDouble, f.vary)
		}
		w.column = raw
		if len(raw) > maxBlock {
			return fmt.Errorf("column %q of a page has %d bytes, the format holds %d", c.name(), len(raw), maxBlock)
		}
		at := len(body)
		zipped := false
		if !w.plain && enc != encPattern && (f.vary == nil || f.vary.IntN(3) > 0) {
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

// writeGroup writes a group: its pages, its filters, its tables, its page table.
func (f *filler) writeGroup(ctx context.Context, w *fileWriter) (groupMeta, error) {
	f.finish()
	f.inlineFilters()
	m := groupMeta{tenant: f.tenant, pages: len(f.pages), off: w.off}
	for p := range f.pages {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		if err := f.writePage(w, p); err != nil {
			return m, err
		}
		m.stats.add(&f.stats[p].Stats)
	}
	for i := range f.col {
		if c := &f.col[i]; c.filters != nil {
			c.filter = w.block(appendPageFilters(nil, c.filters), false)
		}
		if c := &f.col[i]; c.coded != nil {
			c.patterns = w.block(c.coded.append(nil), true)
		}
	}
	tables, err := f.appendTables(nil)
	if err != nil {
		return m, err
	}
	m.tables = w.block(tables, true)
	m.pageTable = w.block(appendPageTable(nil, f.stats), true)
	m.stats.Bytes = w.off - m.off
	for _, r := range f.runs {
		if !r.continued {
			m.stats.Traces++
		}
	}
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
