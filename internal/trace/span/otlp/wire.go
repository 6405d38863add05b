package otlp

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// The wire types of protobuf.
const (
	wireVarint = 0
	wireI64    = 1
	wireLen    = 2
	wireGroup  = 3
	wireEnd    = 4
	wireI32    = 5
)

const (
	maxField      = 1<<29 - 1 // highest field number of a message
	maxGroupField = 1<<31 - 1 // what protobuf lets pass inside an unknown group
)

// cursor reads the fields of one message, s[pos:end], one after the other. It is a value
// on the caller's stack; fields point into s.
type cursor struct {
	s        string
	pos, end int

	// The field last read: where its tag starts, the tag, its number if it is a varint or
	// fixed, its content s[from:to] if it has a length.
	at       int
	tag      uint32
	num      uint64
	from, to int

	err *SyntaxError
}

func message(s string, from, to int) cursor { return cursor{s: s, pos: from, end: to} }

// next reads a field. It is false at the end of the message and after an error.
func (c *cursor) next() bool {
	if c.pos >= c.end {
		return false
	}
	c.at = c.pos
	var tag uint64
	if b := c.s[c.pos]; b < 0x80 {
		tag = uint64(b)
		c.pos++
	} else if !c.varint(&tag) {
		return false
	}
	if field := tag >> 3; field == 0 || field > maxField {
		return c.fail("field number out of range")
	}
	c.tag = uint32(tag)
	switch tag & 7 {
	case wireVarint:
		return c.varint(&c.num)
	case wireI64:
		if c.end-c.pos < 8 {
			return c.fail("8-byte field is cut short")
		}
		c.num = le64(c.s[c.pos:])
		c.pos += 8
	case wireI32:
		if c.end-c.pos < 4 {
			return c.fail("4-byte field is cut short")
		}
		c.num = uint64(le32(c.s[c.pos:]))
		c.pos += 4
	case wireLen:
		var n uint64
		if c.pos < c.end && c.s[c.pos] < 0x80 {
			n = uint64(c.s[c.pos])
			c.pos++
		} else if !c.varint(&n) {
			return false
		}
		if n > uint64(c.end-c.pos) {
			return c.fail("length runs past the end of the message")
		}
		c.from = c.pos
		c.to = c.pos + int(n)
		c.pos = c.to
	case wireGroup:
		return c.skipGroup(tag >> 3)
	default:
		return c.fail("invalid wire type")
	}
	return true
}

func (c *cursor) varint(v *uint64) bool {
	var x uint64
	for i := 0; i < 10; i++ {
		if c.pos+i >= c.end {
			return c.fail("varint is cut short")
		}
		b := c.s[c.pos+i]
		if b < 0x80 {
			if i == 9 && b > 1 {
				break
			}
			*v = x | uint64(b)<<(7*i)
			c.pos += i + 1
			return true
		}
		x |= uint64(b&0x7f) << (7 * i)
	}
	return c.fail("varint is longer than 64 bits")
}

// skipGroup passes the fields of an unknown group and its end. It does not recurse, so
// that depth costs a number and not a stack frame.
func (c *cursor) skipGroup(field uint64) bool {
	var few [8]uint64
	open := append(few[:0], field)
	for len(open) > 0 {
		var tag, n uint64
		if !c.varint(&tag) {
			return false
		}
		if f := tag >> 3; f == 0 || f > maxGroupField {
			return c.fail("field number out of range")
		}
		switch tag & 7 {
		case wireVarint:
			if !c.varint(&n) {
				return false
			}
			n = 0
		case wireI64:
			n = 8
		case wireI32:
			n = 4
		case wireLen:
			if !c.varint(&n) {
				return false
			}
		case wireGroup:
			if len(open) >= maxDepth {
				return c.fail("groups are nested too deep")
			}
			open = append(open, tag>>3)
		case wireEnd:
			if tag>>3 != open[len(open)-1] {
				return c.fail("group ends with another field's number")
			}
			open = open[:len(open)-1]
		default:
			return c.fail("invalid wire type")
		}
		if n > uint64(c.end-c.pos) {
			return c.fail("length runs past the end of the message")
		}
		c.pos += int(n)
	}
	return true
}

func (c *cursor) fail(reason string) bool {
	c.err = &SyntaxError{Offset: c.pos, Reason: reason}
	c.pos = c.end
	return false
}

// raw gathers fields in their encoding. Fields that lie side by side alias the buffer;
// others are copied, each byte once.
type raw struct {
	from, to int
	buf      []byte
}

func (r *raw) add(s string, from, to int) {
	switch {
	case r.buf != nil:
		r.buf = append(r.buf, s[from:to]...)
	case r.to == r.from:
		r.from, r.to = from, to
	case r.to == from:
		r.to = to
	case from < to:
		r.buf = append(append(make([]byte, 0, 2*(r.to-r.from+to-from)), s[r.from:r.to]...), s[from:to]...)
	}
}

// keep adds a field that is not in s, behind those that are.
func (r *raw) keep(s string, field []byte) {
	r.buf = append([]byte(r.text(s)), field...)
}

// text is what was gathered, s the buffer that add was given.
func (r *raw) text(s string) string {
	if r.buf != nil {
		return alias(r.buf)
	}
	return s[r.from:r.to]
}

// alias is buf as a string without a copy. The buffer must not be written any more.
func alias(buf []byte) string { return unsafe.String(unsafe.SliceData(buf), len(buf)) }

func le64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func le32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// tag is a field number and wire type as protobuf writes them.
func tag(field, wire uint32) uint32 { return field<<3 | wire }

func appendTag(dst []byte, field, wire uint32) []byte {
	return binary.AppendUvarint(dst, uint64(tag(field, wire)))
}

// The append functions below leave out the zero value, as proto3 does.

func appendVarint(dst []byte, field uint32, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return binary.AppendUvarint(appendTag(dst, field, wireVarint), v)
}

func appendFixed64(dst []byte, field uint32, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint64(appendTag(dst, field, wireI64), v)
}

func appendFixed32(dst []byte, field, v uint32) []byte {
	if v == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint32(appendTag(dst, field, wireI32), v)
}

func appendText(dst []byte, field uint32, s string) []byte {
	if s == "" {
		return dst
	}
	return appendBytes(dst, field, s)
}

// appendBytes writes s even if it is empty.
func appendBytes(dst []byte, field uint32, s string) []byte {
	dst = binary.AppendUvarint(appendTag(dst, field, wireLen), uint64(len(s)))
	return append(dst, s...)
}

// open starts a message field whose length is not known yet and leaves room for a length
// of width bytes; seal writes the length, moving the content if the guess was wrong.
func open(dst []byte, field uint32, width int) (_ []byte, at int) {
	dst = appendTag(dst, field, wireLen)
	at = len(dst)
	var room [5]byte
	return append(dst, room[:width]...), at
}

func seal(dst []byte, at, width int) []byte {
	n := len(dst) - at - width
	need := (bits.Len32(uint32(n)|1) + 6) / 7
	switch {
	case need < width:
		copy(dst[at+need:], dst[at+width:])
		dst = dst[:len(dst)-(width-need)]
	case need > width:
		var room [5]byte
		dst = append(dst, room[:need-width]...)
		copy(dst[at+need:], dst[at+width:at+width+n])
	}
	binary.PutUvarint(dst[at:at+need], uint64(n))
	return dst
}
