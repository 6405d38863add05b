package colstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Parts read side by side give every trace once, with all its spans, in the order of a
// part: traces in one part and in several, on one page and on many, of several tenants,
// dropped and not.
func TestMergedTraces(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 41))
		s := openOn(t, vfs.NewMem(), func(c *Config) { c.MergeFanIn, c.PageSpans, c.GroupSpans = 1<<20, 1+r.IntN(9), 10+r.IntN(50) })
		want := map[TraceKey][]span.Span{}
		pos := log.Position(0)
		send := func(tenant string, id span.TraceID, spans int) {
			pos++
			b := &span.Batch{Resources: []span.Resource{{}}, Scopes: []span.Scope{{}}}
			for range spans {
				one := span.Span{TraceID: id, Start: r.Int64N(5000) + 1}
				one.End = one.Start + 1
				one.SpanID[0] = byte(len(want[TraceKey{tenant, id}]) + 1)
				b.Spans = append(b.Spans, one)
				want[TraceKey{tenant, id}] = append(want[TraceKey{tenant, id}], one)
			}
			if err := s.Apply(ctx, store.Record{Pos: pos, Tenant: tenant, Arrival: time.Unix(1, 0), Batch: b, Bytes: 1}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 + r.IntN(6) {
			for range 60 {
				// A third of the traces come again and again.
				id := span.TraceID{0: 7, 14: byte(r.IntN(256)), 15: byte(r.IntN(256))}
				if r.IntN(3) == 0 {
					id = span.TraceID{15: byte(r.IntN(10))}
				}
				send(fmt.Sprint("tenant-", r.IntN(3)), id, 1+r.IntN(12))
			}
			if err := s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		drop := func(k TraceKey) bool { return k.ID[15]%7 == 3 }
		type row struct {
			key   TraceKey
			start int64
		}
		var got []row
		for tr, err := range s.mergedTraces(ctx, s.view.parts, drop) {
			if err != nil {
				t.Fatal(err)
			}
			k := TraceKey{tr.Tenant, tr.ID}
			list := want[k]
			delete(want, k)
			slices.SortFunc(list, func(a, b span.Span) int { return compareSpans(&a, &b) })
			if drop(k) || !slices.EqualFunc(list, tr.Spans, func(a span.Span, b part.Ref) bool { return compareSpans(&a, b.Span()) == 0 && b.Span().TraceID == k.ID }) {
				t.Errorf("seed %d: trace %v has %d spans, want %d", seed, k, len(tr.Spans), len(list))
			}
			got = append(got, row{k, tr.Spans[0].Span().Start})
		}
		for k := range want {
			if !drop(k) {
				t.Errorf("seed %d: trace %v is missing", seed, k)
			}
		}
		if !slices.IsSortedFunc(got, func(a, b row) int { return comparePartOrder(a.key, a.start, b.key, b.start) }) {
			t.Errorf("seed %d: traces are not in the order of a part", seed)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What a merge holds of traces does not grow with their number, but with that of those in
// several parts.
func TestMergeHolds(t *testing.T) {
	s := openOn(t, vfs.NewMem(), func(c *Config) { c.MergeFanIn = 1 << 20 })
	defer s.Close()
	n := 0
	for range 5 {
		for range 50 {
			if err := s.Apply(ctx, record(n)); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if err := s.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	m := newMergeReader(s, s.view.parts, func(TraceKey) bool { return false })
	o, err := m.order(ctx)
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for {
		list, err := o.next()
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		n--
		held := 0
		for _, c := range o.cursors {
			held += cap(c.todo)
		}
		most = max(most, held)
	}
	if n != 0 || most == 0 || most > 5*8 {
		t.Errorf("%d traces missing; %d pieces held at once, of 250 traces in five parts of one trace a page", n, most)
	}
}

// All of a merge, and its reading side: half a million spans in 20 parts.
func BenchmarkMerge(b *testing.B) {
	s, _ := benchShopParts(b)
	parts, spans, bytes := s.view.parts, int64(0), int64(0)
	for _, p := range parts {
		spans, bytes = spans+p.Meta().Spans, bytes+p.Meta().Bytes
	}
	keep := func(TraceKey) bool { return false }
	measure := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(bytes)
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(spans), "ns/span")
		})
	}
	measure("order", func() error {
		o, err := newMergeReader(s, parts, keep).order(ctx)
		for list := []piece{{}}; err == nil && len(list) > 0; {
			list, err = o.next()
		}
		return err
	})
	measure("read", func() error {
		for _, err := range s.mergedTraces(ctx, parts, keep) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	measure("whole", func() error {
		opt := s.partOptions(time.Time{}, time.Time{})
		opt.Level = mergeLevel
		_, err := part.Write(ctx, vfs.OS{}, b.TempDir()+"/part", opt, s.mergedTraces(ctx, parts, keep))
		return err
	})
}
