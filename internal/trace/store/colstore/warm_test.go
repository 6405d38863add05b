package colstore

import (
	"sync/atomic"
	"testing"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Warm groups are ruled out without a read.
func TestWarm(t *testing.T) {
	mem := vfs.NewMem()
	s := openOn(t, mem, nil)
	for n := range 40 {
		if err := s.Apply(ctx, record(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(what string, warm, want bool) {
		t.Helper()
		var reads atomic.Int64
		disk := vfs.NewInject(mem)
		disk.Hook(func(op vfs.Op) vfs.Fault {
			if op.Kind == vfs.OpRead {
				reads.Add(1)
			}
			return vfs.Fault{}
		})
		s, err := openQuiet(Config{Dir: "data/store", FS: disk})
		if err != nil {
			t.Fatal(err)
		}
		defer s.closeQuiet()
		if warm {
			s.warm()
		}
		reads.Store(0)
		q := store.Query{
			Tenant: "default", Window: store.Window{End: 1 << 62}, Limit: 1,
			Filter: store.Compare{X: store.Field{Intrinsic: store.SpanName}, Y: store.Literal{Value: span.String("nothing")}},
		}
		for row, err := range s.Search(ctx, q) {
			t.Fatal(row, err)
		}
		if got := reads.Load() > 0; got != want {
			t.Errorf("%s: a search reads %v (%d reads), want %v", what, got, reads.Load(), want)
		}
	}
	f("cold", false, true)
	f("warm", true, false)
}

// A merge reads every table of its parts once: none of them pushes out what searches use.
func TestMergeLeavesTheCache(t *testing.T) {
	s, err := openQuiet(Config{Dir: "data/store", FS: vfs.NewMem(), CacheBytes: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.closeQuiet()
	for n := range 40 {
		if err := s.Apply(ctx, record(n)); err != nil {
			t.Fatal(err)
		}
		if n%10 == 9 {
			if err := s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	parts := s.view.parts
	parts[3].Groups()[0].Warm() // the cache has room for one table
	if err := s.merge(ctx, parts[:3], false, nil); err != nil {
		t.Fatal(err)
	}
	if !s.cache.HalfFull() {
		t.Error("a merge pushed out the tables of another part")
	}
}
