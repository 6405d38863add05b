package colstore

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// BenchmarkSearchHead looks for what nothing has in a full head of 150,000 spans.
func BenchmarkSearchHead(b *testing.B) {
	s, err := openQuiet(Config{Dir: filepath.Join(b.TempDir(), "store"), HeadAge: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer s.closeQuiet()
	config := workload.Config{World: workload.Shop(), Seed: 1, Spans: 150_000, From: time.Unix(1_760_000_400, 0), Over: 30 * time.Minute}
	for r, err := range config.Requests(nil) {
		if err != nil {
			b.Fatal(err)
		}
		batch, _, err := otlp.Decode(r.Body, otlp.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Apply(ctx, store.Record{Tenant: "default", Arrival: config.From, Batch: batch, Bytes: len(r.Body)}); err != nil {
			b.Fatal(err)
		}
	}
	equals := func(scope store.Scope, name, value string) store.Expr {
		return store.Compare{Op: store.Eq, X: store.Field{Scope: scope, Name: name}, Y: store.Literal{Value: span.String(value)}}
	}
	for name, filter := range map[string]store.Expr{
		"needle":  equals(store.ScopeSpan, "order.id", "none"),
		"service": equals(store.ScopeResource, "service.name", "none"),
		"frequent": store.And{
			X: equals(store.ScopeResource, "service.name", "checkout"), Y: equals(store.ScopeSpan, "http.method", "none"),
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range s.Search(ctx, store.Query{Tenant: "default", Window: store.Window{End: 1 << 62}, Limit: 20, Filter: filter}) {
					b.Fatal("found", err)
				}
			}
		})
	}
}
