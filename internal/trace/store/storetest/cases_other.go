package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// names: menus and completion list what is there, no more than asked, by prefix.
func names(w *world) {
	send := func(trace uint64, service string, kinds ...span.Kind) {
		for i, kind := range kinds {
			w.apply("default", batch(sp{
				trace: trace, id: uint64(i + 1), service: service, name: fmt.Sprint(service, "-op-", i), kind: kind,
				attrs: []span.Attr{text("http.method", "GET"), text("order.id", fmt.Sprint("order-", i)), text(service+".key", "v")},
			}))
		}
	}
	send(1, "gateway", span.KindServer, span.KindServer, span.KindClient)
	send(2, "payment", span.KindServer, span.KindConsumer)
	w.flush()
	send(3, "payment", span.KindServer, span.KindConsumer, span.KindInternal)
	send(4, "ledger", span.KindClient)
	everywhere := batch(sp{trace: 5, id: 1, service: "mail", name: "send"})
	first := uint32(len(everywhere.Attrs))
	everywhere.Attrs = append(everywhere.Attrs, text("service.name", "mail"), text("in.resource", "r"),
		text("in.scope", "s"), text("in.event", "e"), text("in.link", "l"))
	at := func(i uint32) span.Range { return span.Range{From: first + 1 + i, To: first + 2 + i} }
	everywhere.Resources = append(everywhere.Resources, span.Resource{Attrs: span.Range{From: first, To: first + 2}, Present: true})
	everywhere.Scopes = append(everywhere.Scopes, span.Scope{Resource: 1, Attrs: at(1), Name: "lib"})
	everywhere.Events = []span.Event{{Name: "e", Attrs: at(2)}}
	everywhere.Links = []span.Link{{TraceID: traceID(1), Attrs: at(3)}}
	s := everywhere.Spans[0]
	s.SpanID, s.Scope, s.Name, s.Events, s.Links = spanID(2), 1, "everywhere", span.Range{To: 1}, span.Range{To: 1}
	everywhere.Spans = append(everywhere.Spans, s)
	w.apply("default", everywhere)

	server, consumer := span.KindServer, span.KindConsumer
	w.stages(func() {
		f := func(q store.NameQuery, want string) {
			w.Helper()
			q.Tenant = "default"
			if q.Limit == 0 {
				q.Limit = 100
			}
			if q.Window == (store.Window{}) {
				q.Window = all()
			}
			got, err := w.store.Names(w.Context(), q)
			if err != nil {
				w.Errorf("names %+v: %v", q, err)
				return
			}
			if !slices.IsSortedFunc(got, func(a, b store.Name) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text)) }) {
				w.Errorf("names %+v are not ordered by count, then text: %+v", q, got)
			}
			var words []string
			for _, n := range got {
				words = append(words, n.Text)
			}
			slices.Sort(words)
			if s := strings.Join(slices.Compact(words), " "); s != want {
				w.Errorf("names %+v: %q, want %q", q, s, want)
			}
		}
		f(store.NameQuery{Kind: store.ServiceNames}, "gateway ledger mail payment")
		f(store.NameQuery{Kind: store.ServiceNames, Prefix: "pa"}, "payment")
		f(store.NameQuery{Kind: store.ServiceNames, Prefix: "x"}, "")
		f(store.NameQuery{Kind: store.OperationNames, Service: "payment"}, "payment-op-0 payment-op-1 payment-op-2")
		f(store.NameQuery{Kind: store.OperationNames, Service: "payment", SpanKind: &consumer}, "payment-op-1")
		f(store.NameQuery{Kind: store.OperationNames, SpanKind: &server}, "gateway-op-0 gateway-op-1 payment-op-0")
		f(store.NameQuery{Kind: store.OperationNames, Service: "nobody"}, "")
		f(store.NameQuery{Kind: store.OperationNames, Prefix: "gateway-"}, "gateway-op-0 gateway-op-1 gateway-op-2")
		f(store.NameQuery{Kind: store.AttributeKeys, Scope: store.ScopeSpan}, "gateway.key http.method ledger.key order.id payment.key")
		f(store.NameQuery{Kind: store.AttributeKeys, Scope: store.ScopeSpan, Service: "ledger"}, "http.method ledger.key order.id")
		f(store.NameQuery{Kind: store.AttributeKeys, Scope: store.ScopeSpan, Prefix: "http"}, "http.method")
		f(store.NameQuery{Kind: store.AttributeKeys, Scope: store.ScopeResource}, "in.resource service.name")
		f(store.NameQuery{Kind: store.AttributeKeys, Scope: store.ScopeInstrumentation}, "in.scope")
		f(store.NameQuery{Kind: store.AttributeKeys, Scope: store.ScopeEvent}, "in.event")
		f(store.NameQuery{Kind: store.AttributeKeys, Scope: store.ScopeLink}, "in.link")
		f(store.NameQuery{Kind: store.AttributeValues, Scope: store.ScopeSpan, Key: "order.id"}, "order-0 order-1 order-2")
		f(store.NameQuery{Kind: store.AttributeValues, Scope: store.ScopeSpan, Key: "order.id", Service: "ledger"}, "order-0")
		f(store.NameQuery{Kind: store.AttributeValues, Scope: store.ScopeSpan, Key: "order.id", Prefix: "order-2"}, "order-2")
		f(store.NameQuery{Kind: store.AttributeValues, Scope: store.ScopeResource, Key: "service.name"}, "gateway ledger mail payment")
		f(store.NameQuery{Kind: store.AttributeValues, Scope: store.ScopeAny, Key: "service.name", Prefix: "g"}, "gateway")
		f(store.NameQuery{Kind: store.AttributeValues, Scope: store.ScopeSpan, Key: "nothing"}, "")
		for _, limit := range []int{1, 2} {
			got, err := w.store.Names(w.Context(), store.NameQuery{Tenant: "default", Kind: store.ServiceNames, Window: all(), Limit: limit})
			if err != nil || len(got) != limit || got[0].Text != "payment" {
				w.Errorf("the %d most frequent services: %+v, %v; want payment first", limit, got, err)
			}
		}
	})
}

// calls compares the store's calls between services with the model's.
func (w *world) calls(tenant string, win store.Window) error {
	got, err := w.store.Dependencies(w.Context(), tenant, win)
	if err != nil {
		return fmt.Errorf("dependencies %+v: %w", win, err)
	}
	slices.SortFunc(got, compareDependencies)
	if want := w.model.Dependencies(tenant, win); !slices.Equal(got, want) {
		return fmt.Errorf("dependencies %+v: %+v, want %+v", win, got, want)
	}
	return nil
}

// dependencies: calls are counted per pair of services, from the child's side, each once.
func dependencies(w *world) {
	for n := range uint64(30) {
		at := time.Duration(n) * time.Minute
		spans := []sp{
			{trace: n + 1, id: 1, service: "gateway", name: "GET /", start: at, end: at + 9*time.Second},
			{trace: n + 1, id: 2, parent: 1, service: "gateway", name: "call", kind: span.KindClient, start: at, end: at + 8*time.Second},
			{trace: n + 1, id: 3, parent: 2, service: "payment", name: "charge", kind: span.KindServer, start: at + 1, end: at + 7*time.Second, failed: n%3 == 0},
			{trace: n + 1, id: 4, parent: 3, service: "ledger", name: "book", start: at + 2, end: at + 6*time.Second},
			{trace: n + 1, id: 5, parent: 99, service: "lost", name: "orphan", start: at, end: at},
		}
		if n%2 == 0 { // a trace in two records, child first
			w.apply("default", batch(spans[2:]...))
			w.apply("default", batch(spans[:2]...))
		} else {
			w.apply("default", batch(spans...))
		}
		if n%10 == 5 {
			w.apply("default", batch(spans...)) // again
		}
		if n == 14 {
			w.flush()
		}
	}
	w.stages(func() {
		for _, win := range []store.Window{all(), at(0, 10*time.Minute), at(10*time.Minute, 10*time.Minute+2), at(time.Hour, 2*time.Hour)} {
			w.check(w.calls("default", win))
		}
		w.check(w.calls("nobody", all()))
	})
}

// scan: export gets every trace of the window, whole and once, wherever its spans lie.
func scan(w *world) {
	g := gen.New(6)
	for range 8 {
		w.apply("default", g.Batch(25))
	}
	w.flush()
	w.apply("default", g.Batch(25)) // spans of the same traces, elsewhere
	w.stages(func() {
		w.check(w.scan("default", all()))
		for range 20 {
			w.check(w.scan("default", g.Window()))
		}
	})
}

// deletes: a deleted trace is in no answer, at no later stage, and stays away for a day.
func deletes(w *world) {
	b := func(trace uint64) *span.Batch {
		return batch(
			sp{trace: trace, id: 1, service: "s", name: "n", start: time.Second, end: 2 * time.Second},
			sp{trace: trace, id: 2, parent: 1, service: "s", name: "m", start: time.Second, end: 3 * time.Second})
	}
	for n := range uint64(6) {
		w.apply("default", b(n+1))
		w.apply("other", b(n+1))
		if n == 3 {
			w.flush() // some lie in parts, some in the head
		}
	}
	w.apply("default", batch(sp{trace: 2, id: 3, service: "s", name: "late"})) // one in both
	remove := func(trace uint64, now bool) {
		w.Helper()
		if err := w.store.Delete(w.Context(), "default", traceID(trace), now); err != nil {
			w.Fatalf("delete trace %d, now %v: %v", trace, now, err)
		}
		w.model.Delete("default", traceID(trace))
	}
	same := func() {
		w.Helper()
		w.check(w.everything("default"))
		w.check(w.everything("other"))
		for n := range uint64(7) {
			w.check(w.trace("default", traceID(n+1)))
		}
	}
	remove(1, false)
	remove(2, false)
	remove(3, true)
	remove(6, true)
	same()
	ctx, stop := context.WithTimeout(w.Context(), patience)
	tail := w.store.Tail(ctx, "default")
	w.apply("default", b(1))                                                   // the sender tries again
	w.apply("default", batch(sp{trace: 3, id: 9, service: "s", name: "late"})) // and again
	w.apply("default", b(50))
	shown := 0
	for got, err := range tail {
		if err != nil {
			w.Errorf("tail: %v", err)
			break
		}
		for i := range got.Spans {
			if id := got.Spans[i].TraceID; id != traceID(50) {
				w.Errorf("the tail shows trace %s, which was deleted", id)
			}
			shown++
		}
		if shown >= 2 {
			break
		}
	}
	stop()
	if shown < 2 {
		w.Errorf("the tail shows %d of 2 spans of another trace", shown)
	}
	w.kill(len(w.log)) // everything is read from the log again
	same()
	w.stages(same)
	if err := w.store.Delete(w.Context(), "default", traceID(777), false); err != nil && !errors.Is(err, store.ErrNotFound) {
		w.Errorf("delete a trace that is not there: %v, want nil or ErrNotFound", err)
	}

	w.clock.advance(store.RefuseDeleted - time.Hour)
	w.apply("default", batch(sp{trace: 1, id: 4, service: "s", name: "too early"}))
	same()
	w.clock.advance(2 * time.Hour)
	for _, n := range []uint64{1, 3} {
		w.model.Undelete("default", traceID(n))
		w.apply("default", batch(sp{trace: n, id: 5, service: "s", name: "a day later"}))
	}
	same()
	w.flush()
	w.merge()
	w.reopen(0)
	same()
}

// patience is how long a tail may take to show what was applied, before the case fails.
const patience = 10 * time.Second

// tail: a reader sees what is applied from its call on, of its tenant, until it leaves.
func tail(w *world) {
	w.apply("default", batch(sp{trace: 1, id: 1, service: "s", name: "before"}))
	ctx, stop := context.WithTimeout(w.Context(), patience)
	defer stop()
	seq := w.store.Tail(ctx, "default")
	other := w.store.Tail(ctx, "other")
	const n = 20
	for i := range uint64(n) {
		w.apply("default", batch(sp{trace: 2, id: i + 1, service: "s", name: "default"}, sp{trace: 3, id: i + 1, service: "s", name: "default"}))
	}
	w.apply("other", batch(sp{trace: 2, id: 1, service: "s", name: "other"}))
	w.flush() // what waits for its reader outlives the head
	read := func(tenant string, seq iter.Seq2[*span.Batch, error], want int) {
		shown := 0
		for b, err := range seq {
			if err != nil {
				w.Errorf("tail of %s: %v", tenant, err)
				return
			}
			for i := range b.Spans {
				if b.Spans[i].Name != tenant {
					w.Errorf("tail of %s shows %s", tenant, describe(b, i))
				}
			}
			if shown += len(b.Spans); shown >= want {
				break
			}
		}
		if shown != want {
			w.Errorf("tail of %s shows %d spans, want %d", tenant, shown, want)
		}
	}
	read("default", seq, 2*n)
	read("other", other, 1)

	third := w.store.Tail(ctx, "default")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range third {
		}
	}()
	stop()
	<-done // the sequence ends with its context
}

// answersStay: what a reader was given stays as it was while the store goes on.
func answersStay(w *world) {
	g := gen.New(8)
	ctx, stop := context.WithTimeout(w.Context(), patience)
	defer stop()
	tail := w.store.Tail(ctx, "default")
	first := g.Batch(30)
	w.apply("default", first)
	var held []*span.Batch
	hold := func(b *span.Batch, err error) {
		w.Helper()
		if err != nil {
			w.Fatal(err)
		}
		held = append(held, b)
	}
	hold(w.store.Trace(ctx, "default", first.Spans[0].TraceID))
	for b, err := range w.store.Scan(ctx, "default", all()) {
		hold(b, err)
	}
	for b, err := range tail {
		hold(b, err)
		break
	}
	var rows []store.Summary
	for row, err := range w.store.Search(ctx, store.Query{Tenant: "default", Window: all(), Limit: 100}) {
		if err != nil {
			w.Fatal(err)
		}
		rows = append(rows, row)
	}
	names, err := w.store.Names(ctx, store.NameQuery{Tenant: "default", Kind: store.OperationNames, Window: all(), Limit: 100})
	if err != nil {
		w.Fatal(err)
	}
	calls, err := w.store.Dependencies(ctx, "default", all())
	if err != nil {
		w.Fatal(err)
	}
	sums, err := w.store.Aggregate(ctx, store.AggregateQuery{Tenant: "default", Window: all(), By: []store.Field{{Intrinsic: store.SpanName}, byService}})
	if err != nil {
		w.Fatal(err)
	}
	text := func() string {
		var out strings.Builder
		for _, b := range held {
			for i := range b.Spans {
				fmt.Fprintln(&out, describe(b, i))
			}
		}
		fmt.Fprintln(&out, rows, names, calls, sums)
		return out.String()
	}
	before := text()
	w.flush()
	for range 3 {
		w.apply("default", g.Batch(200))
		w.flush()
	}
	w.merge()
	if after := text(); after != before {
		w.Errorf("answers have changed since they were given:\n%s\nwere\n%s", after, before)
	}
}

// tailLag: a reader that is too slow is told how much it lost, and goes on.
func tailLag(w *world) {
	batches, each := 2000, 3
	if testing.Short() {
		batches = 500
	}
	ctx, stop := context.WithCancel(w.Context())
	defer stop()
	seq := w.store.Tail(ctx, "default")
	for n := range uint64(batches) {
		w.apply("default", batch(sp{trace: n + 1, id: 1, service: "s"}, sp{trace: n + 1, id: 2, service: "s"}, sp{trace: n + 1, id: 3, service: "s"}))
	}
	defer time.AfterFunc(patience, stop).Stop() // from here on: an engine may take its time to apply
	seen, lost, more := 0, 0, false
	for b, err := range seq {
		var lag *store.LagError
		switch {
		case errors.As(err, &lag):
			lost += lag.Spans
		case err != nil:
			w.Fatalf("tail: %v", err)
		case more && b.Spans[0].Name == "more":
			return
		default:
			seen += len(b.Spans)
		}
		if seen+lost >= batches*each && !more {
			more = true
			if seen+lost > batches*each || seen == 0 {
				break
			}
			w.apply("default", batch(sp{trace: 1, id: 9, service: "s", name: "more"}))
		}
	}
	w.Errorf("the tail showed %d spans and reported %d lost, of %d; it went on: %v", seen, lost, batches*each, more)
}

// notFound: what is not there is ErrNotFound for a trace and an empty answer otherwise.
func notFound(w *world) {
	w.apply("default", batch(sp{trace: 1, id: 1, service: "s", name: "n"}))
	w.stages(func() {
		for _, tenant := range []string{"default", "nobody"} {
			if b, err := w.store.Trace(w.Context(), tenant, traceID(2)); !errors.Is(err, store.ErrNotFound) || b != nil {
				w.Errorf("a trace that is not there: %v, %v; want ErrNotFound", b, err)
			}
		}
		w.check(w.rows(store.Query{Tenant: "nobody", Window: all(), Limit: 1}))
		w.check(w.scan("nobody", all()))
		if got, err := w.store.Names(w.Context(), store.NameQuery{Tenant: "nobody", Kind: store.ServiceNames, Window: all(), Limit: 1}); err != nil || len(got) != 0 {
			w.Errorf("services of nobody: %v, %v", got, err)
		}
	})
}

// cancel: a done context stops the work and is the error, never a short answer.
func cancel(w *world) {
	for n := range uint64(50) {
		w.apply("default", batch(sp{trace: n + 1, id: 1, service: "s", name: "n"}))
	}
	w.stages(func() {
		ctx, stop := context.WithCancel(w.Context())
		stop()
		if _, err := collect(w.store.Search(ctx, store.Query{Tenant: "default", Window: all(), Limit: 100})); !errors.Is(err, context.Canceled) {
			w.Errorf("search with a done context: %v", err)
		}
		if _, err := collect(w.store.Scan(ctx, "default", all())); !errors.Is(err, context.Canceled) {
			w.Errorf("scan with a done context: %v", err)
		}
		if _, err := w.store.Trace(ctx, "default", traceID(1)); err != nil && !errors.Is(err, context.Canceled) {
			w.Errorf("trace with a done context: %v", err)
		}
		if _, err := w.store.Trace(ctx, "default", traceID(999)); err == nil {
			w.Error("a trace that is not there, with a done context: no error")
		}

		ctx, stop = context.WithCancel(w.Context())
		defer stop()
		rows := 0
		var failed error
		for _, err := range w.store.Search(ctx, store.Query{Tenant: "default", Window: all(), Limit: 100}) {
			if failed = err; err == nil {
				rows++
			}
			stop() // in the middle
		}
		if failed != nil && !errors.Is(failed, context.Canceled) || failed == nil && rows < 50 {
			w.Errorf("search cancelled at its first row: %d rows, %v", rows, failed)
		}
		w.check(w.everything("default"))
	})
}

// budget: a query that may not go on says so, and what it said before is right: a row of
// NewestFirst whose trace may have a newer match not looked at yet is not. An engine
// may end a query that is over its bytes only when it is done with a block, so not every
// such answer need be partial; but some must.
func budget(w *world) {
	rounds := uint64(40)
	if testing.Short() {
		rounds = 16
	}
	for n := range rounds {
		var spans []sp
		for i := range uint64(10) {
			spans = append(spans,
				sp{trace: n*10 + i, id: 1, service: "s", name: "n", start: time.Duration(n) * time.Hour, end: time.Duration(n+i) * time.Hour},
				// A newer span of an older trace: what is found first need not be the newest.
				sp{trace: (n/2)*10 + i, id: n + 10, service: "s", name: "n", start: time.Duration(n*7%40) * time.Hour, end: time.Duration(n*7%40) * time.Hour})
		}
		w.apply("default", batch(spans...))
		if n%15 == 14 {
			w.flush()
		}
	}
	miss := eq(attr(store.ScopeSpan, "load"), span.Double(-1))
	cut := map[store.Budget]bool{}
	ask := func(order store.Order, filter store.Expr, b store.Budget) {
		q := store.Query{Tenant: "default", Window: all(), Order: order, Filter: filter, Limit: 5000, Budget: b}
		rows, err := w.search(q)
		whole := w.model.Search(q)
		var partial *store.PartialError
		switch {
		case errors.As(err, &partial):
			cut[b] = true
			if partial.Reason == "" {
				w.Errorf("search %+v: a partial answer without reason", q)
			}
			if err := rightRows(rows, whole); err != nil {
				w.Errorf("search %+v, a partial answer: %v", q, err)
			}
		case err != nil:
			w.Errorf("search %+v: %v", q, err)
		case b.Time == 1:
			w.Errorf("search %+v: the time cannot have sufficed, and the answer is not partial", q)
		default:
			w.check(sameRows(rows, whole))
		}
	}
	ample := store.Budget{Time: time.Hour, Bytes: 1 << 40, Memory: 1 << 40}
	budgets := []store.Budget{{Time: 1}, {Bytes: 1}, {Bytes: 20_000}, {Bytes: 100_000}, {Memory: 1}, {Memory: 4_000}, ample}
	w.stages(func() {
		for _, order := range []store.Order{store.NewestFirst, store.LongestFirst} {
			for _, b := range budgets {
				ask(order, nil, b)
				ask(order, store.Not{X: miss}, b)
			}
		}
	})
	if !cut[store.Budget{Bytes: 1}] {
		w.Error("no search was cut by a budget of one byte")
	}
	if cut[ample] {
		w.Error("a search was cut by a budget that sufficed")
	}
}

// rightRows checks that each row is one of whole, in its order; some may be missing.
func rightRows(rows, whole []store.Summary) error {
	for _, r := range rows {
		i := slices.IndexFunc(whole, func(s store.Summary) bool { return s.TraceID == r.TraceID })
		if i < 0 {
			return fmt.Errorf("row of trace %s is wrong, or not in order", r.TraceID)
		}
		if err := sameRow(r, whole[i]); err != nil {
			return err
		}
		whole = whole[i+1:]
	}
	return nil
}
