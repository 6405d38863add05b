package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// The fields that the cases group by.
var (
	byService = attr(store.ScopeResource, "service.name")
	byStatus  = store.Field{Intrinsic: store.StatusOf}
	byUser    = attr(store.ScopeSpan, "user.id")
	duration  = store.Field{Intrinsic: store.Duration}
)

// aggregate: spans of the window that match count once, each in its group and bucket.
func aggregate(w *world) {
	send := func(tenant string, from, to uint64) {
		for n := from; n < to; n++ {
			var spans []sp
			for i := range 4 + n%3 {
				s := sp{
					trace: n + 1, id: i + 1, service: []string{"gateway", "payment", ""}[(n+i)%3], name: fmt.Sprint("op-", i%2), kind: span.Kind(i % 5),
					start: time.Duration(n)*time.Second + time.Duration(i)*time.Millisecond, failed: (n+i)%7 == 0,
				}
				s.end = s.start + time.Duration(n*i)*time.Microsecond
				switch i {
				case 0:
					s.attrs = []span.Attr{text("user.id", fmt.Sprint("user-", n%11)), text("user.id", "another")}
				case 1:
					s.attrs = []span.Attr{{Key: "user.id", Value: span.Int(int64(n % 3))}}
				case 2:
					s.attrs = []span.Attr{text("other", "x"), {Key: "user.id", Value: span.Value{Kind: span.ValueKind(n % 2)}}} // absent or empty
				}
				spans = append(spans, s)
			}
			w.apply(tenant, batch(spans...))
		}
	}
	send("default", 0, 60)
	send("other", 0, 20)
	w.flush()
	send("default", 40, 80) // some a second time
	w.flush()
	send("default", 70, 90) // and in a head
	for _, n := range []uint64{3, 45, 75} {
		if err := w.store.Delete(w.Context(), "default", traceID(n), false); err != nil {
			w.Fatal(err)
		}
		w.model.Delete("default", traceID(n))
	}
	second := at(time.Second, 2*time.Second)
	windows := []store.Window{all(), at(0, 90*time.Second), second, at(10*time.Second, 50*time.Second+2), {Start: second.Start, End: second.Start}, {Start: second.End, End: second.Start}}
	w.stages(func() {
		for _, tenant := range []string{"default", "other", "nobody"} {
			for _, win := range windows {
				f := func(step time.Duration, filter store.Expr, limit int, by ...store.Field) {
					w.Helper()
					if step > 0 && win.End == math.MaxInt64 {
						return // too many
					}
					q := store.AggregateQuery{Tenant: tenant, Window: win, Step: int64(step), Filter: filter, By: by, Limit: limit}
					w.check(w.aggregate(q))
					q.Of, q.Quantiles = &duration, []float64{0.5, 0.99}
					w.check(w.aggregate(q))
				}
				failed := eq(byStatus, span.Int(int64(span.StatusError)))
				f(0, nil, 0)
				f(0, nil, 0, byService, byStatus)
				f(time.Minute, nil, 0, byService, byStatus)
				f(7*time.Second, failed, 0, byService)
				f(0, nil, 0, byUser)
				f(0, nil, 4, byUser)
				f(10*time.Second, nil, 0, byUser, byService)
				f(time.Millisecond*999, eq(byUser, span.String("user-4")), 3, byUser, store.Field{Intrinsic: store.SpanName})
				f(0, store.Not{X: failed}, 0, store.Field{Intrinsic: store.SpanName}, store.Field{Intrinsic: store.KindOf}, byService, byUser)
				f(0, eq(byService, span.String("payment")), 0, store.Field{Scope: store.ScopeAny, Name: "service.name"})
			}
		}
	})
}

// aggregateNumbers: sums, smallest, largest and quantiles are of the numbers there are.
func aggregateNumbers(w *world) {
	g := gen.New(11)
	size := attr(store.ScopeAny, "size")
	id := uint64(0)
	send := func(n int) {
		var spans []sp
		for range n {
			id++
			s := sp{trace: id/10 + 1, id: id, service: []string{"a", "b"}[g.IntN(2)], name: fmt.Sprint("op-", g.IntN(3)), start: time.Duration(g.IntN(3600)) * time.Second}
			s.end = s.start + time.Duration(math.Exp(g.Float64()*25))
			var v span.Value
			switch g.IntN(10) {
			case 0, 1, 2:
				v = span.Int(g.Int64N(1_000_000) - 500_000)
			case 3, 4, 5:
				v = span.Double(g.NormFloat64() * math.Exp(g.NormFloat64()*20))
			case 6:
				v = span.String("12")
			case 7:
				v = span.Double([]float64{math.NaN(), 0, math.Copysign(0, -1)}[g.IntN(3)])
			case 8:
				v = span.Int([]int64{math.MaxInt64, math.MinInt64, 0}[g.IntN(3)])
			default:
				spans = append(spans, s)
				continue
			}
			s.attrs = []span.Attr{{Key: "size", Value: v}}
			spans = append(spans, s)
		}
		w.apply("default", batch(spans...))
	}
	for range 8 {
		send(200)
	}
	w.flush()
	for range 4 {
		send(200)
	}
	quantiles := []float64{0, 0.001, 0.25, 0.5, 0.9, 0.99, 1}
	w.stages(func() {
		for _, of := range []store.Field{size, duration, attr(store.ScopeSpan, "missing")} {
			for _, step := range []time.Duration{0, 10 * time.Minute} {
				for _, by := range [][]store.Field{nil, {byService}, {{Intrinsic: store.SpanName}, byService}} {
					q := store.AggregateQuery{Tenant: "default", Window: at(0, time.Hour), Step: int64(step), By: by, Of: &of}
					w.check(w.aggregate(q))
					q.Quantiles = quantiles
					w.check(w.aggregate(q))
				}
			}
		}
	})
}

// aggregateRefusals: what makes no sense is refused, a done context and a budget end the
// work.
func aggregateRefusals(w *world) {
	for n := range uint64(30) {
		w.apply("default", batch(sp{trace: n + 1, id: 1, service: "s", name: "n", start: time.Duration(n) * time.Second}))
	}
	hour := at(0, time.Hour)
	w.stages(func() {
		refused := func(what string, q store.AggregateQuery) {
			w.Helper()
			if q.Window == (store.Window{}) {
				q.Window = hour
			}
			q.Tenant = "default"
			if got, err := w.store.Aggregate(w.Context(), q); !errors.Is(err, store.ErrBadQuery) || len(got.Series) > 0 {
				w.Errorf("%s: %+v, %v; want ErrBadQuery", what, got, err)
			}
		}
		refused("a filter on the whole trace", store.AggregateQuery{Filter: eq(store.Field{Intrinsic: store.RootName}, span.String("n"))})
		refused("grouped by parents", store.AggregateQuery{By: []store.Field{attr(store.ScopeParent, "x")}})
		refused("grouped by events", store.AggregateQuery{By: []store.Field{attr(store.ScopeEvent, "x")}})
		refused("grouped by trace ids", store.AggregateQuery{By: []store.Field{{Intrinsic: store.TraceIDOf}}})
		refused("five fields", store.AggregateQuery{By: []store.Field{byService, byStatus, byUser, byService, byStatus}})
		refused("the sum of names", store.AggregateQuery{Of: &store.Field{Intrinsic: store.SpanName}})
		refused("quantiles of nothing", store.AggregateQuery{Quantiles: []float64{0.5}})
		refused("quantile 2", store.AggregateQuery{Of: &duration, Quantiles: []float64{2}})
		refused("quantile NaN", store.AggregateQuery{Of: &duration, Quantiles: []float64{math.NaN()}})
		refused("a negative step", store.AggregateQuery{Step: -1})
		refused("too many buckets", store.AggregateQuery{Step: int64(time.Hour)/store.MaxBuckets - 1})
		refused("too many buckets of all time", store.AggregateQuery{Step: 1, Window: store.Window{Start: math.MinInt64, End: math.MaxInt64}})
		w.check(w.aggregate(store.AggregateQuery{Tenant: "default", Window: hour, Step: int64(time.Hour) / store.MaxBuckets}))

		ctx, stop := context.WithCancel(w.Context())
		stop()
		if got, err := w.store.Aggregate(ctx, store.AggregateQuery{Tenant: "default", Window: all()}); !errors.Is(err, context.Canceled) || len(got.Series) > 0 {
			w.Errorf("aggregate with a done context: %+v, %v", got, err)
		}
		for _, b := range []store.Budget{{Time: 1}, {Bytes: 1}, {Memory: 1}, {Time: time.Hour, Bytes: 1 << 40, Memory: 1 << 40}} {
			q := store.AggregateQuery{Tenant: "default", Window: all(), By: []store.Field{byService}, Budget: b}
			got, err := w.store.Aggregate(w.Context(), q)
			var partial *store.PartialError
			switch count := int64(0); {
			case errors.As(err, &partial) && partial.Reason != "" && b.Time != time.Hour:
				for _, s := range got.Series {
					count += spansOf(s)
				}
				if count > 30 {
					w.Errorf("budget %+v: a partial answer counts %d spans of 30", b, count)
				}
			case err != nil:
				w.Errorf("budget %+v: %v", b, err)
			case b.Time == 1:
				w.Errorf("budget %+v: the time cannot have sufficed, and the answer is not partial", b)
			default:
				w.check(sameAggregates(got, w.model.Aggregate(q)))
			}
		}
	})
}
