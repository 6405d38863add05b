package part

import (
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// MayMatchForm reports whether a span may match that has what span i of b has: scope, name,
// kind, status and the keys of its attributes. Of their values, of ids, times and the rest
// nothing is known.
func (f *Filter) MayMatchForm(b *span.Batch, i int) bool {
	for _, clause := range f.clauses {
		if !slices.ContainsFunc(clause, func(t *term) bool { return t.inForm(b, &b.Spans[i]) }) {
			return false
		}
	}
	return true
}

func (t *term) inForm(b *span.Batch, s *span.Span) bool {
	if t.silent {
		return true
	}
	sc := &b.Scopes[s.Scope]
	switch t.Field.Intrinsic {
	case store.NotIntrinsic:
		switch t.Field.Scope {
		case store.ScopeAny:
			return t.any(b.AttrsOf(b.Resources[sc.Resource].Attrs)) || t.named(b.AttrsOf(s.Attrs))
		case store.ScopeSpan:
			return t.named(b.AttrsOf(s.Attrs))
		case store.ScopeResource:
			return t.any(b.AttrsOf(b.Resources[sc.Resource].Attrs))
		case store.ScopeInstrumentation:
			return t.any(b.AttrsOf(sc.Attrs))
		}
	case store.ScopeName:
		return t.holds(span.String(sc.Name))
	case store.ScopeVersion:
		return t.holds(span.String(sc.Version))
	case store.SpanName:
		return t.holds(span.String(s.Name))
	case store.KindOf:
		return t.holds(span.Int(int64(s.Kind)))
	case store.StatusOf:
		return t.holds(span.Int(int64(s.Status)))
	}
	return true
}

// named reports whether an attribute has the term's key.
func (t *term) named(attrs []span.Attr) bool {
	return slices.ContainsFunc(attrs, func(a span.Attr) bool { return a.Key == t.Field.Name })
}
