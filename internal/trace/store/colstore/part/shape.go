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
	hasName // its name is in a column, there are too many for the group's table
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
	attrs    []span.Attr // keys, kinds, and the values that are the same everywhere
	fill     []fill      // where the other values come from
	count    uint64      // spans, events or links in the group
	id       uint32      // number in the table
	overflow bool        // values come from the overflow column: not in the table
}

// fill says that the value of attribute pos comes from a column.
type fill struct{ pos, col uint32 }

const constSlot = 1

// readShape reads a shape of the group's table.
func readShape(r *reader, t *tables) (s shape) {
	s.own = owner(r.upTo(uint64(numOwners) - 1))
	if name := r.upTo(uint64(len(t.names))); name > 0 {
		s.name = t.names[name-1]
	}
	readShapeFields(r, &s)
	s.count = r.uvarint()
	n := r.count(1)
	s.attrs = make([]span.Attr, n)
	for i := range s.attrs {
		tag := r.uvarint()
		if tag&constSlot != 0 {
			if tag>>1 >= uint64(len(t.keys)) {
				r.fail("unknown key")
				break
			}
			s.attrs[i].Key = t.keys[tag>>1]
			s.attrs[i].Value = readValue(r, readKind(r))
			continue
		}
		if tag>>1 >= uint64(len(t.attrs)) {
			r.fail("unknown column")
			break
		}
		c := &t.columns[t.attrs[tag>>1]]
		if c.attr.own != s.own {
			r.fail("column of another owner")
			break
		}
		s.attrs[i] = span.Attr{Key: c.attr.key, Value: span.Value{Kind: c.attr.kind}}
		s.fill = append(s.fill, fill{uint32(i), uint32(t.attrs[tag>>1])})
	}
	return s
}

// readShapeFields reads what shapes of the table and inline shapes have in common.
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

// appendInline appends a shape that is not in the table, with the keys in full. Its values
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
