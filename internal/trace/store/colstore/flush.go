package colstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// flushLoop writes heads that are large or old enough.
func (s *Store) flushLoop() {
	defer s.wg.Done()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wantFlush:
		case <-s.cfg.Clock.After(s.cfg.HeadAge / 2):
		}
		if err := s.flushDue(context.Background()); err != nil {
			s.log.Error("flush", "error", err)
		}
	}
}

// flushDue writes the heads that wait, then the active one if it is large or old enough. One
// that has just begun stays: parts of a few spans between large ones would keep these from
// being merged.
func (s *Store) flushDue(ctx context.Context) error {
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	if err := s.flushFrozen(ctx); err != nil || !s.activeDue() {
		return err
	}
	s.freeze()
	return s.flushFrozen(ctx)
}

func (s *Store) activeDue() bool {
	v := s.acquire()
	defer s.release(v)
	h := v.heads[len(v.heads)-1]
	if s.full(h) {
		return true
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return !h.since.IsZero() && s.cfg.Clock.Now().Sub(h.since) >= s.cfg.HeadAge
}

// Flush writes everything applied so far into parts. After an error the heads stay, and
// so do their records in the log.
func (s *Store) Flush(ctx context.Context) error {
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	s.freeze()
	return s.flushFrozen(ctx)
}

// flushFrozen is called with s.flushMu held.
func (s *Store) flushFrozen(ctx context.Context) error {
	if err := s.broken(); err != nil {
		return err
	}
	for n := s.frozen(); n > 0; n-- {
		if err := s.flushOldest(ctx); err != nil {
			return err
		}
	}
	return nil
}

// frozen is how many heads wait for the flusher.
func (s *Store) frozen() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.view.heads) - 1
}

// flushOldest holds a view no longer than it needs, so that the memory of the head goes to
// the next.
func (s *Store) flushOldest(ctx context.Context) error {
	v := s.acquire()
	defer s.release(v)
	return s.flushHead(ctx, v.heads[0])
}

// freeze puts an empty head in front of a filled one.
func (s *Store) freeze() {
	s.rotate.Lock()
	defer s.rotate.Unlock()
	if !s.active().empty() {
		s.addHead()
	}
}

// freezeFull does so with a full head, unless as many as may wait do.
func (s *Store) freezeFull() {
	s.rotate.Lock()
	defer s.rotate.Unlock()
	if s.full(s.active()) && s.frozen() < s.cfg.MaxHeads {
		s.addHead()
	}
}

// addHead is called with s.rotate held.
func (s *Store) addHead() {
	h := newHead(s.memories.take())
	s.mu.Lock()
	old := s.publish(append(slices.Clip(s.view.heads), h), s.view.parts)
	s.mu.Unlock()
	s.release(old)
}

func (h *head) empty() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.blocks) == 0 && len(h.pos) == 0
}

// flushHead writes one frozen head. A head whose spans were all copies or refused leaves
// no part, only its positions.
func (s *Store) flushHead(ctx context.Context, h *head) error {
	e := edit{dropHead: h, flushed: h.pos}
	if h.count > 0 {
		since := s.cfg.Clock.Now().Add(-s.cfg.DigestAge)
		opt := s.partOptions(h.minArrival, h.maxArrival)
		opt.Positions = h.pos
		opt.Digests = slices.DeleteFunc(slices.Clone(h.digests), func(d part.ArrivedDigest) bool { return d.Arrival.Before(since) })
		s.flushing.Lock()
		p, err := s.writePart(ctx, opt, s.headTraces(h), false)
		s.flushing.Unlock()
		if err != nil {
			return err
		}
		if p != nil {
			e.add = []*livePart{p}
		}
	}
	if err := s.commit(e); err != nil {
		return s.abandon(e.add, err)
	}
	s.mu.Lock()
	close(s.room)
	s.room = make(chan struct{})
	s.mu.Unlock()
	s.advance()
	signal(s.wantMerge)
	return nil
}

// advance tells the owner of the log how far it may be trimmed.
func (s *Store) advance() {
	s.manMu.Lock()
	to := s.man.Flushed.prefix()
	s.manMu.Unlock()
	if uint64(to) > s.applied.Load() {
		s.applied.Store(uint64(to))
	}
	s.cfg.OnApplied(log.Position(s.applied.Load()))
}

func (s *Store) partOptions(minArrival, maxArrival time.Time) part.Options {
	opt := part.Options{
		GroupSpans: s.cfg.GroupSpans, PageSpans: s.cfg.PageSpans, Cache: s.cache,
		MinArrival: minArrival, MaxArrival: maxArrival,
	}
	if s.cfg.vary != nil {
		opt.Vary = s.cfg.vary()
	}
	return opt
}

// headTraces yields the traces of a frozen head in the order of a part.
func (s *Store) headTraces(h *head) iter.Seq2[part.Trace, error] {
	type item struct {
		key   TraceKey
		start int64
		trace int32
	}
	items := make([]item, 0, len(h.index.traces))
	for n := range int32(len(h.index.traces)) {
		items = append(items, item{h.index.key(h.blocks, n), h.index.start(h.blocks, n), n})
	}
	slices.SortFunc(items, func(a, b item) int { return comparePartOrder(a.key, a.start, b.key, b.start) })
	return func(yield func(part.Trace, error) bool) {
		var r pack.Reader
		for _, it := range items {
			if s.deleted.has(it.key) {
				continue
			}
			// The part takes a trace apart before it asks for the next.
			b := h.index.read(h.blocks, it.trace, &r)
			if !yield(part.Trace{Tenant: it.key.Tenant, ID: it.key.ID, Spans: sortRefs(rows(b, 0, len(b.Spans)))}, nil) {
				return
			}
		}
	}
}

// comparePartOrder is the order of traces in a part: tenant, start, id.
func comparePartOrder(a TraceKey, aStart int64, b TraceKey, bStart int64) int {
	if c := strings.Compare(a.Tenant, b.Tenant); c != 0 {
		return c
	}
	if aStart != bStart {
		if aStart < bStart {
			return -1
		}
		return 1
	}
	return slices.Compare(a.ID[:], b.ID[:])
}

// writePart writes a part that nothing names yet, and opens it; nil if there was nothing
// to write.
func (s *Store) writePart(ctx context.Context, opt part.Options, traces iter.Seq2[part.Trace, error], kept bool) (*livePart, error) {
	mp := manifestPart{Name: s.newPartName(), Kept: kept}
	dir := s.partDir(mp.Name)
	meta, err := part.Write(ctx, s.fs, dir, opt, traces)
	if err == nil && meta.Spans == 0 {
		return nil, s.fs.RemoveAll(dir)
	}
	if err == nil {
		err = s.fs.SyncDir(path.Join(s.cfg.Dir, "parts"))
	}
	if err != nil {
		_ = s.fs.RemoveAll(dir) // nothing names it; Open would remove it too
		var source *sourceError // of what is merged: what is written is sound
		if isFull(err) || ctx.Err() != nil || errors.As(err, &source) {
			return nil, fmt.Errorf("write part %s: %w", mp.Name, err)
		}
		return nil, s.breakWrites("write part "+mp.Name, err)
	}
	return s.openPart(mp)
}

func (s *Store) newPartName() string {
	s.manMu.Lock()
	defer s.manMu.Unlock()
	n := s.man.NextPart
	s.man.NextPart++
	return fmt.Sprintf("%08d", n)
}

// abandon removes parts that a failed commit did not make part of the store. If it
// cannot be told, they stay for the next Open to judge.
func (s *Store) abandon(parts []*livePart, err error) error {
	for _, p := range parts {
		_ = p.Close()
		if isFull(err) {
			_ = s.fs.RemoveAll(p.dir)
		}
	}
	return err
}
