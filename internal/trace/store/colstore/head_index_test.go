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
	two := hashTrace("one", span.TraceID{2})
	x.byTrace[two] = 0
	for _, at := range []uint64{two, another(two)} {
		x.bySpan[hashSpan(at, span.SpanID{2})] = 0
		x.bySpan[hashSpan(at, span.SpanID{3})] = 0
	}
	add(1, true)
	add(2, true)
	add(3, true)
	for i := range batch.Spans {
		add(i, false)
	}
	for id, want := range map[byte]int{1: 1, 2: 3} {
		n, _, ok := x.trace(blocks, "one", span.TraceID{id})
		if !ok || len(x.read(blocks, n, &r).Spans) != want || x.key(blocks, n).ID != (span.TraceID{id}) {
			t.Errorf("trace %d: found %v, want %d spans", id, ok, want)
		}
	}
	// The same ids of another tenant are another trace.
	blocks[0].rows, _ = table.Finish()
	blocks = append(blocks, &block{tenant: "two", rows: table.Begin()})
	x.byTrace[hashTrace("two", span.TraceID{1})] = 0
	add(0, true)
	if n, _, ok := x.trace(blocks, "two", span.TraceID{1}); !ok || x.key(blocks, n).Tenant != "two" || len(x.read(blocks, n, &r).Spans) != 1 {
		t.Error("a tenant's trace is another's")
	}
}
