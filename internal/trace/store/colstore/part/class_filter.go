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

	groups   map[*Group][]verdict
	t        *tables
	verdicts []verdict // of the group at hand, by class
}

type classTerm struct {
	store.Term
	match *store.Matcher // of an attribute with the value
}

// verdict is what is known of a class.
type verdict uint8

const (
	notAsked verdict = iota
	mayMatch
	cannotMatch
)

// newClassFilter makes a filter for store.Matcher.Required.
func newClassFilter(required [][]store.Term) *classFilter {
	f := &classFilter{value: oneValue(), groups: map[*Group][]verdict{}}
	for _, clause := range required {
		terms := make([]classTerm, len(clause))
		for i, t := range clause {
			terms[i] = classTerm{t, matcherOf(t)}
		}
		f.clauses = append(f.clauses, terms)
	}
	return f
}

// begin is called before the first class of a page is asked about.
func (f *classFilter) begin(g *Group, t *tables) {
	f.t = t
	f.verdicts = f.groups[g]
	if f.verdicts == nil {
		f.verdicts = make([]verdict, len(t.classes)+1)
		f.groups[g] = f.verdicts
	}
}

// rejects reports that no span of a class matches. Class 0 is of shapes that are not in the
// table.
func (f *classFilter) rejects(class uint64) bool {
	if class == 0 || class >= uint64(len(f.verdicts)) {
		return false
	}
	v := &f.verdicts[class]
	if *v == notAsked {
		*v = f.ask(&f.t.classes[class-1])
	}
	return *v == cannotMatch
}

func (f *classFilter) ask(c *classInfo) verdict {
	for _, clause := range f.clauses {
		possible := false
		for i := range clause {
			if possible = f.may(&clause[i], c); possible {
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
