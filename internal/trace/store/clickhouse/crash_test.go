package clickhouse

import (
	"context"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// TestServerKilled shows that what Apply and Delete have confirmed is there after a kill of
// ClickHouse itself, and that Applied says no more than that.
func TestServerKilled(t *testing.T) {
	folder := t.TempDir()
	ch := startFront(t, folder)
	h := &harness{cfg: Config{URL: ch.url}}
	h.open(t)
	g := gen.New(3)
	want := map[TraceKey]int{}
	apply := func(pos int) {
		t.Helper()
		b := g.Batch(20)
		if err := h.store.Apply(t.Context(), store.Record{Pos: log.Position(pos), Tenant: "t", Arrival: time.Now(), Batch: b}); err != nil {
			t.Fatal(err)
		}
		for i := range b.Spans {
			want[TraceKey{"t", b.Spans[i].TraceID}] = 0
		}
	}
	for pos := range 5 {
		apply(pos + 1)
	}
	if err := h.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	apply(6)
	gone := false
	for k := range want {
		if !gone {
			if err := h.store.Delete(t.Context(), k.Tenant, k.ID, false); err != nil {
				t.Fatal(err)
			}
			delete(want, k)
			gone = true
			continue
		}
		b, err := h.store.Trace(t.Context(), k.Tenant, k.ID)
		if err != nil {
			t.Fatal(err)
		}
		want[k] = len(b.Spans)
	}
	h.store.stop()
	ch.kill(t)

	h.cfg.URL = startFront(t, folder).url
	h.open(t)
	traces := 0
	for b, err := range h.store.Scan(context.Background(), "t", store.Window{Start: 0, End: 1<<63 - 1}) {
		if err != nil {
			t.Fatal(err)
		}
		traces++
		if k := (TraceKey{"t", b.Spans[0].TraceID}); want[k] != len(b.Spans) {
			t.Errorf("trace %s has %d spans, want %d", k.ID, len(b.Spans), want[k])
		}
	}
	if traces != len(want) {
		t.Errorf("%d traces, want %d", traces, len(want))
	}
	if got := h.store.Applied(); got < 5 || got > 6 {
		t.Errorf("applied up to %d; 5 was noted and 6 was the last", got)
	}
	if err := h.store.Close(); err != nil {
		t.Error(err)
	}
}
