package storetest

import (
	"encoding/binary"
	"reflect"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// world is one instance, the model beside it, and the log that feeds both.
type world struct {
	*testing.T
	inst  Instance
	store store.Store
	clock *manual
	model *Model
	log   []store.Record // all that was applied, by position from 1
	gone  bool           // closed

	mu    sync.Mutex
	allow map[string]store.Allowance // Guarded by mu.
}

func newWorld(t *testing.T, open func(*testing.T, Options) Instance) *world {
	t.Helper()
	c := &manual{now: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)}
	w := &world{T: t, clock: c, model: NewModel(), allow: map[string]store.Allowance{}}
	w.inst = open(t, Options{Clock: c, Allowance: w.allowance})
	w.store = w.inst.Store
	t.Cleanup(w.close)
	return w
}

func (w *world) allowance(tenant string) store.Allowance {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.allow[tenant]
}

// setAllowance changes how much of a tenant's data stays, as an operator does.
func (w *world) setAllowance(tenant string, a store.Allowance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allow[tenant] = a
}

func (w *world) close() {
	if w.gone {
		return
	}
	w.gone = true
	if err := w.store.Close(); err != nil {
		w.Errorf("close store: %v", err)
	}
}

// apply appends a record to the log and applies it to the store and the model.
func (w *world) apply(tenant string, b *span.Batch) {
	w.Helper()
	r := store.Record{Pos: log.Position(len(w.log) + 1), Tenant: tenant, Arrival: w.clock.Now(), Batch: b, Bytes: 200 * len(b.Spans)}
	binary.BigEndian.PutUint64(r.Digest[:], uint64(r.Pos))
	w.log = append(w.log, r)
	w.replay(r)
	w.model.Apply(tenant, b)
}

// replay applies a record of the log. The store gets a copy that is spoiled once it has it.
func (w *world) replay(r store.Record) {
	w.Helper()
	b := copyOf(r.Batch)
	r.Batch = b
	var texts [][]byte
	b.MapTexts(func(s string) string {
		text := []byte(s)
		texts = append(texts, text)
		return unsafe.String(unsafe.SliceData(text), len(text))
	})
	if err := w.store.Apply(w.Context(), r); err != nil {
		w.Fatalf("apply record %d: %v", r.Pos, err)
	}
	for _, text := range texts {
		for i := range text {
			text[i] = '#'
		}
	}
	for _, list := range []any{b.Resources, b.Scopes, b.Spans, b.Attrs, b.Events, b.Links, b.AttrUnknown} {
		reflect.ValueOf(list).Clear()
	}
}

func copyOf(b *span.Batch) *span.Batch {
	var w span.Builder
	for i := range b.Spans {
		w.Append(b, i)
	}
	return w.Batch()
}

func (w *world) flush() {
	w.Helper()
	if err := w.store.Flush(w.Context()); err != nil {
		w.Fatalf("flush: %v", err)
	}
	if got, want := w.store.Applied(), log.Position(len(w.log)); got < want {
		w.Fatalf("after Flush the store holds records up to %d, the last applied is %d", got, want)
	}
}

func (w *world) merge() {
	w.Helper()
	if w.inst.Merge != nil {
		w.inst.Merge(w)
	}
}

// reopen restarts the store and, as a start does, applies the log from behind what the
// store holds. again is how many records before that are applied once more.
func (w *world) reopen(again int) {
	w.Helper()
	w.store = w.inst.Reopen(w)
	w.recover(again)
}

// kill is reopen without a clean shutdown, where the engine can do that.
func (w *world) kill(again int) {
	w.Helper()
	if w.inst.Kill == nil {
		w.reopen(again)
		return
	}
	w.store = w.inst.Kill(w)
	w.recover(again)
}

func (w *world) recover(again int) {
	w.Helper()
	held := int(w.store.Applied())
	if held > len(w.log) {
		w.Fatalf("the store says it holds record %d, the last applied is %d", held, len(w.log))
	}
	for _, r := range w.log[max(0, held-again):] {
		w.replay(r)
	}
}

// stages runs check on what was applied, at each place it can be.
func (w *world) stages(check func()) {
	w.Helper()
	stage := func(name string, step func()) {
		w.Helper()
		step()
		failed := w.Failed()
		check()
		if !failed && w.Failed() {
			w.Fatalf("the above: %s", name)
		}
	}
	stage("as applied", func() {})
	stage("after a kill before any flush", func() { w.kill(2) })
	stage("flushed", w.flush)
	stage("merged", w.merge)
	stage("after a restart", func() { w.reopen(2) })
}

// all is the window of every span but one that starts at the last nanosecond.
func all() store.Window { return store.Window{Start: 0, End: 1<<63 - 1} }

// search collects the rows of q.
func (w *world) search(q store.Query) ([]store.Summary, error) {
	return collect(w.store.Search(w.Context(), q))
}
