package part

import (
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// tallyPlan is what a Tally knows of the row group at hand.
type tallyPlan struct {
	sum    *store.Aggregator
	t      *tables
	filter *GroupFilter
	fields []*tallyField // of By
	vary   []int         // those with columns
	of     *tallyField   // nil: spans are counted only
	// flat is the id of what all fields without columns say of a class, and byClass is the
	// same, or rowTells, codesTell or leftOut.
	flat, byClass []uint32
	asks          bool      // some class has rowTells or codesTell
	ask           *tallyAsk // nil: there is no filter
	// steps is how codes of fields become ids of groups: those without columns first.
	steps []tallyStep

	groupOf []int32 // in sum, of each id; -1: not asked for yet
	buckets map[int][]*store.Cell
	held    int // cells in buckets
	values  []span.Value
}

// tallyStep makes one id of the id before and the code of a field.
type tallyStep struct {
	field int
	pairs pairSet
}

const (
	rowTells  = ^uint32(0) - iota // only the span tells whether it matches, or what it is
	codesTell                     // codes tell whether the row matches
	leftOut                       // no row of the class matches
)

// maxHeldCells is the number of cells that a group holds by id: with more, it looks them up
// again.
const maxHeldCells = 1 << 20

func newTallyPlan(t *Tally, g *Group, tables *tables, filter *GroupFilter) *tallyPlan {
	p := &tallyPlan{sum: t.sum, t: tables, filter: filter, buckets: map[int][]*store.Cell{}, values: make([]span.Value, len(t.q.By))}
	for i, f := range t.q.By {
		p.fields = append(p.fields, newTallyField(f, tables, false))
		if len(p.fields[i].columns) > 0 {
			p.vary = append(p.vary, i)
		} else {
			p.steps = append(p.steps, tallyStep{field: i})
		}
	}
	if t.q.Of != nil {
		p.of = newTallyField(*t.q.Of, tables, true)
	}
	t.classes.begin(g, tables)
	if t.q.Filter != nil {
		p.ask = newTallyAsk(t.matcher.Fields(), tables)
	}
	p.flat, p.byClass = make([]uint32, len(tables.classes)+1), make([]uint32, len(tables.classes)+1)
	p.byClass[0] = rowTells
	for i := range tables.classes {
		verdict := t.verdict(p, i+1)
		p.byClass[i+1] = verdict
		if verdict == 0 || verdict == codesTell {
			id := uint32(0)
			for s := range p.steps {
				id = p.steps[s].pairs.id(id, p.fields[p.steps[s].field].fixed[i+1])
			}
			p.flat[i+1] = id
		}
		if verdict == 0 {
			p.byClass[i+1] = p.flat[i+1]
		}
		p.asks = p.asks || verdict == rowTells || verdict == codesTell
	}
	p.asks = p.asks || tables.hasInline(ownSpan)
	for _, i := range p.vary {
		p.steps = append(p.steps, tallyStep{field: i})
	}
	return p
}

// verdict is 0 if all spans of a class match, leftOut if none does, and else what tells.
func (t *Tally) verdict(p *tallyPlan, class int) uint32 {
	if p.ask == nil {
		return 0
	}
	if t.classes.ask(uint64(class)) == cannotMatch {
		return leftOut
	}
	c := &p.t.classes[class-1]
	sh := &p.t.shapes[c.shape]
	tells := uint32(0)
	for _, f := range t.matcher.Fields() {
		if !p.ask.tells(f, class, sh) {
			return rowTells
		}
		if !p.t.toldByClass(f, sh) {
			tells = codesTell
		}
	}
	if tells == 0 {
		if t.takeSample(p.t, c); !t.matcher.Match(&t.sample, 0, nil) {
			return leftOut
		}
	}
	return tells
}

// takeSample makes the sample a span of a class, without what lies in columns.
func (t *Tally) takeSample(tables *tables, c *classInfo) {
	sh, sc := &tables.shapes[c.shape], &tables.scopes[c.scope]
	b := &t.sample
	b.Attrs = b.Attrs[:0]
	add := func(attrs []span.Attr) span.Range {
		from := uint32(len(b.Attrs))
		b.Attrs = append(b.Attrs, attrs...)
		return span.Range{From: from, To: uint32(len(b.Attrs))}
	}
	b.Resources[0].Attrs = add(tables.resources[sc.Resource].attrs)
	b.Scopes[0].Name, b.Scopes[0].Version, b.Scopes[0].Attrs = sc.Name, sc.Version, add(sc.attrs)
	from := uint32(len(b.Attrs))
	for _, id := range sh.slots {
		b.Attrs = append(b.Attrs, tables.slots[id].Attr)
	}
	attrs := span.Range{From: from, To: uint32(len(b.Attrs))}
	b.Spans[0] = span.Span{Name: sh.name, Kind: sh.kind, Status: sh.status, Attrs: attrs}
}

// toldByClass reports whether scope and shape tell all values of a field.
func (t *tables) toldByClass(f store.Field, s *shape) bool {
	switch f.Intrinsic {
	case store.NotIntrinsic:
		switch f.Scope {
		case store.ScopeResource, store.ScopeInstrumentation:
			return true
		case store.ScopeAny, store.ScopeSpan:
			for _, id := range s.slots {
				if in := &t.slots[id]; in.col != 0 && in.Key == f.Name {
					return false
				}
			}
			return true
		}
	case store.KindOf, store.StatusOf, store.ScopeName, store.ScopeVersion:
		return true
	case store.SpanName:
		return s.mask&hasName == 0
	case store.StatusMessage:
		return s.mask&hasStatusMessage == 0
	}
	return false
}

// fromTables adds up the whole group, which lies in one bucket, if the tables tell it: by the
// spans of each class and, for one field, the uses of the entries of its dictionaries.
func (p *tallyPlan) fromTables(bucket int) (bool, error) {
	if p.asks || p.of != nil || len(p.vary) > 0 && !p.fromDictionaries() {
		return false, nil
	}
	counts := make([]int64, p.ids())
	for i := range p.t.classes {
		id := p.byClass[i+1]
		if id == leftOut {
			continue
		}
		if len(p.vary) > 0 {
			if p.fields[0].takes(i + 1) {
				continue
			}
			id = p.fields[0].fixed[i+1]
		}
		counts[id] += int64(p.t.classes[i].count)
	}
	if len(p.vary) > 0 {
		for _, c := range p.fields[0].columns {
			for i, n := range c.info.count {
				counts[int(c.base)+i] += int64(n)
			}
		}
	}
	for id, n := range counts {
		if n > 0 {
			c, err := p.cell(bucket, uint32(id))
			if err != nil {
				return false, err
			}
			c.Count += n
		}
	}
	return true, nil
}

// fromDictionaries reports whether the only field is one that all spans of its columns have
// there once, and the columns have dictionaries.
func (p *tallyPlan) fromDictionaries() bool {
	if !p.direct() || slices.Contains(p.byClass[1:], leftOut) {
		return false
	}
	for _, c := range p.fields[0].columns {
		if !c.info.hasDict() || slices.ContainsFunc(c.uses, func(n uint16) bool { return n != 0 && n != 3 }) {
			return false
		}
	}
	return true
}

// takes reports whether rows of a class have the field in a column.
func (f *tallyField) takes(class int) bool {
	return slices.ContainsFunc(f.columns, func(c tallyColumn) bool { return c.uses[class]&1 != 0 })
}

// ids is how many ids of groups there are, at most.
func (p *tallyPlan) ids() int {
	switch {
	case len(p.steps) == 0:
		return 1
	case p.direct():
		return len(p.fields[p.vary[0]].values)
	}
	return p.steps[len(p.steps)-1].pairs.len()
}

// pairsOf is the pairs of the step of a field.
func (p *tallyPlan) pairsOf(field int) *pairSet {
	for s := range p.steps {
		if p.steps[s].field == field {
			return &p.steps[s].pairs
		}
	}
	return nil
}

// direct: codes of the only field are ids.
func (p *tallyPlan) direct() bool { return len(p.steps) == 1 && len(p.vary) == 1 }

// bucket is the cells of a bucket by id, nil where not asked for yet.
func (p *tallyPlan) bucket(n int) []*store.Cell {
	cells, ids := p.buckets[n], p.ids()
	if len(cells) >= ids {
		return cells
	}
	if p.held > maxHeldCells {
		clear(p.buckets)
		cells, p.held = nil, 0
	}
	p.held += ids - len(cells)
	cells = append(cells, make([]*store.Cell, ids-len(cells))...)
	p.buckets[n] = cells
	return cells
}

// cell is the cell of an id in a bucket.
func (p *tallyPlan) cell(bucket int, id uint32) (*store.Cell, error) {
	for len(p.groupOf) <= int(id) {
		p.groupOf = append(p.groupOf, -1)
	}
	if p.groupOf[id] < 0 {
		at := id
		if p.direct() {
			p.values[0] = p.fields[0].values[id]
		} else {
			for s := len(p.steps) - 1; s >= 0; s-- {
				before, code := p.steps[s].pairs.of(at)
				p.values[p.steps[s].field] = p.fields[p.steps[s].field].values[code]
				at = before
			}
		}
		group, err := p.sum.Group(p.values)
		if err != nil {
			return nil, err
		}
		p.groupOf[id] = int32(group)
	}
	return p.sum.Cell(int(p.groupOf[id]), bucket)
}

// pairSet numbers pairs of numbers, from 0 in the order they come.
type pairSet struct {
	list  []uint64
	slots []uint32 // number + 1 by hash; a power of two of them
	shift uint     // of the hash
}

func (s *pairSet) len() int { return len(s.list) }

// of is the pair with that number.
func (s *pairSet) of(n uint32) (a, b uint32) { return uint32(s.list[n] >> 32), uint32(s.list[n]) }

// id is the number of a pair.
func (s *pairSet) id(a, b uint32) uint32 {
	if 2*len(s.list) >= len(s.slots) {
		s.grow()
	}
	k := uint64(a)<<32 | uint64(b)
	i := s.find(k)
	if s.slots[i] == 0 {
		s.list = append(s.list, k)
		s.slots[i] = uint32(len(s.list))
	}
	return s.slots[i] - 1
}

// find is the slot of a pair, or the free one where it belongs.
func (s *pairSet) find(k uint64) uint64 {
	i := k * 0x9e3779b97f4a7c15 >> s.shift
	for s.slots[i] != 0 && s.list[s.slots[i]-1] != k {
		i = (i + 1) & uint64(len(s.slots)-1)
	}
	return i
}

func (s *pairSet) grow() {
	if len(s.slots) == 0 {
		s.shift = 64 - 5
	}
	s.shift--
	s.slots = make([]uint32, 1<<(64-s.shift))
	for n, k := range s.list {
		s.slots[s.find(k)] = uint32(n + 1)
	}
}
