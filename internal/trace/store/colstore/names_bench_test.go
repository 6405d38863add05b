package colstore

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// traffic is n traces of eight spans from the given number on, one every 10 ms. One in
// twenty has its last spans in the next call, as a trace under way when a head is flushed.
func traffic(from, n int) *span.Batch {
	b := &span.Batch{}
	for svc := range 10 {
		at := uint32(len(b.Attrs))
		b.Attrs = append(b.Attrs, span.Attr{Key: "service.name", Value: span.String(fmt.Sprint("service-", svc))})
		b.Resources = append(b.Resources, span.Resource{Present: true, Attrs: span.Range{From: at, To: at + 1}})
		b.Scopes = append(b.Scopes, span.Scope{Resource: uint32(svc), Present: true})
	}
	add := func(trace, i int) {
		var id span.TraceID
		binary.BigEndian.PutUint64(id[:], uint64(trace+1)*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint64(id[8:], uint64(trace+1)*0xbf58476d1ce4e5b9)
		at := uint32(len(b.Attrs))
		b.Attrs = append(b.Attrs, span.Attr{Key: "http.method", Value: span.String([]string{"GET", "POST"}[trace%2])},
			span.Attr{Key: "order.id", Value: span.String(fmt.Sprint("order-", trace))})
		s := span.Span{
			TraceID: id, SpanID: span.SpanID{7: byte(i + 1)}, Scope: uint32((trace + i) % 10), Name: fmt.Sprint("operation-", (trace+i)%50),
			Start: 1_760_000_000e9 + int64(trace)*10e6 + int64(i)*1e6, Attrs: span.Range{From: at, To: at + 2},
		}
		s.End = s.Start + 5e6
		b.Spans = append(b.Spans, s)
	}
	for trace := from; trace < from+n; trace++ {
		last := 8
		if trace%20 == 0 {
			last = 4
		}
		for i := range last {
			add(trace, i)
		}
		if before := trace - n; trace%20 == 0 && before >= 0 && before%20 == 0 {
			for i := 4; i < 8; i++ {
				add(before, i)
			}
		}
	}
	return b
}

// manyParts is a store of parts of 2,500 traces each and no merges, and such a head.
func manyParts(tb testing.TB, parts int) *Store {
	tb.Helper()
	s, err := openQuiet(Config{FS: vfs.NewMem(), Dir: "data/store", MergeFanIn: 1 << 20})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.closeQuiet() })
	for n := range parts + 1 {
		r := store.Record{
			Pos: log.Position(n + 1), Tenant: "default", Arrival: time.Unix(1_760_000_000+int64(n)*25, 0),
			Batch: traffic(n*2500, 2500), Bytes: 1,
		}
		if err := s.Apply(ctx, r); err != nil {
			tb.Fatal(err)
		}
		if n == parts {
			break
		}
		if err := s.Flush(ctx); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

var everyService = store.NameQuery{Tenant: "default", Kind: store.ServiceNames, Window: store.Window{End: 1<<63 - 1}}

// Names over 60 parts of 20,000 spans and a head as large, nothing held twice.
func BenchmarkNames(b *testing.B) {
	s := manyParts(b, 60)
	if _, err := s.Names(ctx, everyService); err != nil { // looks for copies
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		kind store.NameKind
	}{{"services", store.ServiceNames}, {"operations", store.OperationNames}, {"keys", store.AttributeKeys}} {
		q := everyService
		q.Kind = c.kind
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if list, err := s.Names(ctx, q); err != nil || len(list) == 0 {
					b.Fatal(list, err)
				}
			}
		})
	}
}

// The first Names after a start looks at all of these parts, the first after a flush at
// one.
func BenchmarkNamesFirst(b *testing.B) {
	s := manyParts(b, 60)
	first := func(name string, parts int) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, p := range s.view.parts[60-parts:] {
					p.copies = nil
				}
				s.view.copies.Store(nil)
				if list, err := s.Names(ctx, everyService); err != nil || len(list) == 0 {
					b.Fatal(list, err)
				}
			}
		})
	}
	first("start", 60)
	first("flush", 1)
}
