package part

import "github.com/weft-dev/weft/internal/trace/span"

// mask says which rare things a span, event or link has. Each has a column that holds
// only the values of those that do.
type mask uint32

const (
	hasEvents mask = 1 << iota
	hasLinks
	hasOddEnd // ends before it starts, or not at all
	hasMarks
	hasFlags // too unusual to be part of the shape
	hasDroppedAttrs
	hasDroppedEvents
	hasDroppedLinks
	hasName // its name is in a column, there are too many for the schema
	hasStatusMessage
	hasTraceState
	hasUnknown
	hasStatusUnknown
	hasAttrUnknown
	maskEnd
)

// maxShapeFlags is the highest value of span flags that is part of a shape: W3C's and
// OTLP's bits.
const maxShapeFlags = 0x3ff

// shape is what spans, or events, or links have in common: everything but their ids, times
// and the values of some attributes.
type shape struct {
	own      owner
	name     string
	kind     span.Kind
	status   span.StatusCode
	flags    uint32
	presence span.Presence
	mask     mask
	slots    []uint32    // attributes of a shape of the schema, numbers of its slots
	attrs    []span.Attr // those of one that is not there: keys and kinds
	id       uint32      // number in the schema
	overflow bool        // values come from the overflow column: not in the schema
}

// slotInfo is an attribute that shapes of a schema have: its key, its kind, and its value or
// the column that has the value. Most shapes have most of theirs in common with others.
type slotInfo struct {
	span.Attr
	col colID // 0: the value is here
}

const constSlot = 1

// readSlot reads an attribute of shapes.
func readSlot(r *reader, t *schema) (s slotInfo) {
	tag := r.uvarint()
	if tag&constSlot != 0 {
		if tag>>1 >= uint64(len(t.keys)) {
			r.fail("unknown key")
			return s
		}
		s.Key = t.keys[tag>>1]
		s.Value = readValue(r, readKind(r))
		return s
	}
	if tag>>1 >= uint64(len(t.attrs)) {
		r.fail("unknown column")
		return s
	}
	s.col = firstAttr + colID(tag>>1)
	c := &t.attrs[tag>>1]
	s.Key, s.Value.Kind = c.key, c.kind
	return s
}

// hasTableName reports whether the name of a shape of the schema is in its names: links have
// none, and where there are too many names the spans have theirs.
func (s *shape) hasTableName() bool { return s.own != ownLink && s.mask&hasName == 0 }

// readShape reads a shape of the schema.
func readShape(r *reader, in *schema) (s shape) {
	s.own = owner(r.upTo(uint64(numOwners) - 1))
	if name := r.upTo(uint64(len(in.names))); name > 0 {
		s.name = in.names[name-1]
	}
	readShapeFields(r, &s)
	from := len(in.shapeSlots)
	for range r.count(1) {
		id := r.uint32()
		if int(id) >= len(in.slots) {
			r.fail("unknown attribute of a shape")
			return s
		}
		if col := in.slots[id].col; col != 0 && in.attrs[col-firstAttr].own != s.own {
			r.fail("column of another owner")
			return s
		}
		in.shapeSlots = append(in.shapeSlots, id)
	}
	s.slots = in.shapeSlots[from:len(in.shapeSlots):len(in.shapeSlots)]
	return s
}

// readShapeFields reads what shapes of the schema and inline shapes have in common.
func readShapeFields(r *reader, s *shape) {
	s.mask = mask(r.upTo(uint64(maskEnd - 1)))
	if s.own != ownSpan {
		return
	}
	s.kind = span.Kind(r.int32())
	s.status = span.StatusCode(r.int32())
	s.flags = r.uint32()
	s.presence = span.Presence(r.byte())
}

// appendShapeFields is the inverse of readShapeFields.
func appendShapeFields(dst []byte, s *shape) []byte {
	dst = appendUvarint(dst, uint32(s.mask))
	if s.own != ownSpan {
		return dst
	}
	dst = appendZigzag(dst, int64(s.kind))
	dst = appendZigzag(dst, int64(s.status))
	dst = appendUvarint(dst, s.flags)
	return append(dst, byte(s.presence))
}

// appendInline appends a shape that is not in the schema, with the keys in full. Its values
// go to the overflow column.
func appendInline(dst []byte, s *shape) []byte {
	dst = appendText(dst, s.name)
	dst = appendShapeFields(dst, s)
	dst = appendUvarint(dst, len(s.attrs))
	for _, a := range s.attrs {
		dst = appendText(dst, a.Key)
		dst = append(dst, byte(a.Value.Kind))
	}
	return dst
}

// readInline reads a shape into s, whose slices are used again.
func readInline(r *reader, own owner, s *shape) {
	*s = shape{own: own, attrs: s.attrs[:0], overflow: true}
	s.name = r.text()
	readShapeFields(r, s)
	for range r.count(2) {
		key := r.text()
		s.attrs = append(s.attrs, span.Attr{Key: key, Value: span.Value{Kind: readKind(r)}})
	}
}
