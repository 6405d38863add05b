package colstore

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Search walks blocks (row groups, then their pages, and the records of the heads) from
// the newest span start down. A trace found with its newest match at key k is final, and
// yielded, once no block left can hold a span that starts at k or later: so a search
// stops as soon as it has its rows, and rows stream. Several cores take blocks off the
// queue's front at once, the more the more were read already, and complete rows; the first is
// read alone, since for many searches it is enough.
//
// A filter that needs the whole trace, and any search behind a cursor, decides a trace by
// reading it from all its sources, once.
func (s *Store) Search(ctx context.Context, q store.Query) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		defer s.ask()()
		v := s.acquire()
		defer s.release(v)
		x := &search{
			s: s, v: v, ctx: ctx, q: q, matcher: store.NewMatcher(q.Filter), started: s.cfg.Clock.Now(),
			found: map[span.TraceID]*candidate{}, done: map[span.TraceID]bool{},
		}
		x.required = x.matcher.Required()
		x.run(yield)
	}
}

// search is one run of Search. While its readers are at work it is not changed.
type search struct {
	s        *Store
	v        *view
	ctx      context.Context
	q        store.Query
	matcher  *store.Matcher
	required [][]store.Term
	started  time.Time
	bytes    int64 // read so far
	damaged  bool  // something that may have matched did not read

	readers []*reader // as many as have been of use
	queue   frontier
	found   map[span.TraceID]*candidate // not yielded yet
	// done: the trace was decided as a whole, or yielded; further hits mean nothing.
	done map[span.TraceID]bool
	rows int // yielded
}

// candidate is a trace with a match. Of whole is false, only Key and Matched of its
// summary are known yet, from the blocks read so far.
type candidate struct {
	store.Summary
	whole bool
}

// headSpanBytes is what a span in memory counts against a query's budget of bytes read.
const headSpanBytes = 400

// errStop ends a run whose caller wants no more.
var errStop = errors.New("stopped by the caller")

func (x *search) run(yield func(store.Summary, error) bool) {
	err := x.walk(yield)
	switch {
	case err == nil && x.damaged:
		yield(store.Summary{}, &store.PartialError{Reason: "damaged blocks were passed over; `weft store check` names them"})
	case err == nil, errors.Is(err, errStop):
	default:
		var partial *store.PartialError
		if errors.As(err, &partial) {
			// Only what no unread block can change is right.
			if e := x.emit(x.bound(), yield); e != nil {
				return
			}
		}
		yield(store.Summary{}, err)
	}
}

func (x *search) walk(yield func(store.Summary, error) bool) error {
	if err := x.check(); err != nil {
		return err
	}
	x.fill()
	cores := runtime.GOMAXPROCS(0)
	for read, next := 0, 1; len(x.queue) > 0; next = min(max(read/2, cores), 4*cores) {
		round := make([]frontierItem, min(next, len(x.queue)))
		read += len(round)
		for i := range round {
			round[i] = heap.Pop(&x.queue).(frontierItem)
		}
		if err := x.each(len(round), func(r *reader, i int) error { return round[i].expand(r) }); err != nil {
			return err
		}
		if err := x.take(); err != nil {
			return err
		}
		if err := x.check(); err != nil {
			return err
		}
		if x.q.Order != store.NewestFirst {
			continue
		}
		if err := x.emit(x.bound(), yield); err != nil {
			return err
		}
	}
	return x.emit(math.MinInt64, yield)
}

// bound is the latest start that a block not read yet can hold. Durations have no bound:
// a longest-first answer is final at the end only, and cut it is the longest so far.
func (x *search) bound() int64 {
	if len(x.queue) == 0 || x.q.Order != store.NewestFirst {
		return math.MinInt64
	}
	return x.queue[0].maxStart
}

// check enforces the budget between blocks.
func (x *search) check() error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	b := x.q.Budget
	switch {
	case b.Time > 0 && x.s.cfg.Clock.Now().Sub(x.started) > b.Time:
		return &store.PartialError{Reason: fmt.Sprintf("the query ran for %s, its limit", b.Time)}
	case b.Bytes > 0 && x.bytes > b.Bytes:
		return &store.PartialError{Reason: fmt.Sprintf("the query read %d bytes, its limit is %d", x.bytes, b.Bytes)}
	case b.Memory > 0 && x.memory() > b.Memory:
		return &store.PartialError{Reason: fmt.Sprintf("the query held %d bytes, its limit is %d", x.memory(), b.Memory)}
	}
	return nil
}

// memory is what the run holds, about.
func (x *search) memory() int64 { return int64(len(x.found))*160 + int64(len(x.done))*40 }

// fill puts everything that may hold a match in the window into the queue.
func (x *search) fill() {
	for _, p := range x.v.parts {
		for _, g := range p.Groups() {
			st := g.Stats()
			if g.Tenant() == x.q.Tenant && x.overlaps(st.MinStart, st.MaxStart) {
				x.queue = append(x.queue, frontierItem{st.MaxStart, func(r *reader) error { return r.group(p, g) }})
			}
		}
	}
	for _, h := range x.v.heads {
		for _, b := range h.snapshot() {
			if b.tenant == x.q.Tenant && x.overlaps(b.minStart, b.maxStart) && x.rangesMayMatch(0, b.maxDuration, b.hasError) {
				x.queue = append(x.queue, frontierItem{b.maxStart, func(r *reader) error { return r.block(b) }})
			}
		}
	}
	heap.Init(&x.queue)
}

// overlaps reports whether spans that start in [lo, hi] can matter. Behind a cursor only
// spans at or below its key can be a result.
func (x *search) overlaps(lo, hi int64) bool {
	if x.q.After != nil && x.q.Order == store.NewestFirst && lo > x.q.After.Key {
		return false
	}
	return hi >= x.q.Start && lo < x.q.End
}

// rangesMayMatch prunes a head's record by duration and by the error bit.
func (x *search) rangesMayMatch(minDuration, maxDuration int64, hasError bool) bool {
	for _, clause := range x.required {
		if !slices.ContainsFunc(clause, func(t store.Term) bool { return termMayMatch(t, minDuration, maxDuration, hasError) }) {
			return false
		}
	}
	return true
}

func termMayMatch(t store.Term, minDuration, maxDuration int64, hasError bool) bool {
	if t.Value.Nil || t.Value.Value.Kind != span.ValueInt {
		return true
	}
	n := t.Value.Value.Int()
	switch t.Field.Intrinsic {
	case store.Duration:
		switch t.Op {
		case store.Eq:
			return minDuration <= n && n <= maxDuration
		case store.Gt:
			return maxDuration > n
		case store.Ge:
			return maxDuration >= n
		case store.Lt:
			return minDuration < n
		case store.Le:
			return minDuration <= n
		}
	case store.StatusOf:
		return t.Op != store.Eq || n != int64(span.StatusError) || hasError
	}
	return true
}

// each calls f for 0 to n-1, on several cores, with readers of their own.
func (x *search) each(n int, f func(r *reader, i int) error) error {
	cores := min(n, runtime.GOMAXPROCS(0))
	for len(x.readers) < cores {
		x.readers = append(x.readers, newReader(x))
	}
	var next, failed atomic.Int64
	var all sync.WaitGroup
	work := func(r *reader) {
		for failed.Load() == 0 {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			if r.err = f(r, i); r.err != nil {
				failed.Add(1)
			}
			// A block takes a millisecond, the scheduler's slice is ten: requests that arrive
			// meanwhile do not wait for a scan.
			runtime.Gosched()
		}
	}
	for k := 1; k < cores; k++ {
		all.Go(func() { work(x.readers[k]) })
	}
	if cores > 0 {
		work(x.readers[0])
	}
	all.Wait()
	var err error
	for _, r := range x.readers {
		x.bytes += r.bytes
		x.damaged = x.damaged || r.damaged
		err = cmp.Or(err, r.err)
		r.bytes, r.err = 0, nil
	}
	return err
}

// take takes over what the readers found.
func (x *search) take() error {
	var ids []span.TraceID // to be decided as a whole
	for _, r := range x.readers {
		for _, b := range r.more {
			heap.Push(&x.queue, b)
		}
		for _, h := range r.hits {
			switch {
			case x.done[h.id] || x.s.deleted.has(TraceKey{x.q.Tenant, h.id}):
			case x.matcher.NeedsTrace() || x.q.Order == store.LongestFirst:
				x.done[h.id] = true
				ids = append(ids, h.id)
			default:
				x.count(h)
			}
		}
		r.more, r.hits = r.more[:0], r.hits[:0]
	}
	decided := make([]*candidate, len(ids))
	err := x.each(len(ids), func(r *reader, i int) (err error) {
		decided[i], err = r.decide(ids[i])
		return err
	})
	for _, c := range decided {
		if c != nil {
			x.found[c.TraceID] = c
		}
	}
	return err
}

// count notes one more match of a trace.
func (x *search) count(h hit) {
	c := x.found[h.id]
	if c == nil {
		c = &candidate{Summary: store.Summary{TraceID: h.id, Key: h.start}}
		x.found[h.id] = c
	}
	c.Key = max(c.Key, h.start)
	c.Matched++
}

// completedAtOnce is how many rows are completed together. Rows are yielded as they are ready,
// and a caller may have enough before the limit.
const completedAtOnce = 32

// emit yields the candidates above bound, in order, until the limit.
func (x *search) emit(bound int64, yield func(store.Summary, error) bool) error {
	var ready []*candidate
	for _, c := range x.found {
		if c.Key > bound || bound == math.MinInt64 {
			ready = append(ready, c)
		}
	}
	slices.SortFunc(ready, func(a, b *candidate) int { return a.Cursor().Compare(b.Cursor()) })
	for _, c := range ready {
		delete(x.found, c.TraceID)
		x.done[c.TraceID] = true
	}
	ready = slices.DeleteFunc(ready, func(c *candidate) bool { return !c.Behind(x.q.After) })
	for len(ready) > 0 {
		some := ready[:min(len(ready), x.q.Limit-x.rows, completedAtOnce)]
		ready = ready[len(some):]
		rows := make([]bool, len(some))
		err := x.each(len(some), func(r *reader, i int) (err error) {
			rows[i], err = r.complete(some[i])
			return err
		})
		if err != nil {
			return err
		}
		for i, c := range some {
			if !rows[i] {
				continue
			}
			if !yield(c.Summary, nil) {
				return errStop
			}
			if x.rows++; x.rows >= x.q.Limit {
				return errStop
			}
		}
	}
	return nil
}

// frontier is a queue of blocks, the one with the latest start first.
type frontier []frontierItem

type frontierItem struct {
	maxStart int64
	expand   func(*reader) error
}

func (f frontier) Len() int           { return len(f) }
func (f frontier) Less(i, j int) bool { return f[i].maxStart > f[j].maxStart }
func (f frontier) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *frontier) Push(v any)        { *f = append(*f, v.(frontierItem)) }
func (f *frontier) Pop() any {
	old := *f
	v := old[len(old)-1]
	*f = old[:len(old)-1]
	return v
}
