package part

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
)

// patternColumn is the texts of a column of a group as lines with patterns. Pages are
// encoded in order, each taking its values off the front.
type patternColumn struct {
	patternTable
	lines []uint32 // number + 1 of the pattern of each line, 0: the line is stored as it is
	masker

	line, number, text int // next of lines, numbers, texts
	bits               bitWriter
	ids, plain         []byte // used again for each page
}

const (
	// minPatternText is the text in a column below which patterns are not tried.
	minPatternText = 4 << 10
	// maxPatternText is the most literal text of a column's patterns.
	maxPatternText = 512 << 10
)

// candidate is a pattern that may turn out to be worth it.
type candidate struct {
	key   string
	count int
	bytes int    // of the lines it stands for
	id    uint32 // number + 1, 0: not worth it
}

// findPatterns finds the patterns of texts; nil if most of the text has none.
func findPatterns(texts []string) *patternColumn {
	total := 0
	pc := &patternColumn{}
	for _, t := range texts {
		total += len(t)
		pc.multi = pc.multi || strings.IndexByte(t, '\n') >= 0
	}
	if total < minPatternText {
		return nil
	}
	var repeated map[string]int
	if pc.multi {
		repeated = map[string]int{}
		for _, t := range texts {
			for l := range lines(t) {
				repeated[l]++
			}
		}
	}
	known := map[string]uint32{}
	var all []candidate
	for _, t := range texts {
		for l := range lines(t) {
			if repeated[l] >= minRepeated && allLegal(l) {
				pc.key = append(pc.key[:0], l...)
			} else if !pc.mask(l) {
				pc.lines = append(pc.lines, 0)
				continue
			}
			id, ok := known[string(pc.key)]
			if !ok {
				all = append(all, candidate{key: string(pc.key)})
				id = uint32(len(all))
				known[all[id-1].key] = id
			}
			all[id-1].count++
			all[id-1].bytes += len(l)
			pc.lines = append(pc.lines, id)
		}
	}
	covered := pc.choose(all, repeated != nil)
	if 2*covered < total {
		return nil
	}
	pc.settle(texts, all)
	return pc
}

// lines yields the lines of a text, without the line ends between them.
func lines(t string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for {
			i := strings.IndexByte(t, '\n')
			if i < 0 {
				yield(t)
				return
			}
			if !yield(t[:i]) {
				return
			}
			t = t[i+1:]
		}
	}
}

func allLegal(l string) bool {
	for i := range len(l) {
		if byteClass[l[i]] == isIllegal {
			return false
		}
	}
	return true
}

// choose numbers the candidates that are worth it, frequent ones first, and returns how
// much text they stand for.
func (pc *patternColumn) choose(all []candidate, multi bool) (covered int) {
	order := make([]*candidate, 0, len(all))
	for i := range all {
		if c := &all[i]; c.count >= minLines || multi && c.count >= minRepeated {
			order = append(order, c)
		}
	}
	slices.SortFunc(order, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.key, b.key))
	})
	literal := 0
	for _, c := range order {
		if len(pc.list) == maxPatterns || literal+len(c.key) > maxPatternText {
			break
		}
		literal += len(c.key)
		pc.list = append(pc.list, patternOf(c.key))
		c.id = uint32(len(pc.list))
		covered += c.bytes
	}
	return covered
}

// settle gives lines their final numbers, drops what fills patterns that were not chosen,
// and decides how the numbers in the holes are stored.
func (pc *patternColumn) settle(texts []string, all []candidate) {
	type spread struct {
		count, varint int
		min, max      uint64
	}
	spreads := make([][]spread, len(pc.list))
	for i := range pc.list {
		spreads[i] = make([]spread, len(pc.list[i].holes))
	}
	numbers, strs := pc.numbers[:0], pc.texts[:0]
	number, text := 0, 0
	for i, id := range pc.lines {
		if id == 0 {
			continue
		}
		c := &all[id-1]
		pc.lines[i] = c.id
		if c.id == 0 {
			n, t := holesOf(c.key)
			number, text = number+n, text+t
			continue
		}
		for k, h := range pc.list[c.id-1].holes {
			if !h.kind.isNumber() {
				strs = append(strs, pc.texts[text])
				text++
				continue
			}
			n := pc.numbers[number]
			number++
			numbers = append(numbers, n)
			s := &spreads[c.id-1][k]
			if s.count == 0 || n < s.min {
				s.min = n
			}
			s.max = max(s.max, n)
			s.count++
			s.varint += varintLen(n)
		}
	}
	pc.numbers, pc.texts = numbers, strs
	for i := range pc.list {
		for k := range pc.list[i].holes {
			h, s := &pc.list[i].holes[k], &spreads[i][k]
			if !h.kind.isNumber() {
				continue
			}
			h.bits, h.base = uint8(bits.Len64(s.max-s.min)), s.min
			// Varints compress a little; where few numbers are large they are much smaller.
			if 6*s.varint < int(h.bits)*s.count {
				h.bits, h.base = varintBits, 0
			}
		}
	}
}

// holesOf counts the holes of a key by where they are kept.
func holesOf(key string) (numbers, texts int) {
	for i := 0; i < len(key); i++ {
		k := holeKind(key[i])
		switch {
		case key[i] >= firstLegal:
		case k.isNumber():
			numbers++
		default:
			texts++
			if k == holeHex || k == holeHexUpper {
				i++
			}
		}
	}
	return numbers, texts
}

// encode appends the next texts, those of a page:
//
//	decoded size; numbers of patterns; texts and varints; bits
//
// The second and third are sub-blocks: size, stored size if compressed else 0, bytes.
func (pc *patternColumn) encode(dst []byte, texts []string, zip *compressor) []byte {
	size, before := 0, ""
	pc.ids, pc.plain, pc.bits = pc.ids[:0], pc.plain[:0], bitWriter{b: pc.bits.b[:0]}
	for i, t := range texts {
		size += len(t)
		if i > 0 && t == before {
			pc.ids = append(pc.ids, repeatedText)
			pc.pass(t)
			continue
		}
		before = t
		if pc.multi {
			pc.ids = appendUvarint(pc.ids, 1+strings.Count(t, "\n"))
		}
		for l := range lines(t) {
			id := pc.lines[pc.line]
			pc.line++
			if id == 0 {
				pc.ids = append(pc.ids, plainLine)
				pc.plain = appendText(pc.plain, l)
				continue
			}
			pc.ids = appendUvarint(pc.ids, firstPattern+id-1)
			for _, h := range pc.list[id-1].holes {
				pc.fillHole(&h)
			}
		}
	}
	pc.bits.finish()
	dst = appendUvarint(dst, size)
	dst = appendSub(dst, pc.ids, zip)
	dst = appendSub(dst, pc.plain, zip)
	return append(dst, pc.bits.b...)
}

// pass moves behind a text that is not written.
func (pc *patternColumn) pass(t string) {
	for range lines(t) {
		id := pc.lines[pc.line]
		pc.line++
		if id == 0 {
			continue
		}
		for _, h := range pc.list[id-1].holes {
			if h.kind.isNumber() {
				pc.number++
			} else {
				pc.text++
			}
		}
	}
}

func (pc *patternColumn) fillHole(h *hole) {
	if h.kind.isNumber() {
		n := pc.numbers[pc.number]
		pc.number++
		if h.bits == varintBits {
			pc.plain = appendUvarint(pc.plain, n)
		} else {
			pc.bits.put(n-h.base, uint(h.bits))
		}
		return
	}
	t := pc.texts[pc.text]
	pc.text++
	if h.kind == holeWord {
		pc.plain = appendText(pc.plain, t)
		return
	}
	for i := range len(t) {
		if t[i] != '-' {
			pc.bits.put(uint64(nibble(t[i])), 4)
		}
	}
}

// appendSub appends a sub-block of a column.
func appendSub(dst, b []byte, zip *compressor) []byte {
	dst = appendUvarint(dst, len(b))
	if zip != nil {
		if zipped, ok := zip.compress(nil, b); ok {
			dst = appendUvarint(dst, len(zipped))
			return append(dst, zipped...)
		}
	}
	return append(append(dst, 0), b...)
}
