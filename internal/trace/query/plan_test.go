package query

import (
	"testing"

	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// TestPlanKeepsMeaning shows on random predicates and spans that planning changes no
// answer; what it does to a predicate is in querytest/testdata/format.test.
func TestPlanKeepsMeaning(t *testing.T) {
	const seed = 31
	g := gen.New(seed)
	b := g.Batch(300)
	view := store.NewTraceView(b) // of several traces, which is all the same to the planner
	changed := 0
	for range 2000 {
		e := g.Expr(4)
		if g.IntN(4) == 0 {
			e = store.Or{X: e, Y: store.Not{X: store.Not{X: e}}}
		}
		planned := Plan(e)
		before, after := store.NewMatcher(e), store.NewMatcher(planned)
		if (&Query{Filter: e}).String() != (&Query{Filter: planned}).String() {
			changed++
		}
		for i := range b.Spans {
			if x, y := before.Match(b, i, view), after.Match(b, i, view); x != y {
				t.Fatalf("seed %d: %s matches span %d: %v; planned, as %s: %v", seed, Format(e), i, x, Format(planned), y)
			}
		}
	}
	if changed == 0 {
		t.Error("planning changed nothing")
	}
}
