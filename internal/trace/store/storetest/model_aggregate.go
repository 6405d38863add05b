package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// groupKey is a group and the start of a bucket.
type groupKey struct {
	by    [store.MaxBy]span.Value
	start int64
}

// Aggregate is the answer to q, with exact quantiles.
func (m *Model) Aggregate(q store.AggregateQuery) store.Aggregates {
	counts := map[groupKey]*store.Point{}
	numbers := map[groupKey][]float64{}
	totals := map[[store.MaxBy]span.Value]int64{}
	matcher := store.NewMatcher(q.Filter)
	for _, b := range m.tenants[q.Tenant] {
		for i := range b.Spans {
			s := &b.Spans[i]
			if !q.Contains(s.Start) || !matcher.Match(b, i, nil) {
				continue
			}
			k := groupKey{start: q.Start}
			if q.Step > 0 {
				k.start = s.Start - (s.Start-q.Start)%q.Step
			}
			for n, f := range q.By {
				k.by[n] = valueOf(f, b, s)
			}
			if counts[k] == nil {
				counts[k] = &store.Point{Start: k.start}
			}
			counts[k].Count++
			totals[k.by]++
			if q.Of == nil {
				continue
			}
			switch v := valueOf(*q.Of, b, s); {
			case v.Kind == span.ValueInt:
				numbers[k] = append(numbers[k], float64(v.Int()))
			case v.Kind == span.ValueDouble && !math.IsNaN(v.Double()):
				numbers[k] = append(numbers[k], v.Double())
			}
		}
	}
	var out store.Aggregates
	for by := range totals {
		s := store.Series{By: slices.Clone(by[:len(q.By)])}
		for k, p := range counts {
			if k.by == by {
				fillPoint(p, numbers[k], q.Quantiles)
				s.Points = append(s.Points, *p)
			}
		}
		slices.SortFunc(s.Points, func(a, b store.Point) int { return cmp.Compare(a.Start, b.Start) })
		out.Series = append(out.Series, s)
	}
	slices.SortFunc(out.Series, func(a, b store.Series) int {
		return cmp.Or(cmp.Compare(spansOf(b), spansOf(a)), slices.CompareFunc(a.By, b.By, func(x, y span.Value) int {
			return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Num, y.Num), cmp.Compare(x.Str, y.Str))
		}))
	})
	if q.Limit > 0 && len(out.Series) > q.Limit {
		for _, s := range out.Series[q.Limit:] {
			out.MoreSeries++
			out.MoreSpans += spansOf(s)
		}
		out.Series = out.Series[:q.Limit]
	}
	return out
}

func fillPoint(p *store.Point, numbers, quantiles []float64) {
	if p.Numbers = int64(len(numbers)); p.Numbers == 0 {
		return
	}
	slices.Sort(numbers)
	p.Min, p.Max = numbers[0], numbers[len(numbers)-1]
	for _, n := range numbers {
		p.Sum += n
	}
	for _, q := range quantiles {
		p.Quantiles = append(p.Quantiles, numbers[max(1, int(math.Ceil(q*float64(len(numbers)))))-1])
	}
}

// valueOf is the value of a field by which a span is grouped, or that is summed up.
func valueOf(f store.Field, b *span.Batch, s *span.Span) span.Value {
	switch f.Intrinsic {
	case store.SpanName:
		return span.String(s.Name)
	case store.KindOf:
		return span.Int(int64(s.Kind))
	case store.StatusOf:
		return span.Int(int64(s.Status))
	case store.StatusMessage:
		return span.String(s.StatusMessage)
	case store.ScopeName:
		return span.String(b.Scopes[s.Scope].Name)
	case store.ScopeVersion:
		return span.String(b.Scopes[s.Scope].Version)
	case store.Duration:
		return span.Int(s.Duration())
	}
	lists := map[store.Scope][]span.Range{
		store.ScopeAny:             {s.Attrs, b.ResourceOf(s).Attrs},
		store.ScopeSpan:            {s.Attrs},
		store.ScopeResource:        {b.ResourceOf(s).Attrs},
		store.ScopeInstrumentation: {b.Scopes[s.Scope].Attrs},
	}
	for _, list := range lists[f.Scope] {
		for _, a := range b.AttrsOf(list) {
			if a.Key != f.Name {
				continue
			}
			if a.Value.Kind == span.ValueEmpty {
				return span.Value{}
			}
			return a.Value
		}
	}
	return span.Value{}
}

func spansOf(s store.Series) (n int64) {
	for _, p := range s.Points {
		n += p.Count
	}
	return n
}

// aggregate compares the store's answer to q with the model's.
func (w *world) aggregate(q store.AggregateQuery) error {
	got, err := w.store.Aggregate(w.Context(), q)
	if err == nil {
		err = sameAggregates(got, w.model.Aggregate(q))
	}
	if err != nil {
		return fmt.Errorf("aggregate %s: %w", describeAggregate(&q), err)
	}
	return nil
}

func describeAggregate(q *store.AggregateQuery) string {
	of := "nothing"
	if q.Of != nil {
		of = fmt.Sprintf("%+v", *q.Of)
	}
	return fmt.Sprintf("of tenant %q, filter %+v, from %d to %d, step %d, by %+v, quantiles %v of %s, limit %d",
		q.Tenant, q.Filter, q.Start, q.End, q.Step, q.By, q.Quantiles, of, q.Limit)
}

func sameAggregates(got, want store.Aggregates) error {
	for i := range min(len(got.Series), len(want.Series)) {
		g, w := got.Series[i], want.Series[i]
		if !slices.Equal(g.By, w.By) {
			return fmt.Errorf("series %d is of group %+v (%d spans), want %+v (%d spans)", i, g.By, spansOf(g), w.By, spansOf(w))
		}
		for k := range min(len(g.Points), len(w.Points)) {
			if err := samePoint(g.Points[k], w.Points[k]); err != nil {
				return fmt.Errorf("group %+v, point %d: %+v, want %+v: %w", g.By, k, g.Points[k], w.Points[k], err)
			}
		}
		if len(g.Points) != len(w.Points) {
			return fmt.Errorf("group %+v has %d points, want %d", g.By, len(g.Points), len(w.Points))
		}
	}
	if len(got.Series) != len(want.Series) {
		return fmt.Errorf("%d series, want %d", len(got.Series), len(want.Series))
	}
	if got.MoreSeries != want.MoreSeries || got.MoreSpans != want.MoreSpans {
		return fmt.Errorf("%d more series of %d spans, want %d of %d", got.MoreSeries, got.MoreSpans, want.MoreSeries, want.MoreSpans)
	}
	return nil
}

func samePoint(got, want store.Point) error {
	if got.Start != want.Start || got.Count != want.Count || got.Numbers != want.Numbers || got.Min != want.Min || got.Max != want.Max {
		return errors.New("start, count, minimum or maximum differ")
	}
	// Sums that cancel out lose digits of their largest terms.
	largest := math.Max(math.Abs(want.Min), math.Abs(want.Max)) * float64(want.Numbers)
	if !within(got.Sum, want.Sum, 1e-12*largest) {
		return errors.New("sums differ")
	}
	if len(got.Quantiles) != len(want.Quantiles) {
		return errors.New("quantiles are missing")
	}
	for i, q := range want.Quantiles {
		if !within(got.Quantiles[i], q, 0.01*math.Abs(q)) {
			return fmt.Errorf("quantile %d is off by more than 1 %%", i)
		}
	}
	return nil
}

// within reports whether a is no further than by from b, or the same, also if that is NaN.
func within(a, b, by float64) bool {
	return a == b || math.Abs(a-b) <= by || math.IsNaN(a) && math.IsNaN(b)
}

// everyAggregate compares some usual questions.
func (w *world) everyAggregate(tenant string) error {
	service := attr(store.ScopeResource, "service.name")
	for _, q := range []store.AggregateQuery{
		{By: []store.Field{service, {Intrinsic: store.StatusOf}}},
		{By: []store.Field{attr(store.ScopeSpan, "order.id")}},
		{By: []store.Field{{Intrinsic: store.SpanName}}, Of: &store.Field{Intrinsic: store.Duration}, Quantiles: []float64{0.5, 0.99}},
	} {
		q.Tenant, q.Window = tenant, all()
		if err := w.aggregate(q); err != nil {
			return err
		}
	}
	return nil
}
