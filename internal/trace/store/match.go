package store

import (
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Matcher evaluates an Expr over spans. It is the definition of what an Expr means;
// engines use it for whatever they do not push down. Immutable; safe for concurrent use.
// Matching a comparison of a field with a literal does not allocate.
type Matcher struct {
	expr      Expr
	root      node
	fields    []Field
	required  [][]Term
	needTrace bool
}

// NewMatcher makes a matcher for e; nil matches every span.
func NewMatcher(e Expr) *Matcher {
	m := &Matcher{expr: e, root: constNode(yes)}
	if e == nil {
		return m
	}
	m.root = compile(e)
	m.collect(e)
	m.required = conjuncts(e)
	m.needTrace = slices.ContainsFunc(m.fields, Field.needsTrace)
	return m
}

// NeedsTrace reports whether the predicate reads trace-level intrinsics or parents, so
// that Match needs a TraceView.
func (m *Matcher) NeedsTrace() bool { return m.needTrace }

// Match reports whether span i of b matches. Where NeedsTrace, t must be the view made
// from b; else it is not used.
func (m *Matcher) Match(b *span.Batch, i int, t *TraceView) bool {
	return m.root.eval(b, i, t) == yes
}

// Maybe reports whether some trace could make span i of b match: false is certain, with
// b any part of the trace. Without NeedsTrace it is Match.
func (m *Matcher) Maybe(b *span.Batch, i int) bool {
	return m.root.eval(b, i, nil) != no
}

// Fields is what the predicate reads, each once, in the order of the text.
func (m *Matcher) Fields() []Field { return m.fields }

// Required is what every matching span satisfies, for pruning: of each clause at least
// one term. An empty clause means that nothing matches. Terms that need the trace are
// left out, and so is whatever is too large to bring into this form.
func (m *Matcher) Required() [][]Term { return m.required }

// MatchTrace matches all spans of the whole, deduplicated trace b that start in the
// window. It returns the trace's row for q, or false if none matches.
func (m *Matcher) MatchTrace(q *Query, b *span.Batch) (Summary, bool) {
	var t *TraceView
	if m.needTrace {
		t = NewTraceView(b)
	}
	matched, newest := 0, int64(0)
	for i := range b.Spans {
		if start := b.Spans[i].Start; q.Contains(start) && m.Match(b, i, t) {
			if matched == 0 || start > newest {
				newest = start
			}
			matched++
		}
	}
	if matched == 0 {
		return Summary{}, false
	}
	s := Summarize(b)
	s.Matched, s.Key = matched, newest
	if q.Order == LongestFirst {
		s.Key = s.End - s.Start
	}
	return s, true
}

func (m *Matcher) collect(e Expr) {
	switch e := e.(type) {
	case And:
		m.collect(e.X)
		m.collect(e.Y)
	case Or:
		m.collect(e.X)
		m.collect(e.Y)
	case Not:
		m.collect(e.X)
	case Compare:
		m.collect(e.X)
		m.collect(e.Y)
	case Arith:
		m.collect(e.X)
		if e.Y != nil {
			m.collect(e.Y)
		}
	case Field:
		if !slices.Contains(m.fields, e) {
			m.fields = append(m.fields, e)
		}
	case Literal:
	}
}

// needsTrace reports whether the field's values depend on other spans.
func (f Field) needsTrace() bool {
	return f.Intrinsic >= TraceDuration || f.Intrinsic == NotIntrinsic && f.Scope == ScopeParent
}
