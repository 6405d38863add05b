package colstore

import (
	"context"
	"iter"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
)

// Tail shows what is applied from the call on.
func (s *Store) Tail(ctx context.Context, tenant string) iter.Seq2[*span.Batch, error] {
	return s.tails.Read(ctx, s.stop, tenant, func(b *span.Batch) *span.Batch { return s.deleted.without(tenant, b) })
}

// copy is the block's spans, in memory of their own.
func (b *block) copy() *span.Batch {
	var r pack.Reader
	held := r.All(b.rows)
	out := build(rows(held, 0, len(held.Spans)))
	out.CopyTexts()
	return out
}

// without is the spans that are not deleted.
func (d *deleted) without(tenant string, b *span.Batch) *span.Batch {
	if d.none() {
		return b
	}
	var w span.Builder
	for i := range b.Spans {
		if !d.has(TraceKey{tenant, b.Spans[i].TraceID}) {
			w.Append(b, i)
		}
	}
	return w.Batch()
}
