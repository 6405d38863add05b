package clickhouse

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// tailDepth is how many batches a tail reader may be behind before it loses some.
const tailDepth = 256

// tails are the live readers of this process. publish never blocks, and gives all readers
// one copy of the batch, which is the caller's.
type tails struct {
	mu   sync.Mutex
	subs map[*subscriber]struct{} // Guarded by mu.
}

type subscriber struct {
	tenant  string
	since   time.Time // of the call
	batches chan *span.Batch
	lost    int // spans. Guarded by tails.mu.
}

func (t *tails) publish(tenant string, b *span.Batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var copied *span.Batch
	for sub := range t.subs {
		if sub.tenant != tenant {
			continue
		}
		if copied == nil {
			copied = copyOf(b)
		}
		select {
		case sub.batches <- copied:
		default:
			sub.lost += len(b.Spans)
		}
	}
}

func copyOf(b *span.Batch) *span.Batch {
	var w span.Builder
	for i := range b.Spans {
		w.Append(b, i)
	}
	out := w.Batch()
	out.CopyTexts()
	return out
}

func (t *tails) add(sub *subscriber) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.subs == nil {
		t.subs = map[*subscriber]struct{}{}
	}
	t.subs[sub] = struct{}{}
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
// between is missed. It shows what this process applies.
func (s *Store) Tail(ctx context.Context, tenant string) iter.Seq2[*span.Batch, error] {
	sub := &subscriber{tenant: tenant, since: s.cfg.Clock.Now(), batches: make(chan *span.Batch, tailDepth)}
	s.tails.add(sub)
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
			case <-s.ctx.Done():
				return
			case b := <-sub.batches:
				if b = s.deleted.hide(b, tenant, sub.since, s.cfg.Clock.Now()); len(b.Spans) > 0 && !yield(b, nil) {
					return
				}
			}
		}
	}
}
