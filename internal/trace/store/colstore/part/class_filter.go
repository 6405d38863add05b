package part

import (
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// classFilter rules out spans by their class alone: by their scope, their resource, and what
// their shape says without any column. A search for one service passes over the others so.
// Not safe for concurrent use.
type classFilter struct {
	*Filter
	groups map[*Group]judged
	t      *tables
	judged // of the group at hand
}

// judged is what is known of a group.
type judged struct {
	verdicts []verdict // by class
	scopes   []verdict // by scope
}

// verdict is what is known of a class.
type verdict uint8

const (
	notAsked verdict = iota
	mayMatch
	cannotMatch
	cannotMatchBare // nor has a row of the class a value in a wanted column, but a duration
)

func newClassFilter(f *Filter) *classFilter {
	return &classFilter{Filter: f, groups: map[*Group]judged{}}
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
			if possible = f.may(clause[i], c) || ofScope && !clause[i].ofScope; possible {
				break
			}
		}
		if !possible {
			return cannotMatch
		}
	}
	return mayMatch
}

// may asks about one class. What a column would have to tell is possible.
func (f *classFilter) may(t *term, c *classInfo) bool {
	if t.silent {
		return true
	}
	sh, sc := &f.t.shapes[c.shape], &f.t.scopes[c.scope]
	switch t.Field.Intrinsic {
	case store.NotIntrinsic:
		switch t.Field.Scope {
		case store.ScopeAny:
			return t.inShape(f.t, sh) || t.any(f.t.resources[sc.Resource].attrs)
		case store.ScopeSpan:
			return t.inShape(f.t, sh)
		case store.ScopeResource:
			return t.any(f.t.resources[sc.Resource].attrs)
		case store.ScopeInstrumentation:
			return t.any(sc.attrs)
		}
	case store.SpanName:
		return sh.mask&hasName != 0 || t.holds(span.String(sh.name))
	case store.KindOf:
		return t.holds(span.Int(int64(sh.kind)))
	case store.StatusOf:
		return t.holds(span.Int(int64(sh.status)))
	case store.ScopeName:
		return t.holds(span.String(sc.Name))
	case store.ScopeVersion:
		return t.holds(span.String(sc.Version))
	}
	return true
}

func (t *term) inShape(in *tables, sh *shape) bool {
	for _, id := range sh.slots {
		if s := &in.slots[id]; s.Key == t.Field.Name && (s.col != 0 || t.holds(s.Value)) {
			return true
		}
	}
	return false
}
