package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest"
)

// harness is a store in a database of its own.
type harness struct {
	cfg   Config
	store *Store
}

func (h *harness) open(t testing.TB) store.Store {
	t.Helper()
	s, err := Open(context.Background(), h.cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.store = s
	return s
}

func (h *harness) instance(t testing.TB) storetest.Instance {
	return storetest.Instance{
		Store: h.open(t),
		Reopen: func(t testing.TB) store.Store {
			if err := h.store.Close(); err != nil {
				t.Fatal(err)
			}
			return h.open(t)
		},
		Kill: func(t testing.TB) store.Store {
			h.store.stop() // nothing is flushed
			return h.open(t)
		},
		Merge: func(t testing.TB) {
			if err := h.store.db.exec(context.Background(), "OPTIMIZE TABLE "+h.store.table("spans")+" FINAL"); err != nil {
				t.Fatal(err)
			}
		},
		Retain: func(t testing.TB) {
			if err := h.store.Retain(context.Background()); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// meeting are the cases in which goroutines meet: those of the short run, which is for the race
// detector. The others are one statement after the other, three minutes of them.
var meeting = []string{"visible_at_once", "delete", "tail", "tail_lag", "cancel", "concurrent"}

// The engine passes the suite of its contract on a real ClickHouse.
func TestConformance(t *testing.T) {
	ch := startFront(t, memoryFolder(t))
	n := 0
	storetest.Run(t, func(t *testing.T, o storetest.Options) storetest.Instance {
		if testing.Short() && !slices.Contains(meeting, strings.Split(t.Name(), "/")[1]) {
			t.Skip("one statement after the other: the full run has it")
		}
		n++
		h := &harness{cfg: Config{URL: ch.url, Database: fmt.Sprint("case_", n), Clock: o.Clock, Allowance: o.Allowance}}
		return h.instance(t)
	})
}
