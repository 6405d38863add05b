package file

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// BenchmarkAppend measures durable appends on the disk of the temporary folder, alone and
// with many at once.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10} {
		for _, writers := range []int{1, 64} {
			b.Run(fmt.Sprintf("bytes=%d/writers=%d", size, writers), func(b *testing.B) {
				l := openBench(b, Config{Dir: b.TempDir(), LimitBytes: 1 << 30})
				payload := bytes.Repeat([]byte("span"), size/4)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.SetParallelism(writers)
				var n atomic.Int64
				one := func() {
					if n.Add(1)%1000 == 0 {
						if err := l.Trim(l.Last()); err != nil {
							b.Error(err)
						}
					}
					if _, err := l.Append(b.Context(), log.Record{Tenant: "default", Arrival: time.Unix(1, 0), Payload: payload}); err != nil {
						b.Error(err)
					}
				}
				if writers == 1 {
					for b.Loop() {
						one()
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						one()
					}
				})
			})
		}
	}
}

// BenchmarkRead measures reading a log near its default limit, as a start does.
func BenchmarkRead(b *testing.B) {
	l := openBench(b, Config{Dir: b.TempDir()})
	payload := bytes.Repeat([]byte("span"), 16<<10)
	for l.Size() < 100<<20 {
		if _, err := l.Append(b.Context(), log.Record{Tenant: "default", Arrival: time.Unix(1, 0), Payload: payload}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(l.Size())
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range l.Read(b.Context(), 1) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func openBench(b *testing.B, cfg Config) *Log {
	b.Helper()
	l, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}
