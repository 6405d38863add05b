package store

import (
	"slices"
	"sync"

	"github.com/weft-dev/weft/internal/trace/span"
)

// TraceView answers what a predicate asks about a trace as a whole. It holds for any
// batch of one trace: cycles, ids that several spans share, and missing parents are part
// of what senders send. The answers do not depend on the order of the batch. Safe for
// concurrent use.
type TraceView struct {
	b       *span.Batch
	summary Summary
	firsts  map[span.SpanID]int32 // the first span with that id, in order of the batch
	next    []int32               // the next span with the same id, -1 for the last
	counts  map[span.SpanID]int64 // spans by the parent they name

	treeOnce sync.Once
	nested   nestedSet
}

// nestedSet numbers the spans of a trace as a forest, by index of the batch.
type nestedSet struct{ parent, left, right []int64 }

// NewTraceView makes the view of b, which must be one whole, deduplicated trace.
func NewTraceView(b *span.Batch) *TraceView {
	t := &TraceView{
		b: b, summary: Summarize(b),
		firsts: make(map[span.SpanID]int32, len(b.Spans)),
		next:   make([]int32, len(b.Spans)),
		counts: make(map[span.SpanID]int64, len(b.Spans)/4),
	}
	for i := len(b.Spans) - 1; i >= 0; i-- {
		s := &b.Spans[i]
		t.next[i] = t.first(s.SpanID)
		t.firsts[s.SpanID] = int32(i)
		if !s.Parent.IsZero() {
			t.counts[s.Parent]++
		}
	}
	return t
}

// Duration is from the earliest start to the latest end, in nanoseconds.
func (t *TraceView) Duration() int64 { return t.summary.End - t.summary.Start }

// Summary is the trace's summary, without Matched and Key.
func (t *TraceView) Summary() Summary { return t.summary }

// ChildCount is how many other spans name span i as their parent.
func (t *TraceView) ChildCount(i int) int64 {
	s := &t.b.Spans[i]
	n := t.counts[s.SpanID]
	if s.Parent == s.SpanID && !s.Parent.IsZero() {
		n--
	}
	return n
}

// first is the first span with that id, -1 if there is none.
func (t *TraceView) first(id span.SpanID) int32 {
	if i, ok := t.firsts[id]; ok {
		return i
	}
	return -1
}

// tree numbers the spans, once, when a predicate first asks.
func (t *TraceView) tree() *nestedSet {
	t.treeOnce.Do(t.buildTree)
	return &t.nested
}

func (t *TraceView) buildTree() {
	n := len(t.b.Spans)
	order := make([]int32, n) // canonical, so that the numbers do not depend on arrival
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return CompareSpans(t.b, int(i), t.b, int(j)) })
	rank := make([]int32, n)
	for r, i := range order {
		rank[i] = int32(r)
	}

	// children of i are kids[from[i]:from[i+1]], in canonical order.
	parent := make([]int32, n)
	from := make([]int32, n+1)
	for i := range parent {
		parent[i] = t.parentOf(i, rank)
		if parent[i] >= 0 {
			from[parent[i]+1]++
		}
	}
	for i := range n {
		from[i+1] += from[i]
	}
	kids := make([]int32, from[n])
	fill := slices.Clone(from)
	for _, i := range order {
		if p := parent[i]; p >= 0 {
			kids[fill[p]] = i
			fill[p]++
		}
	}

	t.nested = nestedSet{make([]int64, n), make([]int64, n), make([]int64, n)}
	w := treeWalk{&t.nested, kids, from, 1}
	for _, i := range order {
		switch {
		case t.b.Spans[i].Parent.IsZero():
			w.number(i, -1)
		case parent[i] < 0:
			w.number(i, 0)
		}
	}
	for _, i := range order { // what is left hangs on cycles, cut at their first span
		if t.nested.left[i] == 0 {
			w.number(i, 0)
		}
	}
}

// parentOf is the canonically first other span with the id span i names as its parent.
func (t *TraceView) parentOf(i int, rank []int32) int32 {
	id := t.b.Spans[i].Parent
	if id.IsZero() {
		return -1
	}
	best := int32(-1)
	for j := t.first(id); j >= 0; j = t.next[j] {
		if int(j) != i && (best < 0 || rank[j] < rank[best]) {
			best = j
		}
	}
	return best
}

type treeWalk struct {
	set     *nestedSet
	kids    []int32
	from    []int32
	counter int64
}

// number walks the subtree of top without recursion: a chain may be a million deep.
func (w *treeWalk) number(top int32, parent int64) {
	type frame struct{ span, at int32 }
	enter := func(i int32, parent int64) frame {
		w.set.parent[i], w.set.left[i] = parent, w.counter
		w.counter++
		return frame{i, w.from[i]}
	}
	stack := []frame{enter(top, parent)}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if f.at == w.from[f.span+1] {
			w.set.right[f.span] = w.counter
			w.counter++
			stack = stack[:len(stack)-1]
			continue
		}
		kid := w.kids[f.at]
		f.at++
		if w.set.left[kid] == 0 {
			stack = append(stack, enter(kid, w.set.left[f.span]))
		}
	}
}
