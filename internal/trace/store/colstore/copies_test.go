package colstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// doubled is a store with tiny groups and pages, without background work, that gets the
// same spans again and again: small traces, and one of 300 that takes many pages.
type doubled struct {
	*testing.T
	store *Store
	mem   *vfs.Mem
	all   *span.Batch
	pos   log.Position
}

func newDoubled(t *testing.T) *doubled {
	t.Helper()
	d := &doubled{T: t, mem: vfs.NewMem(), all: traffic(0, 60)}
	large := traffic(60, 60)
	for i := range large.Spans[:300] {
		s := large.Spans[i]
		s.TraceID, s.SpanID = span.TraceID{15: 1}, span.SpanID{byte(i >> 8), byte(i), 1}
		large.Spans[i] = s
	}
	var w span.Builder
	for _, b := range []*span.Batch{d.all, large} {
		for i := range b.Spans {
			w.Append(b, i)
		}
	}
	d.all = w.Batch()
	d.open()
	t.Cleanup(func() {
		if err := d.store.closeQuiet(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *doubled) open() {
	d.Helper()
	s, err := openQuiet(Config{FS: d.mem, Dir: "data/store", guardHeads: true, MergeFanIn: 2, GroupSpans: 64, PageSpans: 8, CacheBytes: 1 << 14})
	if err != nil {
		d.Fatal(err)
	}
	d.store = s
}

func (d *doubled) reopen() {
	d.Helper()
	if err := d.store.closeQuiet(); err != nil {
		d.Fatal(err)
	}
	d.open()
}

// send applies every step-th span from the given one on, some by some.
func (d *doubled) send(from, step, some int) {
	d.Helper()
	var w span.Builder
	n := 0
	apply := func() {
		d.pos++
		r := store.Record{Pos: d.pos, Tenant: "default", Arrival: time.Unix(1_760_000_000+int64(d.pos), 0), Batch: w.Batch(), Bytes: 1}
		if err := d.store.Apply(ctx, r); err != nil {
			d.Fatal(err)
		}
		w, n = span.Builder{}, 0
	}
	for i := from; i < len(d.all.Spans); i += step {
		w.Append(d.all, i)
		if n++; n == some {
			apply()
		}
	}
	if n > 0 {
		apply()
	}
}

func (d *doubled) flush() {
	d.Helper()
	if err := d.store.Flush(ctx); err != nil {
		d.Fatal(err)
	}
}

func (d *doubled) mergeOnce() {
	d.Helper()
	if _, err := d.store.MergeOnce(ctx); err != nil {
		d.Fatal(err)
	}
}

// want is what a service counts where each span of all that is sent counts once.
func (d *doubled) want(sent func(i int) bool) map[string]int64 {
	out := map[string]int64{}
	for i := range d.all.Spans {
		if sent(i) {
			out[d.all.Service(&d.all.Spans[i])]++
		}
	}
	return out
}

func (d *doubled) services() map[string]int64 {
	d.Helper()
	list, err := d.store.Names(ctx, everyService)
	if err != nil {
		d.Fatal(err)
	}
	out := map[string]int64{}
	for _, n := range list {
		out[n.Text] = n.Count
	}
	return out
}

func (d *doubled) same(when string, sent func(i int) bool) {
	d.Helper()
	if got, want := d.services(), d.want(sent); !maps.Equal(got, want) {
		d.Errorf("%s: %v, want %v", when, got, want)
	}
	for _, step := range []int64{0, 30e6} {
		if got, want := d.aggregated(step), d.want(sent); !maps.Equal(got, want) {
			d.Errorf("%s, in buckets of %d ns: %v, want %v", when, step, got, want)
		}
	}
}

// Spans that arrive again count once, in whichever of parts, frozen heads and the active
// head they are, and after each of these has been replaced.
func TestNamesCountOnce(t *testing.T) {
	d := newDoubled(t)
	thirds := func(i int) bool { return i%3 == 0 }
	d.send(0, 3, 10)
	d.same("one head", thirds)
	d.store.freeze()
	d.send(0, 6, 7)
	d.same("a frozen head and one with copies", thirds)
	d.store.freeze()
	d.send(0, 3, 1)
	d.same("two frozen heads and one with copies", thirds)
	d.flush()
	d.same("parts, all of whose spans a larger one has", thirds)
	d.send(0, 2, 50)
	half := func(i int) bool { return i%2 == 0 || i%3 == 0 }
	d.same("copies of parts in a head", half)
	d.flush()
	d.same("parts that have some spans both", half)
	d.reopen()
	d.send(0, 4, 50)
	d.send(1, 2, 50)
	d.same("more in that head", all)
	d.store.freeze()
	d.send(0, 1, 3)
	d.same("copies of parts and of a frozen head", all)
	d.flush()
	d.same("parts with copies", all)
	d.reopen()
	d.same("after a restart", all)
	gone := d.all.Spans[0].TraceID
	if err := d.store.Delete(ctx, "default", gone, false); err != nil {
		t.Fatal(err)
	}
	kept := func(i int) bool { return d.all.Spans[i].TraceID != gone }
	d.same("a trace deleted", kept)
	d.send(0, 4, 30)
	for len(d.store.view.parts) > 1 {
		d.mergeOnce()
		d.same(fmt.Sprintf("merged to %d parts", len(d.store.view.parts)), kept)
	}
	d.flush()
	d.same("the head flushed", kept)
}

// A window skips groups. A span in it counts once, also if only one of the groups that
// have it is skipped or the window cuts through both.
func TestNamesOfWindow(t *testing.T) {
	d := newDoubled(t)
	d.send(0, 1, 500)
	d.flush()
	d.send(0, 2, 500)
	d.flush()
	d.send(0, 3, 500)
	total := d.want(all)
	first := d.all.Spans[0].Start
	for from := int64(0); from < 1200e6; from += 37e6 {
		w := store.Window{Start: first + from, End: first + from + 50e6}
		least := d.want(func(i int) bool { return w.Contains(d.all.Spans[i].Start) })
		q := everyService
		q.Window = w
		list, err := d.store.Names(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			if n.Count < least[n.Text] || n.Count > total[n.Text] {
				t.Errorf("%+v: %s counts %d, want %d to %d", w, n.Text, n.Count, least[n.Text], total[n.Text])
			}
			delete(least, n.Text)
		}
		if len(least) > 0 {
			t.Errorf("%+v: missing %v", w, least)
		}
	}
}

// While copies arrive, are flushed and merged, readers see no count change.
func TestNamesWhileCopiesArrive(t *testing.T) {
	d := newDoubled(t)
	d.send(0, 1, 100)
	want := d.want(all)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				list, err := d.store.Names(ctx, everyService)
				if err != nil {
					t.Error(err)
					return
				}
				if len(list) != len(want) {
					t.Errorf("%d services, want %d", len(list), len(want))
					return
				}
				for _, n := range list {
					if n.Count != want[n.Text] {
						t.Errorf("%s counts %d, want %d", n.Text, n.Count, want[n.Text])
						return
					}
				}
			}
		})
	}
	rounds := 12
	if testing.Short() {
		rounds = 6
	}
	for round := range rounds {
		d.send(round%5, 1+round%4, 20)
		if round%2 == 1 {
			d.store.freeze()
			d.send(0, 7, 9)
		}
		d.flush()
		if round%3 == 2 {
			d.mergeOnce()
		}
	}
	close(done)
	readers.Wait()
	d.same("at the end", all)
}

// A done context ends the look for copies, marks nothing as damaged, and what was looked
// at until then is not lost to the next who asks.
func TestNamesCancelled(t *testing.T) {
	d := newDoubled(t)
	for range 3 {
		d.send(0, 1, 100)
		d.flush()
	}
	cancelled := 0
	for n := 1; ; n += 1 + n/20 {
		_, err := d.store.Names(&countdown{Context: ctx, left: n}, everyService)
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		cancelled++
	}
	if cancelled < 10 {
		t.Errorf("cancelled at %d points, want more", cancelled)
	}
	if n := d.store.Counts().CorruptBlocks; n > 0 {
		t.Errorf("%d blocks are taken for damaged", n)
	}
	for _, p := range d.store.view.parts {
		if p.corrupt.Load() || p.unread.Load() {
			t.Errorf("part %s is taken for damaged", p.Name)
		}
	}
	d.same("after that", all)
}

// countdown is a context that is done after it was asked a number of times.
type countdown struct {
	context.Context
	mu   sync.Mutex
	left int // Guarded by mu.
}

func (c *countdown) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Where one of two parts does not read, the second of which has all that the first has, no
// name is missing nor counts less than the other part has, wherever the damage is.
func TestNamesOfDamagedCopies(t *testing.T) {
	made := newDoubled(t)
	made.send(1, 1, 50) // all but one: the smaller part, and the first that is counted
	made.flush()
	made.send(0, 1, 1000)
	made.flush()
	most := made.want(all)
	// The tables do not tell whose values these are: pages are read.
	values := store.NameQuery{
		Tenant: "default", Kind: store.AttributeValues, Scope: store.ScopeSpan, Key: "http.method", Service: "service-3",
		Window: everyService.Window,
	}
	var files []string
	walk(t, made.mem, "data/store/parts", func(name string, _ fs.FileInfo) { files = append(files, name) })
	want := made.want(func(i int) bool { return i > 0 })
	for _, name := range files {
		clean, err := readFile(made.mem, name)
		if err != nil {
			t.Fatal(err)
		}
		places := 50
		if testing.Short() {
			places = 8
		}
		for at := 0; at < len(clean); at += len(clean)/places + 1 {
			bad := slices.Clone(clean)
			bad[at] ^= 0x5a
			if err := writeFile(made.mem, name, bad); err != nil {
				t.Fatal(err)
			}
			made.reopen()
			for _, when := range []string{"first", "again"} {
				list, err := made.store.Names(ctx, values)
				if err != nil {
					t.Fatal(err)
				}
				sum := int64(0)
				for _, n := range list {
					sum += n.Count
				}
				if n := want["service-3"]; sum < n || sum > 2*most["service-3"] {
					t.Errorf("%s, byte %d of %s: values count %d, want %d at least", when, at, name, sum, n)
				}
				got := made.services()
				for service, n := range want {
					if got[service] < n || got[service] > 2*most[service] {
						t.Errorf("%s, byte %d of %s: %s counts %d, want %d at least", when, at, name, service, got[service], n)
					}
				}
			}
		}
		if err := writeFile(made.mem, name, clean); err != nil {
			t.Fatal(err)
		}
	}
	made.reopen()
	made.same("nothing damaged", all)
}
