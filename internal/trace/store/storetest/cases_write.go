package storetest

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// visibleAtOnce: a record is in every answer when Apply has returned, and stays there.
func visibleAtOnce(w *world) {
	for n := range uint64(5) {
		w.apply("default", batch(
			sp{trace: n + 1, id: 1, service: "gateway", name: "GET /", start: time.Second, end: 2 * time.Second},
			sp{trace: n + 1, id: 2, parent: 1, service: "payment", name: "charge", start: time.Second, end: 2 * time.Second, failed: true},
		))
		w.check(w.trace("default", traceID(n+1)))
		w.check(w.rows(store.Query{Tenant: "default", Window: all(), Limit: 10, Filter: eq(attr(store.ScopeResource, "service.name"), span.String("payment"))}))
		w.check(w.scan("default", all()))
		w.check(w.calls("default", all()))
		if n == 2 {
			w.flush()
		}
	}
	w.stages(func() {
		w.check(w.everything("default"))
		w.check(w.calls("default", all()))
		names, err := w.store.Names(w.Context(), store.NameQuery{Tenant: "default", Kind: store.ServiceNames, Window: all(), Limit: 10})
		if err != nil || len(names) != 2 {
			w.Errorf("service names %v, %v; want gateway and payment", names, err)
		}
	})
}

// lossless: every field, kind of value and oddity comes back as it was sent.
func lossless(w *world) {
	g := gen.New(1)
	for range 12 {
		w.apply("default", g.Batch(60))
	}
	w.apply("default", everyKind())
	marked := batch(sp{trace: 99, id: 1, service: "marked"})
	marked.Spans[0].Marks = span.MarkTruncated | span.MarkInvalidUTF8
	w.apply("default", marked)
	w.stages(func() {
		w.check(w.everything("default"))
		if b, err := w.store.Trace(w.Context(), "default", traceID(99)); err == nil && b.Spans[0].Marks != marked.Spans[0].Marks {
			w.Errorf("marks come back as %d, want %d", b.Spans[0].Marks, marked.Spans[0].Marks)
		}
	})
}

// everyKind is a span, event, link, scope and resource with a value of every kind, and
// with all other fields set.
func everyKind() *span.Batch {
	values := []span.Value{
		{Kind: span.ValueAbsent},
		{Kind: span.ValueEmpty},
		span.String(""), span.String("a\x00b\xff"), span.Bool(true), span.Bool(false),
		span.Int(math.MinInt64), span.Int(math.MaxInt64), span.Int(0), span.Double(math.Copysign(0, -1)), span.Double(math.SmallestNonzeroFloat64),
		{Kind: span.ValueDouble, Num: 0x7ff8000000000123},
		{Kind: span.ValueBytes},
		{Kind: span.ValueBytes, Str: "\x00\x01"},
		gen.Array(), gen.Array(span.String("x"), gen.Array(span.Int(1)), span.Value{Kind: span.ValueEmpty}),
		{Kind: span.ValueMap},
		{Kind: span.ValueMap, Str: "\x0a\x07\x0a\x01k\x12\x02\x18\x05"},
		{Kind: span.ValueOpaque, Str: "\xf2\x06\x03new"},
	}
	b := &span.Batch{AttrUnknown: map[uint32]string{}}
	attrs := func() span.Range {
		from := uint32(len(b.Attrs))
		for i, v := range values {
			b.Attrs = append(b.Attrs, span.Attr{Key: fmt.Sprint("key", i), Value: v})
		}
		b.Attrs = append(b.Attrs, span.Attr{Key: "key2", Value: span.Int(2)}, span.Attr{}) // again, and no key
		b.AttrUnknown[from+3] = "\xa0\x06\x01"
		return span.Range{From: from, To: uint32(len(b.Attrs))}
	}
	b.Resources = []span.Resource{{Attrs: attrs(), Dropped: 1, SchemaURL: "r", Present: true, Unknown: "\xa0\x06\x02", GroupUnknown: "\xa0\x06\x03"}}
	b.Scopes = []span.Scope{{Name: "n", Version: "v", Attrs: attrs(), Dropped: 2, SchemaURL: "s", Present: true, Unknown: "\xa0\x06\x04", GroupUnknown: "\xa0\x06\x05"}}
	s := span.Span{
		TraceID: traceID(98), SpanID: spanID(1), Parent: spanID(2), Start: 1, End: math.MaxInt64, Kind: 77, Status: -3,
		Flags: math.MaxUint32, Presence: span.HasStatus, Name: "n\xff", TraceState: "a=b", StatusMessage: "m", Attrs: attrs(),
		DroppedAttrs: math.MaxUint32, DroppedEvents: 4, DroppedLinks: 5, Unknown: "\xa0\x06\x06", StatusUnknown: "\xa0\x06\x07",
	}
	b.Events = []span.Event{
		{Time: math.MaxInt64, Name: "e", Attrs: attrs(), Dropped: 6, Unknown: "\xa0\x06\x08"},
		{}, // an event without anything
	}
	b.Links = []span.Link{
		{TraceID: traceID(1), SpanID: spanID(9), Flags: math.MaxUint32, TraceState: "t", Attrs: attrs(), Dropped: 7, Unknown: "\xa0\x06\x09"},
		{}, // a link to nowhere
	}
	s.Events, s.Links = span.Range{To: 2}, span.Range{To: 2}
	bare := span.Span{TraceID: traceID(98), SpanID: spanID(3), Scope: 1}
	b.Resources = append(b.Resources, span.Resource{}) // no Resource message, no scope message
	b.Scopes = append(b.Scopes, span.Scope{Resource: 1})
	statusSent := bare // differs from bare only in that it had a Status message
	statusSent.Presence = span.HasStatus
	b.Spans = []span.Span{s, bare, statusSent}
	return b
}

// oneSpanOnce: however often, in whatever batches and at whatever stage a span is sent,
// it is one span in every answer and count.
func oneSpanOnce(w *world) {
	b := gen.New(2).Batch(120)
	send := func(size int) {
		for from := 0; from < len(b.Spans); from += size {
			var part span.Builder
			for i := from; i < min(from+size, len(b.Spans)); i++ {
				part.Append(b, i)
			}
			w.apply("default", part.Batch())
		}
	}
	same := func() {
		w.check(w.everything("default"))
		g := gen.New(3)
		for range 20 {
			w.check(w.rows(g.Query("default")))
		}
	}
	send(120)
	send(1) // inside the head
	same()
	w.flush()
	send(7) // across a flush
	same()
	w.reopen(0)
	send(50) // across a restart
	w.flush()
	same()
	w.merge()
	same()
	send(33) // across a merge
	w.stages(same)
}

// sameIDs: spans that share ids and differ in anything else are several spans.
func sameIDs(w *world) {
	one := sp{trace: 1, id: 1, service: "a", name: "n", start: time.Second, end: 2 * time.Second}
	variants := []func(*sp){
		func(s *sp) {}, func(s *sp) { s.name = "other" }, func(s *sp) { s.service = "b" }, func(s *sp) { s.end += time.Second },
		func(s *sp) { s.start -= time.Second }, func(s *sp) { s.parent = 7 }, func(s *sp) { s.failed = true }, func(s *sp) { s.kind = span.KindServer },
		func(s *sp) { s.attrs = []span.Attr{text("k", "v")} }, func(s *sp) { s.attrs = []span.Attr{text("k", "w")} },
		func(s *sp) { s.attrs = []span.Attr{text("k", "v"), text("k", "v")} },
		func(s *sp) { s.attrs = []span.Attr{{Key: "k", Value: span.Value{Kind: span.ValueBytes, Str: "v"}}} },
		func(s *sp) { s.events = []span.Event{{Name: "e"}} }, func(s *sp) { s.events = []span.Event{{Name: "e", Time: 1}} },
	}
	for i, change := range variants {
		v := one
		change(&v)
		w.apply("default", batch(v))
		if i == len(variants)/2 {
			w.flush()
		}
	}
	scoped := batch(one)
	scoped.Scopes[0].Version = "2" // the same span of another scope
	w.apply("default", scoped)
	if n := len(w.model.Trace("default", traceID(1)).Spans); n != len(variants)+1 {
		w.Fatalf("the model holds %d spans of one id, want %d", n, len(variants)+1)
	}
	w.stages(func() { w.check(w.everything("default")) })
}

// tenants: each sees its own spans, also where trace ids are the same.
func tenants(w *world) {
	g := gen.New(4)
	names := []string{"a", "b", "", "a\x00b", "très-long-tenant-name/with:odd characters"}
	for range 3 {
		for _, tenant := range names {
			w.apply(tenant, g.Batch(30)) // of the same dozen traces
		}
	}
	w.stages(func() {
		for _, tenant := range append(names, "nobody") {
			w.check(w.everything(tenant))
			w.check(w.rows(g.Query(tenant)))
			if got, err := w.store.Names(w.Context(), store.NameQuery{Tenant: tenant, Kind: store.ServiceNames, Window: all(), Limit: 100}); err != nil || len(got) > 0 && tenant == "nobody" {
				w.Errorf("services of tenant %q: %v, %v", tenant, got, err)
			}
		}
	})
	b := batch(sp{trace: 50, id: 1, service: "only-a", name: "x"})
	w.apply("a", b)
	w.check(w.trace("b", traceID(50)))
	w.check(w.rows(store.Query{Tenant: "b", Window: all(), Limit: 9, Filter: eq(attr(store.ScopeAny, "service.name"), span.String("only-a"))}))
}

// logPositions: records may come in any order; Applied moves only over an unbroken run of
// them, and Digests tells of what the log may forget.
func logPositions(w *world) {
	since := w.clock.Now()
	b := func(n uint64) *span.Batch { return batch(sp{trace: n, id: 1, service: "s", name: "n"}) }
	record := func(pos uint64) store.Record {
		return store.Record{Pos: log.Position(pos), Tenant: "default", Arrival: w.clock.Now(), Digest: log.Digest{byte(pos)}, Batch: b(pos), Bytes: 100}
	}
	if got := w.store.Applied(); got != 0 {
		w.Errorf("an empty store says it holds record %d", got)
	}
	records := []store.Record{record(1), record(2), record(3), record(4)}
	for _, i := range []int{0, 2, 3} { // 2 is still on its way
		w.replay(records[i])
		w.model.Apply("default", records[i].Batch)
	}
	if err := w.store.Flush(w.Context()); err != nil {
		w.Fatalf("flush: %v", err)
	}
	if got := w.store.Applied(); got > 1 {
		w.Errorf("the store says it holds record %d, and record 2 was never applied", got)
	}
	w.check(w.everything("default"))
	w.store = w.inst.Reopen(w)
	w.log = records
	w.recover(0)
	w.model.Apply("default", records[1].Batch)
	w.flush()
	w.check(w.everything("default"))

	found := map[log.Digest]bool{}
	for d := range w.store.Digests(since) {
		found[d] = true
	}
	for _, r := range records {
		if !found[r.Digest] {
			w.Errorf("Digests does not tell of record %d, which the log may have forgotten", r.Pos)
		}
	}
	for d, arrival := range w.store.Digests(w.clock.Now()) {
		w.Errorf("Digests since now tells of %x, which arrived at %v", d, arrival)
	}
}

// concurrent: readers see whole records and right counts while others write.
func concurrent(w *world) {
	const writers, each = 4, 15
	var wg sync.WaitGroup
	record := func(n int) *span.Batch {
		g := gen.New(uint64(n))
		return g.Batch(20)
	}
	errs := make(chan error, 2*writers+1)
	for k := range writers {
		wg.Go(func() {
			for n := range each {
				pos := log.Position(k*each + n + 1)
				b := record(int(pos))
				r := store.Record{Pos: pos, Tenant: "default", Arrival: w.clock.Now(), Batch: b, Bytes: 4000}
				if err := w.store.Apply(w.Context(), r); err != nil {
					errs <- fmt.Errorf("apply record %d: %w", pos, err)
					return
				}
				id := b.Spans[0].TraceID
				if got, err := w.store.Trace(w.Context(), "default", id); err != nil || len(got.Spans) == 0 {
					errs <- fmt.Errorf("trace %s right after its record %d: %w", id, pos, err)
					return
				}
			}
		})
		wg.Go(func() {
			for range each {
				rows, err := w.search(store.Query{Tenant: "default", Window: all(), Limit: 1000})
				if err != nil {
					errs <- err
					return
				}
				for i := range rows[min(1, len(rows)):] {
					if rows[i].Cursor().Compare(rows[i+1].Cursor()) >= 0 {
						errs <- fmt.Errorf("row %d is not behind row %d while others write", i+1, i)
						return
					}
				}
			}
		})
	}
	wg.Go(func() {
		for range 5 {
			if err := w.store.Flush(w.Context()); err != nil {
				errs <- fmt.Errorf("flush: %w", err)
				return
			}
		}
	})
	wg.Wait()
	close(errs)
	for err := range errs {
		w.Error(err)
	}
	for n := range writers * each {
		w.model.Apply("default", record(n+1))
	}
	w.check(w.everything("default"))
}
