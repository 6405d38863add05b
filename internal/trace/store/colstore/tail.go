package colstore

import (
	"context"
	"iter"
	"sync"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// tailDepth is how many batches a tail reader may be behind before it loses some.
const tailDepth = 256

// tails are the live readers. publish never blocks: a slow reader loses batches, and is
// told how many spans that were.
type tails struct {
	mu   sync.Mutex
	subs map[*subscriber]struct{} // Guarded by mu.
}

type subscriber struct {
	tenant  string
	batches chan *span.Batch
	lost    int // spans. Guarded by tails.mu.
}

// publish gives all readers one copy of a block's spans.
func (t *tails) publish(b *block) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var batch *span.Batch
	for sub := range t.subs {
		if sub.tenant != b.tenant {
			continue
		}
		if batch == nil {
			batch = b.copy()
		}
		select {
		case sub.batches <- batch:
		default:
			sub.lost += len(batch.Spans)
		}
	}
}

func (t *tails) add(tenant string) *subscriber {
	sub := &subscriber{tenant: tenant, batches: make(chan *span.Batch, tailDepth)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.subs == nil {
		t.subs = map[*subscriber]struct{}{}
	}
	t.subs[sub] = struct{}{}
	return sub
}

func (t *tails) remove(sub *subscriber) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.subs, sub)
}

func (t *tails) takeLost(sub *subscriber) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := sub.lost
	sub.lost = 0
	return n
}

// Tail subscribes at the call, not at the first iteration, so that nothing applied in
// between is missed. The sequence must be ranged over once.
func (s *Store) Tail(ctx context.Context, tenant string) iter.Seq2[*span.Batch, error] {
	sub := s.tails.add(tenant)
	stop := context.AfterFunc(ctx, func() { s.tails.remove(sub) })
	return func(yield func(*span.Batch, error) bool) {
		defer stop()
		defer s.tails.remove(sub)
		for {
			if n := s.tails.takeLost(sub); n > 0 && !yield(nil, &store.LagError{Spans: n}) {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-s.stop:
				return
			case b := <-sub.batches:
				if batch := s.deleted.without(tenant, b); len(batch.Spans) > 0 && !yield(batch, nil) {
					return
				}
			}
		}
	}
}

// copy is the block's spans that count.
func (b *block) copy() *span.Batch {
	var w span.Builder
	for i := range b.indexes {
		w.Append(b.batch, i)
	}
	out := w.Batch()
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
