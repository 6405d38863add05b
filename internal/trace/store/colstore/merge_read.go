package colstore

import (
	"context"
	"iter"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// mergeReader reads the parts of a run side by side, each in its own order, which is the
// order of the part that is made of them. In memory are a page of each part and the pieces
// of the traces that lie in several.
type mergeReader struct {
	s     *Store
	run   []*livePart
	parts []*part.Part // of the run, through a cache of its own
	drop  func(TraceKey) bool
	pages *pageCache
	free  []*span.Batch // that pages are decoded into
	since time.Time     // when the last page began
}

// mergedTraces yields the traces of several parts in the order of a part, without those
// that are dropped. It decodes each page once, or again where a trace in several parts
// belongs far from its neighbours.
func (s *Store) mergedTraces(ctx context.Context, run []*livePart, drop func(TraceKey) bool) iter.Seq2[part.Trace, error] {
	return func(yield func(part.Trace, error) bool) {
		if err := newMergeReader(s, run, drop).all(ctx, yield); err != nil {
			yield(part.Trace{}, err)
		}
	}
}

func newMergeReader(s *Store, run []*livePart, drop func(TraceKey) bool) *mergeReader {
	m := &mergeReader{s: s, run: run, drop: drop, pages: newPageCache(len(run) + 8), since: time.Now()}
	tables := s.cache.Apart(mergeCacheBytes)
	for _, p := range run {
		m.parts = append(m.parts, p.Through(tables))
	}
	return m
}

func (m *mergeReader) all(ctx context.Context, yield func(part.Trace, error) bool) error {
	order, err := m.order(ctx)
	if err != nil {
		return err
	}
	for {
		pieces, err := order.next()
		if err != nil || len(pieces) == 0 {
			return err
		}
		refs, err := m.read(ctx, pieces)
		if err != nil {
			return err
		}
		if key := pieces[0].key; !yield(part.Trace{Tenant: key.Tenant, ID: key.ID, Spans: sortRefs(refs)}, nil) {
			return nil
		}
		// The part has taken the trace apart: batches that nothing needs are filled again.
		m.free, m.pages.gone = append(m.free, m.pages.gone...), m.pages.gone[:0]
	}
}

// read is the spans at pieces, in memory that is valid until the next trace is read.
func (m *mergeReader) read(ctx context.Context, pieces []piece) ([]part.Ref, error) {
	var refs []part.Ref
	for _, l := range pieces {
		b, err := m.pages.get(pageKey{m.run[l.part], int(l.page)}, func() (*span.Batch, error) {
			m.s.giveWay(time.Since(m.since))
			m.since = time.Now()
			pg, err := m.parts[l.part].Page(int(l.page))
			if err != nil {
				return nil, err
			}
			var old *span.Batch
			if n := len(m.free); n > 0 {
				old, m.free = m.free[n-1], m.free[:n-1]
			}
			return pg.ReadReusing(ctx, old)
		})
		if err != nil {
			return nil, &sourceError{m.run[l.part], err}
		}
		for r := l.first; r < l.first+l.rows; r++ {
			refs = append(refs, part.Ref{Batch: b, Index: int(r)})
		}
	}
	return refs, nil
}
