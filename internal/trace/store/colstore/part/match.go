package part

import (
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// MayMatch reports whether some span of the group may satisfy the term. false is certain.
func (g *Group) MayMatch(t store.Term) (bool, error) {
	return g.mayMatch(t, -1, &g.meta.stats)
}

// MayMatch is Group.MayMatch for the page alone; it rules out more.
func (p Page) MayMatch(t store.Term) (bool, error) {
	return p.group.mayMatch(t, p.index, &p.table[p.index].Stats)
}

// pruner decides one term for a group or one of its pages.
type pruner struct {
	g     *Group
	t     *tables
	term  store.Term
	page  int // -1: all
	batch span.Batch
	match *store.Matcher
	err   error
}

// mayMatch looks for a value that satisfies the term alone. A span that satisfies any
// comparison but `= nil` has one: also one that satisfies != or !~, by their definition.
// What a value satisfies is asked of store.Matcher, so that there is one definition.
func (g *Group) mayMatch(t store.Term, page int, st *Stats) (bool, error) {
	if saysNothing(t) {
		return true, nil
	}
	p := &pruner{g: g, term: t, page: page, match: matcherOf(t), batch: oneValue()}
	switch t.Field.Intrinsic {
	case store.Duration:
		return p.within(span.Int(st.MinDuration), span.Int(st.MaxDuration)), nil
	case store.StatusOf:
		if !st.HasError && t.Op == store.Eq && t.Value.Value == span.Int(int64(span.StatusError)) {
			return false, nil
		}
	}
	var err error
	if p.t, err = g.tables(); err != nil {
		return true, err
	}
	may := p.may()
	return may || p.err != nil, p.err
}

// saysNothing reports that a term cannot rule anything out: `= nil` also holds of spans that
// have nothing of that name.
func saysNothing(t store.Term) bool {
	return t.Value.Nil && (t.Op != store.Ne || t.Field.Intrinsic != store.NotIntrinsic)
}

// matcherOf is a term about an attribute without a key, of oneValue.
func matcherOf(t store.Term) *store.Matcher {
	return store.NewMatcher(store.Compare{
		Op: t.Op, X: store.Field{Scope: store.ScopeSpan}, Y: t.Value, Regexp: t.Regexp,
	})
}

// oneValue is one span with one attribute.
func oneValue() span.Batch {
	return span.Batch{
		Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1),
		Spans: []span.Span{{Attrs: span.Range{From: 0, To: 1}}}, Attrs: make([]span.Attr, 1),
	}
}

func (p *pruner) may() bool {
	switch f := p.term.Field; f.Intrinsic {
	case store.NotIntrinsic:
		return p.mayAttr(f)
	case store.SpanName:
		return p.mayName(ownSpan, colName)
	case store.EventName:
		return p.mayName(ownEvent, colEventName)
	case store.KindOf:
		return p.mayShape(func(s *shape) span.Value { return span.Int(int64(s.kind)) })
	case store.StatusOf:
		return p.mayShape(func(s *shape) span.Value { return span.Int(int64(s.status)) })
	case store.StatusMessage:
		// A span without a message has an empty one.
		return p.holds(span.String("")) || p.inColumn(&p.t.columns[colStatusMessage]) || p.t.hasInline(ownSpan)
	case store.ScopeName:
		return p.mayScope(func(s *scopeInfo) bool { return p.holds(span.String(s.Name)) })
	case store.ScopeVersion:
		return p.mayScope(func(s *scopeInfo) bool { return p.holds(span.String(s.Version)) })
	}
	return true
}

func (p *pruner) mayAttr(f store.Field) bool {
	switch f.Scope {
	case store.ScopeAny:
		return p.mayOwn(ownSpan, f.Name) || p.mayResource(f.Name)
	case store.ScopeSpan:
		return p.mayOwn(ownSpan, f.Name)
	case store.ScopeEvent:
		return p.mayOwn(ownEvent, f.Name)
	case store.ScopeLink:
		return p.mayOwn(ownLink, f.Name)
	case store.ScopeResource:
		return p.mayResource(f.Name)
	case store.ScopeInstrumentation:
		return p.mayScope(func(s *scopeInfo) bool { return p.any(s.attrs, f.Name) })
	}
	return true
}

// holds reports whether a value satisfies the term.
func (p *pruner) holds(v span.Value) bool {
	p.batch.Attrs[0].Value = v
	return p.match.Match(&p.batch, 0, nil)
}

// any reports whether an attribute of that key satisfies the term.
func (p *pruner) any(attrs []span.Attr, key string) bool {
	for i := range attrs {
		if attrs[i].Key == key && p.holds(attrs[i].Value) {
			return true
		}
	}
	return false
}

func (p *pruner) mayResource(key string) bool {
	for i := range p.t.resources {
		if p.any(p.t.resources[i].attrs, key) {
			return true
		}
	}
	return false
}

func (p *pruner) mayScope(holds func(*scopeInfo) bool) bool {
	for i := range p.t.scopes {
		if holds(&p.t.scopes[i]) {
			return true
		}
	}
	return false
}

func (p *pruner) mayShape(value func(*shape) span.Value) bool {
	for i := range p.t.shapes {
		if s := &p.t.shapes[i]; s.own == ownSpan && p.holds(value(s)) {
			return true
		}
	}
	return p.t.hasInline(ownSpan)
}

func (p *pruner) mayName(own owner, column colID) bool {
	for _, name := range p.t.constants().names[own] {
		if p.holds(span.String(name)) {
			return true
		}
	}
	return p.inColumn(&p.t.columns[column]) || p.t.hasInline(own)
}

// mayOwn is about attributes of spans, events or links.
func (p *pruner) mayOwn(own owner, key string) bool {
	for _, v := range p.t.constants().values[ownKey{own, key}] {
		if p.holds(v) {
			return true
		}
	}
	for _, id := range p.t.attrs {
		if c := &p.t.columns[id]; c.attr.own == own && c.attr.key == key && p.inColumn(c) {
			return true
		}
	}
	return p.t.hasInline(own) && p.inInline(&p.t.columns[inlineColumns[own]], key)
}

// inInline is about attributes of shapes that are not in the table.
func (p *pruner) inInline(c *columnInfo, key string) bool {
	lit := p.term.Value.Value
	if p.term.Op == store.Eq && (lit.Kind == span.ValueString || lit.Kind == span.ValueBytes) {
		return p.inFilter(c, hashInline(key, lit.Str)) || p.inFilter(c, hashArray(key))
	}
	return p.inFilter(c, hashText(key))
}

// constants is what the shapes of a group's table say by themselves, each value once.
type constants struct {
	names  [numOwners][]string
	values map[ownKey][]span.Value
}

type ownKey struct {
	own owner
	key string
}

// constants gathers them when they are first asked for: most groups are read for a trace.
func (t *tables) constants() *constants {
	t.constOnce.Do(func() {
		t.consts = &constants{values: map[ownKey][]span.Value{}}
		type seen struct {
			ownKey
			v span.Value
		}
		have := map[seen]bool{}
		for i := range t.shapes {
			t.shapes[i].eachConstant(func(a *span.Attr) {
				k := ownKey{t.shapes[i].own, a.Key}
				if s := (seen{k, a.Value}); !have[s] {
					have[s] = true
					t.consts.values[k] = append(t.consts.values[k], a.Value)
				}
			})
		}
		clear(have)
		for i := range t.shapes {
			s := &t.shapes[i]
			k := seen{ownKey: ownKey{s.own, s.name}}
			if s.mask&hasName == 0 && !have[k] {
				have[k] = true
				t.consts.names[s.own] = append(t.consts.names[s.own], s.name)
			}
		}
	})
	return t.consts
}

// eachConstant yields the attributes whose values are stored with the shape.
func (s *shape) eachConstant(yield func(*span.Attr)) {
	next := 0
	for i := range s.attrs {
		if next < len(s.fill) && s.fill[next].pos == uint32(i) {
			next++
		} else {
			yield(&s.attrs[i])
		}
	}
}

// inColumn reports whether a value of the column may satisfy the term.
func (p *pruner) inColumn(c *columnInfo) bool {
	switch {
	case c.values == 0:
		return false
	case p.term.Value.Nil:
		return true
	}
	kind := c.attr.kind
	if c.id < firstAttr {
		kind = span.ValueString
	}
	lit := p.term.Value.Value
	switch kind {
	case span.ValueArray:
		if !c.hasDict() {
			return true
		}
	case span.ValueMap, span.ValueOpaque:
		return false // they compare with nothing
	case span.ValueInt, span.ValueDouble:
		if lit.Kind != span.ValueInt && lit.Kind != span.ValueDouble {
			return false
		}
	default:
		if lit.Kind != kind {
			return false
		}
	}
	if c.hasDict() && !p.inDict(c, kind) {
		return false
	}
	if c.ranged && !c.hasDict() {
		return p.within(span.Value{Kind: kind, Num: c.min}, span.Value{Kind: kind, Num: c.max})
	}
	if p.term.Op == store.Eq && (kind == span.ValueString || kind == span.ValueBytes) {
		return p.inFilter(c, hashText(lit.Str))
	}
	return true
}

func (p *pruner) inDict(c *columnInfo, kind span.ValueKind) bool {
	v := span.Value{Kind: kind}
	for _, s := range c.texts {
		if v.Str = s; p.holds(v) {
			return true
		}
	}
	for _, n := range c.nums {
		if v.Num = n; p.holds(v) {
			return true
		}
	}
	return false
}

// inFilter asks the filters of a column, if it has some.
func (p *pruner) inFilter(c *columnInfo, hash uint64) bool {
	if c.filter.isZero() {
		return true
	}
	list, err := p.g.filters(c)
	if err != nil {
		p.err = err
		return true
	}
	return list.mayHave(p.page, hash)
}

// within reports whether a number from lo to hi may satisfy the term.
func (p *pruner) within(lo, hi span.Value) bool {
	lit := p.term.Value.Value
	switch p.term.Op {
	case store.Lt, store.Le:
		return p.holds(lo)
	case store.Gt, store.Ge:
		return p.holds(hi)
	case store.Eq:
		low := store.Compare{Op: store.Le, X: store.Field{Scope: store.ScopeSpan}, Y: p.term.Value}
		high := store.Compare{Op: store.Ge, X: store.Field{Scope: store.ScopeSpan}, Y: p.term.Value}
		for _, e := range []struct {
			cmp store.Compare
			v   span.Value
		}{{low, lo}, {high, hi}} {
			p.batch.Attrs[0].Value = e.v
			if !store.NewMatcher(e.cmp).Match(&p.batch, 0, nil) {
				return false
			}
		}
		return true
	case store.Ne:
		return lit.Kind == span.ValueInt || lit.Kind == span.ValueDouble
	}
	return false // a number matches no pattern
}
