package part

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
)

// limits bound the tables of a group, so that a sender that puts ids into names or keys
// costs its own spans their compression and no more. Beyond them a name goes to a column,
// and the shape of a span is written beside it ("inline").
type limits struct {
	names   int // names in the table
	shapes  int // shapes in the table
	columns int // columns of attributes
	slots   int // attributes of a shape in the table
	dict    int // entries of a dictionary
	bytes   int // of tables, before the group is closed
}

var defaultLimits = limits{names: 4096, shapes: 8192, columns: 1024, slots: 512, dict: 16384, bytes: 2 << 20}

func variedLimits(r *rand.Rand) limits {
	l := defaultLimits
	if r.IntN(2) == 0 {
		l.names = r.IntN(4)
	}
	if r.IntN(2) == 0 {
		l.shapes = r.IntN(20)
	}
	if r.IntN(2) == 0 {
		l.columns = r.IntN(8)
	}
	if r.IntN(2) == 0 {
		l.slots = r.IntN(4)
	}
	if r.IntN(2) == 0 {
		l.dict = r.IntN(5)
	}
	return l
}

// groupBuilder turns the spans of one row group into columns, and interns what they share.
// A trace's spans are taken apart as they are added; nothing of their batches is kept but
// texts, so that the memory is a third of what the spans take.
type groupBuilder struct {
	tenant string
	lim    limits
	vary   *rand.Rand

	scopes    *scopeSet
	names     map[string]uint32 // number + 1
	nameList  []string
	keys      map[string]uint32
	keyList   []string
	shapes    map[string]uint32 // by their encoding
	memo      shapeMemo
	list      []*shapeBuild
	columns   map[attrColumn]bool // those the shapes may need
	classes   map[class]uint32    // number + 1
	classList []classBuild

	// col is the fixed columns, by colID; those of attributes join them when the group is
	// closed. Classes have their first numbers until then.
	col   []columnBuild
	stats []pageStats  // of the finished pages
	page  pageStats    // of the page at hand
	codes [][]pageCode // of the finished pages, by resource
	code  []pageCode   // of the page at hand
	rows  int          // spans in all
	// traces that begin in the group.
	traces    int
	prevStart int64               // of the trace before in the page
	ids       map[span.SpanID]int // index among the parent ids of the page
	inline    [numOwners]inlineFilter

	weight     int // bytes of text, about
	tableBytes int
	spill      bool // the span at hand has so much that all of it goes inline
	buf        []byte
	run        []row               // the spans at hand
	rowOf      map[span.SpanID]int // of the spans at hand
}

// row is a span being taken apart.
type row struct {
	Ref
	shape *shapeBuild // nil: inline
	class uint32      // number + 1, 0: the shape is inline
	scope uint32
}

// class is what a span's class number stands for.
type class struct{ scope, shape uint32 }

type classBuild struct {
	class
	count uint64
}

// shapeBuild is a shape of the table being made.
type shapeBuild struct {
	shape
	nameID uint32   // number + 1, 0: none
	keys   []uint32 // of attrs, which hold the first span's values
	slots  []slot   // of attrs
}

// slot is the values of one attribute of a shape, if they are not all the first one.
type slot struct {
	varied bool
	text   bool
	texts  []string
	nums   []uint64
	next   int   // value, while the columns are put together
	col    colID // set then
}

func newGroupBuilder(tenant string, vary *rand.Rand) *groupBuilder {
	g := &groupBuilder{
		tenant: tenant, lim: defaultLimits, vary: vary, scopes: newScopeSet(),
		names: map[string]uint32{}, keys: map[string]uint32{}, shapes: map[string]uint32{},
		columns: map[attrColumn]bool{}, classes: map[class]uint32{},
		ids: map[span.SpanID]int{}, rowOf: map[span.SpanID]int{}, col: fixedBuilds(),
	}
	if vary != nil {
		g.lim = variedLimits(vary)
	}
	return g
}

// full reports whether the group should be closed at the next end of a page.
func (g *groupBuilder) full(spans int) bool {
	return g.rows >= spans || g.weight >= maxGroupWeight || g.tableBytes+g.scopes.bytes >= g.lim.bytes
}

// classify interns what a span shares.
func (g *groupBuilder) classify(ref Ref) row {
	b, s := ref.Batch, ref.Span()
	r := row{Ref: ref, scope: g.scopes.of(b, s.Scope)}
	g.scopes.count[r.scope]++
	g.spill = spanSlots(b, s) > maxPageSlots
	sh := g.spanShape(b, s)
	id, ok := g.intern(&sh, b.AttrsOf(s.Attrs))
	if !ok {
		return r
	}
	r.shape = g.list[id]
	k := class{r.scope, id}
	if r.class = g.classes[k]; r.class == 0 {
		g.classList = append(g.classList, classBuild{class: k})
		r.class = uint32(len(g.classList))
		g.classes[k] = r.class
		g.tableBytes += 4
	}
	g.classList[r.class-1].count++
	return r
}

// internPlus1 is intern, with 0 for a shape that has to be inline.
func (g *groupBuilder) internPlus1(s *shape, attrs []span.Attr) uint32 {
	if id, ok := g.intern(s, attrs); ok {
		return id + 1
	}
	return 0
}

// spanShape is the shape of a span, without attributes.
func (g *groupBuilder) spanShape(b *span.Batch, s *span.Span) shape {
	sh := shape{own: ownSpan, name: s.Name, kind: s.Kind, status: s.Status, flags: s.Flags, presence: s.Presence}
	set := func(m mask, has bool) {
		if has {
			sh.mask |= m
		}
	}
	if s.Flags > maxShapeFlags {
		sh.mask, sh.flags = sh.mask|hasFlags, 0
	}
	set(hasEvents, s.Events.Len() > 0)
	set(hasLinks, s.Links.Len() > 0)
	set(hasOddEnd, s.End < s.Start)
	set(hasMarks, s.Marks != 0)
	set(hasDroppedAttrs, s.DroppedAttrs != 0)
	set(hasDroppedEvents, s.DroppedEvents != 0)
	set(hasDroppedLinks, s.DroppedLinks != 0)
	set(hasName, !g.nameFits(s.Name))
	set(hasStatusMessage, s.StatusMessage != "")
	set(hasTraceState, s.TraceState != "")
	set(hasUnknown, s.Unknown != "")
	set(hasStatusUnknown, s.StatusUnknown != "")
	set(hasAttrUnknown, len(b.AttrUnknown) > 0 && len(allUnknown(b, s)) > 0)
	return sh
}

func (g *groupBuilder) eventShape(e *span.Event) shape {
	sh := shape{own: ownEvent, name: e.Name}
	if !g.nameFits(e.Name) {
		sh.mask |= hasName
	}
	if e.Dropped != 0 {
		sh.mask |= hasDroppedAttrs
	}
	if e.Unknown != "" {
		sh.mask |= hasUnknown
	}
	return sh
}

func linkShape(l *span.Link) shape {
	sh := shape{own: ownLink}
	if l.Flags != 0 {
		sh.mask |= hasFlags
	}
	if l.TraceState != "" {
		sh.mask |= hasTraceState
	}
	if l.Dropped != 0 {
		sh.mask |= hasDroppedAttrs
	}
	if l.Unknown != "" {
		sh.mask |= hasUnknown
	}
	return sh
}

// allUnknown is what AttrUnknown says of a span: positions count its attributes, then
// those of its events, then those of its links.
func allUnknown(b *span.Batch, s *span.Span) []attrUnknown {
	out := unknownOf(nil, b, s.Attrs, 0)
	base := uint32(s.Attrs.Len())
	for _, e := range b.EventsOf(s) {
		out = unknownOf(out, b, e.Attrs, base)
		base += uint32(e.Attrs.Len())
	}
	for _, l := range b.LinksOf(s) {
		out = unknownOf(out, b, l.Attrs, base)
		base += uint32(l.Attrs.Len())
	}
	return out
}

// nameFits reports whether a name is or can be in the table.
func (g *groupBuilder) nameFits(name string) bool {
	return len(g.nameList) < g.lim.names || g.names[name] > 0
}

// intern is the number of a shape with these attributes; false if it has to be inline.
func (g *groupBuilder) intern(s *shape, attrs []span.Attr) (uint32, bool) {
	if g.spill || len(attrs) > g.lim.slots {
		return 0, false
	}
	hash := shapeIdentity(s, attrs)
	m := &g.memo[hash%identity(len(g.memo))]
	if m.id == 0 || m.hash != hash || !g.list[m.id-1].same(s, attrs) {
		id, ok := g.internNew(s, attrs)
		if !ok {
			return 0, false
		}
		m.hash, m.id = hash, id+1
	}
	g.list[m.id-1].take(attrs)
	return m.id - 1, true
}

// internNew is intern for a shape that may not be known yet.
func (g *groupBuilder) internNew(s *shape, attrs []span.Attr) (uint32, bool) {
	name := s.name
	if s.mask&hasName != 0 {
		name = ""
	}
	g.buf = appendText(append(g.buf[:0], byte(s.own)), name)
	g.buf = appendShapeFields(g.buf, s)
	for _, a := range attrs {
		g.buf = append(g.buf, byte(a.Value.Kind))
		g.buf = appendText(g.buf, a.Key)
	}
	if id, ok := g.shapes[string(g.buf)]; ok {
		return id, true
	}
	return g.addShape(s, attrs)
}

// take adds the values of one more span, event or link of the shape.
func (sb *shapeBuild) take(attrs []span.Attr) {
	for i := range attrs {
		s, v := &sb.slots[i], &attrs[i].Value
		if !s.varied {
			if *v == sb.attrs[i].Value {
				continue
			}
			s.varied = true
			for range sb.count {
				s.add(&sb.attrs[i].Value)
			}
		}
		s.add(v)
	}
	sb.count++
}

func (s *slot) add(v *span.Value) {
	if s.text {
		s.texts = append(s.texts, v.Str)
	} else {
		s.nums = append(s.nums, v.Num)
	}
}

// addShape puts the shape whose encoding is in buf into the table.
func (g *groupBuilder) addShape(s *shape, attrs []span.Attr) (uint32, bool) {
	if len(g.list) >= g.lim.shapes {
		return 0, false
	}
	fresh := map[attrColumn]bool{}
	for _, a := range attrs {
		a.Key = g.key(a.Key)
		if _, ok := physicalOf(a.Value.Kind); ok {
			if c := (attrColumn{s.own, a.Key, a.Value.Kind}); !g.columns[c] {
				fresh[c] = true
			}
		}
	}
	if len(g.columns)+len(fresh) > g.lim.columns {
		return 0, false
	}
	for c := range fresh {
		g.columns[c] = true
	}
	sb := &shapeBuild{shape: *s, keys: make([]uint32, len(attrs)), slots: make([]slot, len(attrs))}
	sb.attrs = slices.Clone(attrs)
	if s.own != ownLink && s.mask&hasName == 0 {
		id, ok := g.names[s.name]
		if !ok {
			name := strings.Clone(s.name)
			g.nameList = append(g.nameList, name)
			id = uint32(len(g.nameList))
			g.names[name] = id
			g.tableBytes += len(name) + 1
		}
		sb.nameID, sb.name = id, g.nameList[id-1]
	}
	for i, a := range attrs {
		id := g.keys[a.Key]
		phys, stored := physicalOf(a.Value.Kind)
		sb.keys[i] = id
		sb.attrs[i].Key = g.keyList[id]
		sb.slots[i].text = phys == physText
		sb.slots[i].varied = stored && (len(a.Value.Str) > maxConst || g.vary != nil && g.vary.IntN(3) == 0)
		if !sb.slots[i].varied {
			sb.attrs[i].Value.Str = strings.Clone(a.Value.Str)
		}
	}
	id := uint32(len(g.list))
	g.list = append(g.list, sb)
	g.shapes[string(g.buf)] = id
	g.tableBytes += len(g.buf)
	return id, true
}

// key puts a key into the table and returns the text that the table holds.
func (g *groupBuilder) key(k string) string {
	id, ok := g.keys[k]
	if !ok {
		id = uint32(len(g.keyList))
		k = strings.Clone(k)
		g.keyList = append(g.keyList, k)
		g.keys[k] = id
		g.tableBytes += len(k) + 1
	}
	return g.keyList[id]
}

const (
	// maxConst is the longest text that is stored with a shape: tables stay in memory.
	maxConst = 256
	// maxGroupWeight is the text in a group before it is closed early.
	maxGroupWeight = 64 << 20
)
