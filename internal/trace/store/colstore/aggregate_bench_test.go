package colstore

import (
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
	s, err := openQuiet(Config{Dir: filepath.Join(tb.TempDir(), "store")})
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
		if pos%500 == 0 {
			if err := s.Flush(ctx); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := s.Flush(ctx); err != nil {
		tb.Fatal(err)
	}
	v := s.view
	if err := s.merge(ctx, v.parts, v.parts[0].Kept, nil); err != nil {
		tb.Fatal(err)
	}
	from := config.Start().UnixNano()
	return s, store.Window{Start: from, End: from + int64(time.Hour)}
}

// Aggregates over half a million spans, by one worker: what row groups and dictionaries know
// by themselves, pages in buckets of a minute, and with a filter.
func BenchmarkAggregate(b *testing.B) {
	s, win := benchShop(b)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	service := store.Field{Scope: store.ScopeResource, Name: "service.name"}
	status := store.Field{Intrinsic: store.StatusOf}
	name := store.Field{Intrinsic: store.SpanName}
	user := store.Field{Scope: store.ScopeSpan, Name: "user.id"}
	duration := &store.Field{Intrinsic: store.Duration}
	minute := int64(time.Minute)
	for _, c := range []struct {
		name string
		q    store.AggregateQuery
	}{
		{"service and status", store.AggregateQuery{By: []store.Field{service, status}}},
		{"service and status by minute", store.AggregateQuery{By: []store.Field{service, status}, Step: minute}},
		{"user", store.AggregateQuery{By: []store.Field{user}}},
		{"user by minute", store.AggregateQuery{By: []store.Field{user}, Step: minute}},
		{"p99 by name", store.AggregateQuery{By: []store.Field{name}, Of: duration, Quantiles: []float64{0.99}}},
		{"p99 by name and minute", store.AggregateQuery{By: []store.Field{name}, Of: duration, Quantiles: []float64{0.99}, Step: minute}},
		{"errors by service and minute", store.AggregateQuery{By: []store.Field{service}, Filter: store.Compare{X: status, Y: store.Literal{Value: span.Int(int64(span.StatusError))}}, Step: minute}},
	} {
		q := c.q
		q.Tenant, q.Window = "default", win
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			spans := 0
			for b.Loop() {
				out, err := s.Aggregate(ctx, q)
				if err != nil || len(out.Series) == 0 {
					b.Fatal(len(out.Series), err)
				}
				spans = int(s.view.parts[0].Meta().Spans)
			}
			b.ReportMetric(float64(spans)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mspans/s")
		})
	}
}
