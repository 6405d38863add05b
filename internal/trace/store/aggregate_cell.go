package store

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Cell adds up the spans of one group in one bucket. Cells add up to the same in any order.
type Cell struct {
	Count   int64 // spans
	numbers *numbers
}

// numbers is what is known of the numbers among them.
type numbers struct {
	n        int64
	hi, lo   uint64  // sum of the integers, 128 bits in two's complement
	doubles  float64 // sum of the others
	min, max float64
	hist     *histogram // nil: no quantiles are wanted
}

// Add takes in the number of a span; false if v is none. It does not count the span.
func (c *Cell) Add(v span.Value) bool {
	if !IsNumber(v) {
		return false
	}
	if v.Kind == span.ValueInt {
		c.AddInt(v.Int())
	} else {
		c.AddDouble(v.Double())
	}
	return true
}

// AddInt takes in an integer.
func (c *Cell) AddInt(n int64) {
	c.numbers.addSum(uint64(n>>63), uint64(n))
	c.numbers.add(float64(n))
}

// AddDouble takes in a number that is not NaN.
func (c *Cell) AddDouble(f float64) {
	c.numbers.doubles += f
	c.numbers.add(f)
}

func (n *numbers) addSum(hi, lo uint64) {
	var carry uint64
	n.lo, carry = bits.Add64(n.lo, lo, 0)
	n.hi, _ = bits.Add64(n.hi, hi, carry)
}

func (n *numbers) add(f float64) {
	if n.n == 0 {
		n.min, n.max = f, f
	} else if f < n.min {
		n.min = f
	} else if f > n.max {
		n.max = f
	}
	n.n++
	if n.hist != nil {
		n.hist.add(f)
	}
}

func (c *Cell) merge(o *Cell) {
	c.Count += o.Count
	n, m := c.numbers, o.numbers
	if m == nil || m.n == 0 {
		return
	}
	if n.n == 0 {
		n.min, n.max = m.min, m.max
	}
	n.min, n.max = min(n.min, m.min), max(n.max, m.max)
	n.n += m.n
	n.doubles += m.doubles
	n.addSum(m.hi, m.lo)
	if n.hist != nil {
		n.hist.merge(m.hist)
	}
}

// point is the answer for the cell.
func (c *Cell) point(quantiles []float64) Point {
	p := Point{Count: c.Count}
	n := c.numbers
	if n == nil || n.n == 0 {
		return p
	}
	p.Numbers, p.Min, p.Max = n.n, n.min, n.max
	hi, lo, sign := n.hi, n.lo, 1.0
	if int64(hi) < 0 {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
		sign = -1
	}
	p.Sum = sign*(float64(hi)*(1<<64)+float64(lo)) + n.doubles
	if n.hist != nil {
		n.hist.sort()
		for _, q := range quantiles {
			v := n.hist.at(max(1, int64(math.Ceil(q*float64(n.n)))))
			p.Quantiles = append(p.Quantiles, min(max(v, n.min), n.max))
		}
	}
	return p
}

// histogram counts doubles by their sign, their exponent and the top six bits of their
// fraction: 64 bins for each power of two, so that the middle of a bin is within 1/128 of each
// number in it. Numbers below the smallest normal double, 2^-1022, are taken for 0.
type histogram struct {
	octaves []octave
	last    int    // the one used last
	memory  *int64 // what is taken is added
}

// octave is the numbers of one sign and exponent.
type octave struct {
	key  int16 // exponent + 1024, negative for negative numbers; 0: all are 0
	bins *[histogramBins]int64
}

const (
	histogramBits = 6
	histogramBins = 1 << histogramBits
	octaveBytes   = 8*histogramBins + 24
)

// octaveOf is the key of the octave of a number, and its bin there.
func octaveOf(f float64) (key int16, bin uint8) {
	b := math.Float64bits(f)
	e := int16(b >> 52 & 0x7ff)
	if e == 0 {
		return 0, 0
	}
	if f < 0 {
		e = -e
	}
	return e, uint8(b >> (52 - histogramBits) & (histogramBins - 1))
}

func (h *histogram) add(f float64) {
	key, bin := octaveOf(f)
	h.octave(key)[bin]++
}

func (h *histogram) octave(key int16) *[histogramBins]int64 {
	if h.last < len(h.octaves) && h.octaves[h.last].key == key {
		return h.octaves[h.last].bins
	}
	for i := range h.octaves {
		if h.octaves[i].key == key {
			h.last = i
			return h.octaves[i].bins
		}
	}
	h.last = len(h.octaves)
	*h.memory += octaveBytes
	h.octaves = append(h.octaves, octave{key, new([histogramBins]int64)})
	return h.octaves[h.last].bins
}

func (h *histogram) merge(o *histogram) {
	for _, from := range o.octaves {
		to := h.octave(from.key)
		for i, n := range from.bins {
			to[i] += n
		}
	}
}

func (h *histogram) sort() {
	slices.SortFunc(h.octaves, func(a, b octave) int { return cmp.Compare(a.key, b.key) })
}

// at is about the kth smallest number, from 1; the octaves must be sorted.
func (h *histogram) at(k int64) float64 {
	for _, o := range h.octaves {
		for i := range histogramBins {
			bin := i
			if o.key < 0 { // larger fractions are smaller numbers
				bin = histogramBins - 1 - i
			}
			if k -= o.bins[bin]; k <= 0 {
				return o.middle(bin)
			}
		}
	}
	return 0
}

// middle is the middle of a bin.
func (o *octave) middle(bin int) float64 {
	e, sign := uint64(o.key), 1.0
	switch {
	case o.key == 0:
		return 0
	case o.key < 0:
		e, sign = uint64(-o.key), -1
	}
	if e == 0x7ff {
		return math.Inf(int(sign))
	}
	return sign * math.Float64frombits(e<<52|uint64(bin)<<(52-histogramBits)|1<<(51-histogramBits))
}
