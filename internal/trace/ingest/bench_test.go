package ingest

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/ingest/log/file"
	"github.com/weft-dev/weft/internal/trace/store"
)

// BenchmarkSubmit measures requests of 100 spans through admission and a log on the disk
// of the temporary folder, one sender alone and many at once; the store does nothing.
func BenchmarkSubmit(b *testing.B) {
	for name, senders := range map[string]int{"alone": 1, "many": 64} {
		b.Run(name, func(b *testing.B) {
			l, err := file.Open(file.Config{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			st := newStore()
			st.hook(func(r store.Record) error {
				st.mu.Lock()
				defer st.mu.Unlock()
				st.durable = max(st.durable, r.Pos)
				clear(st.records)
				return nil
			})
			p, err := New(Config{Log: l, Store: st, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() {
				if err := p.Close(context.Background()); err != nil {
					b.Error(err)
				}
				if err := l.Close(); err != nil {
					b.Error(err)
				}
			})
			if _, err := p.Replay(b.Context()); err != nil {
				b.Fatal(err)
			}
			template := body(1, 100)
			at := len(template) - 8 // the end time of the last span makes each request differ
			var n atomic.Uint64
			submit := func() {
				req := append([]byte(nil), template...)
				binary.LittleEndian.PutUint64(req[at:], n.Add(1)+1_700_000_000_000_000_000)
				if _, err := p.Submit(b.Context(), Request{Tenant: DefaultTenant, Body: req}); err != nil {
					b.Error(err)
				}
			}
			b.SetBytes(int64(len(template)))
			b.ReportAllocs()
			if senders == 1 {
				for b.Loop() {
					submit()
				}
				return
			}
			b.SetParallelism(senders)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					submit()
				}
			})
		})
	}
}

// BenchmarkDigest measures the naming of a request of 64 KiB.
func BenchmarkDigest(b *testing.B) {
	req := make([]byte, 64<<10)
	b.SetBytes(int64(len(req)))
	var d log.Digest
	for b.Loop() {
		d = digestOf(DefaultTenant, req)
	}
	_ = d
}
