// Package tree puts the spans of a trace in the order a reader sees them: depth-first,
// children under their parent, siblings by start and then span id.
//
// Promise: every span is in the tree exactly once, whatever the trace looks like. A parent
// that others name and that has not arrived becomes a row of its own; a cycle of parents
// is broken at its earliest span; of spans that share an id, all have a row. The same
// spans give the same tree in any order of arrival.
//
// The work is O(n log n) and does not recurse, so a chain of a million spans is as good as
// a flat trace. A Tree is immutable and safe for concurrent use.
package tree

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
)

// None is the absent row or span.
const None = int32(-1)

// Row is one span, or a parent that has not arrived.
type Row struct {
	Span    int32 // index into Batch.Spans, None for a missing parent
	Parent  int32 // row, None for a root
	Subtree int32 // rows of the subtree, itself included
	Depth   int32 // 0 for a root

	SpanID span.SpanID
	Start  int64 // Unix nanoseconds
	End    int64 // at least Start

	Shared bool // another span has the same id with other content
	Broken bool // its parent is below it: a cycle, cut here
}

// Tree is the rows of a trace, depth-first.
type Tree struct {
	Batch   *span.Batch
	Rows    []Row
	Start   int64 // the earliest start
	End     int64 // the latest end
	Missing int   // rows without a span

	rowOf []int32 // by span
}

// Build orders the spans of b.
func Build(b *span.Batch) *Tree {
	w := builder{b: b}
	w.addSpans()
	w.linkParents()
	w.sortSiblings()
	w.breakCycles()
	return w.walk()
}

// RowOf is the row of span i of the batch.
func (t *Tree) RowOf(i int32) int32 { return t.rowOf[i] }

// SpanOf is the span of row r, nil for a missing parent.
func (t *Tree) SpanOf(r int32) *span.Span {
	if i := t.Rows[r].Span; i != None {
		return &t.Batch.Spans[i]
	}
	return nil
}

// Children yields the rows directly below r, in order.
func (t *Tree) Children(r int32) func(yield func(int32) bool) {
	return func(yield func(int32) bool) {
		end := r + t.Rows[r].Subtree
		for c := r + 1; c < end; c += t.Rows[c].Subtree {
			if !yield(c) {
				return
			}
		}
	}
}

// Path is the rows from the root down to r.
func (t *Tree) Path(r int32) []int32 {
	var p []int32
	for ; r != None; r = t.Rows[r].Parent {
		p = append(p, r)
	}
	slices.Reverse(p)
	return p
}

// node is a span (the first len(Spans) nodes) or a missing parent.
type node struct {
	id         span.SpanID
	start, end int64
	parent     int32
	shared     bool
	broken     bool
}

type builder struct {
	b     *span.Batch
	nodes []node
	order []int32 // nodes by start, id, index
	first []int32 // children of n are kids[first[n]:first[n+1]]
	kids  []int32
	roots []int32
}

func (w *builder) addSpans() {
	w.nodes = make([]node, len(w.b.Spans))
	for i := range w.b.Spans {
		s := &w.b.Spans[i]
		w.nodes[i] = node{id: s.SpanID, start: s.Start, end: s.Start + s.Duration(), parent: None}
	}
}

// linkParents finds the parent node of every span. Where several spans share the parent's
// id, children belong to the server's side of it: a client and a server span that share
// one id are Zipkin's way to write a call, and what follows happened in the server.
func (w *builder) linkParents() {
	byID := make(map[span.SpanID]int32, len(w.nodes))
	var shared map[span.SpanID][]int32
	for i := range w.nodes {
		id := w.nodes[i].id
		if k, ok := byID[id]; ok {
			if shared == nil {
				shared = map[span.SpanID][]int32{}
			}
			if shared[id] == nil {
				shared[id] = []int32{k}
			}
			shared[id] = append(shared[id], int32(i))
			continue
		}
		byID[id] = int32(i)
	}
	client := map[int32]int32{} // server side of a shared id → its client side
	for id, all := range shared {
		slices.SortFunc(all, w.compare)
		byID[id] = all[0]
		c, s := None, None
		for _, i := range all {
			w.nodes[i].shared = true
			switch w.b.Spans[i].Kind {
			case span.KindClient:
				c = i
			case span.KindServer:
				s = i
			}
		}
		if c != None && s != None {
			byID[id] = s
			if len(all) == 2 {
				client[s] = c
			}
		}
	}
	for i := range w.b.Spans {
		if c, ok := client[int32(i)]; ok {
			w.nodes[i].parent = c
			continue
		}
		id := w.b.Spans[i].Parent
		if id.IsZero() {
			continue
		}
		p, ok := byID[id]
		if !ok {
			p = int32(len(w.nodes))
			w.nodes = append(w.nodes, node{id: id, start: w.nodes[i].start, end: w.nodes[i].end, parent: None})
			byID[id] = p
		}
		w.nodes[i].parent = p
		if int(p) >= len(w.b.Spans) {
			m := &w.nodes[p]
			m.start, m.end = min(m.start, w.nodes[i].start), max(m.end, w.nodes[i].end)
		}
	}
}

// compare orders by what the spans say, so that the order of arrival shows only between
// spans that are alike in all of it.
func (w *builder) compare(x, y int32) int {
	a, b := &w.nodes[x], &w.nodes[y]
	if c := cmp.Or(cmp.Compare(a.start, b.start), bytes.Compare(a.id[:], b.id[:]), cmp.Compare(a.end, b.end)); c != 0 {
		return c
	}
	if n := int32(len(w.b.Spans)); x < n && y < n {
		s, t := &w.b.Spans[x], &w.b.Spans[y]
		if c := cmp.Or(cmp.Compare(s.Kind, t.Kind), cmp.Compare(s.Name, t.Name)); c != 0 {
			return c
		}
	}
	return cmp.Compare(x, y)
}

func (w *builder) sortSiblings() {
	w.order = make([]int32, len(w.nodes))
	for i := range w.order {
		w.order[i] = int32(i)
	}
	if !slices.IsSortedFunc(w.order, w.compare) {
		slices.SortFunc(w.order, w.compare)
	}
	w.first = make([]int32, len(w.nodes)+1)
	for i := range w.nodes {
		if p := w.nodes[i].parent; p != None {
			w.first[p+1]++
		}
	}
	for i := 1; i < len(w.first); i++ {
		w.first[i] += w.first[i-1]
	}
	w.kids = make([]int32, w.first[len(w.nodes)])
	next := slices.Clone(w.first)
	for _, i := range w.order {
		p := w.nodes[i].parent
		if p == None {
			w.roots = append(w.roots, i)
			continue
		}
		w.kids[next[p]] = i
		next[p]++
	}
}

// breakCycles makes a root of the earliest span of each cycle of parents. Every node is
// below a root or below exactly one cycle, because it has one parent.
func (w *builder) breakCycles() {
	const (
		unseen = iota
		open   // on the path being followed
		done
	)
	state := make([]uint8, len(w.nodes))
	var path []int32
	for _, i := range w.order {
		path = path[:0]
		n := i
		for n != None && state[n] == unseen {
			state[n] = open
			path = append(path, n)
			n = w.nodes[n].parent
		}
		if n != None && state[n] == open {
			cycle := path[slices.Index(path, n):]
			at := slices.MinFunc(cycle, w.compare)
			w.nodes[at].broken = true
			w.roots = append(w.roots, at)
		}
		for _, p := range path {
			state[p] = done
		}
	}
	slices.SortFunc(w.roots, w.compare)
}

func (w *builder) walk() *Tree {
	t := &Tree{Batch: w.b, Rows: make([]Row, 0, len(w.nodes)), Missing: len(w.nodes) - len(w.b.Spans)}
	t.rowOf = make([]int32, len(w.b.Spans))
	type visit struct{ node, parent, depth int32 }
	var stack []visit
	push := func(nodes []int32, parent, depth int32) {
		for _, n := range slices.Backward(nodes) {
			if parent != None && w.nodes[n].broken {
				continue // it is a root
			}
			stack = append(stack, visit{n, parent, depth})
		}
	}
	push(w.roots, None, 0)
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		n := &w.nodes[v.node]
		r := Row{
			Span: v.node, Parent: v.parent, Depth: v.depth, Subtree: 1,
			SpanID: n.id, Start: n.start, End: n.end, Shared: n.shared, Broken: n.broken,
		}
		at := int32(len(t.Rows))
		if int(v.node) >= len(w.b.Spans) {
			r.Span = None
		} else {
			t.rowOf[v.node] = at
		}
		if at == 0 {
			t.Start, t.End = n.start, n.end
		}
		t.Start, t.End = min(t.Start, n.start), max(t.End, n.end)
		t.Rows = append(t.Rows, r)
		push(w.kids[w.first[v.node]:w.first[v.node+1]], at, v.depth+1)
	}
	for i := len(t.Rows) - 1; i > 0; i-- {
		if p := t.Rows[i].Parent; p != None {
			t.Rows[p].Subtree += t.Rows[i].Subtree
		}
	}
	return t
}
