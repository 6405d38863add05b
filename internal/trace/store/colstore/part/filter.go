package part

import (
	"math/bits"
	"slices"

	"github.com/zeebo/xxh3"
)

// A filter answers "is this value in the page?" with no or maybe. It is a Bloom filter
// with 10 bits and 7 probes a value: 0.8 % of the answers are a wrong maybe.
const (
	filterBits   = 10
	filterProbes = 7
)

func hashText(s string) uint64 { return xxh3.HashString(s) }

// hashInline is the hash of a key with a text, in the filters of inline shapes, and
// hashArray that of a key with an array, which may hold any text.
func hashInline(key, text string) uint64 { return xxh3.HashStringSeed(text, hashText(key)) }

func hashArray(key string) uint64 { return ^hashText(key) }

// appendFilter appends a filter of the hashes, which it sorts.
func appendFilter(dst []byte, hashes []uint64) []byte {
	slices.Sort(hashes)
	hashes = slices.Compact(hashes)
	size := (len(hashes)*filterBits + 7) / 8
	at := len(dst)
	dst = append(dst, make([]byte, size)...)
	f := dst[at:]
	for _, h := range hashes {
		step := bits.RotateLeft64(h, 32) | 1
		for range filterProbes {
			bit, _ := bits.Mul64(h, uint64(8*size))
			f[bit/8] |= 1 << (bit % 8)
			h += step
		}
	}
	return dst
}

// filterHas reports whether the value with that hash may be in the page. An empty filter
// has no values.
func filterHas(f []byte, h uint64) bool {
	if len(f) == 0 {
		return false
	}
	step := bits.RotateLeft64(h, 32) | 1
	for range filterProbes {
		bit, _ := bits.Mul64(h, uint64(8*len(f)))
		if f[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
		h += step
	}
	return true
}

// pageFilters is one filter per page of a group, of one column.
type pageFilters [][]byte

func appendPageFilters(dst []byte, filters pageFilters) []byte {
	for _, f := range filters {
		dst = appendUvarint(dst, len(f))
	}
	for _, f := range filters {
		dst = append(dst, f...)
	}
	return dst
}

func readPageFilters(r *reader, pages int) pageFilters {
	if pages > r.left() {
		r.fail("block too short")
		return nil
	}
	out := make(pageFilters, pages)
	sizes := make([]int, pages)
	for i := range sizes {
		sizes[i] = r.count(1)
	}
	for i, n := range sizes {
		out[i] = r.bytes(n)
	}
	r.end()
	return out
}

// mayHave is about one page, or all of them if page is -1.
func (p pageFilters) mayHave(page int, h uint64) bool {
	if page >= 0 {
		return filterHas(p[page], h)
	}
	for _, f := range p {
		if filterHas(f, h) {
			return true
		}
	}
	return false
}
