package colstore

import (
	"math"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// reader is what one core reads with for a search, and what it found that the search has not
// taken yet. It looks at the search and does not change it.
type reader struct {
	x      *search
	filter *part.Filter // of what the search requires
	scan   *part.Scan
	pages  *pageCache // decoded pages, between traces that are read whole
	head   pack.Reader

	hits    []hit
	more    []frontierItem
	bytes   int64
	damaged bool
	err     error
}

// hit is a span that matches or, where the whole trace has to be known, may match.
type hit struct {
	id    span.TraceID
	start int64
}

func newReader(x *search) *reader {
	r := &reader{x: x, filter: part.NewFilter(x.required), pages: newPageCache(8)}
	r.head.Only(r.filter.MayMatchForm)
	r.scan = part.NewScan(part.ColumnsOf(x.matcher.Fields())).Where(r.filter)
	return r
}

// group replaces a row group that may match by its pages that may.
func (r *reader) group(p *livePart, g *part.Group) error {
	// Where the tables do not read, nothing is ruled out; reading the page reports what is
	// wrong.
	filter, err := r.filter.In(g)
	if err != nil {
		r.x.s.noteCorrupt(p, err)
	}
	if filter == nil {
		return nil
	}
	pages, err := g.Pages()
	if err != nil {
		r.x.s.noteCorrupt(p, err)
		r.damaged = true
		return nil
	}
	for _, pg := range pages {
		st := pg.Stats()
		if r.x.overlaps(st.MinStart, st.MaxStart) && filter.MayMatch(pg) {
			r.more = append(r.more, frontierItem{st.MaxStart, func(r *reader) error { return r.page(p, pg, filter) }})
		}
	}
	return nil
}

// page looks for hits among the spans of a page.
func (r *reader) page(p *livePart, pg part.Page, filter *part.GroupFilter) error {
	if !r.scan.Confirm(filter, pg) {
		return nil
	}
	b, err := r.scan.Read(r.x.ctx, pg)
	if err != nil {
		if r.x.ctx.Err() != nil {
			return r.x.ctx.Err()
		}
		r.x.s.noteCorrupt(p, err)
		r.damaged = true
		return nil
	}
	r.bytes += pg.Stats().Bytes
	for i := range b.Spans {
		r.consider(b, i)
	}
	return nil
}

// block looks for hits among the spans of a record of a head.
func (r *reader) block(bl *block) error {
	r.bytes += int64(bl.rows.Len()) * headSpanBytes
	b := r.head.All(bl.rows)
	for i := range b.Spans {
		r.consider(b, i)
	}
	return nil
}

// consider matches one span and notes its trace.
func (r *reader) consider(b *span.Batch, i int) {
	sp, x := &b.Spans[i], r.x
	if x.q.Contains(sp.Start) && !x.done[sp.TraceID] && x.matcher.Maybe(b, i) {
		r.hits = append(r.hits, hit{sp.TraceID, sp.Start})
	}
}

// decide matches a whole trace; nil if it does not match. Where only the duration of one that
// does is asked for, the directory may have it.
func (r *reader) decide(id span.TraceID) (*candidate, error) {
	if !r.x.matcher.NeedsTrace() {
		if sum, _, ok := r.fromDirectory(id); ok {
			sum.Key = sum.End - sum.Start
			return &candidate{Summary: sum}, nil
		}
	}
	sum, ok, err := r.evaluate(id)
	if err != nil || !ok {
		return nil, err
	}
	return &candidate{sum, true}, nil
}

// evaluate reads a trace from all its sources and matches it as a whole.
func (r *reader) evaluate(id span.TraceID) (store.Summary, bool, error) {
	refs, _, err := r.x.s.gather(r.x.ctx, r.x.v, TraceKey{r.x.q.Tenant, id}, r.pages)
	if err != nil || len(refs) == 0 {
		return store.Summary{}, false, err
	}
	r.bytes += int64(len(refs)) * headSpanBytes
	sum, ok := r.x.matcher.MatchTrace(&r.x.q, build(refs))
	return sum, ok, nil
}

// complete fills in the row of a candidate; false if the whole trace is no result. A
// trace that lies whole in one part is summed up by the directories of its pages; else the
// trace is read, so that copies in two places count once.
func (r *reader) complete(c *candidate) (bool, error) {
	if c.whole {
		return true, nil
	}
	sum, at, ok := r.fromDirectory(c.TraceID)
	if ok && at.Pages == 1 && r.x.q.After == nil && r.x.q.Order == store.NewestFirst {
		// The page was looked at, so that all its matches are counted.
		sum.Matched, sum.Key = c.Matched, c.Key
		c.Summary = sum
		return true, nil
	}
	var err error
	if ok {
		ok, err = r.count(&sum, at)
	}
	if !ok && err == nil {
		sum, ok, err = r.evaluate(c.TraceID)
	}
	if err != nil || !ok {
		return false, err
	}
	if r.x.q.After != nil && r.x.q.Order == store.NewestFirst && sum.Key != c.Key {
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
func (r *reader) count(sum *store.Summary, at place) (bool, error) {
	newest := int64(math.MinInt64)
	for n := range at.Pages {
		b, err := r.scan.ReadPiece(r.x.ctx, at.part.Part, at.Loc, n)
		if r.x.ctx.Err() != nil {
			return false, r.x.ctx.Err()
		}
		if err != nil {
			return false, nil
		}
		for i := range b.Spans {
			if start := b.Spans[i].Start; r.x.q.Contains(start) && r.x.matcher.Match(b, i, nil) {
				sum.Matched++
				newest = max(newest, start)
			}
		}
		r.bytes += int64(len(b.Spans)) * headSpanBytes
	}
	sum.Key = newest
	if r.x.q.Order == store.LongestFirst {
		sum.Key = sum.End - sum.Start
	}
	return sum.Matched > 0, nil
}

// fromDirectory sums up a trace that lies in one part and nowhere else.
func (r *reader) fromDirectory(id span.TraceID) (store.Summary, place, bool) {
	k := TraceKey{r.x.q.Tenant, id}
	for _, h := range r.x.v.heads {
		if h.has(k) {
			return store.Summary{}, place{}, false
		}
	}
	var only *livePart
	var at part.Loc
	for _, p := range r.x.v.parts {
		loc, ok, err := p.Lookup(k.Tenant, k.ID)
		if err != nil {
			r.x.s.noteCorrupt(p, err)
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
