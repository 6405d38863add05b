package colstore

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest"
)

// harness opens stores for the suite: on disk, or in memory, where a kill is a power cut.
type harness struct {
	cfg   Config
	mem   *vfs.Mem
	store *Store
}

func (h *harness) open(t testing.TB) store.Store {
	t.Helper()
	s, err := Open(h.cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.store = s
	return s
}

func (h *harness) instance(t testing.TB) storetest.Instance {
	inst := storetest.Instance{
		Store: h.open(t),
		Reopen: func(t testing.TB) store.Store {
			if err := h.store.Close(); err != nil {
				t.Fatal(err)
			}
			return h.open(t)
		},
		Retain: func(t testing.TB) {
			if err := h.store.Retain(context.Background()); err != nil {
				t.Fatal(err)
			}
		},
		Merge: func(t testing.TB) {
			for {
				merged, err := h.store.MergeOnce(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if !merged {
					return
				}
			}
		},
	}
	if h.mem != nil {
		inst.Kill = func(t testing.TB) store.Store {
			after := h.mem.Crash()
			if err := h.store.Close(); err != nil { // what it still writes goes to the lost disk
				t.Fatal(err)
			}
			h.mem, h.cfg.FS = after, after
			return h.open(t)
		}
	}
	return inst
}

// The engine passes the suite of its contract on the real file system.
func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, o storetest.Options) storetest.Instance {
		h := &harness{cfg: Config{guardHeads: true, Dir: filepath.Join(t.TempDir(), "store"), Clock: o.Clock, Allowance: o.Allowance, MergeFanIn: 2}}
		return h.instance(t)
	})
}

// And with tiny heads, groups and pages, in memory, where a kill drops unsynced bytes. In the
// long run nothing stays in the cache either.
func TestConformanceTiny(t *testing.T) {
	cache := int64(1 << 10)
	if testing.Short() {
		cache = 1 << 20
	}
	storetest.Run(t, func(t *testing.T, o storetest.Options) storetest.Instance {
		mem := vfs.NewMem()
		h := &harness{mem: mem, cfg: Config{
			guardHeads: true,
			FS:         mem, Dir: "store", Clock: o.Clock, Allowance: o.Allowance, MergeFanIn: 2,
			HeadBytes: 16 << 10, GroupSpans: 120, PageSpans: 17, CacheBytes: cache,
		}}
		return h.instance(t)
	})
}
