package colstore

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

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

// And with tiny heads, groups and pages, in memory, where a kill drops unsynced bytes: of
// random sizes in each case, with random encodings and merges that stop and go.
func TestConformanceTiny(t *testing.T) {
	seed := storetest.Seed(t)
	// They take as long as all others together; TestConformance has them in the short run, which
	// is for the race detector.
	long := []string{"lossless", "search_pages", "huge_trace"}
	storetest.Run(t, func(t *testing.T, o storetest.Options) storetest.Instance {
		if testing.Short() && slices.Contains(long, strings.Split(t.Name(), "/")[1]) {
			t.Skip("the full run has it")
		}
		mem := vfs.NewMem()
		r := rand.New(rand.NewPCG(seed, xxh3.HashString(t.Name())))
		h := &harness{mem: mem, cfg: Config{
			guardHeads: true,
			FS:         mem, Dir: "store", Clock: o.Clock, Allowance: o.Allowance, MergeFanIn: 2 + r.IntN(3),
			HeadBytes: 4<<10 + r.IntN(32<<10), GroupSpans: 20 + r.IntN(400), PageSpans: 3 + r.IntN(60),
			CacheBytes: 1 << (10 + r.IntN(11)), MaxPartSpans: 200 << r.IntN(12),
		}}
		t.Logf("seed %d: heads of %d bytes, groups of %d, pages of %d, parts of at most %d spans; %d parts merge, %d bytes of cache",
			seed, h.cfg.HeadBytes, h.cfg.GroupSpans, h.cfg.PageSpans, h.cfg.MaxPartSpans, h.cfg.MergeFanIn, h.cfg.CacheBytes)
		var mu sync.Mutex
		draw := func() uint64 {
			mu.Lock()
			defer mu.Unlock()
			return r.Uint64()
		}
		if draw()%4 > 0 {
			h.cfg.vary = func() *rand.Rand { return rand.New(rand.NewPCG(seed, draw())) }
		}
		if draw()%2 > 0 {
			h.cfg.pace = func() {
				if draw()%16 == 0 {
					time.Sleep(time.Duration(draw() % uint64(time.Millisecond)))
				}
			}
		}
		return h.instance(t)
	})
}
