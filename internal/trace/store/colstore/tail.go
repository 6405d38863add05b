package colstore

import (
	"context"
	"iter"
	"sync"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// tailDepth is how many blocks a tail reader may be behind before it loses some.
const tailDepth = 256

// tails are the live readers. publish never blocks: a slow reader loses blocks, and is
// told how many spans that were.
type tails struct {
	mu   sync.Mutex
	subs map[*subscriber]struct{} // Guarded by mu.
}

type subscriber struct {
	tenant string
	blocks chan *block
	lost   int // spans. Guarded by tails.mu.
}

func (t *tails) publish(b *block) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for sub := range t.subs {
		if sub.tenant != b.tenant {
			continue
		}
		select {
		case sub.blocks <- b:
		default:
			for range b.indexes {
				sub.lost++
			}
		}
	}
}

func (t *tails) add(tenant string) *subscriber {
	sub := &subscriber{tenant: tenant, blocks: make(chan *block, tailDepth)}
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
			case b := <-sub.blocks:
				if batch := b.spans(&s.deleted); len(batch.Spans) > 0 && !yield(batch, nil) {
					return
				}
			}
		}
	}
}

// spans is the block's spans that count and are not deleted since, as a batch.
func (b *block) spans(d *deleted) *span.Batch {
	if b.live == nil && d.none() {
		return b.batch
	}
	var w span.Builder
	for i := range b.indexes {
		if !d.has(TraceKey{b.tenant, b.batch.Spans[i].TraceID}) {
			w.Append(b.batch, i)
		}
	}
	return w.Batch()
}
