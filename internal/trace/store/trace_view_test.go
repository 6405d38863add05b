package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
)

// family makes a trace from lines "id parent start end"; 0 is no parent.
func family(lines ...string) *span.Batch {
	b := &span.Batch{Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1)}
	for _, l := range lines {
		var id, parent byte
		s := span.Span{TraceID: span.TraceID{1}}
		if _, err := fmt.Sscan(l, &id, &parent, &s.Start, &s.End); err != nil {
			panic(err)
		}
		s.SpanID, s.Parent, s.Name = span.SpanID{id}, span.SpanID{parent}, l
		b.Spans = append(b.Spans, s)
	}
	return b
}

// TestTraceView shows the numbers of a forest, and that duplicate ids, missing parents
// and cycles get some too. Each span prints as left-right/parent:children.
func TestTraceView(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		b := family(lines...)
		v := NewTraceView(b)
		var got []string
		for i := range b.Spans {
			n := v.tree()
			got = append(got, fmt.Sprintf("%d-%d/%d:%d", n.left[i], n.right[i], n.parent[i], v.ChildCount(i)))
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%q: %s, want %s", lines, g, want)
		}
	}
	f("")
	f("1-2/-1:0", "1 0 5 9")
	f("1-8/-1:2 2-5/1:1 3-4/2:0 6-7/1:0", "1 0 0 9", "2 1 1 9", "3 2 2 9", "4 1 3 9")
	f("6-7/1:0 3-4/2:0 2-5/1:1 1-8/-1:2", "4 1 3 9", "3 2 2 9", "2 1 1 9", "1 0 0 9") // any order
	f("1-2/-1:0 3-4/-1:0", "1 0 0 9", "2 0 1 9")                                      // two roots
	f("1-2/-1:0 3-6/0:1 4-5/3:0", "1 0 0 9", "2 8 1 9", "3 2 2 9")                    // missing parent
	f("1-4/0:1 2-3/1:1", "1 2 0 9", "2 1 1 9")                                        // cycle of two
	f("1-4/0:1 2-3/1:0", "1 1 0 9", "2 1 1 9")                                        // its own parent
	f("1-2/-1:0 3-8/0:1 4-7/3:2 5-6/4:0", "9 0 0 9", "1 2 1 9", "2 1 2 9", "3 2 3 9") // a tail on a cycle
	f("1-4/-1:1 5-6/-1:1 2-3/1:0", "1 0 0 9", "1 0 1 9", "2 1 2 9")                   // an id twice: the first is the parent
	f("1-6/-1:2 2-3/1:1 4-5/1:0", "1 0 0 9", "1 1 1 9", "2 1 2 9")                    // a server span sharing its client's id
}

// TestTraceViewDeep shows that depth costs no stack.
func TestTraceViewDeep(t *testing.T) {
	const n = 200_000
	b := &span.Batch{Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1)}
	for i := range n {
		id := span.SpanID{byte(i >> 16), byte(i >> 8), byte(i), 1}
		s := span.Span{SpanID: id, Start: int64(i)}
		if i > 0 {
			s.Parent = b.Spans[i-1].SpanID
		}
		b.Spans = append(b.Spans, s)
	}
	v := NewTraceView(b)
	if l, r := v.tree().left[n-1], v.tree().right[n-1]; l != n || r != n+1 {
		t.Errorf("the innermost of %d spans is %d-%d, want %d-%d", n, l, r, n, n+1)
	}
}

// TestTraceViewOrder shows that no answer depends on the order in which spans arrived,
// on random traces with shared ids, cycles and missing parents.
func TestTraceViewOrder(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		var lines []string
		for range 1 + r.IntN(8) {
			lines = append(lines, fmt.Sprint(1+r.IntN(5), r.IntN(6), r.IntN(3), 3+r.IntN(3)))
		}
		answers := func() map[string]string {
			b := Dedup(family(lines...))
			v := NewTraceView(b)
			out := map[string]string{"summary": fmt.Sprint(v.Summary())}
			parents := NewMatcher(Compare{Op: Eq, X: Field{Scope: ScopeParent, Name: "x"}, Y: Literal{Nil: true}})
			for i, s := range b.Spans {
				n := v.tree()
				out[s.Name] = fmt.Sprint(n.left[i], n.right[i], n.parent[i], v.ChildCount(i), parents.Match(b, i, v))
				if n.left[i] == 0 || n.right[i] <= n.left[i] {
					t.Fatalf("seed %d: span %q of %q has no place: %s", seed, s.Name, lines, out[s.Name])
				}
			}
			return out
		}
		want := answers()
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		if got := answers(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("seed %d: %q answers %v, in another order %v", seed, lines, want, got)
		}
	}
}
