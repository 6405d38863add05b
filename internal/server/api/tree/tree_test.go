package tree_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/server/api/spantext"
	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/span"
)

// draw writes a tree as indented names with the marks of each row.
func draw(t *tree.Tree) string {
	var w strings.Builder
	for r, row := range t.Rows {
		name := "?" + strings.TrimLeft(row.SpanID.String(), "0")
		if s := t.SpanOf(int32(r)); s != nil {
			name = s.Name
		}
		fmt.Fprintf(&w, "%s%s", strings.Repeat(".", int(row.Depth)), name)
		if row.Shared {
			w.WriteString("*")
		}
		if row.Broken {
			w.WriteString("!")
		}
		w.WriteString(" ")
	}
	return strings.TrimSuffix(w.String(), " ")
}

// Every shape a trace can have, healthy and broken, gives the rows a reader expects.
func TestBuild(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := draw(tree.Build(spantext.Parse(text))); got != want {
			t.Errorf("Build(%s)\n got %s\nwant %s", text, got, want)
		}
	}
	f("", "")
	f("1 - s a 0 9", "a")
	f(`2 1 s b 1 2
	   1 - s a 0 9
	   3 1 s c 1 2
	   4 2 s d 1 1`, "a .b ..d .c") // siblings that start together stand by id
	f(`2 9 s b 5 2
	   3 9 s c 4 2
	   1 - s a 0 9`, "a ?9 .c .b") // a missing parent stands where its children begin
	f(`2 9 s b 5 2
	   4 8 s c 1 2`, "?8 .c ?9 .b") // two missing parents
	f(`1 1 s a 0 9
	   2 1 s b 0 9`, "a! .b") // its own parent
	f(`1 3 s a 2 9
	   2 1 s b 1 9
	   3 2 s c 0 9
	   4 3 s d 5 9`, "c! .a ..b .d") // a cycle of three breaks at its earliest, and keeps what hangs on it
	f(`1 - s root 0 9
	   2 3 s b 1 9
	   3 2 s c 2 9`, "root b! .c") // beside a healthy root
	f(`1 - s call 0 9 client
	   1 - s serve 1 7 server
	   2 1 s db 2 3`, "call* .serve* ..db") // Zipkin's shared id: the server is below the client
	f(`1 - s one 0 9
	   1 - s two 0 9
	   2 1 s x 1 1`, "one* .x two*") // a broken client: both stay, children under the first
	f(`1 - s a 0 9 client
	   1 1 s b 1 7 server`, "a* .b*") // shared and its own parent
}

// Spans, parents and subtree sizes agree, and the order of arrival does not show, on
// random graphs with missing parents, cycles and shared ids.
func TestBuildAnyGraph(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := randomBatch(r, 1+r.IntN(40))
		tr := tree.Build(b)
		if err := check(tr); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var w span.Builder
		for _, i := range r.Perm(len(b.Spans)) {
			w.Append(b, i)
		}
		if got, want := draw(tree.Build(w.Batch())), draw(tr); got != want {
			t.Fatalf("seed %d: another order of arrival gives another tree\n got %s\nwant %s", seed, got, want)
		}
	}
}

func randomBatch(r *rand.Rand, n int) *span.Batch {
	b := &span.Batch{Resources: []span.Resource{{}}, Scopes: []span.Scope{{}}}
	for i := range n {
		s := span.Span{
			TraceID: span.TraceID{1}, SpanID: span.SpanID{7: byte(1 + r.IntN(n+n/4))},
			Start: int64(r.IntN(20)), Kind: span.Kind(r.IntN(4)), Name: fmt.Sprint("n", i),
		}
		s.End = s.Start + int64(r.IntN(10))
		if r.IntN(5) > 0 {
			s.Parent = span.SpanID{7: byte(1 + r.IntN(n+n/4))}
		}
		b.Spans = append(b.Spans, s)
	}
	return b
}

func check(t *tree.Tree) error {
	seen := make([]bool, len(t.Batch.Spans))
	missing := 0
	for r, row := range t.Rows {
		if row.Span == tree.None {
			missing++
		} else {
			if seen[row.Span] {
				return fmt.Errorf("span %d is in the tree twice", row.Span)
			}
			seen[row.Span] = true
			if t.RowOf(row.Span) != int32(r) {
				return fmt.Errorf("RowOf(%d) = %d, want %d", row.Span, t.RowOf(row.Span), r)
			}
		}
		size := int32(1)
		for c := range t.Children(int32(r)) {
			if t.Rows[c].Parent != int32(r) || t.Rows[c].Depth != row.Depth+1 {
				return fmt.Errorf("row %d: child %d has parent %d, depth %d", r, c, t.Rows[c].Parent, t.Rows[c].Depth)
			}
			size += t.Rows[c].Subtree
		}
		if size != row.Subtree {
			return fmt.Errorf("row %d: subtree %d, its children make it %d", r, row.Subtree, size)
		}
		if p := t.Path(int32(r)); p[0] > p[len(p)-1] || t.Rows[p[0]].Depth != 0 || int32(len(p)) != row.Depth+1 {
			return fmt.Errorf("row %d: path %v", r, p)
		}
	}
	if slices.Contains(seen, false) {
		return fmt.Errorf("a span is missing: %v", seen)
	}
	if missing != t.Missing {
		return fmt.Errorf("Missing = %d, want %d", t.Missing, missing)
	}
	return nil
}

// A chain deeper than any stack works.
func TestBuildDeepChain(t *testing.T) {
	const n = 300_000
	b := &span.Batch{Resources: []span.Resource{{}}, Scopes: []span.Scope{{}}}
	id := func(i int) span.SpanID {
		return span.SpanID{4: byte(i >> 24), 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)}
	}
	for i := range n {
		s := span.Span{SpanID: id(i + 1), Start: int64(i)}
		if i > 0 {
			s.Parent = id(i)
		}
		b.Spans = append(b.Spans, s)
	}
	tr := tree.Build(b)
	if last := tr.Rows[n-1]; last.Depth != n-1 || tr.Rows[0].Subtree != n {
		t.Errorf("depth %d, subtree of the root %d, want %d and %d", last.Depth, tr.Rows[0].Subtree, n-1, n)
	}
}
