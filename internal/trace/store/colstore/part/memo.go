package part

import (
	"slices"
	"unsafe"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Most spans say what one shortly before said, and say it with the very same texts: a head
// keeps equal texts once, and pages take theirs from the tables of their group. So shapes
// and scopes are looked for first by where their texts lie, and compared, which takes a
// glance for texts at the same place. What is not found so is interned by its encoding.

// identity is a hash of where texts lie and what numbers are.
type identity uint64

func (h *identity) add(n uint64) {
	*h = (*h ^ identity(n)) * 0x9e3779b97f4a7c15
	*h ^= *h >> 29
}

func (h *identity) text(s string) {
	h.add(uint64(uintptr(unsafe.Pointer(unsafe.StringData(s)))) + uint64(len(s))<<48)
}

// shapeMemo is the shapes met last, by identity.
type shapeMemo [1 << 11]struct {
	hash identity
	id   uint32 // number + 1
}

// shapeIdentity has all that same compares.
func shapeIdentity(s *shape, attrs []span.Attr) identity {
	h := identity(s.own)
	h.add(uint64(s.mask)<<32 | uint64(s.flags))
	h.add(uint64(s.kind)<<32 ^ uint64(s.status)<<8 ^ uint64(s.presence))
	if s.mask&hasName == 0 {
		h.text(s.name)
	}
	for i := range attrs {
		h.text(attrs[i].Key)
		h.add(uint64(attrs[i].Value.Kind))
	}
	return h
}

// same reports whether sb is the shape s with these attributes.
func (sb *shapeBuild) same(s *shape, attrs []span.Attr) bool {
	if sb.own != s.own || sb.mask != s.mask || sb.flags != s.flags || sb.kind != s.kind || sb.status != s.status ||
		sb.presence != s.presence || len(sb.attrs) != len(attrs) || s.mask&hasName == 0 && sb.name != s.name {
		return false
	}
	for i := range attrs {
		if sb.attrs[i].Value.Kind != attrs[i].Value.Kind || sb.attrs[i].Key != attrs[i].Key {
			return false
		}
	}
	return true
}

// scopeMemo is the scopes met last, by identity.
type scopeMemo [1 << 8]*knownScope

// knownScope is a scope with its resource, as it came.
type knownScope struct {
	scope             span.Scope
	resource          span.Resource
	attrs, ofResource []span.Attr
	id                uint32
}

func scopeIdentity(b *span.Batch, sc *span.Scope) identity {
	r := &b.Resources[sc.Resource]
	var h identity
	h.text(sc.Name)
	h.add(uint64(sc.Attrs.Len())<<32 | uint64(r.Attrs.Len()))
	for _, list := range [2][]span.Attr{b.AttrsOf(sc.Attrs), b.AttrsOf(r.Attrs)} {
		for i := range list {
			h.text(list[i].Key)
			h.text(list[i].Value.Str)
			h.add(list[i].Value.Num)
		}
	}
	return h
}

func (k *knownScope) same(b *span.Batch, sc *span.Scope) bool {
	r := &b.Resources[sc.Resource]
	known, res := k.scope, k.resource
	known.Resource, known.Attrs, res.Attrs = sc.Resource, sc.Attrs, r.Attrs
	return known == *sc && res == *r && slices.Equal(k.attrs, b.AttrsOf(sc.Attrs)) && slices.Equal(k.ofResource, b.AttrsOf(r.Attrs))
}

func newKnownScope(b *span.Batch, sc *span.Scope, id uint32) *knownScope {
	r := &b.Resources[sc.Resource]
	return &knownScope{
		scope: *sc, resource: *r, id: id,
		attrs: slices.Clone(b.AttrsOf(sc.Attrs)), ofResource: slices.Clone(b.AttrsOf(r.Attrs)),
	}
}
