package colstore

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Trace reads a trace from every part and head that has spans of it.
func (s *Store) Trace(ctx context.Context, tenant string, id span.TraceID) (*span.Batch, error) {
	defer s.ask()()
	v := s.acquire()
	defer s.release(v)
	k := TraceKey{tenant, id}
	refs, met, err := s.gather(ctx, v, k, nil)
	if err != nil {
		return nil, fmt.Errorf("read trace %s: %w", id, err)
	}
	if len(refs) == 0 && met.damage != nil {
		return nil, fmt.Errorf("read trace %s: %w", id, met.damage)
	}
	if len(refs) == 0 {
		return nil, fmt.Errorf("read trace %s: %w", id, store.ErrNotFound)
	}
	return build(refs), nil
}

// gather is the spans of a trace over all sources of v, copies dropped, ordered by start,
// then span id, and what it met on the way. A block that does not read is reported and
// passed over. pages, which may be nil, keeps decoded pages for the next
// trace.
func (s *Store) gather(ctx context.Context, v *view, k TraceKey, pages *pageCache) (refs []part.Ref, met found, err error) {
	if s.deleted.has(k) {
		return nil, found{}, nil
	}
	for _, p := range v.parts {
		if err := ctx.Err(); err != nil {
			return nil, found{}, err
		}
		held, err := partRefs(ctx, p, k, pages)
		if ctx.Err() != nil {
			return nil, found{}, ctx.Err()
		}
		if err != nil {
			s.noteCorrupt(p, err)
			met.damage = err
			continue
		}
		if len(held) > 0 {
			refs = append(refs, held...)
			met.sources++
		}
	}
	for _, h := range v.heads {
		if held := h.trace(k); len(held) > 0 {
			refs = append(refs, held...)
			met.sources++
		}
	}
	return sortRefs(refs), met, nil
}

// found is where the spans of a trace come from.
type found struct {
	sources int   // parts and heads that have some
	damage  error // of a part that may have more, and does not read
}

// partRefs is a trace's spans in one part.
func partRefs(ctx context.Context, p *livePart, k TraceKey, pages *pageCache) ([]part.Ref, error) {
	loc, ok, err := p.Lookup(k.Tenant, k.ID)
	if err != nil || !ok {
		return nil, err
	}
	if pages == nil || loc.Pages > 1 {
		b, err := p.ReadTrace(ctx, loc)
		if err != nil {
			return nil, err
		}
		return rows(b, 0, len(b.Spans)), nil
	}
	e, err := p.Entry(loc)
	if err != nil {
		return nil, err
	}
	b, err := pages.get(pageKey{p, loc.Page}, func() (*span.Batch, error) {
		pg, err := p.Page(loc.Page)
		if err != nil {
			return nil, err
		}
		return pg.Read(ctx, part.All())
	})
	if err != nil {
		return nil, err
	}
	return rows(b, e.First, e.Rows), nil
}

func rows(b *span.Batch, first, n int) []part.Ref {
	refs := make([]part.Ref, n)
	for i := range refs {
		refs[i] = part.Ref{Batch: b, Index: first + i}
	}
	return refs
}

func build(refs []part.Ref) *span.Batch {
	var b span.Builder
	for _, r := range refs {
		b.Append(r.Batch, r.Index)
	}
	return b.Batch()
}

// Scan yields whole traces: those of the parts, oldest part first, then those of the
// heads; a trace of several sources comes with the first of them.
func (s *Store) Scan(ctx context.Context, tenant string, w store.Window) iter.Seq2[*span.Batch, error] {
	return func(yield func(*span.Batch, error) bool) {
		v := s.acquire()
		defer s.release(v)
		split := map[span.TraceID]bool{} // traces of several sources that were yielded
		pages := newPageCache(4)
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return
		}
		for id := range s.candidates(v, tenant, w) {
			if split[id] {
				continue
			}
			refs, met, err := s.gather(ctx, v, TraceKey{tenant, id}, pages)
			if err != nil {
				yield(nil, err)
				return
			}
			if met.sources > 1 {
				split[id] = true
			}
			inside := func(r part.Ref) bool { return w.Contains(r.Span().Start) }
			if slices.ContainsFunc(refs, inside) && !yield(build(refs), nil) {
				return
			}
		}
	}
}

// candidates yields the traces that may have a span in the window, once for each part
// and head that says so.
func (s *Store) candidates(v *view, tenant string, w store.Window) iter.Seq[span.TraceID] {
	return func(yield func(span.TraceID) bool) {
		for _, p := range v.parts {
			for id, err := range partTraces(p, tenant, w) {
				if err != nil {
					s.noteCorrupt(p, err)
				} else if !yield(id) {
					return
				}
			}
		}
		for _, h := range v.heads {
			for _, k := range h.keys(tenant) {
				if !yield(k.ID) {
					return
				}
			}
		}
	}
}

// partTraces yields the traces of a part that may have a span in the window, once each.
func partTraces(p *livePart, tenant string, w store.Window) iter.Seq2[span.TraceID, error] {
	return func(yield func(span.TraceID, error) bool) {
		var last span.TraceID // the pages of a large trace follow each other
		for _, g := range p.Groups() {
			if g.Tenant() != tenant || g.Stats().MaxStart < w.Start || g.Stats().MinStart >= w.End {
				continue
			}
			pages, err := g.Pages()
			if err != nil {
				if !yield(span.TraceID{}, err) {
					return
				}
				continue
			}
			for _, pg := range pages {
				if pg.Stats().MaxStart < w.Start || pg.Stats().MinStart >= w.End {
					continue
				}
				entries, err := pg.Directory()
				if err != nil {
					if !yield(span.TraceID{}, err) {
						return
					}
					continue
				}
				for _, e := range entries {
					if e.Start >= w.End || e.ID == last {
						continue
					}
					if last = e.ID; !yield(e.ID, nil) {
						return
					}
				}
			}
		}
	}
}
