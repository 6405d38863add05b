package storetest

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// searchRows: a row sums up the whole trace, whatever matched.
func searchRows(w *world) {
	w.apply("default", batch(
		sp{trace: 1, id: 2, parent: 1, service: "payment", name: "charge", start: 2 * time.Second, end: 30 * time.Second, failed: true},
		sp{trace: 1, id: 1, service: "gateway", name: "GET /", start: 3 * time.Second, end: 9 * time.Second},
	))
	w.apply("default", batch(
		sp{trace: 1, id: 3, parent: 2, service: "ledger", name: "SELECT", start: 20 * time.Second, end: 21 * time.Second},
		sp{trace: 2, id: 1, parent: 77, service: "orphan", name: "late", start: 5 * time.Second, end: 5 * time.Second},
		sp{trace: 2, id: 2, parent: 77, service: "orphan", name: "early", start: 4 * time.Second, end: 4 * time.Second},
	))
	w.stages(func() {
		got, err := w.search(store.Query{Tenant: "default", Window: all(), Limit: 10, Filter: eq(store.Field{Intrinsic: store.SpanName}, span.String("SELECT"))})
		want := []store.Summary{{
			TraceID: traceID(1), RootService: "gateway", RootName: "GET /", Start: gen.Base + 2e9, End: gen.Base + 30e9,
			Spans: 3, Errors: 1, Matched: 1, Key: gen.Base + 20e9,
		}}
		if err != nil || !slices.Equal(got, want) {
			w.Errorf("rows %+v, %v; want %+v: the end is the latest end, the root the span without parent", got, err, want)
		}
		w.check(w.everything("default"))
	})
}

// searchOrder: rows come in the order asked for, also where keys tie.
func searchOrder(w *world) {
	var spans []sp
	for n := range uint64(40) {
		start := time.Duration(n%5) * time.Second
		spans = append(spans, sp{trace: 100 - n, id: 1, service: "s", name: "n", start: start, end: start + time.Duration(n%3)*time.Second})
	}
	for from := 0; from < len(spans); from += 10 {
		w.apply("default", batch(spans[from:from+10]...))
		if from == 20 {
			w.flush()
		}
	}
	w.stages(func() {
		for _, order := range []store.Order{store.NewestFirst, store.LongestFirst} {
			for _, limit := range []int{1, 7, 40, 100} {
				w.check(w.rows(store.Query{Tenant: "default", Window: all(), Order: order, Limit: limit}))
			}
		}
	})
}

// searchPages: pages join to the whole answer, and stay right while new traces arrive.
func searchPages(w *world) {
	g := gen.New(5)
	for n := range uint64(60) {
		b := g.Batch(3)
		start := time.Duration(n%7) * time.Second
		w.apply("default", batch(sp{trace: 1000 + n, id: 1, service: "s", name: "n", start: start, end: start + time.Duration(n%4)*time.Second}))
		w.apply("default", b)
	}
	walk := func(q store.Query, between func(page int)) {
		w.Helper()
		seen := map[span.TraceID]bool{}
		for page := 0; ; page++ {
			rows, err := w.search(q)
			if err == nil {
				err = sameRows(rows, w.model.Search(q))
			}
			if err != nil {
				w.Errorf("page %d of %+v: %v", page, q, err)
				return
			}
			for _, r := range rows {
				if seen[r.TraceID] {
					w.Errorf("page %d of %+v: trace %s was on an earlier page", page, q, r.TraceID)
				}
				seen[r.TraceID] = true
			}
			if len(rows) == 0 {
				break
			}
			q.After = store.CursorAfter(rows[len(rows)-1])
			between(page)
		}
		q.After, q.Limit = nil, 1<<20
		if whole, err := w.search(q); err != nil || len(whole) < len(seen) {
			w.Errorf("the pages of %+v had %d traces, the whole has %d, %v", q, len(seen), len(whole), err)
		}
	}
	queries := []store.Query{
		{Limit: 7},
		{Limit: 7, Order: store.LongestFirst},
		{Limit: 1, Filter: eq(store.Field{Intrinsic: store.SpanName}, span.String("n"))},
		{Limit: 4, Order: store.LongestFirst, Filter: eq(store.Field{Intrinsic: store.KindOf}, span.Int(2))},
	}
	if testing.Short() { // fewer pages, for the race detector
		for i := range queries {
			queries[i].Limit *= 3
		}
	}
	next := uint64(5000)
	w.stages(func() {
		for i, q := range queries {
			q.Tenant, q.Window = "default", all()
			walk(q, func(int) {})
			if i > 1 {
				continue
			}
			walk(q, func(page int) {
				if page > 2 {
					return
				}
				for _, start := range []time.Duration{time.Hour, 3 * time.Second, -time.Hour} { // before, among and behind the page
					next++
					w.apply("default", batch(sp{trace: next, id: 1, service: "s", name: "n", start: start, end: start + 2500*time.Millisecond}))
				}
			})
		}
	})
}

// searchWindow: the window holds the start of matching spans, half open; the row is of
// the whole trace all the same.
func searchWindow(w *world) {
	var spans []sp
	for n := range uint64(8) {
		spans = append(spans,
			sp{trace: n + 1, id: 1, service: "s", name: "first", start: time.Duration(n) * time.Minute, end: time.Hour},
			sp{trace: n + 1, id: 2, parent: 1, service: "s", name: "second", start: time.Duration(n+2) * time.Minute, end: 2 * time.Hour})
	}
	w.apply("default", batch(spans[:8]...))
	w.flush()
	w.apply("default", batch(spans[8:]...))
	first := eq(store.Field{Intrinsic: store.SpanName}, span.String("first"))
	w.stages(func() {
		for _, win := range []store.Window{
			at(2*time.Minute, 3*time.Minute), at(2*time.Minute, 2*time.Minute+1), at(2*time.Minute-1, 2*time.Minute),
			at(2*time.Minute, 2*time.Minute), at(5*time.Minute, 2*time.Minute), at(-time.Hour, time.Hour), at(time.Hour, 2*time.Hour),
			{},
			{Start: 0, End: 1},
			{Start: math.MinInt64, End: math.MaxInt64},
		} {
			for _, order := range []store.Order{store.NewestFirst, store.LongestFirst} {
				for _, filter := range []store.Expr{nil, first, store.Not{X: first}} {
					w.check(w.rows(store.Query{Tenant: "default", Window: win, Order: order, Filter: filter, Limit: 100}))
				}
			}
			w.check(w.scan("default", win))
		}
	})
}

// searchLimit: the limit is kept, and a caller may leave at any row.
func searchLimit(w *world) {
	var spans []sp
	for n := range uint64(20) {
		spans = append(spans, sp{trace: n + 1, id: 1, service: "s", name: "n", start: time.Duration(n) * time.Second})
	}
	w.apply("default", batch(spans...))
	w.stages(func() {
		q := store.Query{Tenant: "default", Window: all(), Limit: 20}
		for stop := 1; stop <= 3; stop++ {
			n := 0
			for _, err := range w.store.Search(w.Context(), q) {
				if err != nil {
					w.Errorf("row %d: %v", n, err)
				}
				if n++; n == stop {
					break
				}
			}
			if n != stop {
				w.Errorf("left after %d rows, wanted to after %d", n, stop)
			}
		}
		for range w.store.Scan(w.Context(), "default", all()) {
			break
		}
		w.check(w.everything("default")) // nothing was left locked
	})
}

// traceIntrinsics: what a predicate asks of the trace is of the whole trace, with parts
// that came late or lie elsewhere.
func traceIntrinsics(w *world) {
	in := func(i store.Intrinsic) store.Field { return store.Field{Intrinsic: i} }
	literal := func(n int64) store.Literal { return store.Literal{Value: span.Int(n)} }
	filters := []store.Expr{
		store.Compare{Op: store.Ge, X: in(store.TraceDuration), Y: literal(int64(10 * time.Second))},
		store.Compare{Op: store.Lt, X: in(store.TraceDuration), Y: literal(int64(10 * time.Second))},
		eq(in(store.RootService), span.String("gateway")),
		eq(in(store.RootName), span.String("GET /")),
		eq(in(store.ChildCount), span.Int(0)),
		eq(in(store.ChildCount), span.Int(2)),
		store.Compare{Op: store.Lt, X: in(store.NestedSetParent), Y: literal(0)},
		eq(in(store.NestedSetParent), span.Int(0)),
		store.Compare{Op: store.Gt, X: in(store.NestedSetRight), Y: literal(5)},
		eq(attr(store.ScopeParent, "service.name"), span.String("gateway")),
		eq(attr(store.ScopeParent, "color"), span.String("red")),
		store.Compare{Op: store.Eq, X: attr(store.ScopeParent, "color"), Y: store.Literal{Nil: true}},
		store.And{X: eq(in(store.SpanName), span.String("charge")), Y: store.Not{X: eq(in(store.RootService), span.String("gateway"))}},
		store.Or{X: eq(in(store.SpanName), span.String("charge")), Y: eq(in(store.RootService), span.String("gateway"))},
		store.Compare{Op: store.Gt, X: store.Arith{Op: '*', X: in(store.Duration), Y: literal(2)}, Y: in(store.TraceDuration)},
	}
	same := func() {
		w.Helper()
		for _, f := range filters {
			for _, order := range []store.Order{store.NewestFirst, store.LongestFirst} {
				w.check(w.rows(store.Query{Tenant: "default", Window: all(), Order: order, Filter: f, Limit: 100}))
				w.check(w.rows(store.Query{Tenant: "default", Window: at(0, 3*time.Second), Order: order, Filter: f, Limit: 2}))
			}
		}
	}
	const traces = 6
	for n := range uint64(traces) {
		w.apply("default", batch(
			sp{
				trace: n, id: 2, parent: 1, service: "payment", name: "charge", start: time.Duration(n) * time.Second, end: time.Duration(n+2) * time.Second,
				attrs: []span.Attr{text("color", "red")},
			},
			sp{trace: n, id: 3, parent: 2, service: "payment", name: "SELECT", start: time.Duration(n) * time.Second, end: time.Duration(n+1) * time.Second},
		))
	}
	same()
	w.flush()
	same()
	for n := range uint64(traces) { // roots and long tails come late
		if n%2 == 0 {
			w.apply("default", batch(sp{trace: n, id: 1, service: "gateway", name: "GET /", end: time.Duration(n*4) * time.Second}))
		}
		if n%3 == 0 {
			w.apply("default", batch(sp{trace: n, id: 4, parent: 2, service: "ledger", name: "book", start: time.Hour, end: time.Hour + time.Second}))
		}
	}
	w.stages(same)
}

// hugeTrace: 50,000 spans under one id come back whole, and search copes.
func hugeTrace(w *world) {
	n, size := 50_000, 5_000
	if testing.Short() {
		n, size = 4_000, 500
	}
	for from := 0; from < n; from += size {
		var spans []sp
		for i := from; i < from+size; i++ {
			spans = append(spans, sp{
				trace: 1, id: uint64(i + 1), parent: uint64(i / 10), service: fmt.Sprint("service-", i%7), name: fmt.Sprint("op-", i%50),
				start: time.Duration(i) * time.Millisecond, end: time.Duration(i+i%100) * time.Millisecond, failed: i%1000 == 0,
			})
		}
		w.apply("default", batch(spans...))
		if from == n/2 {
			w.flush()
		}
	}
	w.stages(func() {
		w.check(w.trace("default", traceID(1)))
		w.check(w.rows(store.Query{Tenant: "default", Window: all(), Limit: 5, Filter: eq(store.Field{Intrinsic: store.SpanName}, span.String("op-7"))}))
		w.check(w.rows(store.Query{Tenant: "default", Window: all(), Limit: 5, Filter: eq(store.Field{Intrinsic: store.ChildCount}, span.Int(10))}))
	})
}

// ages: spans of any time from 1970 to 2262 are found at once.
func ages(w *world) {
	times := []int64{0, 1, 1e9, 1e18, gen.Base, gen.Base + 1, 1<<62 + 12345, math.MaxInt64 - 2, math.MaxInt64 - 1}
	for i, start := range times {
		b := batch(sp{trace: uint64(i + 1), id: 1, service: "s", name: "n"})
		b.Spans[0].Start, b.Spans[0].End = start, math.MaxInt64
		w.apply("default", b)
	}
	last := batch(sp{trace: 100, id: 1, service: "s", name: "last"}, sp{trace: 100, id: 2, service: "s", name: "open"})
	last.Spans[0].Start, last.Spans[0].End = math.MaxInt64, math.MaxInt64
	last.Spans[1].Start, last.Spans[1].End = math.MaxInt64-1, 0
	w.apply("default", last)
	w.stages(func() {
		w.check(w.everything("default"))
		for _, start := range times {
			win := store.Window{Start: start, End: start + 1}
			w.check(w.rows(store.Query{Tenant: "default", Window: win, Limit: 10}))
			w.check(w.scan("default", win))
		}
		after := store.Query{Tenant: "default", Window: all(), Limit: 3, After: &store.Cursor{Key: gen.Base, TraceID: traceID(5)}}
		w.check(w.rows(after))
	})
}

// manyHours: one batch over ten thousand hours is like any other.
func manyHours(w *world) {
	const hours = 10_000
	start := time.Duration(-hours) * time.Hour
	var spans []sp
	for n := range uint64(hours) {
		s := start + time.Duration(n)*time.Hour
		spans = append(spans, sp{trace: 1 + n%500, id: n + 1, service: "s", name: fmt.Sprint("op-", n%20), start: s, end: s + time.Minute})
	}
	w.apply("default", batch(spans...))
	w.stages(func() {
		for _, n := range []uint64{0, 1, 4999, hours - 1} {
			at := start + time.Duration(n)*time.Hour
			w.check(w.rows(store.Query{Tenant: "default", Window: store.Window{Start: gen.Base + int64(at), End: gen.Base + int64(at) + 1}, Limit: 5}))
			w.check(w.trace("default", traceID(1+n%500)))
		}
		w.check(w.rows(store.Query{Tenant: "default", Window: all(), Limit: 1000}))
		w.check(w.rows(store.Query{Tenant: "default", Window: all(), Order: store.LongestFirst, Limit: 20}))
	})
}
