package part

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// aggregateQuery is a random question about what a source makes.
func (r *source) aggregateQuery(tenant string) store.AggregateQuery {
	q := r.gen.AggregateQuery(tenant)
	keys := []string{"constant", "few", "many", "unique", "status", "offset", "size", "price", "load", "flag", "roles", "raw", "service.name"}
	field := func() store.Field {
		return store.Field{Scope: []store.Scope{store.ScopeAny, store.ScopeSpan, store.ScopeResource}[r.IntN(3)], Name: keys[r.IntN(len(keys))]}
	}
	for i := range q.By {
		if r.IntN(2) == 0 {
			q.By[i] = field()
		}
	}
	if len(q.By) == 0 && r.IntN(2) == 0 {
		q.By = append(q.By, field())
	}
	if q.Of != nil && r.IntN(2) == 0 {
		f := field()
		q.Of = &f
	}
	if r.IntN(3) == 0 {
		start := gen.Base + r.Int64N(1e12)
		q.Window = store.Window{Start: start, End: start + r.Int64N(1e12)}
		q.Step = 1 + q.End/store.MaxBuckets - q.Start/store.MaxBuckets + r.Int64N(1e12)
	}
	return q
}

// What the columns of a part add up to is what its spans do, one by one, in any encoding,
// with any rows left out.
func TestTally(t *testing.T) {
	seeds := upTo(150)
	var fromTables, asked, begun int
	for seed := range seeds {
		r := newSource(uint64(seed))
		list := r.traces(1 + r.IntN(2000))
		p, _ := written(t, r.options(), list)
		for n := range 12 {
			q := r.aggregateQuery(list[r.IntN(len(list))].Tenant)
			tally, err := NewTally(q)
			if err != nil {
				t.Fatal(err)
			}
			want, err := store.NewAggregator(q)
			if err != nil {
				t.Fatal(err)
			}
			whole := r.IntN(2) == 0
			for _, g := range p.Groups() {
				if g.Tenant() != q.Tenant {
					continue
				}
				more, err := tally.Begin(g, whole)
				if err != nil {
					t.Fatal(err)
				}
				begun++
				if !more {
					fromTables++
				} else if tally.plan.asks {
					asked++
				}
				pages, err := g.Pages()
				if err != nil {
					t.Fatal(err)
				}
				for _, pg := range pages {
					b, err := pg.Read(context.Background(), All())
					if err != nil {
						t.Fatal(err)
					}
					var skip []uint64
					if !whole && r.IntN(2) == 0 {
						skip = make([]uint64, (len(b.Spans)+63)/64)
						for i := range skip {
							skip[i] = r.Uint64() & r.Uint64()
						}
					}
					for i := range b.Spans {
						if !isSkipped(skip, i) {
							if err := want.Add(b, i); err != nil {
								t.Fatal(err)
							}
						}
					}
					if more {
						if err := tally.Page(context.Background(), pg, skip); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if err := sameAnswers(tally.Sum().Answer(), want.Answer()); err != nil {
				t.Fatalf("seed %d, query %d, %+v: %v", seed, n, q, err)
			}
		}
	}
	if columns := begun - fromTables - asked; min(fromTables, asked, columns) < seeds {
		t.Errorf("%d groups were told by tables, %d by columns, and %d had spans to look at: too few of one", fromTables, columns, asked)
	}
}

// sameAnswers is about all but the last digits of sums of doubles, whose order differs.
func sameAnswers(got, want store.Aggregates) error {
	for i := range min(len(got.Series), len(want.Series)) {
		for k := range min(len(got.Series[i].Points), len(want.Series[i].Points)) {
			g, w := &got.Series[i].Points[k], &want.Series[i].Points[k]
			largest := math.Max(math.Abs(w.Min), math.Abs(w.Max)) * float64(w.Numbers)
			if math.Abs(g.Sum-w.Sum) <= 1e-12*largest || math.IsNaN(g.Sum) && math.IsNaN(w.Sum) {
				g.Sum, w.Sum = 0, 0
			}
			if !reflect.DeepEqual(g, w) {
				return fmt.Errorf("group %+v, point %d: %+v, want %+v", want.Series[i].By, k, *g, *w)
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%+v\nwant %+v", got, want)
	}
	return nil
}

// exerciseTally adds up a group that need not be one.
func exerciseTally(g *Group, ok func(error) bool) {
	duration := store.Field{Intrinsic: store.Duration}
	size := store.Field{Scope: store.ScopeSpan, Name: "size"}
	for _, q := range []store.AggregateQuery{
		{By: []store.Field{{Intrinsic: store.SpanName}, {Intrinsic: store.StatusOf}}},
		{By: []store.Field{{Scope: store.ScopeAny, Name: "order.id"}}},
		{By: []store.Field{{Scope: store.ScopeAny, Name: "unique"}, {Scope: store.ScopeSpan, Name: "status"}}, Step: 1e9, Of: &duration},
		{By: []store.Field{{Scope: store.ScopeSpan, Name: "few"}}, Of: &size, Quantiles: []float64{0.5}},
	} {
		q.Tenant, q.Window = g.Tenant(), store.Window{End: math.MaxInt64}
		if q.Step > 0 {
			q.Window = store.Window{Start: gen.Base, End: gen.Base + 1000*q.Step}
		}
		tally, err := NewTally(q)
		ok(err)
		if more, err := tally.Begin(g, true); !more {
			ok(err)
			continue
		}
		pages, err := g.Pages()
		if !ok(err) {
			continue
		}
		for _, pg := range pages[:min(len(pages), 20)] {
			ok(tally.Page(context.Background(), pg, nil))
		}
		tally.Sum().Answer()
	}
}

// A key that a span has several times counts by its first value, and the others are passed
// over, whether they lie in the same column, in another, or with the shape.
func TestTallyRepeatedKeys(t *testing.T) {
	b := &span.Batch{Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1)}
	tr := Trace{Tenant: "t", ID: span.TraceID{1}}
	for i := range 300 {
		from := uint32(len(b.Attrs))
		add := func(v span.Value) { b.Attrs = append(b.Attrs, span.Attr{Key: "k", Value: v}) }
		word := func(n int) span.Value { return span.String(fmt.Sprint("word ", n)) }
		switch i % 5 {
		case 0:
			add(word(i % 7))
			add(word(i % 3))
			add(word(100))
		case 1:
			add(span.Int(int64(i % 4)))
			add(word(i % 9))
			add(span.Int(int64(i % 3)))
		case 2:
			add(word(200))
			add(word(i % 8))
		case 3:
			add(word(i % 6))
		}
		b.Spans = append(b.Spans, span.Span{
			TraceID: tr.ID, SpanID: span.SpanID{6: byte(i >> 8), 7: byte(i)}, Start: gen.Base + int64(i), End: gen.Base + int64(2*i),
			Attrs: span.Range{From: from, To: uint32(len(b.Attrs))},
		})
		tr.Spans = append(tr.Spans, Ref{b, i})
	}
	p, _ := written(t, Options{PageSpans: 100}, inOrder([]Trace{tr}))
	key := store.Field{Scope: store.ScopeSpan, Name: "k"}
	for _, q := range []store.AggregateQuery{
		{By: []store.Field{key}},
		{By: []store.Field{key}, Step: 10},
		{Of: &key, Quantiles: []float64{0.5}},
		{By: []store.Field{key, {Intrinsic: store.KindOf}}, Of: &store.Field{Intrinsic: store.Duration}, Step: 100},
	} {
		q.Tenant, q.Window = "t", store.Window{Start: gen.Base, End: gen.Base + 300}
		tally, err := NewTally(q)
		if err != nil {
			t.Fatal(err)
		}
		want, err := store.NewAggregator(q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Spans {
			if err := want.Add(b, i); err != nil {
				t.Fatal(err)
			}
		}
		if more, err := tally.Begin(p.Groups()[0], true); !more || err != nil {
			t.Fatal(more, err)
		}
		pages, err := p.Groups()[0].Pages()
		if err != nil {
			t.Fatal(err)
		}
		for _, pg := range pages {
			if told, err := tally.fromColumns(pg, nil); !told || err != nil {
				t.Fatalf("columns told: %v, %v", told, err)
			}
		}
		if err := sameAnswers(tally.Sum().Answer(), want.Answer()); err != nil {
			t.Errorf("%+v: %v", q, err)
		}
	}
}
