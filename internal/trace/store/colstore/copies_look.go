package colstore

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

const (
	// lookAtOnce is how many traces of a part, or spans of a head, are looked for together,
	// unless groups are small: more means that each block of the other part's index is read
	// less often, fewer that a look given up is not for nothing.
	lookAtOnce = 1 << 17
	// lookPages are kept decoded.
	lookPages = 12
	// lookKeys are pages of which starts and span ids are kept: 16 bytes a span.
	lookKeys = 64
)

// traceRun is traces of a part or head that are looked for in a part, by hash.
type traceRun struct {
	part   *livePart // nil: of a head
	blocks []*block
	traces []traceRows
}

// traceRows is a trace's spans on one page, or in some blocks of a head.
type traceRows struct {
	key    TraceKey
	hash   uint64
	lo, hi int64 // of the starts of its spans
	// rows first to first+count at a page; or, of a head, those in list, by start, then span
	// id.
	at           rowsAt
	first, count int
	list         []headRow
}

type headRow struct{ block, index int32 }

// runOfPart is the traces of groups of p, from the given one to upTo, that may have spans
// in the part of.
func (s *Store) runOfPart(ctx context.Context, p, of *livePart, from int) (run traceRun, upTo int, err error) {
	run.part = p
	for upTo = from; upTo < len(p.Groups()) && len(run.traces) < s.lookSize(); upTo++ {
		if err := ctx.Err(); err != nil {
			return run, upTo, err
		}
		g := p.Groups()[upTo]
		w, ok := of.startsOf(g.Tenant())
		if !ok || !w.meets(g.Stats().MinStart, g.Stats().MaxStart) {
			continue
		}
		pages, err := g.Pages()
		if err != nil {
			s.noteCorrupt(p, err)
			continue
		}
		for n, pg := range pages {
			st := pg.Stats()
			if !w.meets(st.MinStart, st.MaxStart) {
				continue
			}
			entries, err := pg.Directory()
			if err != nil {
				s.noteCorrupt(p, err)
				continue
			}
			for _, e := range entries {
				if hi := min(e.End, st.MaxStart); w.meets(e.Start, hi) {
					run.traces = append(run.traces, traceRows{
						key: TraceKey{g.Tenant(), e.ID}, hash: part.HashTrace(g.Tenant(), e.ID), lo: e.Start, hi: hi,
						at: rowsAt{int32(upTo), int32(n)}, first: e.First, count: e.Rows,
					})
				}
			}
		}
		runtime.Gosched() // who waits for another answer goes first
	}
	return run, upTo, nil
}

func (s *Store) lookSize() int {
	if s.cfg.GroupSpans > 0 {
		return min(s.cfg.GroupSpans, lookAtOnce)
	}
	return lookAtOnce
}

// runOfHead is the traces of blocks, from the given one to upTo, that may have spans in
// the part of.
func (s *Store) runOfHead(blocks []*block, of *livePart, from int) (run traceRun, upTo int) {
	run.blocks = blocks
	starts := map[string]starts{}
	at := map[TraceKey]int{} // index in run.traces
	spans := 0
	for upTo = from; upTo < len(blocks) && spans < s.lookSize(); upTo++ {
		b := blocks[upTo]
		w, known := starts[b.tenant]
		if !known {
			w, _ = of.startsOf(b.tenant)
			starts[b.tenant] = w
		}
		if !w.meets(b.minStart, b.maxStart) {
			continue
		}
		for i := range b.rows.Len() {
			start := b.rows.Start(i)
			if !w.meets(start, start) {
				continue
			}
			k := TraceKey{b.tenant, b.rows.TraceID(i)}
			n, ok := at[k]
			if !ok {
				n = len(run.traces)
				at[k] = n
				run.traces = append(run.traces, traceRows{key: k, hash: part.HashTrace(k.Tenant, k.ID), lo: math.MaxInt64, hi: math.MinInt64})
			}
			t := &run.traces[n]
			t.lo, t.hi = min(t.lo, start), max(t.hi, start)
			t.list = append(t.list, headRow{int32(upTo), int32(i)})
			spans++
		}
	}
	for i := range run.traces {
		slices.SortFunc(run.traces[i].list, func(a, b headRow) int {
			return run.headKey(a).compare(run.headKey(b))
		})
	}
	return run, upTo
}

// starts is a closed interval of span starts; the zero one has none.
type starts struct {
	lo, hi int64
	some   bool
}

func (s starts) meets(lo, hi int64) bool { return s.some && lo <= s.hi && s.lo <= hi }

// startsOf is when spans of a tenant start in p; false if it has none.
func (p *livePart) startsOf(tenant string) (s starts, ok bool) {
	for _, g := range p.Groups() {
		if g.Tenant() != tenant {
			continue
		}
		st := g.Stats()
		if !s.some {
			s = starts{st.MinStart, st.MaxStart, true}
		}
		s.lo, s.hi = min(s.lo, st.MinStart), max(s.hi, st.MaxStart)
	}
	return s, s.some
}

// look adds to rows the spans of a run that the part of has too. What does not read is no
// copy.
func (s *Store) look(ctx context.Context, run traceRun, of *livePart, rows rowSet) error {
	if len(run.traces) == 0 {
		return nil
	}
	slices.SortFunc(run.traces, func(a, b traceRows) int { return cmp.Compare(a.hash, b.hash) })
	type hit struct {
		trace int
		loc   part.Loc
	}
	var hits []hit
	var locs []part.Loc
	index := of.Finder()
	for i := range run.traces {
		if i%1024 == 0 {
			runtime.Gosched()
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		var err error
		if locs, err = index.Find(locs[:0], run.traces[i].key.Tenant, run.traces[i].hash); err != nil {
			s.noteCorrupt(of, err)
		}
		for _, loc := range locs {
			hits = append(hits, hit{i, loc})
		}
	}
	// In the order of the larger part, so that most of its pages are read once.
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.loc.Page, b.loc.Page), cmp.Compare(run.traces[a.trace].at.group, run.traces[b.trace].at.group),
			cmp.Compare(run.traces[a.trace].at.page, run.traces[b.trace].at.page))
	})
	l := looker{s: s, run: run, of: of, rows: rows, keys: newKeyPages(lookKeys), whole: newPageCache(lookPages)}
	for _, h := range hits {
		for n := range h.loc.Pages {
			if err := l.page(ctx, &run.traces[h.trace], h.loc.Page+n); err != nil {
				return err
			}
		}
	}
	return nil
}

// looker compares the traces of a run with those of a part.
type looker struct {
	s     *Store
	run   traceRun
	of    *livePart
	rows  rowSet
	keys  *keyPages
	whole *pageCache
	head  pack.Reader
}

// page looks for the spans of t on a page of the other part. Only a done context is an error.
func (l *looker) page(ctx context.Context, t *traceRows, number int) error {
	pg, err := l.of.Page(number)
	if err != nil {
		l.s.noteCorrupt(l.of, err)
		return nil
	}
	if st := pg.Stats(); t.hi < st.MinStart || st.MaxStart < t.lo {
		return nil
	}
	theirs, err := l.keys.get(ctx, pageKey{l.of, number}, pg)
	if err != nil {
		return l.unread(ctx, l.of, err)
	}
	from, to := theirs.trace(t.key.ID)
	if from == to {
		return nil
	}
	mine, err := l.keysOf(ctx, t)
	if err != nil {
		return l.unread(ctx, l.run.part, err)
	}
	next := 0
	for row := from; row < to; row++ {
		k := theirs.keys[row]
		for next < len(mine) && mine[next].compare(k) < 0 {
			next++
		}
		for i := next; i < len(mine) && mine[i] == k; i++ {
			at, r := t.row(i)
			if l.rows.has(at, r) {
				continue
			}
			if err := l.compare(ctx, at, r, pg, number, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// keysOf is the keys of the spans of t, in order.
func (l *looker) keysOf(ctx context.Context, t *traceRows) ([]spanKey, error) {
	if l.run.part == nil {
		keys := make([]spanKey, len(t.list))
		for i, r := range t.list {
			keys[i] = l.run.headKey(r)
		}
		return keys, nil
	}
	pg, err := l.run.page(t.at)
	if err != nil {
		return nil, err
	}
	p, err := l.keys.get(ctx, l.run.cacheKey(t.at), pg)
	if err != nil {
		return nil, err
	}
	return p.keys[t.first : t.first+t.count], nil
}

// row is where span i of keysOf is.
func (t *traceRows) row(i int) (at rowsAt, row int) {
	if t.list != nil {
		return rowsAt{page: t.list[i].block}, int(t.list[i].index)
	}
	return t.at, t.first + i
}

// compare adds a row if the other part's span is equal in full.
func (l *looker) compare(ctx context.Context, at rowsAt, row int, pg part.Page, number, theirRow int) error {
	theirs, err := l.read(ctx, pageKey{l.of, number}, pg)
	if err != nil {
		return l.unread(ctx, l.of, err)
	}
	if l.run.part == nil {
		rows := l.run.blocks[at.page].rows
		if theirs.EqualSpan(theirRow, l.head.One(rows, row), 0) {
			l.rows.add(at, row, rows.Len())
		}
		return nil
	}
	var mine *span.Batch
	if pg, err = l.run.page(at); err == nil {
		mine, err = l.read(ctx, l.run.cacheKey(at), pg)
	}
	if err != nil {
		return l.unread(ctx, l.run.part, err)
	}
	if theirs.EqualSpan(theirRow, mine, row) {
		l.rows.add(at, row, len(mine.Spans))
	}
	return nil
}

func (l *looker) read(ctx context.Context, k pageKey, pg part.Page) (*span.Batch, error) {
	return l.whole.get(k, func() (*span.Batch, error) { return pg.Read(ctx, part.All()) })
}

// unread notes a block that does not read; the error is that of a done context.
func (l *looker) unread(ctx context.Context, p *livePart, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.s.noteCorrupt(p, err)
	return nil
}

func (r *traceRun) page(at rowsAt) (part.Page, error) {
	pages, err := r.part.Groups()[at.group].Pages()
	if err != nil {
		return part.Page{}, err
	}
	return pages[at.page], nil
}

// cacheKey names a page of the run's part apart from those that are counted through it.
func (r *traceRun) cacheKey(at rowsAt) pageKey {
	return pageKey{r.part, -1 - int(at.group)<<32 - int(at.page)}
}

// spanKey tells most spans of a trace apart, and orders them as compareSpans does.
type spanKey struct {
	start int64
	id    span.SpanID
}

// headKey is the key of a span of a head.
func (r *traceRun) headKey(at headRow) spanKey {
	rows := r.blocks[at.block].rows
	return spanKey{rows.Start(int(at.index)), rows.SpanID(int(at.index))}
}

func keyOf(s *span.Span) spanKey { return spanKey{s.Start, s.SpanID} }

func (k spanKey) compare(o spanKey) int {
	return cmp.Or(cmp.Compare(k.start, o.start), bytes.Compare(k.id[:], o.id[:]))
}

// keyPages keeps the keys of the pages that were read last.
type keyPages struct {
	scan  *part.Scan
	max   int
	pages map[pageKey]*keyPage
	order []pageKey // oldest first
}

// keyPage is the keys of a page's spans and where its traces are.
type keyPage struct {
	keys   []spanKey
	traces map[span.TraceID]span.Range
}

func newKeyPages(n int) *keyPages {
	columns := part.ColumnsOf([]store.Field{{Intrinsic: store.SpanIDOf}})
	return &keyPages{scan: part.NewScan(columns), max: n, pages: map[pageKey]*keyPage{}}
}

func (c *keyPages) get(ctx context.Context, k pageKey, pg part.Page) (*keyPage, error) {
	if p, ok := c.pages[k]; ok {
		return p, nil
	}
	b, err := c.scan.Read(ctx, pg)
	if err != nil {
		return nil, err
	}
	p := &keyPage{make([]spanKey, len(b.Spans)), map[span.TraceID]span.Range{}}
	from := 0
	for i := range b.Spans {
		s := &b.Spans[i]
		p.keys[i] = keyOf(s)
		if i+1 == len(b.Spans) || b.Spans[i+1].TraceID != s.TraceID {
			p.traces[s.TraceID] = span.Range{From: uint32(from), To: uint32(i + 1)}
			from = i + 1
		}
	}
	if len(c.order) == c.max {
		delete(c.pages, c.order[0])
		c.order = c.order[1:]
	}
	c.pages[k] = p
	c.order = append(c.order, k)
	return p, nil
}

// trace is the rows of a trace, none if the page does not have it.
func (p *keyPage) trace(id span.TraceID) (from, to int) {
	r := p.traces[id]
	return int(r.From), int(r.To)
}
