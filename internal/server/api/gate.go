package api

import (
	"context"
	"fmt"
	"sync"
)

const (
	// openTraces is how many whole traces are read and encoded at once; a large one takes
	// hundreds of megabytes. Others wait, since most take a millisecond.
	openTraces = 4
	// maxTails is how many live tails of a tenant are open at once.
	maxTails = 64
)

// gate bounds work that is heavy on memory.
type gate chan struct{}

// enter waits for a place; leave gives it back.
func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }

// tally counts what each tenant has open. The zero value is ready.
type tally struct {
	mu   sync.Mutex
	open map[string]int // no entry where there is none. Guarded by mu.
}

// add counts one more, or refuses with ErrBusy.
func (t *tally) add(tenant string, most int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[tenant] >= most {
		return fmt.Errorf("%d are open: %w", most, ErrBusy)
	}
	if t.open == nil {
		t.open = map[string]int{}
	}
	t.open[tenant]++
	return nil
}

func (t *tally) remove(tenant string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[tenant]--; t.open[tenant] == 0 {
		delete(t.open, tenant)
	}
}
