package store

import (
	"math"

	"github.com/weft-dev/weft/internal/trace/span"
)

// nextElement decodes the first element of an encoded ArrayValue and returns the rest.
// false means that there was no element, in which case rest may still hold more. It is a
// plain function, not an iterator, because a callback would move the sink to the heap.
func nextElement(enc string) (v span.Value, rest string, ok bool) {
	f, rest, ok := nextField(enc)
	if !ok || f.number != 1 || !f.delimited { // 1 is ArrayValue.values
		return span.Value{}, rest, false
	}
	return anyValue(f.str), rest, true
}

// anyValue decodes an AnyValue; the last alternative given wins, as in protobuf.
func anyValue(enc string) span.Value {
	v := span.Value{Kind: span.ValueEmpty}
	for enc != "" {
		f, rest, ok := nextField(enc)
		if !ok {
			break
		}
		enc = rest
		switch {
		case f.number == 1 && f.delimited:
			v = span.String(f.str)
		case f.number == 2 && !f.delimited:
			v = span.Bool(f.num != 0)
		case f.number == 3 && !f.delimited:
			v = span.Int(int64(f.num))
		case f.number == 4 && !f.delimited:
			v = span.Double(math.Float64frombits(f.num))
		case f.number == 5 && f.delimited:
			v = span.Value{Kind: span.ValueArray, Str: f.str}
		case f.number == 6 && f.delimited:
			v = span.Value{Kind: span.ValueMap, Str: f.str}
		case f.number == 7 && f.delimited:
			v = span.Value{Kind: span.ValueBytes, Str: f.str}
		}
	}
	return v
}

// wireField is one protobuf field: str where it is length-delimited, else num.
type wireField struct {
	number    uint64
	delimited bool
	str       string
	num       uint64
}

// nextField reads one field. On malformed input, which a checked batch does not have,
// rest is empty so that the caller's loop ends.
func nextField(enc string) (f wireField, rest string, ok bool) {
	tag, rest, ok := uvarint(enc)
	if !ok {
		return wireField{}, "", false
	}
	f.number = tag >> 3
	switch tag & 7 {
	case 0:
		f.num, rest, ok = uvarint(rest)
		return f, rest, ok
	case 1, 5:
		size := 8
		if tag&7 == 5 {
			size = 4
		}
		if len(rest) < size {
			return wireField{}, "", false
		}
		for k := size - 1; k >= 0; k-- {
			f.num = f.num<<8 | uint64(rest[k])
		}
		return f, rest[size:], true
	case 2:
		n, rest, ok := uvarint(rest)
		if !ok || n > uint64(len(rest)) {
			return wireField{}, "", false
		}
		f.delimited, f.str = true, rest[:n]
		return f, rest[n:], true
	}
	return wireField{}, "", false
}

func uvarint(s string) (n uint64, rest string, ok bool) {
	for k := 0; k < len(s) && k < 10; k++ {
		n |= uint64(s[k]&0x7f) << (7 * k)
		if s[k] < 0x80 {
			return n, s[k+1:], true
		}
	}
	return 0, "", false
}
