package part

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
)

// limits bound a schema and the tables of a group, so that a sender that puts ids into names or keys
// costs its own spans their compression and no more. Beyond them a name goes to a column,
// and the shape of a span is written beside it ("inline").
type limits struct {
	names   int // names in the table
	shapes  int // shapes in the table
	columns int // columns of attributes
	slots   int // attributes of a shape in the table
	dict    int // entries of a dictionary
	bytes   int // of the schema, before the group is closed
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

// schemaBuilder interns what spans share, for groups of one tenant in a part, one after the other. The
// schema itself grows at the end of a group, when it is known which values the group's shapes
// have in common. A value that has varied once stays in its column from then on, and a shape of
// which that is found out gets another number: what was written before keeps its own.
type schemaBuilder struct {
	schema
	tenant string
	lim    limits
	vary   *rand.Rand
	groups int // that refer to it

	origins  *scopeSet
	nameIDs  map[string]uint32 // number + 1
	keyIDs   map[string]uint32
	shapeIDs map[string]uint32 // in known, by their encoding
	memo     shapeMemo
	known    []*shapeBuild
	needed   map[attrColumn]bool // columns that known may need
	metIDs   map[class]uint32    // number + 1 in met, of a scope and a shape of known
	met      []classBuild

	columnIDs map[attrColumn]colID
	slotIDs   map[string]uint32 // by their encoding
	pairIDs   map[class]uint32  // number + 1
	bytes     int               // without origins, about
	buf       []byte
}

// shapeBuild is a shape that was met.
type shapeBuild struct {
	shape
	attrs  []span.Attr // with the values that do not vary
	slots  []slot      // of attrs
	number uint32      // + 1 in the schema, 0: none, or one of before a value varied
	count  int         // in the group at hand
}

// slot is the values of one attribute of a shape in the group at hand, if they vary.
type slot struct {
	varied bool
	text   bool
	texts  []string
	nums   []uint64
	next   int   // value, while the columns are put together
	col    colID // set then
}

// classBuild is a class of the group at hand.
type classBuild struct {
	class
	count uint32
}

// maxConst is the longest text that is stored with a shape: schemas stay in memory.
const maxConst = 256

func newSchemaBuilder(tenant string, vary *rand.Rand) *schemaBuilder {
	s := &schemaBuilder{
		tenant: tenant, lim: defaultLimits, vary: vary, origins: newScopeSet(),
		nameIDs: map[string]uint32{}, keyIDs: map[string]uint32{}, shapeIDs: map[string]uint32{},
		needed: map[attrColumn]bool{}, metIDs: map[class]uint32{},
		columnIDs: map[attrColumn]colID{}, slotIDs: map[string]uint32{}, pairIDs: map[class]uint32{},
	}
	if vary != nil {
		s.lim = variedLimits(vary)
	}
	return s
}

// size is the bytes of the schema, about.
func (s *schemaBuilder) size() int { return s.bytes + s.origins.bytes }

// full reports whether the next group should begin a schema of its own: soon it would be cut
// short by this one, or have to put shapes beside its spans.
func (s *schemaBuilder) full() bool {
	return s.size() >= s.lim.bytes/2 || 4*len(s.names) >= 3*s.lim.names || 4*len(s.known) >= 3*s.lim.shapes ||
		4*len(s.needed) >= 3*s.lim.columns || s.vary != nil && s.vary.IntN(4) == 0
}

// meet counts one more span of a class, and returns its number in met + 1.
func (s *schemaBuilder) meet(k class) uint32 {
	id := s.metIDs[k]
	if id == 0 {
		s.met = append(s.met, classBuild{class: k})
		id = uint32(len(s.met))
		s.metIDs[k] = id
		s.bytes += 4
	}
	s.met[id-1].count++
	return id
}

// nameFits reports whether a name is or can be in the table.
func (s *schemaBuilder) nameFits(name string) bool {
	return len(s.names) < s.lim.names || s.nameIDs[name] > 0
}

// intern is the number in known of a shape with these attributes; false if it has to be inline.
func (s *schemaBuilder) intern(sh *shape, attrs []span.Attr) (uint32, bool) {
	if len(attrs) > s.lim.slots {
		return 0, false
	}
	hash := shapeIdentity(sh, attrs)
	m := &s.memo[hash%identity(len(s.memo))]
	if m.id == 0 || m.hash != hash || !s.known[m.id-1].same(sh, attrs) {
		id, ok := s.internNew(sh, attrs)
		if !ok {
			return 0, false
		}
		m.hash, m.id = hash, id+1
	}
	s.known[m.id-1].take(attrs)
	return m.id - 1, true
}

// internNew is intern for a shape that may not be known yet.
func (s *schemaBuilder) internNew(sh *shape, attrs []span.Attr) (uint32, bool) {
	name := sh.name
	if sh.mask&hasName != 0 {
		name = ""
	}
	s.buf = appendText(append(s.buf[:0], byte(sh.own)), name)
	s.buf = appendShapeFields(s.buf, sh)
	for _, a := range attrs {
		s.buf = append(s.buf, byte(a.Value.Kind))
		s.buf = appendText(s.buf, a.Key)
	}
	if id, ok := s.shapeIDs[string(s.buf)]; ok {
		return id, true
	}
	return s.addShape(sh, attrs)
}

// take adds the values of one more span, event or link of the shape.
func (sb *shapeBuild) take(attrs []span.Attr) {
	for i := range attrs {
		sl, v := &sb.slots[i], &attrs[i].Value
		if !sl.varied {
			same := &sb.attrs[i].Value
			if *v == *same {
				continue
			}
			sl.varied, sb.number = true, 0
			for range sb.count {
				sl.add(same)
			}
			*same = span.Value{Kind: same.Kind}
		}
		sl.add(v)
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

// addShape makes the shape whose encoding is in buf known.
func (s *schemaBuilder) addShape(sh *shape, attrs []span.Attr) (uint32, bool) {
	if len(s.known) >= s.lim.shapes {
		return 0, false
	}
	fresh := map[attrColumn]bool{}
	for _, a := range attrs {
		a.Key = s.key(a.Key)
		if _, ok := physicalOf(a.Value.Kind); ok {
			if c := (attrColumn{sh.own, a.Key, a.Value.Kind}); !s.needed[c] {
				fresh[c] = true
			}
		}
	}
	if len(s.needed)+len(fresh) > s.lim.columns {
		return 0, false
	}
	for c := range fresh {
		s.needed[c] = true
	}
	sb := &shapeBuild{shape: *sh, attrs: slices.Clone(attrs), slots: make([]slot, len(attrs))}
	sb.name = ""
	if sh.hasTableName() {
		sb.name = s.name(sh.name)
	}
	for i, a := range attrs {
		phys, stored := physicalOf(a.Value.Kind)
		sl, own := &sb.slots[i], &sb.attrs[i]
		own.Key = s.key(a.Key)
		sl.text = phys == physText
		sl.varied = stored && (len(a.Value.Str) > maxConst || s.vary != nil && s.vary.IntN(3) == 0)
		if sl.varied {
			own.Value = span.Value{Kind: a.Value.Kind}
		} else {
			own.Value.Str = strings.Clone(a.Value.Str)
		}
	}
	id := uint32(len(s.known))
	s.known = append(s.known, sb)
	s.shapeIDs[string(s.buf)] = id
	s.bytes += len(s.buf)
	return id, true
}

// key puts a key into the schema and returns the text that the schema holds.
func (s *schemaBuilder) key(k string) string {
	id, ok := s.keyIDs[k]
	if !ok {
		id = uint32(len(s.keys))
		k = strings.Clone(k)
		s.keys = append(s.keys, k)
		s.keyIDs[k] = id
		s.bytes += len(k) + 1
	}
	return s.keys[id]
}

// name puts a name into the schema and returns the text that the schema holds.
func (s *schemaBuilder) name(name string) string {
	id, ok := s.nameIDs[name]
	if !ok {
		name = strings.Clone(name)
		s.names = append(s.names, name)
		id = uint32(len(s.names))
		s.nameIDs[name] = id
		s.bytes += len(name) + 1
	}
	return s.names[id-1]
}

// column is the number of a column in the schema.
func (s *schemaBuilder) column(a attrColumn) colID {
	id, ok := s.columnIDs[a]
	if !ok {
		id = firstAttr + colID(len(s.attrs))
		s.attrs = append(s.attrs, a)
		s.columnIDs[a] = id
	}
	return id
}

// settle puts into the schema what the group at hand has and no group before it had. The
// columns of its values have numbers.
func (s *schemaBuilder) settle() {
	for _, enc := range s.origins.resList[len(s.resources):] {
		s.resources = append(s.resources, readResource(&reader{b: []byte(enc)}))
	}
	for _, enc := range s.origins.list[len(s.scopes):] {
		s.scopes = append(s.scopes, readScope(&reader{b: []byte(enc)}, len(s.resources)))
	}
	for _, sb := range s.known {
		if sb.count > 0 && sb.number == 0 {
			s.number(sb)
		}
	}
}

// number gives a shape a number of its own.
func (s *schemaBuilder) number(sb *shapeBuild) {
	from := len(s.shapeSlots)
	for i := range sb.attrs {
		sl := slotInfo{Attr: sb.attrs[i]}
		if sb.slots[i].varied {
			sl.col = sb.slots[i].col
		}
		s.buf = s.appendSlot(s.buf[:0], &sl)
		id, ok := s.slotIDs[string(s.buf)]
		if !ok {
			id = uint32(len(s.slots))
			s.slots = append(s.slots, sl)
			s.slotIDs[string(s.buf)] = id
			s.bytes += len(s.buf)
		}
		s.shapeSlots = append(s.shapeSlots, id)
	}
	sh := sb.shape
	sh.id, sh.slots = uint32(len(s.shapes)), s.shapeSlots[from:len(s.shapeSlots):len(s.shapeSlots)]
	s.shapes = append(s.shapes, sh)
	s.bytes += 8 + 2*len(sh.slots)
	sb.number = uint32(len(s.shapes))
}

// pair is the number in the schema of a class of the group at hand, which is settled.
func (s *schemaBuilder) pair(k class) uint32 {
	k.shape = s.known[k.shape].number - 1
	id := s.pairIDs[k]
	if id == 0 {
		s.pairs = append(s.pairs, k)
		id = uint32(len(s.pairs))
		s.pairIDs[k] = id
	}
	return id - 1
}

// closeGroup forgets the group at hand.
func (s *schemaBuilder) closeGroup() {
	s.groups++
	s.origins.forget()
	for _, sb := range s.known {
		sb.count = 0
		for i := range sb.slots {
			sl := &sb.slots[i]
			sl.texts, sl.nums, sl.next = nil, nil, 0
		}
	}
	for i := range s.met {
		s.met[i].count = 0
	}
}
