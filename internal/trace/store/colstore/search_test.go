package colstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// withTraffic has 5,000 spans in six parts and a head; disk is what it reads from.
func withTraffic(t *testing.T) (*Store, *vfs.Inject) {
	t.Helper()
	disk := vfs.NewInject(vfs.NewMem())
	s, err := openQuiet(Config{Dir: "data/store", FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.closeQuiet() })
	for n := range 7 {
		r := store.Record{Pos: log.Position(n + 1), Tenant: "default", Arrival: time.Unix(1_760_000_000, 0), Batch: traffic(n*100, 100), Bytes: 1}
		if err := s.Apply(ctx, r); err != nil {
			t.Fatal(err)
		}
		if n == 6 {
			break
		}
		if err := s.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return s, disk
}

func withCores(t *testing.T, n int) {
	t.Helper()
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// rowsOf is what a search finds, as text.
func rowsOf(t *testing.T, s *Store, q store.Query) []string {
	t.Helper()
	var out []string
	for row, err := range s.Search(ctx, q) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%+v", row))
	}
	return out
}

// However many cores read for a search, it finds the same.
func TestSearchOnSeveralCores(t *testing.T) {
	s, _ := withTraffic(t)
	field := func(i store.Intrinsic) store.Field { return store.Field{Intrinsic: i} }
	f := func(what string, filter store.Expr) {
		t.Helper()
		for _, order := range []store.Order{store.NewestFirst, store.LongestFirst} {
			for _, limit := range []int{1, 20, 2000} {
				q := store.Query{Tenant: "default", Window: store.Window{End: 1 << 62}, Limit: limit, Order: order, Filter: filter}
				withCores(t, 1)
				one := rowsOf(t, s, q)
				for _, cores := range []int{2, 8} {
					withCores(t, cores)
					if got := rowsOf(t, s, q); !slices.Equal(got, one) || len(one) == 0 {
						t.Errorf("%s, order %d, limit %d: %d cores find %d rows, one finds %d", what, order, limit, cores, len(got), len(one))
					}
				}
			}
		}
	}
	f("all", nil)
	f("name", store.Compare{X: field(store.SpanName), Y: store.Literal{Value: span.String("operation-7")}})
	f("duration", store.Compare{X: field(store.Duration), Op: store.Ge, Y: store.Literal{Value: span.Int(5e6)}})
	f("trace", store.Compare{X: field(store.TraceDuration), Op: store.Gt, Y: store.Literal{Value: span.Int(8e6)}})
}

// Two cores read at the same time.
func TestSearchUsesTwoCores(t *testing.T) {
	withCores(t, 2)
	s, disk := withTraffic(t)
	var reading atomic.Int64
	both := make(chan struct{})
	patience, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	disk.Hook(func(op vfs.Op) vfs.Fault {
		if op.Kind != vfs.OpRead {
			return vfs.Fault{}
		}
		defer reading.Add(-1)
		if reading.Add(1) == 2 {
			select {
			case <-both:
			default:
				close(both)
			}
		}
		select {
		case <-both:
		case <-patience.Done():
		}
		return vfs.Fault{}
	})
	q := store.Query{
		Tenant: "default", Window: store.Window{End: 1 << 62}, Limit: 2000,
		Filter: store.Compare{X: store.Field{Intrinsic: store.SpanName}, Y: store.Literal{Value: span.String("operation-7")}},
	}
	rowsOf(t, s, q)
	select {
	case <-both:
	default:
		t.Error("a search never read two blocks at once")
	}
}

// A search whose client has left reads nothing more.
func TestSearchCancelled(t *testing.T) {
	withCores(t, 2)
	s, disk := withTraffic(t)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var reads, after atomic.Int64
	disk.Hook(func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpRead {
			if ctx.Err() != nil {
				after.Add(1)
			}
			if reads.Add(1) == 5 {
				cancel()
			}
		}
		return vfs.Fault{}
	})
	q := store.Query{Tenant: "default", Window: store.Window{End: 1 << 62}, Limit: 2000}
	var last error
	for _, err := range s.Search(ctx, q) {
		last = err
	}
	// Each core may be between two reads of its page.
	if !errors.Is(last, context.Canceled) || after.Load() > 2*4 {
		t.Errorf("a cancelled search ends with %v after %d more reads", last, after.Load())
	}
}

// BenchmarkSearch looks at every page: what many cores give, -cpu 1,2 tells.
func BenchmarkSearch(b *testing.B) {
	s, win := benchShop(b)
	q := store.Query{Tenant: "default", Window: win, Limit: 20, Order: store.LongestFirst, Filter: benchSlow}
	spans := s.view.parts[0].Meta().Spans
	b.ReportAllocs()
	for b.Loop() {
		rows := 0
		for _, err := range s.Search(ctx, q) {
			if err != nil {
				b.Fatal(err)
			}
			rows++
		}
		if rows == 0 {
			b.Fatal("nothing found")
		}
	}
	b.ReportMetric(float64(spans)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mspans/s")
}
