package store

import (
	"cmp"
	"math"
	"slices"
)

// histogram counts doubles in bins, 64 for each power of two, so that the middle of a bin is
// within 1/128 of each number in it. A bin is the exponent of a double and the top six bits of
// its fraction, with the double's sign: bins are in the order of their numbers. Those below
// the smallest normal double, 2^-1022, are taken for 0.
type histogram struct {
	arena *histogramArena
	few   []int32               // the bins of the first numbers
	slots *[octaveSlots]*octave // by key; nil while few has them all
}

// octave is the counts of 64 bins that follow each other.
type octave struct {
	key  int32 // of its bins, above their lowest bits
	next *octave
	bins [octaveBins]int64
}

const (
	octaveBits  = 6
	octaveBins  = 1 << octaveBits
	octaveSlots = 16
	firstFew    = 16 // numbers that there is room for at first
	maxFew      = 64

	octaveBytes = 8*octaveBins + 16
)

// histogramArena is where histograms have their memory from.
type histogramArena struct {
	memory  int64 // taken
	octaves []octave
	few     []int32
	slots   [][octaveSlots]*octave
}

func (a *histogramArena) takeFew(n int) []int32 {
	if len(a.few) < n {
		a.few = make([]int32, arenaSize*maxFew)
	}
	a.memory += int64(4 * n)
	return takeList(&a.few, n)[:0]
}

// binOf is the bin of a number.
func binOf(f float64) int32 {
	b := math.Float64bits(f)
	bin := int32(b >> (52 - octaveBits) & (1<<(11+octaveBits) - 1))
	if bin < octaveBins {
		return 0
	}
	if b>>63 != 0 {
		return -bin
	}
	return bin
}

// middleOf is the middle of a bin.
func middleOf(bin int32) float64 {
	if bin < 0 {
		return -middleOf(-bin)
	}
	if bin == 0 {
		return 0
	}
	if bin>>octaveBits == 0x7ff {
		return math.Inf(1)
	}
	return math.Float64frombits(uint64(bin)<<(52-octaveBits) | 1<<(51-octaveBits))
}

func (h *histogram) add(f float64) { h.addBin(binOf(f), 1) }

func (h *histogram) addBin(bin int32, n int64) {
	if h.slots == nil && !h.addFew(bin, n) {
		h.spill()
	}
	if h.slots != nil {
		h.octave(bin >> octaveBits).bins[bin&(octaveBins-1)] += n
	}
}

// addFew takes in one number while there are few.
func (h *histogram) addFew(bin int32, n int64) bool {
	if n > 1 || len(h.few) == maxFew {
		return false
	}
	if len(h.few) == cap(h.few) {
		more := firstFew
		if len(h.few) > 0 {
			more = maxFew
		}
		h.few = append(h.arena.takeFew(more), h.few...)
	}
	h.few = append(h.few, bin)
	return true
}

// spill moves on to octaves.
func (h *histogram) spill() {
	h.slots = take(&h.arena.slots)
	h.arena.memory += 8 * octaveSlots
	for _, bin := range h.few {
		h.octave(bin >> octaveBits).bins[bin&(octaveBins-1)]++
	}
	h.few = nil
}

func (h *histogram) octave(key int32) *octave {
	slot := &h.slots[key&(octaveSlots-1)]
	for o := *slot; o != nil; o = o.next {
		if o.key == key {
			return o
		}
	}
	o := take(&h.arena.octaves)
	h.arena.memory += octaveBytes
	o.key, o.next = key, *slot
	*slot = o
	return o
}

func (h *histogram) merge(o *histogram) {
	for _, bin := range o.few {
		h.addBin(bin, 1)
	}
	for _, from := range o.list() {
		for i, n := range from.bins {
			if n > 0 {
				h.addBin(from.key<<octaveBits|int32(i), n)
			}
		}
	}
}

// list is the octaves in the order of their numbers.
func (h *histogram) list() []*octave {
	if h.slots == nil {
		return nil
	}
	var out []*octave
	for _, o := range h.slots {
		for ; o != nil; o = o.next {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *octave) int { return cmp.Compare(a.key, b.key) })
	return out
}

// quantiles is about the numbers at these quantiles; there must be some.
func (h *histogram) quantiles(list []float64) []float64 {
	out := make([]float64, len(list))
	slices.Sort(h.few)
	octaves := h.list()
	n := int64(len(h.few))
	for _, o := range octaves {
		for _, count := range o.bins {
			n += count
		}
	}
	for i, q := range list {
		out[i] = middleOf(h.at(octaves, max(1, int64(math.Ceil(q*float64(n))))))
	}
	return out
}

// at is the bin of the kth smallest number, from 1.
func (h *histogram) at(octaves []*octave, k int64) int32 {
	if h.slots == nil {
		return h.few[k-1]
	}
	for _, o := range octaves {
		for i, n := range o.bins {
			if k -= n; k <= 0 {
				return o.key<<octaveBits | int32(i)
			}
		}
	}
	return 0
}
