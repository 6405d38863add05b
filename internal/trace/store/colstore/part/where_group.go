package part

import (
	"errors"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// GroupFilter is what a Filter asks of the pages of a group, once the group itself may have
// a match: tables and dictionaries are of the whole group and need not be asked again. It
// holds on to the group's filters.
type GroupFilter struct {
	clauses [][]pageTerm // those that may rule out a page
	service *serviceFilter
	pages   []pageCode // what service is asked about; nil: it is not
}

// pageTerm is a term that is possible in the group.
type pageTerm struct {
	*term
	checks []filterCheck // some must hold of a page
}

// filterCheck asks the filters of a column for one of several hashes.
type filterCheck struct {
	list   pageFilters
	hashes []uint64
	column *filteredColumn // whose texts can be looked at without the tables; nil: they cannot
}

func (c *filterCheck) mayHave(page int) bool {
	for _, h := range c.hashes {
		if c.list.mayHave(page, h) {
			return true
		}
	}
	return false
}

// In asks whether some span of the group may match; nil is a certain no. On an error nothing
// is ruled out that the tables did not tell.
func (f *Filter) In(g *Group) (*GroupFilter, error) {
	out := &GroupFilter{service: f.service}
	if f.service != nil {
		some := false
		if out.pages, some = f.service.in(g); !some {
			return nil, nil
		}
	}
	var failed error
	plans := f.plan(g)
	if plans == nil {
		return nil, nil
	}
	for _, clause := range plans {
		var possible []pageTerm
		always := false // some term cannot rule out a page of this group
		for i := range clause {
			p := &clause[i]
			if !p.known {
				p.plan()
			}
			failed = errors.Join(failed, p.err)
			switch {
			case p.always || p.err != nil:
				always = true
			case p.possible():
				possible = append(possible, pageTerm{p.term, p.checks})
			}
		}
		if always {
			continue
		}
		if len(possible) == 0 {
			return nil, failed
		}
		out.clauses = append(out.clauses, possible)
	}
	return out, failed
}

// plan asks all that is to be known without the tables; nil if that rules the group out.
func (f *Filter) plan(g *Group) [][]planner {
	plans := make([][]planner, len(f.clauses))
	for i, clause := range f.clauses {
		plans[i] = make([]planner, len(clause))
		some := false
		for k, t := range clause {
			p := &plans[i][k]
			p.g, p.term = g, t
			p.known = p.summed() || p.outlined()
			some = some || !p.known || p.possible()
		}
		if !some {
			return nil
		}
	}
	return plans
}

// MayMatch reports whether some span of a page of the group may match. false is certain.
func (f *GroupFilter) MayMatch(p Page) bool {
	if f.pages != nil && !f.service.mayMatch(f.pages[p.index]) {
		return false
	}
	st := &p.table[p.index].Stats
	for _, clause := range f.clauses {
		possible := false
		for i := range clause {
			if possible = clause[i].mayMatch(p.index, st); possible {
				break
			}
		}
		if !possible {
			return false
		}
	}
	return true
}

func (t *pageTerm) mayMatch(page int, st *Stats) bool {
	if len(t.checks) == 0 {
		return t.inStats(st)
	}
	for i := range t.checks {
		if t.checks[i].mayHave(page) {
			return true
		}
	}
	return false
}

// inStats is about what pages and groups have sums of; true of everything else.
func (t *term) inStats(st *Stats) bool {
	switch t.Field.Intrinsic {
	case store.Duration:
		return t.within(span.Int(st.MinDuration), span.Int(st.MaxDuration))
	case store.StatusOf:
		return st.HasError || t.Op != store.Eq || t.Value.Value != span.Int(int64(span.StatusError))
	}
	return true
}

// planner decides one term for a group.
type planner struct {
	*term
	g      *Group
	t      *tables
	known  bool // without the tables
	always bool // no page can be ruled out
	ofPage bool // the sums of a page tell
	checks []filterCheck
	err    error
}

// possible reports whether the term may hold of a span of the group.
func (p *planner) possible() bool { return p.always || p.ofPage || len(p.checks) > 0 || p.err != nil }

// summed decides a term by the sums of the group, as far as they go.
func (p *planner) summed() (known bool) {
	switch {
	case p.silent:
		p.always = true
	case !p.inStats(&p.g.meta.stats):
	case p.Field.Intrinsic == store.Duration:
		p.ofPage = true
	default:
		return false
	}
	return true
}

// plan decides a term by the tables.
func (p *planner) plan() {
	p.checks, p.err = nil, nil
	if p.t, p.err = p.g.tables(); p.err != nil {
		return
	}
	switch f := p.Field; f.Intrinsic {
	case store.NotIntrinsic:
		p.attr(f)
	case store.SpanName:
		p.name(ownSpan, colName)
	case store.EventName:
		p.name(ownEvent, colEventName)
	case store.KindOf:
		p.always = p.inShapes(func(s *shape) span.Value { return span.Int(int64(s.kind)) })
	case store.StatusOf:
		p.ofPage = p.inShapes(func(s *shape) span.Value { return span.Int(int64(s.status)) })
	case store.StatusMessage:
		// A span without a message has an empty one.
		if p.always = p.holds(span.String("")) || p.t.hasInline(ownSpan); !p.always {
			p.column(&p.t.columns[colStatusMessage])
		}
	case store.ScopeName:
		p.always = p.inScopes(func(s *scopeInfo) bool { return p.holds(span.String(s.Name)) })
	case store.ScopeVersion:
		p.always = p.inScopes(func(s *scopeInfo) bool { return p.holds(span.String(s.Version)) })
	default:
		p.always = true
	}
}

func (p *planner) attr(f store.Field) {
	switch f.Scope {
	case store.ScopeAny:
		if p.always = p.inResources(); !p.always {
			p.owned(ownSpan, f.Name)
		}
	case store.ScopeSpan:
		p.owned(ownSpan, f.Name)
	case store.ScopeEvent:
		p.owned(ownEvent, f.Name)
	case store.ScopeLink:
		p.owned(ownLink, f.Name)
	case store.ScopeResource:
		p.always = p.inResources()
	case store.ScopeInstrumentation:
		p.always = p.inScopes(func(s *scopeInfo) bool { return p.any(s.attrs) })
	default:
		p.always = true
	}
}

func (p *planner) inResources() bool {
	for i := range p.t.resources {
		if p.t.resourceUsed[i] && p.any(p.t.resources[i].attrs) {
			return true
		}
	}
	return false
}

func (p *planner) inScopes(holds func(*scopeInfo) bool) bool {
	for i := range p.t.scopes {
		if p.t.scopeCount[i] > 0 && holds(&p.t.scopes[i]) {
			return true
		}
	}
	return false
}

func (p *planner) inShapes(value func(*shape) span.Value) bool {
	for i := range p.t.shapes {
		if s := &p.t.shapes[i]; p.t.shapeCount[i] > 0 && s.own == ownSpan && p.holds(value(s)) {
			return true
		}
	}
	return p.t.hasInline(ownSpan)
}

func (p *planner) name(own owner, column colID) {
	if p.always = p.t.hasInline(own) || p.t.anyName(own, p.holds); !p.always {
		p.column(&p.t.columns[column])
	}
}

// owned is about attributes of spans, events or links.
func (p *planner) owned(own owner, key string) {
	if p.t.anyConstant(ownKey{own, key}, p.holds) {
		p.always = true
		return
	}
	for id := firstAttr; int(id) < len(p.t.columns); id++ {
		if c := &p.t.columns[id]; c.attr.own == own && c.attr.key == key {
			p.column(c)
		}
	}
	if p.t.hasInline(own) {
		p.inline(&p.t.columns[inlineColumns[own]], key)
	}
}

// inline is about attributes of shapes that are not in the table.
func (p *planner) inline(c *columnInfo, key string) {
	lit := p.Value.Value
	if p.Op == store.Eq && (lit.Kind == span.ValueString || lit.Kind == span.ValueBytes) {
		p.filter(c, hashInline(key, lit.Str), hashArray(key))
	} else {
		p.filter(c, hashText(key))
	}
}

// column is about the values of a column.
func (p *planner) column(c *columnInfo) {
	if c.values == 0 {
		return
	}
	kind := c.attr.kind
	if c.id < firstAttr {
		kind = span.ValueString
	}
	lit := p.Value.Value
	switch {
	case p.Value.Nil:
		p.always = true
		return
	case kind == span.ValueArray:
		p.always = p.always || !c.hasDict() || p.inDict(c, kind)
		return
	case kind == span.ValueMap || kind == span.ValueOpaque:
		return // they compare with nothing
	case kind == span.ValueInt || kind == span.ValueDouble:
		if !p.number() {
			return
		}
	case lit.Kind != kind:
		return
	}
	if c.hasDict() {
		if !p.inDict(c, kind) {
			return
		}
	} else if c.ranged && (kind == span.ValueInt || kind == span.ValueDouble) {
		p.always = p.always || p.within(span.Value{Kind: kind, Num: c.min}, span.Value{Kind: kind, Num: c.max})
		return
	}
	if p.Op == store.Eq && (kind == span.ValueString || kind == span.ValueBytes) {
		p.filter(c, hashText(lit.Str))
	} else {
		p.always = true
	}
}

func (p *planner) inDict(c *columnInfo, kind span.ValueKind) bool {
	v := span.Value{Kind: kind}
	for _, s := range c.texts {
		if p.text && kind == span.ValueString {
			if s == p.Value.Value.Str {
				return true
			}
			continue
		}
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

// filter asks the filters of a column, if it has some, for one of the hashes.
func (p *planner) filter(c *columnInfo, hashes ...uint64) {
	if c.filter.isZero() {
		p.always = true
		return
	}
	p.ask(c.id, c.filter, nil, hashes...)
}

// ask adds a check of filters, unless they say that no page passes it.
func (p *planner) ask(id colID, ref blockRef, column *filteredColumn, hashes ...uint64) {
	list, err := p.g.filters(id, ref)
	if err != nil {
		p.err = err
		return
	}
	if check := (filterCheck{list, hashes, column}); check.mayHave(-1) {
		p.checks = append(p.checks, check)
	}
}
