package colstore

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Search walks blocks (row groups, then their pages, and the records of the heads) from
// the newest span start down. A trace found with its newest match at key k is final, and
// yielded, once no block left can hold a span that starts at k or later: so a search
// stops as soon as it has its rows, and rows stream.
//
// A filter that needs the whole trace, and any search behind a cursor, decides a trace by
// reading it from all its sources, once.
func (s *Store) Search(ctx context.Context, q store.Query) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		v := s.acquire()
		defer s.release(v)
		x := &search{
			s: s, v: v, ctx: ctx, q: q, matcher: store.NewMatcher(q.Filter), started: s.cfg.Clock.Now(),
			found: map[span.TraceID]*candidate{}, done: map[span.TraceID]bool{}, pages: newPageCache(8),
		}
		x.required = x.matcher.Required()
		x.filter = part.NewFilter(x.required)
		x.scan = part.NewScan(part.ColumnsOf(x.matcher.Fields())).Where(x.filter)
		x.run(yield)
	}
}

// search is one run of Search.
type search struct {
	s        *Store
	v        *view
	ctx      context.Context
	q        store.Query
	matcher  *store.Matcher
	required [][]store.Term
	filter   *part.Filter // of required
	started  time.Time
	bytes    int64 // read so far
	damaged  bool  // something that may have matched did not read

	queue frontier
	found map[span.TraceID]*candidate // not yielded yet
	// done: the trace was decided as a whole, or yielded; further hits mean nothing.
	done map[span.TraceID]bool
	rows int // yielded
	scan *part.Scan
	// pages are kept decoded between traces that are read whole.
	pages *pageCache
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
	for len(x.queue) > 0 {
		b := heap.Pop(&x.queue).(frontierItem)
		if err := b.expand(x); err != nil {
			return err
		}
		// A block takes a millisecond, the scheduler's slice is ten: requests that arrive
		// meanwhile do not wait for a scan.
		runtime.Gosched()
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
				x.queue = append(x.queue, frontierItem{st.MaxStart, func(x *search) error { return x.group(p, g) }})
			}
		}
	}
	for _, h := range x.v.heads {
		for _, b := range h.snapshot() {
			if b.tenant == x.q.Tenant && x.overlaps(b.minStart, b.maxStart) && x.rangesMayMatch(0, b.maxDuration, b.hasError) {
				x.queue = append(x.queue, frontierItem{b.maxStart, func(x *search) error { return x.block(b) }})
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

// group replaces a row group that may match by its pages that may.
func (x *search) group(p *livePart, g *part.Group) error {
	// Where the tables do not read, nothing is ruled out; reading the page reports what is
	// wrong.
	filter, err := x.filter.In(g)
	if err != nil {
		x.s.noteCorrupt(p, err)
	}
	if filter == nil {
		return nil
	}
	pages, err := g.Pages()
	if err != nil {
		x.s.noteCorrupt(p, err)
		x.damaged = true
		return nil
	}
	for _, pg := range pages {
		st := pg.Stats()
		if x.overlaps(st.MinStart, st.MaxStart) && filter.MayMatch(pg) {
			heap.Push(&x.queue, frontierItem{st.MaxStart, func(x *search) error { return x.page(p, pg, filter) }})
		}
	}
	return nil
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

func (x *search) page(p *livePart, pg part.Page, filter *part.GroupFilter) error {
	if !x.scan.Confirm(filter, pg) {
		return nil
	}
	b, err := x.scan.Read(x.ctx, pg)
	if err != nil {
		if x.ctx.Err() != nil {
			return x.ctx.Err()
		}
		x.s.noteCorrupt(p, err)
		x.damaged = true
		return nil
	}
	x.bytes += pg.Stats().Bytes
	for i := range b.Spans {
		if err := x.consider(b, i); err != nil {
			return err
		}
	}
	return nil
}

func (x *search) block(bl *block) error {
	x.bytes += int64(len(bl.batch.Spans)) * headSpanBytes
	for i := range bl.indexes {
		if err := x.consider(bl.batch, i); err != nil {
			return err
		}
	}
	return nil
}

// consider matches one span and notes its trace.
func (x *search) consider(b *span.Batch, i int) error {
	sp := &b.Spans[i]
	if !x.q.Contains(sp.Start) || x.done[sp.TraceID] {
		return nil
	}
	if x.matcher.NeedsTrace() {
		if !x.matcher.Maybe(b, i) {
			return nil
		}
		return x.decide(sp.TraceID)
	}
	if !x.matcher.Match(b, i, nil) || x.s.deleted.has(TraceKey{x.q.Tenant, sp.TraceID}) {
		return nil
	}
	if x.q.Order == store.LongestFirst {
		return x.measure(sp.TraceID)
	}
	c := x.found[sp.TraceID]
	if c == nil {
		c = &candidate{Summary: store.Summary{TraceID: sp.TraceID, Key: sp.Start}}
		x.found[sp.TraceID] = c
	}
	c.Key = max(c.Key, sp.Start)
	c.Matched++
	return nil
}

// decide matches a whole trace, once.
func (x *search) decide(id span.TraceID) error {
	x.done[id] = true
	sum, ok, err := x.evaluate(id)
	if err == nil && ok {
		x.found[id] = &candidate{sum, true}
	}
	return err
}

// measure finds the duration of a trace that matches, from the directory if that has it.
func (x *search) measure(id span.TraceID) error {
	sum, _, ok := x.fromDirectory(id)
	if !ok {
		return x.decide(id)
	}
	x.done[id] = true
	sum.Key = sum.End - sum.Start
	x.found[id] = &candidate{Summary: sum}
	return nil
}

// evaluate reads a trace from all its sources and matches it as a whole.
func (x *search) evaluate(id span.TraceID) (store.Summary, bool, error) {
	refs, _, err := x.s.gather(x.ctx, x.v, TraceKey{x.q.Tenant, id}, x.pages)
	if err != nil || len(refs) == 0 {
		return store.Summary{}, false, err
	}
	x.bytes += int64(len(refs)) * headSpanBytes
	sum, ok := x.matcher.MatchTrace(&x.q, build(refs))
	return sum, ok, nil
}

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
		if !c.Behind(x.q.After) {
			continue
		}
		ok, err := x.complete(c)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if !yield(c.Summary, nil) {
			return errStop
		}
		if x.rows++; x.rows >= x.q.Limit {
			return errStop
		}
	}
	return nil
}

// complete fills in the row of a candidate; false if the whole trace is no result. A
// trace that lies whole in one part is summed up by the directories of its pages; else the
// trace is read, so that copies in two places count once.
func (x *search) complete(c *candidate) (bool, error) {
	if c.whole {
		return true, nil
	}
	sum, at, ok := x.fromDirectory(c.TraceID)
	if ok && at.Pages == 1 && x.q.After == nil && x.q.Order == store.NewestFirst {
		// The page was looked at, so that all its matches are counted.
		sum.Matched, sum.Key = c.Matched, c.Key
		c.Summary = sum
		return true, nil
	}
	var err error
	if ok {
		ok, err = x.count(&sum, at)
	}
	if !ok && err == nil {
		sum, ok, err = x.evaluate(c.TraceID)
	}
	if err != nil || !ok {
		return false, err
	}
	if x.q.After != nil && x.q.Order == store.NewestFirst && sum.Key != c.Key {
		// Blocks above the cursor are not read: this trace's newest match is up there,
		// on an earlier page.
		return false, nil
	}
	// A span that arrived after this search began may have raised the trace's key; the
	// row keeps the place it was found at.
	sum.Key = c.Key
	c.Summary = sum
	return true, nil
}

// place is where a trace lies whole.
type place struct {
	part *livePart
	part.Loc
}

// count fills in what a row says of the matches of a trace that lies whole at at. It is false
// if nothing matches or a page does not read.
func (x *search) count(sum *store.Summary, at place) (bool, error) {
	newest := int64(math.MinInt64)
	for n := range at.Pages {
		b, err := x.scan.ReadPiece(x.ctx, at.part.Part, at.Loc, n)
		if x.ctx.Err() != nil {
			return false, x.ctx.Err()
		}
		if err != nil {
			return false, nil
		}
		for i := range b.Spans {
			if start := b.Spans[i].Start; x.q.Contains(start) && x.matcher.Match(b, i, nil) {
				sum.Matched++
				newest = max(newest, start)
			}
		}
		x.bytes += int64(len(b.Spans)) * headSpanBytes
	}
	sum.Key = newest
	if x.q.Order == store.LongestFirst {
		sum.Key = sum.End - sum.Start
	}
	return sum.Matched > 0, nil
}

// fromDirectory sums up a trace that lies in one part and nowhere else.
func (x *search) fromDirectory(id span.TraceID) (store.Summary, place, bool) {
	k := TraceKey{x.q.Tenant, id}
	for _, h := range x.v.heads {
		if h.has(k) {
			return store.Summary{}, place{}, false
		}
	}
	var only *livePart
	var at part.Loc
	for _, p := range x.v.parts {
		loc, ok, err := p.Lookup(k.Tenant, k.ID)
		if err != nil {
			x.s.noteCorrupt(p, err)
			continue
		}
		if ok && only != nil {
			return store.Summary{}, place{}, false
		}
		if ok {
			only, at = p, loc
		}
	}
	if only == nil {
		return store.Summary{}, place{}, false
	}
	e, err := only.Entry(at)
	if err != nil {
		return store.Summary{}, place{}, false // reading the trace reports what is wrong
	}
	return store.Summary{
		TraceID: id, RootService: e.RootService, RootName: e.RootName,
		Start: e.Start, End: e.End, Spans: e.Rows, Errors: e.Errors,
	}, place{only, at}, true
}

// frontier is a queue of blocks, the one with the latest start first.
type frontier []frontierItem

type frontierItem struct {
	maxStart int64
	expand   func(*search) error
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
