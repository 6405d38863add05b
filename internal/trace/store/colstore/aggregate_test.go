package colstore

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/weft-dev/weft/internal/trace/store"
)

// serviceCounts asks for the spans of each service, in buckets of that width; 0: in one.
func (d *doubled) serviceCounts(step int64) store.AggregateQuery {
	first := d.all.Spans[0].Start
	return store.AggregateQuery{
		Tenant: "default", Window: store.Window{Start: first - 1e9, End: first + 10e9}, Step: step,
		By: []store.Field{{Scope: store.ScopeResource, Name: "service.name"}},
	}
}

// aggregated is what services count.
func (d *doubled) aggregated(step int64) map[string]int64 {
	d.Helper()
	a, err := d.store.Aggregate(ctx, d.serviceCounts(step))
	if err != nil {
		d.Fatal(err)
	}
	return countsOf(a)
}

func countsOf(a store.Aggregates) map[string]int64 {
	out := map[string]int64{}
	for _, s := range a.Series {
		for _, p := range s.Points {
			out[s.By[0].Str] += p.Count
		}
	}
	return out
}

// While copies arrive, are flushed and merged, readers see no count change.
func TestAggregateWhileCopiesArrive(t *testing.T) {
	d := newDoubled(t)
	d.send(0, 1, 100)
	want := d.want(all)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for n := range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				a, err := d.store.Aggregate(ctx, d.serviceCounts(int64(n)*30e6))
				if got := countsOf(a); err != nil || !maps.Equal(got, want) {
					t.Errorf("%v, %v; want %v", got, err, want)
					return
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
}

// A context that is done at any point ends the work, with its error and no answer, and
// marks nothing as damaged.
func TestAggregateCancelled(t *testing.T) {
	d := newDoubled(t)
	for range 3 {
		d.send(0, 1, 100)
		d.flush()
	}
	cancelled := 0
	for n := 1; ; n += 1 + n/20 {
		a, err := d.store.Aggregate(&countdown{Context: ctx, left: n}, d.serviceCounts(30e6))
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) || len(a.Series) > 0 {
			t.Fatalf("%+v, %v", a, err)
		}
		cancelled++
	}
	if cancelled < 10 {
		t.Errorf("cancelled at %d points, want more", cancelled)
	}
	if n := d.store.Counts().CorruptBlocks; n > 0 {
		t.Errorf("%d blocks are taken for damaged", n)
	}
	d.same("after that", all)
}

// Where one of two parts does not read, the second of which has all that the first has, no
// service counts less than the other part has, wherever the damage is; and if damage was
// met, the answer says that it is partial.
func TestAggregateOfDamagedCopies(t *testing.T) {
	made := newDoubled(t)
	made.send(1, 1, 50) // all but one: the smaller part
	made.flush()
	made.send(0, 1, 1000)
	made.flush()
	most := made.want(all)
	want := made.want(func(i int) bool { return i > 0 })
	var files []string
	walk(t, made.mem, "data/store/parts", func(name string, _ fs.FileInfo) { files = append(files, name) })
	partial := 0
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
			for range 2 {
				a, err := made.store.Aggregate(ctx, made.serviceCounts(30e6))
				var cut *store.PartialError
				if errors.As(err, &cut) {
					partial++
				} else if err != nil {
					t.Fatal(err)
				}
				got := countsOf(a)
				for service, n := range want {
					if got[service] < n || got[service] > 2*most[service] {
						t.Errorf("byte %d of %s: %s counts %d, want %d at least", at, name, service, got[service], n)
					}
				}
			}
		}
		if err := writeFile(made.mem, name, clean); err != nil {
			t.Fatal(err)
		}
	}
	if partial == 0 {
		t.Error("no answer was partial")
	}
	made.reopen()
	made.same("nothing damaged", all)
}
