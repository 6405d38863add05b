package layout_test

import (
	"testing"

	"github.com/weft-dev/weft/internal/server/api/layout"
	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/span"
)

// 50,000 spans, seven children to a span, in one service.
func BenchmarkAppend(b *testing.B) {
	batch := &span.Batch{Resources: []span.Resource{{}}, Scopes: []span.Scope{{}}}
	id := func(i int) span.SpanID { return span.SpanID{5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)} }
	for i := 1; i <= 50_000; i++ {
		s := span.Span{SpanID: id(i), Start: int64(i), End: int64(i + 5), Name: "op"}
		if i > 1 {
			s.Parent = id(max(1, i/7))
		}
		batch.Spans = append(batch.Spans, s)
	}
	b.ReportAllocs()
	for b.Loop() {
		data, err := layout.Append(nil, tree.Build(batch), layout.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(data)))
	}
}
