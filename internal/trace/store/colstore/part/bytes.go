package part

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// reader takes values off a block. The first value that is not there makes it bad; from
// then on everything is zero, so that callers check once, at the end.
type reader struct {
	b   []byte
	at  int
	bad string // the reason, "" while all is well
}

func (r *reader) fail(reason string) {
	if r.bad == "" {
		r.bad = reason
	}
	r.at = len(r.b)
}

func (r *reader) left() int { return len(r.b) - r.at }

// end makes the reader bad if something is left.
func (r *reader) end() {
	if r.left() > 0 {
		r.fail("bytes left over")
	}
}

func (r *reader) byte() byte {
	if r.at >= len(r.b) {
		r.fail("block too short")
		return 0
	}
	c := r.b[r.at]
	r.at++
	return c
}

func (r *reader) uvarint() uint64 {
	if r.at < len(r.b) && r.b[r.at] < 0x80 { // most are small
		c := r.b[r.at]
		r.at++
		return uint64(c)
	}
	n, size := binary.Uvarint(r.b[r.at:])
	if size <= 0 {
		r.fail("bad varint")
		return 0
	}
	r.at += size
	return n
}

// longVarint is uvarint where most have several bytes.
func (r *reader) longVarint() uint64 {
	if r.at+8 <= len(r.b) {
		w := binary.LittleEndian.Uint64(r.b[r.at:])
		if ends := ^w & varintTops; ends != 0 {
			r.at += bits.TrailingZeros64(ends)/8 + 1
			return packVarint(w, ends)
		}
	}
	return r.uvarint()
}

// varintTops of bytes say that another one follows.
const varintTops = 0x8080808080808080

// packVarint is the varint at the front of w, which ends at the first of ends.
func packVarint(w, ends uint64) uint64 {
	w &= ends ^ (ends - 1)
	w &^= varintTops
	w = w&0x007f007f007f007f | w&0x7f007f007f007f00>>1
	w = w&0x00003fff00003fff | w&0x3fff00003fff0000>>2
	return w&0x0fffffff | w&0x0fffffff00000000>>4
}

// takeVarints is uvarint for all of dst. It looks at eight bytes at once: where columns mix
// sizes no branch could be foretold.
func (r *reader) takeVarints(dst []uint64) {
	const tops = varintTops
	b, at := r.b, r.at
	for i := 0; i < len(dst); {
		if at+8 > len(b) {
			r.at = at
			dst[i] = r.uvarint()
			at = r.at
			i++
			continue
		}
		w := binary.LittleEndian.Uint64(b[at:])
		ends := ^w & tops
		switch {
		case ends == tops && i+8 <= len(dst):
			for k := range dst[i : i+8] {
				dst[i+k] = w >> (8 * k) & 0x7f
			}
			i, at = i+8, at+8
		case w&(w>>8)&tops == 0 && i+4 <= len(dst): // the next four have one or two bytes
			for k := range dst[i : i+4] {
				two := w >> 7 & 1
				dst[i+k] = w&0x7f | w>>1&0x3f80&-two
				w >>= (8 + 8*two) & 63
				at += int(1 + two)
			}
			i += 4
		case ends == 0: // more than eight bytes
			r.at = at
			dst[i] = r.uvarint()
			at = r.at
			i++
		default:
			dst[i] = packVarint(w, ends)
			i, at = i+1, at+bits.TrailingZeros64(ends)/8+1
		}
	}
	r.at = at
}

func (r *reader) zigzag() int64 { return unzigzag(r.uvarint()) }

// upTo is a number that must not be over most.
func (r *reader) upTo(most uint64) uint64 {
	n := r.uvarint()
	if n > most {
		r.fail("number out of range")
		return 0
	}
	return n
}

func (r *reader) uint32() uint32 { return uint32(r.upTo(1<<32 - 1)) }

func (r *reader) int32() int32 {
	n := r.zigzag()
	if int64(int32(n)) != n {
		r.fail("number out of range")
		return 0
	}
	return int32(n)
}

// count is a number of things that take at least size bytes each in what is left.
func (r *reader) count(size int) int {
	return int(r.upTo(uint64(r.left() / size)))
}

// bytes is the next n bytes, not copied.
func (r *reader) bytes(n int) []byte {
	if n < 0 || n > r.left() {
		r.fail("block too short")
		return nil
	}
	b := r.b[r.at : r.at+n : r.at+n]
	r.at += n
	return b
}

func (r *reader) fixed32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) fixed64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// text is a string with its length in front. It aliases the block.
func (r *reader) text() string { return alias(r.bytes(r.count(1))) }

// alias is b as a string, without a copy: b must never be written again.
func alias(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendUvarint[T ~int | ~int64 | ~uint32 | ~uint64 | ~uint8](dst []byte, n T) []byte {
	return binary.AppendUvarint(dst, uint64(n))
}

func appendZigzag(dst []byte, n int64) []byte { return binary.AppendUvarint(dst, zigzag(n)) }

// zigzag makes small numbers of either sign small.
func zigzag(n int64) uint64 { return uint64(n)<<1 ^ uint64(n>>63) }

func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

func appendFixed64(dst []byte, n uint64) []byte { return binary.LittleEndian.AppendUint64(dst, n) }
