package gen

import (
	"fmt"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// TestSameSeed shows that a seed names its data.
func TestSameSeed(t *testing.T) {
	data := func(seed uint64) string {
		g := New(seed)
		return fmt.Sprintf("%+v %+v %+v", g.Batch(50), g.Expr(5), g.Query("t"))
	}
	if first, again := data(1), data(1); first != again {
		t.Error("the same seed gives other data")
	}
	if data(1) == data(2) {
		t.Error("another seed gives the same data")
	}
}

// TestBatchHasAll shows that what tests rely on does occur: copies, shared ids, every kind
// of value, missing and self-named parents, odd times.
func TestBatchHasAll(t *testing.T) {
	b := New(1).Batch(2000)
	seen := map[string]int{}
	ids := map[[24]byte]int{}
	for i := range b.Spans {
		s := &b.Spans[i]
		key := [24]byte(append(s.TraceID[:], s.SpanID[:]...))
		if j, ok := ids[key]; ok && b.EqualSpan(i, b, j) {
			seen["a copy"]++
		} else if ok {
			seen["an id with other content"]++
		}
		ids[key] = i
		if s.Parent == s.SpanID {
			seen["its own parent"]++
		}
		if s.End < s.Start {
			seen["an end before the start"]++
		}
		if s.Start == 0 {
			seen["the year 1970"]++
		}
		for _, a := range b.AttrsOf(s.Attrs) {
			seen[fmt.Sprint("kind ", a.Value.Kind)]++
		}
		seen["events"] += s.Events.Len()
		seen["links"] += s.Links.Len()
	}
	for _, want := range []string{"a copy", "an id with other content", "its own parent", "an end before the start", "the year 1970", "events", "links"} {
		if seen[want] == 0 {
			t.Errorf("2,000 spans without %s", want)
		}
	}
	for k := span.ValueAbsent; k <= span.ValueOpaque; k++ {
		if seen[fmt.Sprint("kind ", k)] == 0 {
			t.Errorf("2,000 spans without a value of kind %d", k)
		}
	}
}

// TestExprHasAll shows that every intrinsic, scope and operator is asked for, and that
// predicates often match something and seldom everything.
func TestExprHasAll(t *testing.T) {
	g := New(2)
	b := g.Batch(200)
	view := store.NewTraceView(b)
	fields := map[store.Field]bool{}
	some := 0
	const n = 2000
	for range n {
		m := store.NewMatcher(g.Expr(3))
		for _, f := range m.Fields() {
			f.Name = ""
			fields[f] = true
		}
		matched := 0
		for i := range b.Spans {
			if m.Match(b, i, view) {
				matched++
			}
		}
		if matched > 0 && matched < len(b.Spans) {
			some++
		}
	}
	for in := store.SpanName; in <= store.NestedSetRight; in++ {
		if !fields[store.Field{Intrinsic: in}] {
			t.Errorf("no predicate asks for intrinsic %d", in)
		}
	}
	for s := store.ScopeAny; s <= store.ScopeParent; s++ {
		if !fields[store.Field{Scope: s}] {
			t.Errorf("no predicate asks for an attribute of scope %d", s)
		}
	}
	if some < n/3 {
		t.Errorf("only %d of %d predicates match some spans and not all", some, n)
	}
}
