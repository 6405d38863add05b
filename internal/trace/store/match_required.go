package store

import (
	"regexp"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Term is a comparison of a field with a literal, for pruning. An engine that rules a
// block out by a term must do so by the rules of Expr: array elements count as values,
// and an integer equals a double of the same number.
type Term struct {
	Field  Field
	Op     CompareOp
	Value  Literal
	Regexp *regexp.Regexp // for =~ and !~
}

// maxClauses and maxClauseTerms bound the conjunctive form: a disjunction of n
// conjunctions has exponentially many clauses, and few are worth their test.
const (
	maxClauses     = 32
	maxClauseTerms = 32
)

// conjuncts brings what it can of e into conjunctive form. Leaving clauses out is always
// right, since each is a condition of its own.
func conjuncts(e Expr) [][]Term {
	switch e := e.(type) {
	case And:
		return limitClauses(append(conjuncts(e.X), conjuncts(e.Y)...))
	case Or:
		return disjoin(conjuncts(e.X), conjuncts(e.Y))
	case Not:
		// Not of a comparison also holds where the field is missing: no term says that.
		if inner, ok := e.X.(Not); ok {
			return conjuncts(inner.X)
		}
		if l, ok := e.X.(Literal); ok {
			return conjuncts(Literal{Value: span.Bool(l.Value.Kind != span.ValueBool || !l.Value.Bool())})
		}
	case Compare:
		if f, ok := e.X.(Field); ok && !f.needsTrace() {
			if l, ok := e.Y.(Literal); ok {
				return [][]Term{{{f, e.Op, l, e.Regexp}}}
			}
		}
		if f, ok := e.Y.(Field); ok && !f.needsTrace() && e.Op < Match {
			if l, ok := e.X.(Literal); ok {
				return [][]Term{{{f, e.Op.flip(), l, nil}}}
			}
		}
	case Field:
		if !e.needsTrace() {
			return [][]Term{{{e, Eq, Literal{Value: span.Bool(true)}, nil}}}
		}
	case Literal:
		if e.Value.Kind != span.ValueBool || !e.Value.Bool() {
			return [][]Term{{}}
		}
	}
	return nil
}

// disjoin is (x1 && x2 …) || (y1 && …) as clauses: every xi || yj.
func disjoin(xs, ys [][]Term) [][]Term {
	var out [][]Term
	for _, x := range xs {
		for _, y := range ys {
			if len(x)+len(y) > maxClauseTerms {
				continue
			}
			clause := make([]Term, 0, len(x)+len(y))
			out = append(out, append(append(clause, x...), y...))
			if len(out) == maxClauses {
				return out
			}
		}
	}
	return out
}

func limitClauses(c [][]Term) [][]Term {
	if len(c) > maxClauses {
		return c[:maxClauses]
	}
	return c
}
