package part

import (
	"slices"

	"github.com/klauspost/compress/zstd"
)

// patternCursor takes texts off a column with patterns, in order.
type patternCursor struct {
	*patternTable
	ids   reader
	plain reader
	bits  bitReader
	total int    // bytes of all texts
	used  int    // of total
	arena []byte // texts alias it
	// before is the text before.
	before string
}

// open begins with a column's bytes. Texts from before are lost. The reason says why it is bad.
func (c *patternCursor) open(t *patternTable, b []byte, m *buffers, dec *zstd.Decoder) (reason string) {
	r := reader{b: b}
	size := r.upTo(freeRaw)
	arena := c.arena[:0]
	*c = patternCursor{patternTable: t, total: int(size)}
	c.ids = reader{b: readSub(&r, m, dec)}
	c.plain = reader{b: readSub(&r, m, dec)}
	c.bits.b = r.bytes(r.left())
	c.arena = slices.Grow(arena, int(min(size, 32*uint64(len(b)))))
	return r.bad
}

func readSub(r *reader, m *buffers, dec *zstd.Decoder) []byte {
	raw, stored := r.upTo(maxBlock), r.upTo(maxBlock)
	if stored == 0 {
		return r.bytes(int(raw))
	}
	b := r.bytes(int(stored))
	if r.bad != "" {
		return nil
	}
	b, err := decompress(dec, m, b, int(raw))
	if err != nil {
		r.fail("zstd: " + err.Error())
	}
	return b
}

// next is the next text.
func (c *patternCursor) next() string {
	if c.ids.left() == 0 {
		c.ids.fail("block too short")
		return ""
	}
	if c.ids.b[c.ids.at] == repeatedText {
		c.ids.at++
		c.used += len(c.before)
		c.fits()
		return c.before
	}
	more := uint64(1)
	if c.multi {
		more = c.ids.uvarint()
	}
	from := len(c.arena)
	for c.nextLine() {
		if more--; more == 0 {
			c.before = alias(c.arena[from:])
			c.used += len(c.before)
			return c.before
		}
		c.arena = append(c.arena, '\n')
	}
	return ""
}

// skip is next n times. It makes the last of these texts only, which may be repeated.
func (c *patternCursor) skip(n int) {
	last, lastPlain, lastBits := -1, 0, bitReader{}
	for range n {
		if c.ids.left() > 0 && c.ids.b[c.ids.at] == repeatedText {
			c.ids.at++
			continue
		}
		last, lastPlain, lastBits = c.ids.at, c.plain.at, c.bits
		if !c.pass() {
			return
		}
	}
	if last < 0 {
		return
	}
	after := c.ids.at
	c.ids.at, c.plain.at, c.bits = last, lastPlain, lastBits
	c.next()
	c.ids.at = after
}

// pass moves over one text; false if there is none.
func (c *patternCursor) pass() bool {
	more := uint64(1)
	if c.multi {
		more = c.ids.uvarint()
	}
	for c.passLine() {
		if more--; more == 0 {
			return true
		}
	}
	return false
}

func (c *patternCursor) passLine() bool {
	p, ok := c.pattern()
	if !ok {
		return false
	}
	if p == nil {
		c.plain.text()
		return c.bad() == ""
	}
	for i := range p.holes {
		switch h := &p.holes[i]; h.kind {
		case holeDecimal, holeNumber:
			c.number(h)
		case holeHex, holeHexUpper:
			c.bits.skip(4 * uint(h.size))
		case holeUUID:
			c.bits.skip(4 * 32)
		case holeWord:
			c.plain.text()
		}
	}
	return c.bad() == ""
}

// fits makes the cursor bad if there is more text than the column said.
func (c *patternCursor) fits() bool {
	if len(c.arena) > c.total || c.used > c.total {
		c.ids.fail("texts larger than said")
		return false
	}
	return true
}

// pattern is that of the next line, nil if the line has none; false if there is no line.
func (c *patternCursor) pattern() (*pattern, bool) {
	if c.ids.left() == 0 {
		c.ids.fail("block too short")
		return nil, false
	}
	id := c.ids.uvarint()
	if id == plainLine {
		return nil, true
	}
	if id -= firstPattern; id >= uint64(len(c.list)) { // also 0, which is no line
		c.ids.fail("unknown pattern")
		return nil, false
	}
	return &c.list[id], true
}

func (c *patternCursor) nextLine() bool {
	p, ok := c.pattern()
	if !ok {
		return false
	}
	if p == nil {
		c.arena = append(c.arena, c.plain.text()...)
		return c.fits()
	}
	for i := range p.holes {
		h := &p.holes[i]
		c.arena = append(c.arena, h.lead...)
		c.fillHole(h)
		if !c.fits() {
			return false
		}
	}
	c.arena = append(c.arena, p.tail...)
	return c.fits()
}

func (c *patternCursor) fillHole(h *hole) {
	ok := true
	switch h.kind {
	case holeDecimal:
		c.arena, ok = appendDecimal(c.arena, c.number(h))
	case holeNumber:
		c.arena, ok = appendHexNumber(c.arena, c.number(h))
	case holeHex:
		c.digits(int(h.size), lowerDigits)
	case holeHexUpper:
		c.digits(int(h.size), upperDigits)
	case holeUUID:
		for i, n := range [...]int{8, 4, 4, 4, 12} {
			if i > 0 {
				c.arena = append(c.arena, '-')
			}
			c.digits(n, lowerDigits)
		}
	case holeWord:
		c.arena = append(c.arena, c.plain.text()...)
	}
	if !ok {
		c.ids.fail("number without a text")
	}
}

func (c *patternCursor) number(h *hole) uint64 {
	if h.bits == varintBits {
		return c.plain.uvarint()
	}
	return h.base + c.bits.get(uint(h.bits))
}

func (c *patternCursor) digits(n int, digits string) {
	for range n {
		c.arena = append(c.arena, digits[c.bits.get(4)])
	}
}

// bad is why the cursor is bad, "" if it is not.
func (c *patternCursor) bad() string {
	switch {
	case c.ids.bad != "":
		return c.ids.bad
	case c.plain.bad != "":
		return c.plain.bad
	case c.bits.bad:
		return "block too short"
	}
	return ""
}

// finish makes the cursor bad unless everything was taken.
func (c *patternCursor) finish() {
	c.ids.end()
	c.plain.end()
	c.bits.end()
	if c.used != c.total {
		c.ids.fail("texts smaller than said")
	}
}
