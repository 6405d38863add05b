package colstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Aggregate adds up the row groups that meet the window, several at a time, then the heads,
// and leaves out what is held twice.
func (s *Store) Aggregate(ctx context.Context, q store.AggregateQuery) (store.Aggregates, error) {
	if err := q.Check(); err != nil {
		return store.Aggregates{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Aggregates{}, err
	}
	// Before the view: what is purged meanwhile may be in it.
	var hidden map[TraceKey]bool
	if !s.deleted.none() {
		hidden = s.deleted.unpurged(time.Time{})
	}
	defer s.ask()()
	v := s.acquire()
	defer s.release(v)
	blocks := make([][]*block, len(v.heads))
	for i, h := range v.heads {
		blocks[i] = h.snapshot()
	}
	started := s.cfg.Clock.Now()
	for {
		twice, err := s.copiesIn(ctx, v, blocks)
		if err != nil {
			return store.Aggregates{}, err
		}
		a := &aggregation{s: s, q: q, started: started, twice: twice, blocks: blocks, hidden: hidden}
		out, err := a.run(ctx, v)
		if a.again.Load() && ctx.Err() == nil {
			continue // a part does not read: copies of what it has count
		}
		return out, err
	}
}

// aggregation is one run of Aggregate.
type aggregation struct {
	s       *Store
	q       store.AggregateQuery
	started time.Time
	twice   copies
	blocks  [][]*block        // of each head
	hidden  map[TraceKey]bool // deleted traces that may still be in parts

	bytes   atomic.Int64 // read so far
	memory  atomic.Int64 // held by all
	damaged atomic.Bool  // something that may have counted did not read
	failed  atomic.Pointer[error]
	again   atomic.Bool // twice is to be asked for once more, and all to be counted anew
}

// aggregateItem is a row group to be added up.
type aggregateItem struct {
	part  *livePart
	index int
	held  groupCopies
	// hides: the part has deleted traces.
	hides bool
}

func (a *aggregation) run(ctx context.Context, v *view) (store.Aggregates, error) {
	items := a.items(v)
	tallies := make([]*part.Tally, max(1, min(runtime.GOMAXPROCS(0), len(items))))
	var next atomic.Int64
	var all sync.WaitGroup
	for i := range tallies {
		var err error
		if tallies[i], err = part.NewTally(a.q); err != nil {
			return store.Aggregates{}, err
		}
		all.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(items) || a.failed.Load() != nil {
					return
				}
				if err := a.group(ctx, tallies[i], items[n]); err != nil {
					a.failed.CompareAndSwap(nil, &err) // the others need not go on
					return
				}
			}
		})
	}
	all.Wait()
	sum := tallies[0].Sum()
	var err error
	if failed := a.failed.Load(); failed != nil {
		err = *failed
	} else {
		err = a.heads(ctx, sum)
	}
	var partial *store.PartialError
	if err != nil && !errors.As(err, &partial) {
		return store.Aggregates{}, err
	}
	for _, t := range tallies[1:] {
		if err := sum.Merge(t.Sum()); err != nil {
			return store.Aggregates{}, err
		}
	}
	if err == nil && a.damaged.Load() {
		err = &store.PartialError{Reason: "damaged blocks were passed over; `weft store check` names them"}
	}
	return sum.Answer(), err
}

// items is the row groups that may have spans of the tenant in the window.
func (a *aggregation) items(v *view) []aggregateItem {
	var out []aggregateItem
	for _, p := range v.parts {
		var held map[int]groupCopies
		hides, known := false, false
		for i, g := range p.Groups() {
			st := g.Stats()
			if g.Tenant() != a.q.Tenant || st.MaxStart < a.q.Start || st.MinStart >= a.q.End {
				continue
			}
			if !known {
				known = true
				held = a.twice.of(p)
				var err error
				if hides, err = p.holdsAny(a.hidden); err != nil {
					hides = true // the directories of its pages tell
				}
			}
			out = append(out, aggregateItem{p, i, held[i], hides})
		}
	}
	return out
}

// group adds up the pages of a row group. Damage is noted and no error.
func (a *aggregation) group(ctx context.Context, t *part.Tally, it aggregateItem) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g := it.part.Groups()[it.index]
	more, err := t.Begin(g, len(it.held) == 0 && !it.hides)
	switch {
	case err != nil && more:
		a.s.noteCorrupt(it.part, err)
	case err != nil:
		return a.damage(ctx, it.part, err)
	case !more:
		return a.check(t)
	}
	pages, err := g.Pages()
	if err != nil {
		return a.damage(ctx, it.part, err)
	}
	for n, pg := range pages {
		if a.failed.Load() != nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		skip, err := a.skipped(it, n, pg)
		if err == nil {
			err = t.Page(ctx, pg, skip)
		}
		if err != nil {
			if err := a.damage(ctx, it.part, err); err != nil {
				return err
			}
		}
		if err := a.check(t); err != nil {
			return err
		}
		runtime.Gosched() // who waits for an answer goes first
	}
	return nil
}

// skipped is the rows of a page that do not count.
func (a *aggregation) skipped(it aggregateItem, n int, pg part.Page) (bitSet, error) {
	held := it.held[n]
	if !it.hides {
		return held, nil
	}
	dir, err := pg.Directory()
	if err != nil {
		return nil, err
	}
	skip := rowSet{}
	if held != nil {
		skip.union(rowSet{rowsAt{}: held})
	}
	for _, e := range dir {
		for row := e.First; a.hidden[TraceKey{a.q.Tenant, e.ID}] && row < e.First+e.Rows; row++ {
			skip.add(rowsAt{}, row, pg.Stats().Spans)
		}
	}
	return skip[rowsAt{}], nil
}

// damage notes a block that does not read; other errors end the run.
func (a *aggregation) damage(ctx context.Context, p *livePart, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, store.ErrTooManySeries) {
		return err
	}
	a.s.noteCorrupt(p, err)
	a.damaged.Store(true)
	if !p.unread.Swap(true) {
		a.again.Store(true)
	}
	return nil
}

// heads adds up the spans of the heads.
func (a *aggregation) heads(ctx context.Context, sum *store.Aggregator) error {
	held := a.memory.Load() - sum.Memory() // by the others
	var r pack.Reader
	for i, blocks := range a.blocks {
		for n, b := range blocks {
			if err := ctx.Err(); err != nil {
				return err
			}
			if b.tenant != a.q.Tenant || b.maxStart < a.q.Start || b.minStart >= a.q.End {
				continue
			}
			twice := a.twice.heads[i][rowsAt{page: int32(n)}]
			batch := r.All(b.rows)
			for k := range batch.Spans {
				if twice.has(k) || a.hidden[TraceKey{a.q.Tenant, batch.Spans[k].TraceID}] {
					continue
				}
				if err := sum.Add(batch, k); err != nil {
					return err
				}
			}
			a.bytes.Add(int64(len(batch.Spans)) * headSpanBytes)
			if err := a.over(held + sum.Memory()); err != nil {
				return err
			}
		}
	}
	return nil
}

// check enforces the budget between pages.
func (a *aggregation) check(t *part.Tally) error {
	bytes, memory := t.Grown()
	a.bytes.Add(bytes)
	return a.over(a.memory.Add(memory))
}

func (a *aggregation) over(memory int64) error {
	b := a.q.Budget
	switch {
	case b.Time > 0 && a.s.cfg.Clock.Now().Sub(a.started) > b.Time:
		return &store.PartialError{Reason: fmt.Sprintf("the query ran for %s, its limit", b.Time)}
	case b.Bytes > 0 && a.bytes.Load() > b.Bytes:
		return &store.PartialError{Reason: fmt.Sprintf("the query read %d bytes, its limit is %d", a.bytes.Load(), b.Bytes)}
	case b.Memory > 0 && memory > b.Memory:
		return &store.PartialError{Reason: fmt.Sprintf("the query held %d bytes, its limit is %d", memory, b.Memory)}
	}
	return nil
}
