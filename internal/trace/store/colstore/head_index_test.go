package colstore

import (
	"testing"

	"github.com/weft-dev/weft/internal/base/arena"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
)

// Spans and traces whose hashes are the same stay apart.
func TestHeadIndexCollisions(t *testing.T) {
	batch := &span.Batch{
		Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1),
		Spans: []span.Span{
			{TraceID: span.TraceID{1}, SpanID: span.SpanID{1}, Name: "a"},
			{TraceID: span.TraceID{2}, SpanID: span.SpanID{2}, Name: "b"},
			{TraceID: span.TraceID{2}, SpanID: span.SpanID{2}, Name: "same id, other content"},
			{TraceID: span.TraceID{2}, SpanID: span.SpanID{3}, Name: "c"},
		},
	}
	table := pack.NewTable(arena.NewPool(0).New())
	blocks := []*block{{tenant: "one", rows: table.Begin()}}
	x := newHeadIndex()
	var r pack.Reader
	add := func(i int, want bool) {
		t.Helper()
		got := x.add(blocks, batch, i, &r)
		if got {
			table.Append(batch, i)
		}
		if got != want {
			t.Errorf("add span %d: %v, want %v", i, got, want)
		}
	}
	add(0, true)
	// As if the hashes of trace 2 and of its spans were those of trace 1 and its span.
	two := x.hash(TraceKey{"one", span.TraceID{2}})
	collide := func(x *hashIndex, hash uint64) { x.put(x.free(hash), hash, 0) }
	collide(&x.byTrace, two)
	for _, id := range []span.SpanID{{2}, {3}} {
		collide(&x.bySpan, hashSpan(two, id))
	}
	add(1, true)
	add(2, true)
	add(3, true)
	for i := range batch.Spans {
		add(i, false)
	}
	for id, want := range map[byte]int{1: 1, 2: 3} {
		n, ok := x.find(blocks, TraceKey{"one", span.TraceID{id}})
		if !ok || len(x.read(blocks, n, &r).Spans) != want || x.key(blocks, n).ID != (span.TraceID{id}) {
			t.Errorf("trace %d: found %v, want %d spans", id, ok, want)
		}
	}
	// The same ids of another tenant are another trace.
	blocks[0].rows, _ = table.Finish()
	blocks = append(blocks, &block{tenant: "two", rows: table.Begin()})
	collide(&x.byTrace, x.hash(TraceKey{"two", span.TraceID{1}}))
	add(0, true)
	if n, ok := x.find(blocks, TraceKey{"two", span.TraceID{1}}); !ok || x.key(blocks, n).Tenant != "two" || len(x.read(blocks, n, &r).Spans) != 1 {
		t.Error("a tenant's trace is another's")
	}
}

// Each number is found under its hash, in tables that grow and are cleared, whatever slots hashes share.
func TestHashIndex(t *testing.T) {
	x := newHashIndex()
	for round := range 2 {
		hash := func(n int32) uint64 { return uint64(n%500) * 0x9e3779b1 << (8 * round) }
		for n := range int32(1000) {
			x.put(x.free(hash(n)), hash(n), n)
		}
		for n := range int32(1000) {
			found := false
			for at := x.first(hash(n)); ; {
				m, next, ok := x.next(hash(n), at)
				if !ok {
					break
				}
				if found, at = found || m == n, next; hash(m) != hash(n) && uint32(hash(m)) != uint32(hash(n)) {
					t.Fatalf("number %d under the hash of %d", m, n)
				}
			}
			if !found {
				t.Fatalf("number %d is not found", n)
			}
		}
		x.clear()
		if _, _, ok := x.next(hash(1), x.first(hash(1))); ok || x.used != 0 {
			t.Fatal("a cleared index has a number")
		}
	}
}
