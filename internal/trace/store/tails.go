package store

import (
	"context"
	"iter"
	"sync"

	"github.com/weft-dev/weft/internal/trace/span"
)

// tailDepth is how many batches a reader may be behind before it loses some.
const tailDepth = 256

// Tails are the live readers of an engine, for its Tail. They see what the engine's own
// process applies. The zero value has none. Safe for concurrent use.
type Tails struct {
	mu   sync.Mutex
	subs map[*tail]struct{} // Guarded by mu.
}

type tail struct {
	tenant  string
	batches chan *span.Batch
	lost    int // spans. Guarded by Tails.mu.
}

// Publish gives the tenant's readers what batch makes, which is called once if there are any.
// It never blocks: a slow reader loses batches, and is told how many spans that were.
func (t *Tails) Publish(tenant string, batch func() *span.Batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b *span.Batch
	for sub := range t.subs {
		if sub.tenant != tenant {
			continue
		}
		if b == nil {
			b = batch()
		}
		select {
		case sub.batches <- b:
		default:
			sub.lost += len(b.Spans)
		}
	}
}

// Read subscribes at the call, not at the first iteration, so that nothing published in
// between is missed. It ends with ctx or with closed; there leaves out of a batch what is
// deleted meanwhile. The sequence must be ranged over once.
func (t *Tails) Read(ctx context.Context, closed <-chan struct{}, tenant string, there func(*span.Batch) *span.Batch) iter.Seq2[*span.Batch, error] {
	sub := t.add(tenant)
	stop := context.AfterFunc(ctx, func() { t.remove(sub) })
	return func(yield func(*span.Batch, error) bool) {
		defer stop()
		defer t.remove(sub)
		for {
			if n := t.takeLost(sub); n > 0 && !yield(nil, &LagError{Spans: n}) {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-closed:
				return
			case b := <-sub.batches:
				if b = there(b); len(b.Spans) > 0 && !yield(b, nil) {
					return
				}
			}
		}
	}
}

func (t *Tails) add(tenant string) *tail {
	sub := &tail{tenant: tenant, batches: make(chan *span.Batch, tailDepth)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.subs == nil {
		t.subs = map[*tail]struct{}{}
	}
	t.subs[sub] = struct{}{}
	return sub
}

func (t *Tails) remove(sub *tail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.subs, sub)
}

func (t *Tails) takeLost(sub *tail) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := sub.lost
	sub.lost = 0
	return n
}
