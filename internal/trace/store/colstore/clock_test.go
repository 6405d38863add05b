package colstore

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// While the clock jumps back and forward by years, everything applied is found, in heads
// and parts, and tailed; retention by age drops nothing that arrived within the age before
// the clock's present, and nothing that seems to arrive in the future.
func TestClockJumps(t *testing.T) {
	const year = 365 * 24 * time.Hour
	clock := &movedClock{now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	mem := vfs.NewMem()
	open := func() *Store {
		return openOn(t, mem, func(c *Config) {
			c.Clock = clock
			c.Allowance = func(string) store.Allowance { return store.Allowance{Age: 24 * time.Hour} }
		})
	}
	s := open()
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	n := 0
	// four more traces, of which the first two reach a part; each is tailed when it comes.
	apply := func() {
		t.Helper()
		tail, stop := context.WithCancel(ctx)
		defer stop()
		next, end := iter.Pull2(s.Tail(tail, "default"))
		defer end()
		for i := range 4 {
			r := record(n)
			r.Arrival = clock.Now()
			if err := s.Apply(ctx, r); err != nil {
				t.Fatal(err)
			}
			if b, err, ok := next(); !ok || err != nil || b.Spans[0].TraceID != traceID(n) {
				t.Errorf("trace %d is not tailed: %v, %v", n, err, ok)
			}
			n++
			if i == 1 {
				if err := s.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	round := func(what string, want func(int) bool) {
		t.Helper()
		for merged := true; merged; {
			var err error
			if merged, err = s.MergeOnce(ctx); err != nil {
				t.Fatalf("%s: merge: %v", what, err)
			}
		}
		if err := s.Retain(ctx); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		has(t, s, n, want)
		found := map[span.TraceID]bool{}
		for row, err := range s.Search(ctx, store.Query{Tenant: "default", Window: store.Window{End: 1 << 62}, Limit: 1000}) {
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			found[row.TraceID] = true
		}
		for i := range n {
			if found[traceID(i)] != want(i) {
				t.Errorf("%s: search finds trace %d: %v, want %v", what, i, found[traceID(i)], want(i))
			}
		}
	}
	apply() // 0 to 3
	round("at first", all)
	clock.advance(-year)
	apply() // 4 to 7
	round("back a year", all)
	if err := s.Flush(ctx); err != nil { // a head with the arrivals of both times
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	apply() // 8 to 11
	round("restarted", all)
	if err := s.Delete(ctx, "default", traceID(9), true); err != nil {
		t.Fatal(err)
	}
	round("deleted", func(i int) bool { return i != 9 })

	// Put right: what is dated a year ago may go now, unless it shares its part with
	// something younger; what is dated today stays.
	clock.advance(year)
	apply() // 12 to 15
	if err := s.Retain(ctx); err != nil {
		t.Fatal(err)
	}
	has(t, s, 4, all)
	for i := 12; i < 16; i++ {
		if _, err := s.Trace(ctx, "default", traceID(i)); err != nil {
			t.Errorf("put right: %v", err)
		}
	}
}
