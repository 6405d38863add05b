package part

import (
	"strings"
)

// A pattern is what lines of a column have in common: literal text with holes. Statements,
// URLs, messages and stack traces of a place in the code differ in a few numbers and ids
// only; with their pattern known, those are all there is to store.
//
// A text is cut at line ends; each line is a pattern's number and what fills its holes, or
// is stored as it is.
type pattern struct {
	holes []hole
	tail  string // literal text behind the last hole
}

// hole is literal text and what follows it.
type hole struct {
	lead string // literal text in front
	kind holeKind
	size uint8  // digits, of holeHex and holeHexUpper
	bits uint8  // of numbers: bits of number − base; varintBits: a varint instead
	base uint64 // of numbers: the smallest
}

type holeKind uint8

const (
	holeDecimal  holeKind = 1 + iota // 1 to 18 decimal digits
	holeNumber                       // 1 to 15 lower-case hexadecimal digits
	holeHex                          // a fixed number of lower-case hexadecimal digits
	holeHexUpper                     // a fixed number of upper-case hexadecimal digits
	holeUUID                         // 8-4-4-4-12 lower-case hexadecimal digits
	holeWord                         // any text
	numHoles
)

const (
	varintBits  = 0xff
	maxDecimal  = 18
	maxNumber   = 15
	maxHexHole  = 255
	minHexHole  = 8
	uuidSize    = 36
	firstLegal  = 8 // bytes of a text below it would look like a hole
	minLines    = 3 // lines that make a pattern
	minRepeated = 2 // lines of texts of several lines that make one without holes
	maxPatterns = 4096
)

// Numbers that stand for a text, or, where texts have several lines, for their number or
// for a line.
const (
	repeatedText = 0 // the text before once more
	plainLine    = 1 // the line is stored as it is
	firstPattern = 2
)

func (k holeKind) isNumber() bool { return k == holeDecimal || k == holeNumber }

// Classes of bytes.
const (
	isDigit = 1 << iota
	isLowerHex
	isUpperHex
	isLetter // other than those
	isIllegal
	isAlnum = isDigit | isLowerHex | isUpperHex | isLetter
)

func classOf(c byte) uint8 {
	switch {
	case c >= '0' && c <= '9':
		return isDigit
	case c >= 'a' && c <= 'f':
		return isLowerHex
	case c >= 'A' && c <= 'F':
		return isUpperHex
	case c >= 'g' && c <= 'z' || c >= 'G' && c <= 'Z':
		return isLetter
	case c < firstLegal:
		return isIllegal
	}
	return 0
}

// byteClass is classOf as a table, which a scan can afford.
var byteClass = func() (t [256]uint8) {
	for i := range t {
		t[i] = classOf(byte(i))
	}
	return t
}()

// masker finds the pattern of lines.
type masker struct {
	key     []byte   // the line with its holes as kind and, of fixed digits, size
	numbers []uint64 // what fills the number holes, by index
	texts   []string // what fills the others
}

// mask appends what fills the holes of line and sets key; false if the line cannot have a
// pattern, and then nothing is appended.
func (m *masker) mask(line string) bool {
	m.key = m.key[:0]
	numbers, texts := len(m.numbers), len(m.texts)
	for i := 0; i < len(line); {
		switch class := byteClass[line[i]]; {
		case class&isAlnum != 0:
			i += m.token(line, i)
		case class == isIllegal:
			m.numbers, m.texts = m.numbers[:numbers], m.texts[:texts]
			return false
		default:
			m.key = append(m.key, line[i])
			i++
		}
	}
	return true
}

// token takes the letters and digits from at on and returns how many bytes.
func (m *masker) token(line string, at int) int {
	seen, end, digits := uint8(0), at, 0
	for ; end < len(line); end++ {
		class := byteClass[line[end]]
		if class&isAlnum == 0 {
			break
		}
		seen |= class
		digits += int(class & isDigit)
	}
	t := line[at:end]
	if len(t) == 8 && seen&^(isDigit|isLowerHex) == 0 && isUUID(line[at:]) {
		m.fill(holeUUID, line[at:at+uuidSize])
		return uuidSize
	}
	switch {
	case digits == 0:
		m.key = append(m.key, t...)
	case digits == len(t) && digits <= maxDecimal:
		m.number(holeDecimal, decimalIndex(t))
	case len(t) > 2 && t[:2] == "0x" && len(t) <= 2+maxNumber && allOf(t[2:], isDigit|isLowerHex):
		m.key = append(m.key, t[:2]...)
		m.number(holeNumber, hexIndex(t[2:]))
	case seen == isDigit|isLowerHex && len(t) >= minHexHole && len(t) <= maxHexHole:
		m.fixed(holeHex, t)
	case seen == isDigit|isUpperHex && len(t) >= minHexHole && len(t) <= maxHexHole:
		m.fixed(holeHexUpper, t)
	case digits <= maxDecimal && allOf(t[len(t)-digits:], isDigit):
		m.key = append(m.key, t[:len(t)-digits]...)
		m.number(holeDecimal, decimalIndex(t[len(t)-digits:]))
	case digits <= maxDecimal && len(t)-digits <= 2 && allOf(t[:digits], isDigit):
		m.number(holeDecimal, decimalIndex(t[:digits]))
		m.key = append(m.key, t[digits:]...)
	default:
		m.fill(holeWord, t)
	}
	return len(t)
}

func (m *masker) number(k holeKind, index uint64) {
	m.key = append(m.key, byte(k))
	m.numbers = append(m.numbers, index)
}

func (m *masker) fill(k holeKind, t string) {
	m.key = append(m.key, byte(k))
	m.texts = append(m.texts, t)
}

func (m *masker) fixed(k holeKind, t string) {
	m.key = append(m.key, byte(k), byte(len(t)))
	m.texts = append(m.texts, t)
}

func allOf(s string, classes uint8) bool {
	for i := range len(s) {
		if byteClass[s[i]]&classes == 0 {
			return false
		}
	}
	return true
}

// isUUID reports whether s begins with a UUID of lower-case digits that ends there.
func isUUID(s string) bool {
	if len(s) < uuidSize || len(s) > uuidSize && byteClass[s[uuidSize]]&isAlnum != 0 {
		return false
	}
	for i := range uuidSize {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if byteClass[s[i]]&(isDigit|isLowerHex) == 0 {
			return false
		}
	}
	return true
}

// patternOf makes a pattern of a key.
func patternOf(key string) pattern {
	var p pattern
	from := 0
	for i := 0; i < len(key); i++ {
		if key[i] >= firstLegal {
			continue
		}
		h := hole{lead: strings.Clone(key[from:i]), kind: holeKind(key[i])}
		if h.kind == holeHex || h.kind == holeHexUpper {
			i++
			h.size = key[i]
		}
		p.holes = append(p.holes, h)
		from = i + 1
	}
	p.tail = strings.Clone(key[from:])
	return p
}

// Numbers in text keep their leading zeros: all texts of digits are counted through, the
// shorter ones first. "0" is 0, "9" is 9, "00" is 10, "007" is 117.
var (
	decimalOffset = offsets(10, maxDecimal)
	hexOffset     = offsets(16, maxNumber)
)

// offsets is the index of the first text of each length.
func offsets(base uint64, most int) []uint64 {
	out := make([]uint64, most+2)
	for n, size := 2, base; n < len(out); n, size = n+1, size*base {
		out[n] = out[n-1] + size
	}
	return out
}

func decimalIndex(s string) uint64 {
	n := uint64(0)
	for i := range len(s) {
		n = 10*n + uint64(s[i]-'0')
	}
	return decimalOffset[len(s)] + n
}

func hexIndex(s string) uint64 {
	n := uint64(0)
	for i := range len(s) {
		n = n<<4 | uint64(nibble(s[i]))
	}
	return hexOffset[len(s)] + n
}

// appendDecimal appends the text with that index; false if there is none.
func appendDecimal(dst []byte, index uint64) ([]byte, bool) {
	if index >= decimalOffset[maxDecimal+1] {
		return dst, false
	}
	size := 1
	for index >= decimalOffset[size+1] {
		size++
	}
	n, at := index-decimalOffset[size], len(dst)
	dst = append(dst, "000000000000000000"[:size]...)
	for i := at + size - 1; n > 0; i-- {
		dst[i] = '0' + byte(n%10)
		n /= 10
	}
	return dst, true
}

func appendHexNumber(dst []byte, index uint64) ([]byte, bool) {
	if index >= hexOffset[maxNumber+1] {
		return dst, false
	}
	size := 1
	for index >= hexOffset[size+1] {
		size++
	}
	n := index - hexOffset[size]
	for shift := 4 * (size - 1); shift >= 0; shift -= 4 {
		dst = append(dst, lowerDigits[n>>shift&15])
	}
	return dst, true
}

const (
	lowerDigits = "0123456789abcdef"
	upperDigits = "0123456789ABCDEF"
)

func nibble(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// patternTable is the patterns of a column of a group.
type patternTable struct {
	list  []pattern
	multi bool  // some texts have several lines: their number stands in front of each
	size  int64 // bytes in memory, about
}

// append appends the table: multi; count; of each pattern the number of holes, for each
// hole the text in front, kind, size or bits and base; the text behind.
func (t *patternTable) append(dst []byte) []byte {
	dst = appendPresent(dst, t.multi)
	dst = appendUvarint(dst, len(t.list))
	for i := range t.list {
		dst = appendUvarint(dst, len(t.list[i].holes))
		for _, h := range t.list[i].holes {
			dst = appendText(dst, h.lead)
			dst = append(dst, byte(h.kind))
			switch {
			case h.kind.isNumber():
				dst = append(dst, h.bits)
				dst = appendUvarint(dst, h.base)
			case h.kind == holeHex || h.kind == holeHexUpper:
				dst = append(dst, h.size)
			}
		}
		dst = appendText(dst, t.list[i].tail)
	}
	return dst
}

// readPatterns is the inverse of append. Texts alias the block.
func readPatterns(r *reader) *patternTable {
	t := &patternTable{multi: readPresent(r), size: int64(len(r.b))}
	out := make([]pattern, r.count(2))
	t.list = out
	for i := range out {
		out[i].holes = make([]hole, r.count(2))
		t.size += 40 + 40*int64(len(out[i].holes))
		for k := range out[i].holes {
			h := &out[i].holes[k]
			h.lead = r.text()
			h.kind = holeKind(r.byte())
			switch {
			case h.kind == 0 || h.kind >= numHoles:
				r.fail("unknown kind of hole")
			case h.kind.isNumber():
				if h.bits = r.byte(); h.bits > 64 && h.bits != varintBits {
					r.fail("number of too many bits")
				}
				h.base = r.uvarint()
			case h.kind == holeHex || h.kind == holeHexUpper:
				h.size = r.byte()
			}
		}
		out[i].tail = r.text()
	}
	r.end()
	return t
}
