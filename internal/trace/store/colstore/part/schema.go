package part

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/weft-dev/weft/internal/trace/span"
)

// copiedFrom is the most groups that a schema has only once: a copy costs a full head's part a
// hundredth of its bytes, and until it is merged it has three groups.
const copiedFrom = 4

// schema is what the groups of a part say of their spans over and over: groups refer to it by
// number, and have tables of their own for the rest. Immutable once read; while a part is
// written it grows, and what is in it stays as it is.
type schema struct {
	names     []string
	keys      []string
	attrs     []attrColumn // the columns from firstAttr on
	resources []resourceInfo
	scopes    []scopeInfo
	slots     []slotInfo
	shapes    []shape
	pairs     []class // of a scope and a shape: groups number theirs, as classes
	size      int64   // bytes in memory, about

	shapeSlots []uint32 // of all shapes, one behind the other
	byKey      slotsByKey
}

// class is a scope and a shape that spans have together.
type class struct{ scope, shape uint32 }

// append appends
//
//	names, keys: count; the texts
//	attribute columns: count; owner, key, kind of each
//	resources, scopes: count; the records
//	slots: count; the records
//	shapes: the slots of all; count; the records
//	pairs: count; the scopes, the shapes
func (s *schemaBuilder) append(dst []byte) ([]byte, error) {
	dst = appendTexts(dst, s.names)
	dst = appendTexts(dst, s.keys)
	dst = appendUvarint(dst, len(s.attrs))
	for _, c := range s.attrs {
		dst = append(dst, byte(c.own))
		dst = appendUvarint(dst, s.keyIDs[c.key])
		dst = append(dst, byte(c.kind))
	}
	dst = appendUvarint(dst, len(s.origins.resList))
	for _, enc := range s.origins.resList {
		dst = append(dst, enc...)
	}
	dst = appendUvarint(dst, len(s.origins.list))
	for _, enc := range s.origins.list {
		dst = append(dst, enc...)
	}
	dst = appendUvarint(dst, len(s.slots))
	for i := range s.slots {
		dst = s.appendSlot(dst, &s.slots[i])
	}
	dst = appendUvarint(dst, len(s.shapeSlots))
	dst = appendUvarint(dst, len(s.shapes))
	for i := range s.shapes {
		sh := &s.shapes[i]
		name := uint32(0)
		if sh.hasTableName() {
			name = s.nameIDs[sh.name]
		}
		dst = appendUvarint(append(dst, byte(sh.own)), name)
		dst = appendShapeFields(dst, sh)
		dst = appendUvarint(dst, len(sh.slots))
		for _, id := range sh.slots {
			dst = appendUvarint(dst, id)
		}
	}
	dst = appendUvarint(dst, len(s.pairs))
	for _, p := range s.pairs {
		dst = appendUvarint(dst, p.scope)
	}
	for _, p := range s.pairs {
		dst = appendUvarint(dst, p.shape)
	}
	if len(dst) > maxBlock {
		return nil, fmt.Errorf("schema has %d bytes, the format holds %d", len(dst), maxBlock)
	}
	return dst, nil
}

func (s *schemaBuilder) appendSlot(dst []byte, sl *slotInfo) []byte {
	if sl.col != 0 {
		return appendUvarint(dst, uint32(sl.col-firstAttr)<<1)
	}
	dst = appendUvarint(dst, s.keyIDs[sl.Key]<<1|constSlot)
	dst = append(dst, byte(sl.Value.Kind))
	return appendValue(dst, sl.Value)
}

// readSchema is the inverse. Texts alias the block.
func readSchema(r *reader) *schema {
	s := &schema{size: int64(len(r.b))}
	s.names = readTexts(r)
	s.keys = readTexts(r)
	s.attrs = make([]attrColumn, r.count(3))
	for i := range s.attrs {
		s.attrs[i] = readAttrColumn(r, s.keys)
	}
	attrs := 0 // of all resources and scopes
	s.resources = make([]resourceInfo, r.count(7))
	for i := range s.resources {
		s.resources[i] = readResource(r)
		attrs += len(s.resources[i].attrs)
	}
	s.scopes = make([]scopeInfo, r.count(10))
	for i := range s.scopes {
		s.scopes[i] = readScope(r, len(s.resources))
		attrs += len(s.scopes[i].attrs)
	}
	s.readSlots(r)
	s.shapes = make([]shape, r.count(4))
	for i := range s.shapes {
		s.shapes[i] = readShape(r, s)
		s.shapes[i].id = uint32(i)
	}
	s.readPairs(r)
	r.end()
	s.size += int64(attrs) * int64(unsafe.Sizeof(span.Attr{}))
	s.size += int64(len(s.names)+len(s.keys))*16 + int64(len(s.shapeSlots))*4 +
		int64(len(s.attrs))*int64(unsafe.Sizeof(attrColumn{})) +
		int64(len(s.pairs))*int64(unsafe.Sizeof(class{})) +
		int64(len(s.slots))*int64(unsafe.Sizeof(slotInfo{})) +
		int64(len(s.shapes))*int64(unsafe.Sizeof(shape{})) +
		int64(len(s.resources)+len(s.scopes))*int64(unsafe.Sizeof(resourceInfo{}))
	return s
}

func readAttrColumn(r *reader, keys []string) (c attrColumn) {
	c.own = owner(r.upTo(uint64(numOwners) - 1))
	key := r.uvarint()
	if key >= uint64(len(keys)) {
		r.fail("unknown key")
		return c
	}
	c.key = keys[key]
	c.kind = readKind(r)
	if _, ok := physicalOf(c.kind); !ok {
		r.fail("column of a kind without values")
	}
	return c
}

// readSlots reads the attributes of shapes, and makes room for the lists of them.
func (s *schema) readSlots(r *reader) {
	s.slots = make([]slotInfo, r.count(1))
	for i := range s.slots {
		s.slots[i] = readSlot(r, s)
	}
	s.shapeSlots = make([]uint32, 0, r.count(1))
}

func (s *schema) readPairs(r *reader) {
	s.pairs = make([]class, r.count(2))
	r.eachVarint(len(s.pairs), uint64(len(s.scopes)), func(i int, n uint64) { s.pairs[i].scope = uint32(n) })
	r.eachVarint(len(s.pairs), uint64(len(s.shapes)), func(i int, n uint64) {
		if s.pairs[i].shape = uint32(n); s.shapes[n].own != ownSpan {
			r.fail("class of an unknown shape")
		}
	})
	if r.bad != "" {
		s.pairs = nil
	}
}

// eachVarint takes n numbers below limit.
func (r *reader) eachVarint(n int, limit uint64, set func(int, uint64)) {
	var some [256]uint64
	for from := 0; from < n; from += len(some) {
		list := some[:min(len(some), n-from)]
		r.takeVarints(list)
		for i, v := range list {
			if v >= limit {
				r.fail("number out of range")
				return
			}
			set(from+i, v)
		}
	}
}

// ascending takes numbers below limit that go up, with their number in front: the first, and of
// each other one how many are left out before it.
func (r *reader) ascending(limit int) []uint32 {
	out := make([]uint32, r.count(2))
	next := uint64(0)
	r.eachVarint(len(out), math.MaxUint32, func(i int, n uint64) {
		if next += n; next >= uint64(limit) {
			r.fail("number out of range")
			return
		}
		out[i] = uint32(next)
		next++
	})
	if r.bad != "" {
		return nil
	}
	return out
}

func appendAscending(dst []byte, ids []uint32) []byte {
	dst = appendUvarint(dst, len(ids))
	next := uint32(0)
	for _, id := range ids {
		dst = appendUvarint(dst, id-next)
		next = id + 1
	}
	return dst
}

func appendTexts(dst []byte, list []string) []byte {
	dst = appendUvarint(dst, len(list))
	for _, s := range list {
		dst = appendText(dst, s)
	}
	return dst
}

func readTexts(r *reader) []string {
	out := make([]string, r.count(1))
	for i := range out {
		out[i] = r.text()
	}
	return out
}
