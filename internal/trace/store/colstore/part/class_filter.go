package part

import (
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// classFilter rules out spans by their class alone: by their scope, their resource, and what
// their shape says without any column. A search for one service passes over the others so.
// Not safe for concurrent use.
type classFilter struct {
	clauses [][]classTerm
	value   span.Batch // of one span with one attribute

	groups map[*Group]judged
	t      *tables
	judged // of the group at hand
}

// judged is what is known of a group.
type judged struct {
	verdicts []verdict // by class
	scopes   []verdict // by scope
}

type classTerm struct {
	store.Term
	match   *store.Matcher // of an attribute with the value
	ofScope bool           // the scope and its resource tell
}

// verdict is what is known of a class.
type verdict uint8

const (
	notAsked verdict = iota
	mayMatch
	cannotMatch
	cannotMatchBare // nor has a row of the class a value in a wanted column, but a duration
)

// newClassFilter makes a filter for store.Matcher.Required.
func newClassFilter(required [][]store.Term) *classFilter {
	f := &classFilter{value: oneValue(), groups: map[*Group]judged{}}
	for _, clause := range required {
		terms := make([]classTerm, len(clause))
		for i, t := range clause {
			terms[i] = classTerm{t, matcherOf(t), !saysNothing(t) && isOfScope(t.Field)}
		}
		f.clauses = append(f.clauses, terms)
	}
	return f
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

// begin is called before the first class of a page is asked about.
func (f *classFilter) begin(g *Group, t *tables) {
	f.t = t
	j, ok := f.groups[g]
	if !ok {
		j = judged{make([]verdict, len(t.classes)+1), make([]verdict, len(t.scopes))}
		j.verdicts[0] = mayMatch // shapes that are not in the table
		f.groups[g] = j
	}
	f.judged = j
}

// ask judges a class of the table.
func (f *classFilter) ask(class uint64) verdict {
	c := &f.t.classes[class-1]
	scope := &f.scopes[c.scope]
	if *scope == notAsked {
		*scope = f.judge(c, true)
	}
	if *scope == cannotMatch {
		return cannotMatch
	}
	return f.judge(c, false)
}

// judge asks whether spans of a class satisfy the clauses; ofScope: those about the scope alone.
func (f *classFilter) judge(c *classInfo, ofScope bool) verdict {
	for _, clause := range f.clauses {
		possible := false
		for i := range clause {
			if possible = f.may(&clause[i], c) || ofScope && !clause[i].ofScope; possible {
				break
			}
		}
		if !possible {
			return cannotMatch
		}
	}
	return mayMatch
}

// may is pruner.may for one class. What a column would have to tell is possible.
func (f *classFilter) may(t *classTerm, c *classInfo) bool {
	if saysNothing(t.Term) {
		return true
	}
	sh, sc := &f.t.shapes[c.shape], &f.t.scopes[c.scope]
	switch t.Field.Intrinsic {
	case store.NotIntrinsic:
		switch t.Field.Scope {
		case store.ScopeAny:
			return f.inShape(t, sh) || f.any(t, f.t.resources[sc.Resource].attrs)
		case store.ScopeSpan:
			return f.inShape(t, sh)
		case store.ScopeResource:
			return f.any(t, f.t.resources[sc.Resource].attrs)
		case store.ScopeInstrumentation:
			return f.any(t, sc.attrs)
		}
	case store.SpanName:
		return sh.mask&hasName != 0 || f.holds(t, span.String(sh.name))
	case store.KindOf:
		return f.holds(t, span.Int(int64(sh.kind)))
	case store.StatusOf:
		return f.holds(t, span.Int(int64(sh.status)))
	case store.ScopeName:
		return f.holds(t, span.String(sc.Name))
	case store.ScopeVersion:
		return f.holds(t, span.String(sc.Version))
	}
	return true
}

func (f *classFilter) inShape(t *classTerm, sh *shape) bool {
	next := 0
	for i := range sh.attrs {
		filled := next < len(sh.fill) && sh.fill[next].pos == uint32(i)
		if filled {
			next++
		}
		if sh.attrs[i].Key == t.Field.Name && (filled || f.holds(t, sh.attrs[i].Value)) {
			return true
		}
	}
	return false
}

func (f *classFilter) any(t *classTerm, attrs []span.Attr) bool {
	for i := range attrs {
		if attrs[i].Key == t.Field.Name && f.holds(t, attrs[i].Value) {
			return true
		}
	}
	return false
}

func (f *classFilter) holds(t *classTerm, v span.Value) bool {
	f.value.Attrs[0].Value = v
	return t.match.Match(&f.value, 0, nil)
}
