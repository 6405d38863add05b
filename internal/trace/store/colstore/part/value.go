package part

import (
	"encoding/binary"

	"github.com/weft-dev/weft/internal/trace/span"
)

// appendValue appends a value whose kind is stored elsewhere.
func appendValue(dst []byte, v span.Value) []byte {
	switch v.Kind {
	case span.ValueAbsent, span.ValueEmpty:
		return dst
	case span.ValueBool:
		return binary.AppendUvarint(dst, v.Num)
	case span.ValueInt:
		return appendZigzag(dst, v.Int())
	case span.ValueDouble:
		return binary.LittleEndian.AppendUint64(dst, v.Num)
	}
	return appendText(dst, v.Str)
}

func readValue(r *reader, k span.ValueKind) span.Value {
	v := span.Value{Kind: k}
	switch k {
	case span.ValueAbsent, span.ValueEmpty:
	case span.ValueBool:
		v.Num = r.uvarint()
	case span.ValueInt:
		v.Num = uint64(r.zigzag())
	case span.ValueDouble:
		v.Num = r.fixed64()
	default:
		v.Str = r.text()
	}
	return v
}

func readKind(r *reader) span.ValueKind {
	k := span.ValueKind(r.byte())
	if k > span.ValueOpaque {
		r.fail("unknown kind of value")
		return 0
	}
	return k
}

// attrUnknown is the raw protobuf fields of the attribute at a position of a list.
type attrUnknown struct {
	pos  uint32
	text string
}

// appendAttrs appends a list of attributes with everything they are.
func appendAttrs(dst []byte, b *span.Batch, rg span.Range) []byte {
	dst = appendUvarint(dst, rg.Len())
	for _, a := range b.AttrsOf(rg) {
		dst = appendText(dst, a.Key)
		dst = append(dst, byte(a.Value.Kind))
		dst = appendValue(dst, a.Value)
	}
	unknown := unknownOf(nil, b, rg, 0)
	dst = appendUvarint(dst, len(unknown))
	for _, u := range unknown {
		dst = appendUvarint(dst, u.pos)
		dst = appendText(dst, u.text)
	}
	return dst
}

func readAttrs(r *reader) ([]span.Attr, []attrUnknown) {
	attrs := make([]span.Attr, r.count(2))
	for i := range attrs {
		attrs[i].Key = r.text()
		attrs[i].Value = readValue(r, readKind(r))
	}
	n := r.count(2)
	if n == 0 {
		return attrs, nil
	}
	unknown := make([]attrUnknown, n)
	for i := range unknown {
		unknown[i] = attrUnknown{uint32(r.upTo(uint64(len(attrs)))), r.text()}
	}
	return attrs, unknown
}

// unknownOf appends what AttrUnknown says of a range; the first position is base.
func unknownOf(dst []attrUnknown, b *span.Batch, rg span.Range, base uint32) []attrUnknown {
	if len(b.AttrUnknown) == 0 {
		return dst
	}
	for k := rg.From; k < rg.To; k++ {
		if u, ok := b.AttrUnknown[k]; ok {
			dst = append(dst, attrUnknown{base + k - rg.From, u})
		}
	}
	return dst
}

// addAttrs puts attributes into the arena of b.
func addAttrs(b *span.Batch, attrs []span.Attr, unknown []attrUnknown) span.Range {
	from := uint32(len(b.Attrs))
	b.Attrs = append(b.Attrs, attrs...)
	for _, u := range unknown {
		setUnknown(b, from+u.pos, u.text)
	}
	return span.Range{From: from, To: uint32(len(b.Attrs))}
}

func setUnknown(b *span.Batch, at uint32, text string) {
	if b.AttrUnknown == nil {
		b.AttrUnknown = map[uint32]string{}
	}
	b.AttrUnknown[at] = text
}
