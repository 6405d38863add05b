package colstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

const (
	// mergeSpan is the widest range of arrivals that a merge may bring into one part, so that
	// retention by age finds whole parts to drop. Small parts merge over any range, as
	// far as the tenants' allowances let them: see mergeRun.
	mergeSpan      = 24 * time.Hour
	smallPartSpans = 50_000
	// maxRestSpans is the most that is merged at once because nothing arrives: what a full head
	// has. More would be work that saves hardly a byte.
	maxRestSpans = 180_000
	// mergeLevel is the zstd level of merged parts: they stay, unlike what a head is flushed
	// to.
	mergeLevel = 2
	// maxPartTraces is the most traces of a part that merges make: what a merge holds of those
	// that lie in several parts takes 72 bytes each, the index of what it writes 16.
	maxPartTraces = 2_000_000
	// mergeCacheBytes is for the tables of the groups that a merge has under its hands, one or
	// two of each part.
	mergeCacheBytes = 16 << 20
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

// chooseRun is neighbours in order of arrival whose size class is one or below: MergeFanIn, or
// up to a third more where merges are behind, or a quarter of that if more would make too
// large a part. The smallest class goes first: it is the cheapest way to fewer parts. Of
// other classes the oldest go, once there are twice as many: so less is written, and what
// arrived last stays in parts of its own time. Small parts between larger ones, of hours in
// which less arrived, go with these.
//
// One merge runs at a time, on one core, and waits while a head is flushed.
func (s *Store) chooseRun(parts []*livePart) []*livePart {
	allow := remember(s.cfg.Allowance)
	var largest int
	for _, p := range parts {
		largest = max(largest, s.sizeClass(p))
	}
	for class := range largest + 1 {
		for _, kept := range []bool{false, true} {
			if run := s.chooseRunOf(parts, class, kept, allow); run != nil {
				return run
			}
		}
	}
	return nil
}

func (s *Store) chooseRunOf(parts []*livePart, class int, kept bool, allow func(string) store.Allowance) []*livePart {
	fanIn, waiting := s.cfg.MergeFanIn, 0
	for _, p := range parts {
		if p.Kept == kept && !p.corrupt.Load() && s.sizeClass(p) == class {
			waiting++
		}
	}
	if waiting < fanIn/4 || class > 0 && waiting < 2*fanIn {
		return nil
	}
	var r mergeRun
	for _, p := range parts {
		switch n := len(r.parts); {
		case p.Kept != kept || p.corrupt.Load():
			continue
		case n == 0:
		case n == fanIn*4/3 || s.sizeClass(p) > class || !r.takes(p, &s.cfg, allow):
			if n >= fanIn {
				return r.parts
			}
			r = mergeRun{}
		case r.full(p, &s.cfg):
			if n > 1 && n >= fanIn/4 {
				return r.parts
			}
			r = mergeRun{}
		}
		if s.sizeClass(p) <= class {
			r.add(p, allow)
		}
	}
	if len(r.parts) >= fanIn {
		return r.parts
	}
	return nil
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
				if len(r.parts) > 0 && (!r.takes(p, &s.cfg, allow) || r.full(p, &s.cfg) || r.spans+p.Meta().Spans > maxRestSpans) {
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

// sizeClass grows by one each time a part is MergeFanIn times larger. Parts of full heads are
// far from its steps, so that neighbours have the same.
func (s *Store) sizeClass(p *livePart) int {
	class := 0
	for n := p.Meta().Spans / 4_000; n >= int64(s.cfg.MergeFanIn); n /= int64(s.cfg.MergeFanIn) {
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
