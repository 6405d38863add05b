package part

import (
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// classFilter rules out spans by their class alone: by their scope, their resource, and what
// their shape says without any column. A search for one service passes over the others so.
// Shapes and scopes are asked once each, since there are far more pairs of them, the classes.
// Not safe for concurrent use.
type classFilter struct {
	*Filter
	groups   map[*Group][]verdict
	schemas  map[*schema]judged
	t        *tables
	verdicts []verdict // by class of the group at hand
	judged             // of its schema
}

// judged is what is known of a schema.
type judged struct {
	shapes []possible
	scopes []possible
	slots  [][]bool // of each term, if it was asked about shapes: slots that may satisfy it
}

// possible is a bit for each clause that a shape, or a scope, leaves possible, and asked.
// Clauses beyond the last bit share it, and are possible.
type possible uint64

const (
	asked       possible = 1 << 63
	mostClauses          = 63
)

// verdict is what is known of a class.
type verdict uint8

const (
	notAsked verdict = iota
	mayMatch
	cannotMatch
	cannotMatchBare // nor has a row of the class a value in a wanted column, but a duration
)

func newClassFilter(f *Filter) *classFilter {
	return &classFilter{Filter: f, groups: map[*Group][]verdict{}, schemas: map[*schema]judged{}}
}

// begin is called before the first class of a page is asked about.
func (f *classFilter) begin(g *Group, t *tables) {
	f.t = t
	f.verdicts = f.groups[g]
	if f.verdicts == nil {
		f.verdicts = make([]verdict, len(t.classes)+1)
		f.verdicts[0] = mayMatch // shapes that are not in the schema
		f.groups[g] = f.verdicts
	}
	j, ok := f.schemas[t.schema]
	if !ok {
		j = judged{make([]possible, len(t.shapes)), make([]possible, len(t.scopes)), make([][]bool, f.terms)}
		f.schemas[t.schema] = j
	}
	f.judged = j
}

// ask judges a class of the table.
func (f *classFilter) ask(class uint64) verdict {
	c := &f.t.classes[class-1]
	all := asked | (1<<min(len(f.clauses), mostClauses) - 1)
	scope := &f.scopes[c.scope]
	if *scope == 0 {
		*scope = f.which(func(t *term) bool { return f.scopeMay(t, &f.t.scopes[c.scope]) })
	}
	shape := &f.shapes[c.shape]
	if *shape == 0 {
		*shape = f.which(func(t *term) bool { return f.shapeMay(t, &f.t.shapes[c.shape]) })
	}
	if *scope|*shape == all {
		return mayMatch
	}
	return cannotMatch
}

// which asks for the clauses of which some term is possible.
func (f *classFilter) which(may func(*term) bool) possible {
	out := asked
	for i, clause := range f.clauses {
		if i >= mostClauses || slices.ContainsFunc(clause, may) {
			out |= 1 << min(i, mostClauses-1)
		}
	}
	return out
}

// scopeMay asks about the scope of spans and its resource.
func (f *classFilter) scopeMay(t *term, sc *scopeInfo) bool {
	if t.silent {
		return true
	}
	switch t.Field.Intrinsic {
	case store.NotIntrinsic:
		switch t.Field.Scope {
		case store.ScopeAny, store.ScopeResource:
			return t.any(f.t.resources[sc.Resource].attrs)
		case store.ScopeInstrumentation:
			return t.any(sc.attrs)
		}
	case store.ScopeName:
		return t.holds(span.String(sc.Name))
	case store.ScopeVersion:
		return t.holds(span.String(sc.Version))
	}
	return false
}

// shapeMay asks about a shape. What a column would have to tell is possible.
func (f *classFilter) shapeMay(t *term, sh *shape) bool {
	if t.silent {
		return true
	}
	switch t.Field.Intrinsic {
	case store.NotIntrinsic:
		if t.Field.Scope == store.ScopeAny || t.Field.Scope == store.ScopeSpan {
			return f.inShape(t, sh)
		}
	case store.SpanName:
		return sh.mask&hasName != 0 || t.holds(span.String(sh.name))
	case store.KindOf:
		return t.holds(span.Int(int64(sh.kind)))
	case store.StatusOf:
		return t.holds(span.Int(int64(sh.status)))
	}
	return !t.ofScope
}

// inShape asks about the attributes of a shape. Slots are judged once each: shapes share them.
func (f *classFilter) inShape(t *term, sh *shape) bool {
	may := f.slots[t.index]
	if may == nil {
		may = make([]bool, len(f.t.slots))
		for _, id := range f.t.slotsOf(t.Field.Name) {
			s := &f.t.slots[id]
			may[id] = s.col != 0 || t.holds(s.Value)
		}
		f.slots[t.index] = may
	}
	for _, id := range sh.slots {
		if may[id] {
			return true
		}
	}
	return false
}
