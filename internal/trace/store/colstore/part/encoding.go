package part

import (
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// encoding is how the values of a column are laid out in one page.
type encoding uint8

const (
	encRaw     encoding = iota // bytes as the column defines them
	encConst                   // one value for all: the text, or the number as a varint
	encDict                    // indexes into the group's dictionary, as varints
	encUvarint                 // numbers as varints
	encZigzag                  // signed numbers, zigzag, as varints
	encDelta                   // differences to the number before, zigzag, as varints
	encPlain                   // texts: the size of the lengths, the lengths as varints, the bytes
	encPlanes                  // numbers of 8 bytes: all first bytes, all second bytes, …
	encDecimal                 // doubles as whole numbers over a power of ten
	encPattern                 // texts as lines with the column's patterns
	numEncodings

	encZstd encoding = 0x80 // flag: compressed
)

var encodingNames = [numEncodings]string{"raw", "const", "dict", "uvarint", "zigzag", "delta", "plain", "planes", "decimal", "pattern"}

// maxDecimals is the highest power of ten of encDecimal.
const maxDecimals = 6

var powersOfTen = [maxDecimals + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6}

// encodeNums appends the numbers in the smallest of the encodings that can hold them; with
// vary, in any. ids are their indexes in the dictionary, nil if there is none.
func encodeNums(dst []byte, v []uint64, ids []uint32, double bool, vary *rand.Rand) ([]byte, encoding) {
	type choice struct {
		enc  encoding
		size int
	}
	var choices []choice
	plain, zig, delta, dict, same := 0, 0, 0, 0, true
	prev := uint64(0)
	for i, n := range v {
		plain += varintLen(n)
		zig += varintLen(zigzag(int64(n)))
		delta += varintLen(zigzag(int64(n - prev)))
		prev = n
		same = same && n == v[0]
		if ids != nil {
			dict += varintLen(uint64(ids[i]))
		}
	}
	if same {
		choices = append(choices, choice{encConst, 0})
	}
	if ids != nil {
		choices = append(choices, choice{encDict, dict})
	}
	choices = append(choices, choice{encUvarint, plain}, choice{encZigzag, zig}, choice{encDelta, delta})
	decimals := -1
	if double {
		choices = append(choices, choice{encPlanes, 8 * len(v)})
		if d, size := decimalsOf(v); d >= 0 {
			decimals = d
			choices = append(choices, choice{encDecimal, size})
		}
	}
	best := choices[0]
	for _, c := range choices {
		if c.size < best.size {
			best = c
		}
	}
	if vary != nil {
		best = choices[vary.IntN(len(choices))]
	}
	switch best.enc {
	case encConst:
		dst = binary.AppendUvarint(dst, v[0])
	case encDict:
		for _, id := range ids {
			dst = binary.AppendUvarint(dst, uint64(id))
		}
	case encUvarint:
		for _, n := range v {
			dst = binary.AppendUvarint(dst, n)
		}
	case encZigzag:
		for _, n := range v {
			dst = appendZigzag(dst, int64(n))
		}
	case encDelta:
		prev = 0
		for _, n := range v {
			dst = appendZigzag(dst, int64(n-prev))
			prev = n
		}
	case encPlanes:
		for shift := 0; shift < 64; shift += 8 {
			for _, n := range v {
				dst = append(dst, byte(n>>shift))
			}
		}
	case encDecimal:
		dst = append(dst, byte(decimals))
		for _, n := range v {
			w, _ := scaled(n, decimals)
			dst = appendZigzag(dst, w)
		}
	}
	return dst, best.enc
}

// decimalsOf is the smallest number of decimals with which all doubles are whole, and the
// size of the result; -1 if there is none.
func decimalsOf(v []uint64) (decimals, size int) {
	for d := 0; d <= maxDecimals; d++ {
		size = 1
		ok := true
		for _, n := range v {
			w, exact := scaled(n, d)
			if ok = exact; !ok {
				break
			}
			size += varintLen(zigzag(w))
		}
		if ok {
			return d, size
		}
	}
	return -1, 0
}

// scaled is the double times 10^d as a whole number, if dividing it gives back the very
// same bits.
func scaled(n uint64, d int) (int64, bool) {
	f := math.Float64frombits(n) * powersOfTen[d]
	if !(math.Abs(f) < 1<<53) {
		return 0, false
	}
	w := int64(math.Round(f))
	return w, math.Float64bits(float64(w)/powersOfTen[d]) == n
}

// encodeTexts is encodeNums for strings.
func encodeTexts(dst []byte, v []string, ids []uint32, vary *rand.Rand) ([]byte, encoding) {
	same := true
	for _, s := range v {
		if same = s == v[0]; !same {
			break
		}
	}
	var choices []encoding // best first
	if same {
		choices = append(choices, encConst)
	}
	if ids != nil {
		choices = append(choices, encDict)
	}
	choices = append(choices, encPlain)
	enc := choices[0]
	if vary != nil {
		enc = choices[vary.IntN(len(choices))]
	}
	switch enc {
	case encConst:
		dst = append(dst, v[0]...)
	case encDict:
		for _, id := range ids {
			dst = binary.AppendUvarint(dst, uint64(id))
		}
	case encPlain:
		lengths, total := 0, 0
		for _, s := range v {
			lengths += varintLen(uint64(len(s)))
			total += len(s)
		}
		dst = slices.Grow(dst, lengths+total+10)
		dst = appendUvarint(dst, lengths)
		for _, s := range v {
			dst = appendUvarint(dst, len(s))
		}
		for _, s := range v {
			dst = append(dst, s...)
		}
	}
	return dst, enc
}

func varintLen(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }

// cursor takes the values of one column of one page, in order. Like a reader it turns bad
// and goes on with zeros.
type cursor struct {
	reader
	enc   encoding
	num   uint64   // of encConst; the one before, of encDelta
	str   string   // of encConst
	nums  []uint64 // the dictionary
	texts []string
	data  reader  // the bytes of encPlain
	rows  int     // values in the page, of encPlanes
	row   int     // the next one
	scale float64 // of encDecimal
	lines *patternCursor
}

// newCursor makes a cursor over a column's bytes, which it aliases and texts will alias.
func newCursor(info *columnInfo, enc encoding, b []byte) cursor {
	c := cursor{enc: enc, reader: reader{b: b}, nums: info.nums, texts: info.texts}
	phys := info.phys
	valid := phys == physRaw && enc == encRaw
	switch enc {
	case encConst:
		valid = phys != physRaw
		if phys == physText {
			c.str = alias(b)
		} else if phys != physRaw {
			c.num = c.uvarint()
			c.end()
		}
		c.at = len(c.b)
	case encDict:
		valid = phys == physText && len(c.texts) > 0 || (phys == physNum || phys == physDouble) && len(c.nums) > 0
	case encUvarint, encZigzag, encDelta:
		valid = phys == physNum || phys == physDouble
	case encPlanes:
		valid = (phys == physNum || phys == physDouble) && len(b)%8 == 0
		c.rows = len(b) / 8
	case encDecimal:
		valid = phys == physDouble
		d := c.byte()
		if valid = valid && d <= maxDecimals; valid {
			c.scale = powersOfTen[d]
		}
	case encPlain:
		valid = phys == physText
		n := c.count(1)
		c.data = reader{b: c.b, at: c.at + n}
		c.b = c.b[:c.at+n]
	}
	if !valid {
		c.fail("encoding does not fit the column")
	}
	return c
}

func (c *cursor) nextNum() uint64 {
	switch c.enc {
	case encConst:
		return c.num
	case encUvarint:
		return c.uvarint()
	case encDict:
		if id := c.uvarint(); id < uint64(len(c.nums)) {
			return c.nums[id]
		}
		c.fail("index outside the dictionary")
	case encZigzag:
		return uint64(c.zigzag())
	case encDelta:
		c.num += uint64(c.zigzag())
		return c.num
	case encPlanes:
		if c.row >= c.rows {
			c.fail("block too short")
			return 0
		}
		n := uint64(0)
		for k := 7; k >= 0; k-- {
			n = n<<8 | uint64(c.b[k*c.rows+c.row])
		}
		c.row++
		if c.row == c.rows {
			c.at = len(c.b)
		}
		return n
	case encDecimal:
		return math.Float64bits(float64(c.zigzag()) / c.scale)
	default:
		c.fail("encoding does not fit the column")
	}
	return 0
}

// takeNums is nextNum for all of dst.
func (c *cursor) takeNums(dst []uint64) {
	switch c.enc {
	case encUvarint, encDict, encZigzag, encDelta, encDecimal:
		c.takeVarints(dst)
	default:
		for i := range dst {
			dst[i] = c.nextNum()
		}
		return
	}
	switch c.enc {
	case encZigzag:
		for i, n := range dst {
			dst[i] = uint64(unzigzag(n))
		}
	case encDelta:
		for i, n := range dst {
			c.num += uint64(unzigzag(n))
			dst[i] = c.num
		}
	case encDecimal:
		for i, n := range dst {
			dst[i] = math.Float64bits(float64(unzigzag(n)) / c.scale)
		}
	case encDict:
		for i, id := range dst {
			if id >= uint64(len(c.nums)) {
				c.fail("index outside the dictionary")
				clear(dst[i:])
				return
			}
			dst[i] = c.nums[id]
		}
	}
}

// skipNums is nextNum n times.
func (c *cursor) skipNums(n int) {
	switch c.enc {
	case encConst:
	case encUvarint, encDict, encZigzag, encDecimal:
		for ; n > 0 && c.at < len(c.b); c.at++ {
			if c.b[c.at] < 0x80 {
				n--
			}
		}
		if n > 0 {
			c.fail("block too short")
		}
	default:
		for range n {
			c.nextNum()
		}
	}
}

func (c *cursor) nextText() string {
	switch c.enc {
	case encConst:
		return c.str
	case encDict:
		if id := c.uvarint(); id < uint64(len(c.texts)) {
			return c.texts[id]
		}
		c.fail("index outside the dictionary")
	case encPlain:
		n := c.uvarint()
		if n > uint64(c.data.left()) {
			c.fail("text runs out of the block")
			return ""
		}
		return alias(c.data.bytes(int(n)))
	case encPattern:
		t := c.lines.next()
		if bad := c.lines.bad(); bad != "" {
			c.fail(bad)
			return ""
		}
		return t
	default:
		c.fail("encoding does not fit the column")
	}
	return ""
}

// skipTexts is nextText n times.
func (c *cursor) skipTexts(n int) {
	switch c.enc {
	case encConst:
	case encDict:
		c.skipNums(n)
	case encPattern:
		c.lines.skip(n)
	default:
		for range n {
			c.nextText()
		}
	}
}

// finish makes the cursor bad unless all its values were taken.
func (c *cursor) finish() {
	if c.bad != "" {
		return
	}
	c.end()
	c.data.end()
	if c.lines != nil {
		c.lines.finish()
		if bad := c.lines.bad(); bad != "" {
			c.fail(bad)
		}
	}
	if c.data.bad != "" {
		c.fail(c.data.bad)
	}
}
