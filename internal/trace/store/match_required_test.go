package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
)

// TestRequired shows the clauses; a is `.a = 1`, and so on, T needs the trace.
func TestRequired(t *testing.T) {
	f := func(e Expr, want string) {
		t.Helper()
		var clauses []string
		for _, c := range NewMatcher(e).Required() {
			var terms []string
			for _, term := range c {
				terms = append(terms, term.Field.Name)
			}
			clauses = append(clauses, "("+strings.Join(terms, "|")+")")
		}
		if got := strings.Join(clauses, ""); got != want {
			t.Errorf("%+v requires %q, want %q", e, got, want)
		}
	}
	v := func(name string) Expr { return is(attr(ScopeAny, name), Eq, number(1)) }
	whole := is(intr(TraceDuration), Gt, number(1))
	yes, no := lit(span.Bool(true)), lit(span.Bool(false))
	f(nil, "")
	f(v("a"), "(a)")
	f(is(number(1), Eq, attr(ScopeAny, "a")), "(a)")
	f(attr(ScopeSpan, "a"), "(a)")
	f(And{v("a"), v("b")}, "(a)(b)")
	f(Or{v("a"), v("b")}, "(a|b)")
	f(Or{And{v("a"), v("b")}, v("c")}, "(a|c)(b|c)")
	f(And{v("a"), whole}, "(a)")
	f(Or{v("a"), whole}, "")
	f(Not{v("a")}, "")
	f(Not{Not{v("a")}}, "(a)")
	f(And{v("a"), Not{v("b")}}, "(a)")
	f(is(attr(ScopeParent, "a"), Eq, number(1)), "")
	f(is(attr(ScopeSpan, "a"), Eq, attr(ScopeSpan, "b")), "")
	f(yes, "")
	f(no, "()")
	f(Not{yes}, "()")
	f(Or{no, v("a")}, "(a)")
	f(Or{yes, v("a")}, "")
}

// TestRequiredBounds shows that a disjunction of many conjunctions stays small.
func TestRequiredBounds(t *testing.T) {
	var e Expr
	for i := range 40 {
		pair := And{is(attr(ScopeAny, fmt.Sprint("x", i)), Eq, number(1)), is(attr(ScopeAny, fmt.Sprint("y", i)), Eq, number(1))}
		if e == nil {
			e = pair
		} else {
			e = Or{e, pair}
		}
	}
	if n := len(NewMatcher(e).Required()); n > maxClauses {
		t.Errorf("%d clauses, more than %d", n, maxClauses)
	}
}

// TestRequiredHolds shows on random predicates that every span that matches satisfies a
// term of every clause, and that Maybe is never false for it.
func TestRequiredHolds(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 0))
	b := testBatch()
	view := NewTraceView(b)
	fields := []Field{
		attr(ScopeSpan, "i"), attr(ScopeSpan, "array"), attr(ScopeAny, "shared"), attr(ScopeSpan, "twice"),
		attr(ScopeParent, "shared"), intr(Duration), intr(SpanName), intr(TraceDuration), intr(ChildCount),
	}
	values := []Literal{text("x"), text("span"), number(7), number(40), number(1), {Nil: true}, lit(span.Bool(true))}
	var random func(depth int) Expr
	random = func(depth int) Expr {
		switch k := r.IntN(6); {
		case depth == 0 || k == 0:
			return is(fields[r.IntN(len(fields))], CompareOp(r.IntN(6)), values[r.IntN(len(values))])
		case k == 1:
			return Not{random(depth - 1)}
		case k < 4:
			return Or{random(depth - 1), random(depth - 1)}
		default:
			return And{random(depth - 1), random(depth - 1)}
		}
	}
	matches := 0
	for range 3000 {
		e := random(4)
		m := NewMatcher(e)
		for i := range b.Spans {
			if !m.Match(b, i, view) {
				continue
			}
			matches++
			if !m.Maybe(b, i) {
				t.Fatalf("seed %d: %+v matches span %d, Maybe says no", seed, e, i)
			}
			for _, c := range m.Required() {
				if !slices.ContainsFunc(c, func(term Term) bool {
					return NewMatcher(Compare{term.Op, term.Field, term.Value, term.Regexp}).Match(b, i, view)
				}) {
					t.Fatalf("seed %d: %+v matches span %d, which satisfies nothing of %+v", seed, e, i, c)
				}
			}
		}
	}
	if matches == 0 {
		t.Fatal("no random predicate matched")
	}
}
