package part

import "github.com/weft-dev/weft/internal/trace/span"

// resourceInfo is a resource of a schema, each stored once.
type resourceInfo struct {
	span.Resource // without Attrs
	attrs         []span.Attr
	unknown       []attrUnknown
	service       string // as span.Batch.Service has it
}

// scopeInfo is a scope of a schema, each stored once.
type scopeInfo struct {
	span.Scope // without Attrs
	attrs      []span.Attr
	unknown    []attrUnknown
}

func appendPresent(dst []byte, present bool) []byte {
	if present {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func readPresent(r *reader) bool { return r.upTo(1) == 1 }

func appendResource(dst []byte, b *span.Batch, s *span.Resource) []byte {
	dst = appendAttrs(dst, b, s.Attrs)
	dst = appendUvarint(dst, s.Dropped)
	dst = appendText(dst, s.SchemaURL)
	dst = appendPresent(dst, s.Present)
	dst = appendText(dst, s.Unknown)
	return appendText(dst, s.GroupUnknown)
}

func readResource(r *reader) (s resourceInfo) {
	s.attrs, s.unknown = readAttrs(r)
	s.Dropped = r.uint32()
	s.SchemaURL = r.text()
	s.Present = readPresent(r)
	s.Unknown = r.text()
	s.GroupUnknown = r.text()
	for _, a := range s.attrs {
		if a.Key == "service.name" {
			if a.Value.Kind == span.ValueString {
				s.service = a.Value.Str
			}
			break
		}
	}
	return s
}

func appendScope(dst []byte, b *span.Batch, s *span.Scope, resource uint32) []byte {
	dst = appendUvarint(dst, resource)
	dst = appendText(dst, s.Name)
	dst = appendText(dst, s.Version)
	dst = appendAttrs(dst, b, s.Attrs)
	dst = appendUvarint(dst, s.Dropped)
	dst = appendText(dst, s.SchemaURL)
	dst = appendPresent(dst, s.Present)
	dst = appendText(dst, s.Unknown)
	return appendText(dst, s.GroupUnknown)
}

func readScope(r *reader, resources int) (s scopeInfo) {
	s.Resource = uint32(r.uvarint())
	if int(s.Resource) >= resources {
		r.fail("scope of an unknown resource")
	}
	s.Name = r.text()
	s.Version = r.text()
	s.attrs, s.unknown = readAttrs(r)
	s.Dropped = r.uint32()
	s.SchemaURL = r.text()
	s.Present = readPresent(r)
	s.Unknown = r.text()
	s.GroupUnknown = r.text()
	return s
}

// maxHeld is the spans of the batches that a scopeSet remembers, and so keeps in memory: more
// than a head has, and than a merge reads at once.
const maxHeld = 1 << 17

// scopeSet interns the resources and scopes of a schema being written.
type scopeSet struct {
	resources map[string]uint32 // by encoding
	scopes    map[string]uint32
	resList   []string // the encodings in order of number
	list      []string
	resOf     []uint32 // resource of each scope
	inline    []uint32 // spans of each scope in the group at hand whose shape is inline
	bytes     int

	seen    map[*span.Batch][]uint32 // number + 1 of each scope of a batch, 0: not looked at
	held    int                      // spans of the batches in seen
	memo    scopeMemo
	last    *span.Batch // the batch seen last
	lastIDs []uint32
	buf     []byte
}

func newScopeSet() *scopeSet {
	return &scopeSet{resources: map[string]uint32{}, scopes: map[string]uint32{}, seen: map[*span.Batch][]uint32{}}
}

// forget lets go of the batches of a group.
func (s *scopeSet) forget() {
	clear(s.seen)
	clear(s.memo[:])
	s.held, s.last, s.lastIDs = 0, nil, nil
	clear(s.inline)
}

// of is the number of scope i of b.
func (s *scopeSet) of(b *span.Batch, i uint32) uint32 {
	if b != s.last {
		ids, ok := s.seen[b]
		if !ok {
			if s.held += len(b.Spans); s.held > maxHeld {
				clear(s.seen)
				s.held = len(b.Spans)
			}
			ids = make([]uint32, len(b.Scopes))
			s.seen[b] = ids
		}
		s.last, s.lastIDs = b, ids
	}
	if id := s.lastIDs[i]; id > 0 {
		return id - 1
	}
	sc := &b.Scopes[i]
	if b.AttrUnknown != nil { // which the memo does not compare
		id := s.intern(b, i)
		s.lastIDs[i] = id + 1
		return id
	}
	m := &s.memo[scopeIdentity(b, sc)%identity(len(s.memo))]
	if *m == nil || !(*m).same(b, sc) {
		*m = newKnownScope(b, sc, s.intern(b, i))
	}
	s.lastIDs[i] = (*m).id + 1
	return (*m).id
}

// intern is of for a scope that may not be known yet.
func (s *scopeSet) intern(b *span.Batch, i uint32) uint32 {
	sc := &b.Scopes[i]
	s.buf = appendResource(s.buf[:0], b, &b.Resources[sc.Resource])
	res, ok := s.resources[string(s.buf)]
	if !ok {
		res = uint32(len(s.resList))
		enc := string(s.buf)
		s.resources[enc] = res
		s.resList = append(s.resList, enc)
		s.bytes += len(enc)
	}
	s.buf = appendScope(s.buf[:0], b, sc, res)
	id, ok := s.scopes[string(s.buf)]
	if !ok {
		id = uint32(len(s.list))
		enc := string(s.buf)
		s.scopes[enc] = id
		s.list = append(s.list, enc)
		s.resOf = append(s.resOf, res)
		s.inline = append(s.inline, 0)
		s.bytes += len(enc)
	}
	return id
}
