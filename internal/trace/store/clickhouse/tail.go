package clickhouse

import (
	"context"
	"iter"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Tail shows what this process applies from the call on.
func (s *Store) Tail(ctx context.Context, tenant string) iter.Seq2[*span.Batch, error] {
	since := s.cfg.Clock.Now()
	return s.tails.Read(ctx, s.ctx.Done(), tenant, func(b *span.Batch) *span.Batch {
		return s.deleted.hide(b, tenant, since, s.cfg.Clock.Now())
	})
}

// copyOf is a batch for readers: the caller's goes on to be used.
func copyOf(b *span.Batch) *span.Batch {
	var w span.Builder
	for i := range b.Spans {
		w.Append(b, i)
	}
	out := w.Batch()
	out.CopyTexts()
	return out
}
