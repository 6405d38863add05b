package part

import (
	"context"
	"testing"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// benchTraces is the fixed input of the benchmarks: 50,000 spans of small traces.
func benchTraces() []Trace { return newSource(1).small(50_000) }

func BenchmarkWrite(b *testing.B) {
	list := benchTraces()
	var m Meta
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if m, err = Write(context.Background(), vfs.NewMem(), "p", Options{}, sequence(list)); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(m.Bytes)
	b.ReportMetric(float64(m.Bytes)/float64(m.Spans), "B/span")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(m.Spans), "ns/span")
}

// One page of 2,048 spans, with the columns of typical searches.
func BenchmarkReadPage(b *testing.B) {
	p, _ := written(b, Options{}, benchTraces())
	pages, err := p.Groups()[0].Pages()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		columns Columns
	}{
		{"all", All()},
		{"duration", ColumnsOf([]store.Field{{Intrinsic: store.Duration}})},
		{"attribute", ColumnsOf([]store.Field{{Scope: store.ScopeAny, Name: "many"}})},
		{"text", ColumnsOf([]store.Field{{Scope: store.ScopeSpan, Name: "unique"}})},
	} {
		b.Run(c.name, func(b *testing.B) {
			scan := NewScan(c.columns)
			b.ReportAllocs()
			b.SetBytes(pages[0].Stats().Bytes)
			for i := 0; b.Loop(); i++ {
				if _, err := scan.Read(context.Background(), pages[i%(len(pages)-1)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReadTrace(b *testing.B) {
	list := benchTraces()
	p, _ := written(b, Options{}, list)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tr := &list[i*37%len(list)]
		loc, ok, err := p.Lookup(tr.Tenant, tr.ID)
		if err != nil || !ok {
			b.Fatal(ok, err)
		}
		if _, err := p.ReadTrace(context.Background(), loc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookupUnknown(b *testing.B) {
	p, _ := written(b, Options{}, benchTraces())
	var id span.TraceID
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id[0], id[1] = byte(i), byte(i>>8)
		if _, ok, err := p.Lookup("t", id); ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// What a group costs that has nothing of what is looked for.
func BenchmarkMayMatch(b *testing.B) {
	p, _ := written(b, Options{}, benchTraces())
	g := p.Groups()[0]
	for _, key := range []string{"few", "many", "unique", "no such key"} {
		b.Run(key, func(b *testing.B) {
			term := store.Term{Field: store.Field{Scope: store.ScopeAny, Name: key}, Value: store.Literal{Value: span.String("no such value")}}
			filter := NewFilter([][]store.Term{{term}})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := filter.In(g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	_, fs := written(b, Options{}, benchTraces())
	cache := NewCache(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		p, err := Open(fs, "p", cache)
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
