package part

import (
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Filter is store.Matcher.Required, ready to be asked of groups, pages and classes: of each
// clause some term must be possible. Not safe for concurrent use.
type Filter struct {
	clauses [][]*term
	terms   int            // of all clauses
	service *serviceFilter // nil: they are not about one service
}

// NewFilter makes a filter; without clauses it rules nothing out.
func NewFilter(required [][]store.Term) *Filter {
	f := &Filter{}
	for _, clause := range required {
		terms := make([]*term, len(clause))
		for i, t := range clause {
			terms[i] = newTerm(t)
			terms[i].index = f.terms
			f.terms++
		}
		f.clauses = append(f.clauses, terms)
	}
	f.service = newServiceFilter(f.clauses)
	return f
}

// term is a comparison of a field with a literal. What a value satisfies is asked of
// store.Matcher, so that there is one definition.
type term struct {
	store.Term
	index     int            // among the terms of the filter
	match     *store.Matcher // of value
	low, high *store.Matcher // at most and at least the literal, where that is a number
	value     span.Batch     // one span with one attribute
	text      bool           // satisfied by this very string alone
	// silent: it rules nothing out. `= nil` also holds of spans that have nothing of that
	// name; spans that satisfy any other comparison have a value which does, also for != and
	// !~, by their definition.
	silent  bool
	places  []ownKey // what text is about, where an outline can tell
	ofScope bool     // the scope of a span and its resource tell
}

func newTerm(t store.Term) *term {
	matcher := func(op store.CompareOp) *store.Matcher {
		return store.NewMatcher(store.Compare{Op: op, X: store.Field{Scope: store.ScopeSpan}, Y: t.Value, Regexp: t.Regexp})
	}
	out := &term{Term: t, match: matcher(t.Op)}
	out.value = span.Batch{
		Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1),
		Spans: []span.Span{{Attrs: span.Range{From: 0, To: 1}}}, Attrs: make([]span.Attr, 1),
	}
	out.silent = t.Value.Nil && (t.Op != store.Ne || t.Field.Intrinsic != store.NotIntrinsic)
	out.ofScope = !out.silent && isOfScope(t.Field)
	out.text = t.Op == store.Eq && !t.Value.Nil && t.Value.Value.Kind == span.ValueString
	out.places = out.where()
	if out.number() {
		out.low, out.high = matcher(store.Le), matcher(store.Ge)
	}
	return out
}

// isOfScope reports whether all spans of a scope have the same values of a field.
func isOfScope(f store.Field) bool {
	switch f.Intrinsic {
	case store.NotIntrinsic:
		return f.Scope == store.ScopeResource || f.Scope == store.ScopeInstrumentation
	case store.ScopeName, store.ScopeVersion:
		return true
	}
	return false
}

// number reports whether the literal is one.
func (t *term) number() bool {
	return !t.Value.Nil && (t.Value.Value.Kind == span.ValueInt || t.Value.Value.Kind == span.ValueDouble)
}

// holds reports whether a value satisfies the term.
func (t *term) holds(v span.Value) bool { return t.matches(t.match, v) }

func (t *term) matches(m *store.Matcher, v span.Value) bool {
	t.value.Attrs[0].Value = v
	return m.Match(&t.value, 0, nil)
}

// any reports whether an attribute of the term's key satisfies it.
func (t *term) any(attrs []span.Attr) bool {
	for i := range attrs {
		if attrs[i].Key == t.Field.Name && t.holds(attrs[i].Value) {
			return true
		}
	}
	return false
}

// within reports whether a number from lo to hi may satisfy the term.
func (t *term) within(lo, hi span.Value) bool {
	switch t.Op {
	case store.Lt, store.Le:
		return t.holds(lo)
	case store.Gt, store.Ge:
		return t.holds(hi)
	case store.Eq:
		return t.number() && t.matches(t.low, lo) && t.matches(t.high, hi)
	case store.Ne:
		return t.number()
	}
	return false // a number matches no pattern
}
