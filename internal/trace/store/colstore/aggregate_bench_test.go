package colstore

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// benchShop is a store of half a million spans of the shop, of half an hour, in one part.
func benchShop(tb testing.TB) (*Store, store.Window) {
	tb.Helper()
	s, w := benchShopParts(tb)
	mergeAll(tb, s)
	return s, w
}

// benchShopParts is the same in 20 parts, as heads are flushed.
func benchShopParts(tb testing.TB) (*Store, store.Window) {
	tb.Helper()
	s, err := openQuiet(Config{Dir: filepath.Join(tb.TempDir(), "store"), MergeFanIn: 1 << 20})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.closeQuiet() })
	config := workload.Config{World: workload.Shop(), Seed: 1, Spans: 500_000, From: time.Unix(1_760_000_400, 0), Over: 30 * time.Minute}
	pos := log.Position(0)
	for r, err := range config.Requests(nil) {
		if err != nil {
			tb.Fatal(err)
		}
		b, _, err := otlp.Decode(r.Body, otlp.Limits{})
		if err != nil {
			tb.Fatal(err)
		}
		pos++
		if err := s.Apply(ctx, store.Record{Pos: pos, Tenant: "default", Arrival: config.From, Batch: b, Bytes: 1}); err != nil {
			tb.Fatal(err)
		}
		if pos%50 == 0 { // heads are bounded
			if err := s.Flush(ctx); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := s.Flush(ctx); err != nil {
		tb.Fatal(err)
	}
	from := config.Start().UnixNano()
	return s, store.Window{Start: from, End: from + int64(time.Hour)}
}

// benchKeys is a store of 400,000 spans, of 500 s, in one part. Each span has one of 50,000
// orders and one of 100,000 users, some of whom are frequent, as in the shop.
func benchKeys(tb testing.TB) (*Store, store.Window) {
	tb.Helper()
	s, err := openQuiet(Config{Dir: filepath.Join(tb.TempDir(), "store")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.closeQuiet() })
	users := rand.NewZipf(rand.New(rand.NewPCG(1, 1)), 1.1, 8, 99_999)
	user := map[span.TraceID]span.Value{}
	const parts, traces = 20, 2500
	for n := range parts {
		b := traffic(n*traces, traces)
		for i := range b.Spans {
			sp := &b.Spans[i]
			v, ok := user[sp.TraceID]
			if !ok {
				v = span.String(fmt.Sprintf("u%07d", users.Uint64()))
				user[sp.TraceID] = v
			}
			b.Attrs[sp.Attrs.From] = span.Attr{Key: "user.id", Value: v} // instead of the method
		}
		r := store.Record{Pos: log.Position(n + 1), Tenant: "default", Arrival: time.Unix(1_760_000_000, 0), Batch: b, Bytes: 1}
		if err := s.Apply(ctx, r); err != nil {
			tb.Fatal(err)
		}
		if err := s.Flush(ctx); err != nil {
			tb.Fatal(err)
		}
	}
	mergeAll(tb, s)
	return s, store.Window{Start: 1_760_000_000e9, End: 1_760_003_600e9}
}

// mergeAll makes one part of all.
func mergeAll(tb testing.TB, s *Store) {
	tb.Helper()
	parts := s.view.parts
	if err := s.merge(ctx, parts, parts[0].Kept, nil); err != nil {
		tb.Fatal(err)
	}
}

// The fields and widths that the benchmarks ask for.
var (
	benchService = store.Field{Scope: store.ScopeResource, Name: "service.name"}
	benchStatus  = store.Field{Intrinsic: store.StatusOf}
	benchName    = store.Field{Intrinsic: store.SpanName}
	benchLength  = store.Field{Intrinsic: store.Duration}
	benchUser    = store.Field{Scope: store.ScopeSpan, Name: "user.id"}
	benchOrder   = store.Field{Scope: store.ScopeSpan, Name: "order.id"}
	benchErrors  = store.Compare{X: benchStatus, Y: store.Literal{Value: span.Int(int64(span.StatusError))}}
	benchFailed  = store.Compare{X: store.Field{Scope: store.ScopeSpan, Name: "http.status_code"}, Op: store.Ge, Y: store.Literal{Value: span.Int(500)}}
	benchSlow    = store.Compare{Op: store.Gt, X: benchLength, Y: store.Literal{Value: span.Int(int64(100 * time.Millisecond))}}
)

// Aggregates of one worker: by what row groups and dictionaries know by themselves, by pages
// in buckets of a minute, and with filters.
func BenchmarkAggregate(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s, win := benchShop(b)
	f := func(name string, step time.Duration, q store.AggregateQuery) {
		q.Tenant, q.Window, q.Step = "default", win, int64(step)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			spans := s.view.parts[0].Meta().Spans
			for b.Loop() {
				if a, err := s.Aggregate(ctx, q); err != nil || len(a.Series) == 0 {
					b.Fatal(len(a.Series), err)
				}
			}
			b.ReportMetric(float64(spans)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mspans/s")
		})
	}
	f("service and status", 0, store.AggregateQuery{By: []store.Field{benchService, benchStatus}})
	f("service and status by minute", time.Minute, store.AggregateQuery{By: []store.Field{benchService, benchStatus}})
	f("user", 0, store.AggregateQuery{By: []store.Field{benchUser}})
	f("user by minute", time.Minute, store.AggregateQuery{By: []store.Field{benchUser}})
	f("p99 by name", 0, store.AggregateQuery{By: []store.Field{benchName}, Of: &benchLength, Quantiles: []float64{0.99}})
	f("p99 by name and minute", time.Minute, store.AggregateQuery{By: []store.Field{benchName}, Of: &benchLength, Quantiles: []float64{0.99}})
	f("errors by service and minute", time.Minute, store.AggregateQuery{By: []store.Field{benchService}, Filter: benchErrors})
	f("status codes from 500 on by service and minute", time.Minute, store.AggregateQuery{By: []store.Field{benchService}, Filter: benchFailed})
	f("slow by service and minute", time.Minute, store.AggregateQuery{By: []store.Field{benchService}, Filter: benchSlow})
	s, win = benchKeys(b)
	f("user on every span", 0, store.AggregateQuery{By: []store.Field{benchUser}})
	f("user on every span by minute", time.Minute, store.AggregateQuery{By: []store.Field{benchUser}})
	f("order on every span", 0, store.AggregateQuery{By: []store.Field{benchOrder}})
	f("order on every span by minute", time.Minute, store.AggregateQuery{By: []store.Field{benchOrder}})
}
