package store

import (
	"math/bits"

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
		p.Quantiles = n.hist.quantiles(quantiles)
		for i, v := range p.Quantiles {
			p.Quantiles[i] = min(max(v, n.min), n.max)
		}
	}
	return p
}
