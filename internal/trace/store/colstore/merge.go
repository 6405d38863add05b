package colstore

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

const (
	// mergeSpan is the widest range of arrivals that a merge may bring into one part, so that
	// retention by age finds whole parts to drop. Small parts merge over any range, as
	// far as the tenants' allowances let them: see mergeRun.
	mergeSpan      = 24 * time.Hour
	smallPartSpans = 50_000
	// maxRestSpans is the most that is merged at once because nothing arrives: about a second
	// of work. Of a million spans that costs a fifth of what their merges cost.
	maxRestSpans = 300_000
	// mergeLevel is the zstd level of merged parts: they stay, unlike what a head is flushed
	// to.
	mergeLevel = 2
	// mergeCacheBytes is for the tables of the groups that a merge has under its hands, one or
	// two of each part.
	mergeCacheBytes = 12 << 20
)

// mergeLoop merges while there is something to merge.
func (s *Store) mergeLoop() {
	defer s.wg.Done()
	ctx, cancel := s.stopContext()
	defer cancel()
	s.warm()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wantMerge:
			s.mergeAll(ctx, s.chooseRun)
		case <-s.cfg.Clock.After(s.cfg.IdleAge):
			if s.idle() {
				s.memories.trim()
				s.mergeAll(ctx, s.chooseRest)
				s.warm()
			}
		}
	}
}

// mergeAll merges run after run until none is due.
func (s *Store) mergeAll(ctx context.Context, choose func([]*livePart) []*livePart) {
	for {
		merged, err := s.mergeOnce(ctx, choose)
		if err != nil && ctx.Err() == nil {
			s.log.Error("merge", "error", err)
		}
		if err != nil || !merged {
			return
		}
	}
}

// idle reports that all there is has been flushed.
func (s *Store) idle() bool {
	v := s.acquire()
	defer s.release(v)
	return !slices.ContainsFunc(v.heads, func(h *head) bool { return len(h.snapshot()) > 0 })
}

func (s *Store) stopContext() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// MergeOnce merges one run of neighbouring parts if some run is due.
func (s *Store) MergeOnce(ctx context.Context) (bool, error) { return s.mergeOnce(ctx, s.chooseRun) }

func (s *Store) mergeOnce(ctx context.Context, choose func([]*livePart) []*livePart) (bool, error) {
	s.mergeMu.Lock()
	defer s.mergeMu.Unlock()
	v := s.acquire()
	defer s.release(v)
	run := choose(v.parts)
	if len(run) == 0 {
		return false, nil
	}
	return true, s.merge(ctx, run, run[0].Kept, nil)
}

// chooseRun is parts of the same size class, neighbours in order of arrival: MergeFanIn, or
// up to twice as many where merges are behind. The smallest class goes first: it is the
// cheapest way to fewer parts.
//
// One merge runs at a time, on one core, and waits while a head is flushed.
func (s *Store) chooseRun(parts []*livePart) []*livePart {
	var best []*livePart
	allow := remember(s.cfg.Allowance)
	for _, kept := range []bool{false, true} {
		var r mergeRun
		end := func() {
			if len(r.parts) >= s.cfg.MergeFanIn && (best == nil || s.sizeClass(r.parts[0]) < s.sizeClass(best[0])) {
				best = r.parts
			}
			r = mergeRun{}
		}
		for _, p := range parts {
			if p.Kept != kept || p.corrupt.Load() {
				continue
			}
			if n := len(r.parts); n == 2*s.cfg.MergeFanIn || n > 0 && (s.sizeClass(r.parts[0]) != s.sizeClass(p) || !r.takes(p, &s.cfg, allow)) {
				end()
			}
			r.add(p, allow)
		}
		end()
	}
	return best
}

// chooseRest is the longest run of neighbours of which the largest is no larger than the
// others together, for times when nothing arrives. So a span is rewritten only into a part
// of twice the size.
func (s *Store) chooseRest(parts []*livePart) []*livePart {
	var best []*livePart
	allow := remember(s.cfg.Allowance)
	for _, kept := range []bool{false, true} {
		list := slices.DeleteFunc(slices.Clone(parts), func(p *livePart) bool { return p.Kept != kept || p.corrupt.Load() })
		for i := range list {
			var r mergeRun
			largest := int64(0)
			for _, p := range list[i:] {
				if len(r.parts) > 0 && (!r.takes(p, &s.cfg, allow) || r.spans+p.Meta().Spans > maxRestSpans) {
					break
				}
				r.add(p, allow)
				largest = max(largest, p.Meta().Spans)
				if n := len(r.parts); n > max(1, len(best)) && 2*largest <= r.spans {
					best = slices.Clone(r.parts)
				}
			}
		}
	}
	return best
}

// sizeClass grows by one each time a part is MergeFanIn times larger.
func (s *Store) sizeClass(p *livePart) int {
	class := 0
	for n := p.Meta().Spans / 10_000; n >= int64(s.cfg.MergeFanIn); n /= int64(s.cfg.MergeFanIn) {
		class++
	}
	return class
}

// merge rewrites parts into one, without copies, deleted traces and what drop says. A
// part in which a block does not read is marked and left as it is.
func (s *Store) merge(ctx context.Context, run []*livePart, kept bool, drop func(TraceKey) bool) error {
	return s.rewrite(ctx, run, output{kept, drop})
}

// output is one of the parts that a rewrite makes.
type output struct {
	kept bool
	drop func(TraceKey) bool // what does not go into it; nil: nothing
}

// rewrite replaces parts by one for each output that has something in it.
func (s *Store) rewrite(ctx context.Context, run []*livePart, outputs ...output) error {
	opt, bad, err := s.mergeOptions(run)
	if err != nil {
		s.noteCorrupt(bad, err)
		return nil
	}
	e := edit{remove: run, flushed: opt.Positions}
	for _, out := range outputs {
		p, err := s.writeMerged(ctx, run, opt, out)
		var source *sourceError
		if err != nil {
			for _, made := range e.add { // nothing names them
				_ = made.Close()
				_ = s.fs.RemoveAll(made.dir)
			}
		}
		if err != nil && ctx.Err() != nil {
			return ctx.Err() // a read cut short says nothing about the part
		}
		if errors.As(err, &source) {
			s.noteCorrupt(source.part, err)
			return nil
		}
		if err != nil {
			return err
		}
		if p != nil {
			e.add = append(e.add, p)
		}
	}
	if err := s.commit(e); err != nil {
		return s.abandon(e.add, err)
	}
	return nil
}

// mergeOptions is what a part made of others records; bad is one that does not read.
func (s *Store) mergeOptions(run []*livePart) (opt part.Options, bad *livePart, err error) {
	opt = s.partOptions(run[0].Meta().MinArrival, run[0].Meta().MaxArrival)
	opt.Level = mergeLevel
	since := s.cfg.Clock.Now().Add(-s.cfg.DigestAge)
	var pos positions
	for _, p := range run {
		m := p.Meta()
		if m.MinArrival.Before(opt.MinArrival) {
			opt.MinArrival = m.MinArrival
		}
		if m.MaxArrival.After(opt.MaxArrival) {
			opt.MaxArrival = m.MaxArrival
		}
		pos = pos.union(m.Positions)
		digests, err := p.Digests()
		if err != nil {
			return opt, p, err
		}
		for _, d := range digests {
			if !d.Arrival.Before(since) {
				opt.Digests = append(opt.Digests, d)
			}
		}
	}
	opt.Positions = pos
	return opt, nil, nil
}

// writeMerged writes one output, nil if nothing goes into it. A *sourceError says which
// part does not read.
func (s *Store) writeMerged(ctx context.Context, run []*livePart, opt part.Options, out output) (*livePart, error) {
	traces := s.mergedTraces(ctx, run, func(k TraceKey) bool {
		return s.deleted.has(k) || (out.drop != nil && out.drop(k))
	})
	return s.writePart(ctx, opt, traces, out.kept)
}

// sourceError says that a part being merged does not read.
type sourceError struct {
	part *livePart
	err  error
}

func (e *sourceError) Error() string { return "merge part " + e.part.Name + ": " + e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// located is a trace's piece in one page of one part.
type located struct {
	key   TraceKey
	start int64 // of the trace over all pieces
	part  int32
	page  int32 // index into the part's pages
	first int32 // row
	rows  int32
}

// mergedTraces yields the traces of several parts in the order of a part. It reads the
// directories first (about 60 bytes a trace), then each page once, or twice where a trace
// of one part belongs far from its neighbours.
func (s *Store) mergedTraces(ctx context.Context, run []*livePart, drop func(TraceKey) bool) iter.Seq2[part.Trace, error] {
	return func(yield func(part.Trace, error) bool) {
		pages := make([][]part.Page, len(run))
		var all []located
		tables := s.cache.Apart(mergeCacheBytes)
		for i, p := range run {
			for _, g := range p.Through(tables).Groups() {
				list, err := g.Pages()
				if err != nil {
					yield(part.Trace{}, &sourceError{p, err})
					return
				}
				for _, pg := range list {
					n := int32(len(pages[i]))
					pages[i] = append(pages[i], pg)
					entries, err := pg.Directory()
					if err != nil {
						yield(part.Trace{}, &sourceError{p, err})
						return
					}
					for _, e := range entries {
						k := TraceKey{g.Tenant(), e.ID}
						if !drop(k) {
							all = append(all, located{k, e.Start, int32(i), n, int32(e.First), int32(e.Rows)})
						}
					}
				}
			}
		}
		starts := make(map[TraceKey]int64, len(all))
		for _, l := range all {
			if v, ok := starts[l.key]; !ok || l.start < v {
				starts[l.key] = l.start
			}
		}
		for i := range all {
			all[i].start = starts[all[i].key]
		}
		clear(starts)
		slices.SortStableFunc(all, func(a, b located) int { return comparePartOrder(a.key, a.start, b.key, b.start) })

		cache := newPageCache(len(run) + 8)
		for _, l := range all {
			cache.expect(pageKey{run[l.part], int(l.page)})
		}
		var free []*span.Batch
		for i := 0; i < len(all); {
			j := i + 1
			for j < len(all) && all[j].key == all[i].key {
				j++
			}
			var refs []part.Ref
			for _, l := range all[i:j] {
				b, err := cache.get(pageKey{run[l.part], int(l.page)}, func() (*span.Batch, error) {
					s.giveWay()
					var old *span.Batch
					if n := len(free); n > 0 {
						old, free = free[n-1], free[:n-1]
					}
					return pages[l.part][l.page].ReadReusing(ctx, old)
				})
				if err != nil {
					yield(part.Trace{}, &sourceError{run[l.part], err})
					return
				}
				for r := l.first; r < l.first+l.rows; r++ {
					refs = append(refs, part.Ref{Batch: b, Index: int(r)})
				}
			}
			if !yield(part.Trace{Tenant: all[i].key.Tenant, ID: all[i].key.ID, Spans: sortRefs(refs)}, nil) {
				return
			}
			i = j
			// The part has taken the trace apart: batches that nothing needs are filled again.
			free, cache.gone = append(free, cache.gone...), cache.gone[:0]
		}
	}
}
