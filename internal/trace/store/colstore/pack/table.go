package pack

import (
	"sync/atomic"
	"unsafe"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/base/arena"
	"github.com/weft-dev/weft/internal/trace/span"
)

// Table is what the rows of a head have in common. It only grows, until Reset. Not safe for
// concurrent use; the Rows it has finished are.
type Table struct {
	arena *arena.Arena
	live  shared

	texts     textTable
	formIDs   map[uint64]uint32 // by hash; see another
	seenForms [seenForms]uint32 // hashes that came once
	formBytes int
	scopeIDs  map[uint64]uint32
	resIDs    map[uint64]uint32

	last *shared // the newest copy of live that rows have
	rows Rows    // being filled
	of   *span.Batch
	ids  []uint32 // number + 1 of each scope of of
	buf  []byte
}

// shared is what is needed to read rows. A copy of it stays as it is while the table grows.
type shared struct {
	head  uint64 // tells the tables of heads apart, that before a Reset from that after
	forms []form
	texts []string
	// batch has the resources and scopes, with their attributes.
	batch span.Batch
}

// form is what spans say alike.
type form struct {
	scope    uint32
	kind     span.Kind
	status   span.StatusCode
	flags    uint32
	presence span.Presence
	marks    span.Marks
	has      has
	name     string
	keys     []key
}

// key is the key of an attribute and the kind of its value.
type key struct {
	text string
	kind span.ValueKind
}

// has says which rare things a span has.
type has uint16

const (
	hasParent has = 1 << iota
	hasTraceState
	hasStatusMessage
	hasDropped
	hasEvents
	hasLinks
	hasUnknown
	hasAttrUnknown
)

const (
	// maxForms bounds the forms of a sender that puts ids into names: such spans have theirs
	// in the row. They come once: past half of it a form gets a number the second time.
	maxForms  = 1 << 14
	seenForms = 1 << 14
	// maxKeys is the most attributes of a form.
	maxKeys = 1 << 8
)

var heads atomic.Uint64

// NewTable makes an empty table, which puts texts and rows into a.
func NewTable(a *arena.Arena) *Table {
	t := &Table{arena: a}
	t.Reset()
	return t
}

// Reset empties the table. It is called before the arena is released, since the table has
// texts that lie in it.
func (t *Table) Reset() {
	t.live = shared{head: heads.Add(1)}
	t.texts.reset()
	t.formIDs, t.scopeIDs, t.resIDs = map[uint64]uint32{}, map[uint64]uint32{}, map[uint64]uint32{}
	clear(t.seenForms[:])
	t.formBytes, t.last, t.of = 0, nil, nil
	t.rows = Rows{}
}

// Bytes is what the table takes beside the arena, about.
func (t *Table) Bytes() int {
	b := &t.live.batch
	return t.formBytes + len(t.live.texts)*int(unsafe.Sizeof("")) +
		(len(b.Resources)+len(b.Scopes))*int(unsafe.Sizeof(span.Scope{})) + len(b.Attrs)*int(unsafe.Sizeof(span.Attr{}))
}

// snapshot is a copy of what there is now.
func (t *Table) snapshot() *shared {
	if t.last == nil || !t.last.same(&t.live) {
		s := t.live
		t.last = &s
	}
	return t.last
}

func (s *shared) same(o *shared) bool {
	return len(s.forms) == len(o.forms) && len(s.texts) == len(o.texts) && len(s.batch.Scopes) == len(o.batch.Scopes)
}

// another is where to look when a hash is another one's.
func another(hash uint64) uint64 { return hash*0x9e3779b97f4a7c15 + 1 }

func mix(h, n uint64) uint64 {
	h = (h ^ n) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// form is the number + 1 of a span's form, 0 if it has none.
func (t *Table) form(b *span.Batch, s *span.Span, scope uint32, has has) uint32 {
	attrs := b.AttrsOf(s.Attrs)
	if len(attrs) > maxKeys {
		return 0
	}
	h := mix(uint64(scope)<<32|uint64(has), uint64(s.Kind)<<32^uint64(s.Status))
	h = mix(h, uint64(s.Flags)<<16|uint64(s.Marks)<<8|uint64(s.Presence))
	h = mix(h, xxh3.HashString(s.Name))
	for i := range attrs {
		h = mix(h, xxh3.HashString(attrs[i].Key)+uint64(attrs[i].Value.Kind))
	}
	for ; ; h = another(h) {
		id, ok := t.formIDs[h]
		if !ok {
			break
		}
		if t.live.forms[id].is(s, scope, has, attrs) {
			return id + 1
		}
	}
	if seen := &t.seenForms[h%seenForms]; len(t.live.forms) >= maxForms/2 && *seen != uint32(h>>32) {
		*seen = uint32(h >> 32)
		return 0
	}
	if len(t.live.forms) >= maxForms {
		return 0
	}
	f := form{
		scope: scope, kind: s.Kind, status: s.Status, flags: s.Flags, presence: s.Presence, marks: s.Marks,
		has: has, name: t.text(s.Name), keys: make([]key, len(attrs)),
	}
	for i := range attrs {
		f.keys[i] = key{t.text(attrs[i].Key), attrs[i].Value.Kind}
	}
	id := uint32(len(t.live.forms))
	t.live.forms = append(t.live.forms, f)
	t.formIDs[h] = id
	t.formBytes += int(unsafe.Sizeof(f)) + len(attrs)*int(unsafe.Sizeof(key{})) + 32
	return id + 1
}

func (f *form) is(s *span.Span, scope uint32, has has, attrs []span.Attr) bool {
	if f.scope != scope || f.has != has || f.kind != s.Kind || f.status != s.Status || f.flags != s.Flags ||
		f.presence != s.Presence || f.marks != s.Marks || f.name != s.Name || len(f.keys) != len(attrs) {
		return false
	}
	for i := range attrs {
		if f.keys[i].kind != attrs[i].Value.Kind || f.keys[i].text != attrs[i].Key {
			return false
		}
	}
	return true
}

// scope is the number of scope i of b.
func (t *Table) scope(b *span.Batch, i uint32) uint32 {
	if t.of != b {
		t.of, t.ids = b, append(t.ids[:0], make([]uint32, len(b.Scopes))...)
	}
	if id := t.ids[i]; id > 0 {
		return id - 1
	}
	sc := &b.Scopes[i]
	h := mix(hashAttrs(b, sc.Attrs)+xxh3.HashString(sc.Name), hashAttrs(b, b.Resources[sc.Resource].Attrs))
	id, at, ok := find(t.scopeIDs, h, func(id uint32) bool { return t.live.batch.EqualScope(id, b, i) })
	if !ok {
		copied := *sc
		copied.Resource = t.resource(b, sc.Resource)
		copied.Name, copied.Version, copied.SchemaURL = t.text(sc.Name), t.text(sc.Version), t.text(sc.SchemaURL)
		copied.Unknown, copied.GroupUnknown = t.text(sc.Unknown), t.text(sc.GroupUnknown)
		copied.Attrs = t.attrs(b, sc.Attrs)
		id = uint32(len(t.live.batch.Scopes))
		t.live.batch.Scopes = append(t.live.batch.Scopes, copied)
		t.scopeIDs[at] = id
	}
	t.ids[i] = id + 1
	return id
}

func (t *Table) resource(b *span.Batch, i uint32) uint32 {
	r := &b.Resources[i]
	id, at, ok := find(t.resIDs, hashAttrs(b, r.Attrs), func(id uint32) bool { return t.live.batch.EqualResource(id, b, i) })
	if !ok {
		copied := *r
		copied.SchemaURL, copied.Unknown, copied.GroupUnknown = t.text(r.SchemaURL), t.text(r.Unknown), t.text(r.GroupUnknown)
		copied.Attrs = t.attrs(b, r.Attrs)
		id = uint32(len(t.live.batch.Resources))
		t.live.batch.Resources = append(t.live.batch.Resources, copied)
		t.resIDs[at] = id
	}
	return id
}

// find is the number for which is says so among those whose hash is h; at is where it is, or
// would be.
func find(ids map[uint64]uint32, h uint64, is func(uint32) bool) (id uint32, at uint64, ok bool) {
	for ; ; h = another(h) {
		if id, ok = ids[h]; !ok || is(id) {
			return id, h, ok
		}
	}
}

func hashAttrs(b *span.Batch, r span.Range) uint64 {
	h := uint64(r.Len())
	for _, a := range b.AttrsOf(r) {
		h = mix(h, xxh3.HashString(a.Key)^xxh3.HashString(a.Value.Str)+a.Value.Num)
	}
	return h
}

// attrs copies the attributes of a scope or resource.
func (t *Table) attrs(b *span.Batch, r span.Range) span.Range {
	to := &t.live.batch
	from := uint32(len(to.Attrs))
	for k, a := range b.AttrsOf(r) {
		if u, ok := b.AttrUnknown[r.From+uint32(k)]; ok {
			// Those who read have the map as it was.
			unknown := map[uint32]string{uint32(len(to.Attrs)): t.text(u)}
			for at, u := range to.AttrUnknown {
				unknown[at] = u
			}
			to.AttrUnknown = unknown
		}
		a.Key, a.Value.Str = t.text(a.Key), t.text(a.Value.Str)
		to.Attrs = append(to.Attrs, a)
	}
	return span.Range{From: from, To: uint32(len(to.Attrs))}
}

// text is s in the arena.
func (t *Table) text(s string) string {
	if id, ok := t.texts.intern(&t.live.texts, t.arena, s); ok {
		return t.live.texts[id]
	}
	return t.arena.Text(s)
}

// textTable gives numbers to short texts that come again.
type textTable struct {
	ids  []uint32 // number + 1 of the latest text of each hash
	seen []uint32 // another part of the hash of the text that came last
}

const (
	textSlots = 1 << 15
	maxTexts  = 1 << 16
	// maxText is the longest text that is looked for.
	maxText = 64
)

func (x *textTable) reset() {
	if x.ids == nil {
		x.ids, x.seen = make([]uint32, textSlots), make([]uint32, textSlots)
	}
	clear(x.ids)
	clear(x.seen)
}

// intern is the number of s, false if it has none: a text gets one the second time it comes.
func (x *textTable) intern(texts *[]string, a *arena.Arena, s string) (uint32, bool) {
	if len(s) > maxText {
		return 0, false
	}
	h := xxh3.HashString(s)
	slot := h % textSlots
	if id := x.ids[slot]; id > 0 && (*texts)[id-1] == s {
		return id - 1, true
	}
	if tag := uint32(h >> 32); x.seen[slot] != tag {
		x.seen[slot] = tag
		return 0, false
	}
	if len(*texts) >= maxTexts {
		return 0, false
	}
	*texts = append(*texts, a.Text(s))
	x.ids[slot] = uint32(len(*texts))
	return uint32(len(*texts)) - 1, true
}
