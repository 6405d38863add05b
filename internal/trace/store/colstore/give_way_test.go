package colstore

import (
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Merges rest beside queries, in proportion to their work, and do not otherwise.
func TestRestBesideQueries(t *testing.T) {
	s := openOn(t, vfs.NewMem(), func(*Config) {})
	defer s.Close()
	f := func(what string, worked, want time.Duration) {
		t.Helper()
		if got := s.restAfter(worked); got != want {
			t.Errorf("%s: a merge that worked %s rests %s, want %s", what, worked, got, want)
		}
	}
	if err := s.Apply(ctx, record(0)); err != nil {
		t.Fatal(err)
	}
	f("no query", time.Second, 0)
	for _, err := range s.Search(ctx, store.Query{Tenant: "default", Window: store.Window{End: 1 << 62}, Limit: 5}) {
		if err != nil {
			t.Fatal(err)
		}
		f("a query", 10*time.Millisecond, 40*time.Millisecond)
		f("a query", time.Second, longestRest)
	}
	if s.asking.running.Load() != 0 {
		t.Error("the query runs on")
	}
	s.asking.ended.Store(time.Now().Add(-askedLately / 2).UnixNano())
	f("a query of late", time.Millisecond, 4*time.Millisecond)
	s.asking.ended.Store(time.Now().Add(-time.Hour).UnixNano())
	f("a query of old", time.Second, 0)
}
