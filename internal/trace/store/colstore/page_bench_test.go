package colstore

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// The size of a page against the bytes of a span and the time of a trace by id. Each run reads
// a trace from a warm file, with its lookup.
func BenchmarkPageSpans(b *testing.B) {
	s, _ := benchShop(b)
	all := s.mergedTraces(ctx, s.view.parts, func(TraceKey) bool { return false })
	for _, spans := range []int{256, 512, 1024, 2048, 4096, 8192, 16384} {
		b.Run(fmt.Sprint(spans), func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "part")
			m, err := part.Write(ctx, vfs.OS{}, dir, part.Options{PageSpans: spans, Level: mergeLevel}, all)
			if err != nil {
				b.Fatal(err)
			}
			p, err := part.Open(vfs.OS{}, dir, part.NewCache(32<<20))
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			var keys []TraceKey
			for t, err := range all {
				if err != nil {
					b.Fatal(err)
				}
				keys = append(keys, TraceKey{t.Tenant, t.ID})
			}
			read := func(n int) {
				k := keys[n*7919%len(keys)]
				loc, ok, err := p.Lookup(k.Tenant, k.ID)
				if err != nil || !ok {
					b.Fatal(ok, err)
				}
				if _, err := p.ReadTrace(ctx, loc); err != nil {
					b.Fatal(err)
				}
			}
			for n := range 100 { // tables of the groups
				read(n)
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				read(n)
			}
			b.ReportMetric(float64(m.Bytes)/float64(m.Spans), "B/span")
		})
	}
}
