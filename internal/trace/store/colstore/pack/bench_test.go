package pack

import (
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/arena"
	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// benchRequests is the fixed input of the benchmarks: 100,000 spans of a shop.
func benchRequests(b *testing.B) (list []*span.Batch, spans int) {
	config := workload.Config{World: workload.Shop(), Seed: 1, Spans: 100_000, From: time.Unix(1_760_000_400, 0), Over: 30 * time.Minute}
	for r, err := range config.Requests(nil) {
		if err != nil {
			b.Fatal(err)
		}
		batch, _, err := otlp.Decode(append([]byte(nil), r.Body...), otlp.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		list, spans = append(list, batch), spans+len(batch.Spans)
	}
	return list, spans
}

// An operation is all of them.
func BenchmarkPack(b *testing.B) {
	list, spans := benchRequests(b)
	a := arena.NewPool(1 << 30).New()
	table := NewTable(a)
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		table.Reset()
		a.Release()
		for _, batch := range list {
			packed(table, batch)
		}
		size = a.Used() + table.Bytes()
	}
	b.ReportMetric(float64(size)/float64(spans), "B/span")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(spans), "ns/span")
}

func BenchmarkRead(b *testing.B) {
	list, spans := benchRequests(b)
	table := NewTable(arena.NewPool(1 << 30).New())
	var all []*Rows
	for _, batch := range list {
		all = append(all, packed(table, batch))
	}
	var r Reader
	b.ReportAllocs()
	for b.Loop() {
		for _, rows := range all {
			r.All(rows)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(spans), "ns/span")
}
