package colstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Counts is what an open store holds, for status pages and metrics.
type Counts struct {
	Parts                   int
	PartSpans, HeadSpans    int64
	PartBytes               int64
	CorruptBlocks           int64 // met since the store was opened
	RefusedDeleted          int64 // spans of deleted traces refused since then
	OldestArrival, NewestAt time.Time
}

// Counts sums up the current view.
func (s *Store) Counts() Counts {
	v := s.acquire()
	defer s.release(v)
	c := Counts{
		Parts: len(v.parts), CorruptBlocks: s.counts.corruptBlocks.Load(), RefusedDeleted: s.counts.refusedDeleted.Load(),
	}
	for _, p := range v.parts {
		m := p.Meta()
		c.PartSpans += m.Spans
		c.PartBytes += m.Bytes
		if c.OldestArrival.IsZero() || m.MinArrival.Before(c.OldestArrival) {
			c.OldestArrival = m.MinArrival
		}
		if m.MaxArrival.After(c.NewestAt) {
			c.NewestAt = m.MaxArrival
		}
	}
	for _, h := range v.heads {
		h.mu.RLock()
		c.HeadSpans += int64(h.count)
		if h.maxArrival.After(c.NewestAt) {
			c.NewestAt = h.maxArrival
		}
		h.mu.RUnlock()
	}
	return c
}

// TenantCounts is what the store holds of one tenant. Bytes are those of parts.
type TenantCounts struct{ Spans, Bytes int64 }

// TenantCounts is known from the metadata of parts and the blocks of heads, without
// reading any.
func (s *Store) TenantCounts(tenant string) TenantCounts {
	v := s.acquire()
	defer s.release(v)
	var c TenantCounts
	for _, p := range v.parts {
		if i, ok := p.tenant(tenant); ok {
			c.Spans += p.Meta().Tenants[i].Spans
			c.Bytes += p.tenantBytes[i]
		}
	}
	for _, h := range v.heads {
		h.mu.RLock()
		for _, b := range h.blocks {
			if b.tenant == tenant {
				c.Spans += int64(b.rows.Len())
			}
		}
		h.mu.RUnlock()
	}
	return c
}

// FolderStat says where the bytes of a store's folder go.
type FolderStat struct {
	Parts         int
	Spans, Traces int64
	Bytes         int64
	Causes        []part.Stat // largest first
}

// Stat reads a store's folder, which may be in use.
func Stat(ctx context.Context, fsys vfs.FS, dir string) (FolderStat, error) {
	var out FolderStat
	man, err := readManifest(fsys, dir)
	if err != nil {
		return out, fmt.Errorf("stat store %s: %w", dir, err)
	}
	sums := map[string]part.Stat{}
	cache := part.NewCache(8 << 20)
	for _, mp := range man.Parts {
		p, err := part.Open(fsys, path.Join(dir, "parts", mp.Name), cache)
		if err != nil {
			return out, fmt.Errorf("stat part %s: %w", mp.Name, err)
		}
		stats, err := p.Stat(ctx)
		out.Parts++
		out.Spans += p.Meta().Spans
		out.Traces += p.Meta().Traces
		out.Bytes += p.Meta().Bytes
		if err := errors.Join(err, p.Close()); err != nil {
			return out, fmt.Errorf("stat part %s: %w", mp.Name, err)
		}
		for _, st := range stats {
			sum := sums[st.Cause]
			sum.Cause = st.Cause
			sum.Bytes += st.Bytes
			sum.Values += st.Values
			sums[st.Cause] = sum
		}
	}
	for _, st := range sums {
		out.Causes = append(out.Causes, st)
	}
	slices.SortFunc(out.Causes, func(a, b part.Stat) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Cause, b.Cause))
	})
	return out, nil
}

// RepairReport says what a repair did.
type RepairReport struct {
	Parts    []string // the damaged ones, moved to the folder "quarantine"
	Spans    int64    // saved from them
	LostSome bool     // some block of them did not read
}

// Repair takes damaged parts out of a store that no process has open. What reads of them
// goes into new parts; the damaged folders are moved to "quarantine", never deleted.
func Repair(ctx context.Context, cfg Config) (RepairReport, error) {
	var out RepairReport
	cfg.Kept = nil
	s, err := openQuiet(cfg)
	if err != nil {
		return out, err
	}
	defer func() { _ = s.closeQuiet() }()
	for _, mp := range slices.Clone(s.man.Parts) {
		if slices.ContainsFunc(s.view.parts, func(p *livePart) bool { return p.Name == mp.Name }) {
			continue
		}
		if err := s.setAside(&livePart{manifestPart: mp, dir: s.partDir(mp.Name)}, nil); err != nil {
			return out, fmt.Errorf("repair part %s: %w", mp.Name, err)
		}
		out.Parts, out.LostSome = append(out.Parts, mp.Name), true
	}
	for _, p := range slices.Clone(s.view.parts) {
		_, bad, err := p.Check(ctx)
		if err != nil {
			return out, fmt.Errorf("repair part %s: %w", p.Name, err)
		}
		if len(bad) == 0 {
			continue
		}
		saved, err := s.salvage(ctx, p)
		if err != nil {
			return out, fmt.Errorf("repair part %s: %w", p.Name, err)
		}
		out.Parts = append(out.Parts, p.Name)
		out.Spans += saved
		out.LostSome = true
	}
	return out, nil
}

// salvage writes what reads of a part into a new one and moves the old one aside.
func (s *Store) salvage(ctx context.Context, p *livePart) (int64, error) {
	m := p.Meta()
	opt := s.partOptions(m.MinArrival, m.MaxArrival)
	opt.Positions = m.Positions
	traces := func(yield func(part.Trace, error) bool) {
		for t, err := range s.readableTraces(ctx, p) {
			if !yield(t, err) {
				return
			}
		}
	}
	saved, err := s.writePart(ctx, opt, traces, p.Kept)
	if err != nil {
		return 0, err
	}
	if saved == nil {
		return 0, s.setAside(p, nil)
	}
	return saved.Meta().Spans, s.setAside(p, saved)
}

// setAside moves a damaged part to the folder "quarantine" and puts saved, which may be
// nil, in its place.
func (s *Store) setAside(p, saved *livePart) error {
	quarantine := path.Join(s.cfg.Dir, "quarantine")
	if err := vfs.MakeDir(s.fs, quarantine); err != nil {
		return err
	}
	if err := linkFolder(s.fs, p.dir, path.Join(quarantine, p.Name)); err != nil {
		return err
	}
	if err := s.fs.SyncDir(quarantine); err != nil {
		return err
	}
	if err := s.fs.SyncDir(s.cfg.Dir); err != nil {
		return err
	}
	e := edit{remove: []*livePart{p}}
	if saved != nil {
		e.add = []*livePart{saved}
	}
	if err := s.commit(e); err != nil {
		return err
	}
	return s.fs.RemoveAll(p.dir)
}

// readableTraces yields the traces of a part page by page, leaving out pages that do not
// read. A trace of several pages comes as the pieces that read, joined.
func (s *Store) readableTraces(ctx context.Context, p *livePart) func(func(part.Trace, error) bool) {
	return func(yield func(part.Trace, error) bool) {
		var last part.Trace
		flush := func() bool {
			t := last
			last = part.Trace{}
			if len(t.Spans) == 0 {
				return true
			}
			t.Spans = sortRefs(t.Spans)
			return yield(t, nil)
		}
		for _, g := range p.Groups() {
			pages, err := g.Pages()
			if err != nil {
				continue
			}
			for _, pg := range pages {
				b, err := pg.Read(ctx, part.All())
				if ctx.Err() != nil {
					yield(part.Trace{}, ctx.Err())
					return
				}
				if err != nil {
					continue
				}
				for i := range b.Spans {
					id := b.Spans[i].TraceID
					if (last.ID != id || last.Tenant != g.Tenant()) && !flush() {
						return
					}
					last.Tenant, last.ID = g.Tenant(), id
					last.Spans = append(last.Spans, part.Ref{Batch: b, Index: i})
				}
			}
		}
		flush()
	}
}
