package colstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Store is an open store. Safe for concurrent use.
type Store struct {
	cfg  Config
	fs   vfs.FS
	log  *slog.Logger
	lock io.Closer

	// mu guards the pointer view and the count taken on it.
	mu   sync.RWMutex
	view *view

	// rotate is held shared while a record is added to the active head and exclusively
	// while that head is frozen, so that a frozen head never grows.
	rotate sync.RWMutex
	room   chan struct{} // closed and replaced when a frozen head has gone. Guarded by mu.

	manMu sync.Mutex
	man   *manifest // Guarded by manMu.

	flushMu, mergeMu sync.Mutex // one flush, one merge at a time
	flushing         sync.Mutex // held while a head is written
	asking           asking
	applied          atomic.Uint64

	deleted  deleted
	tails    store.Tails
	cache    *part.Cache
	memories headMemories
	counts   counters

	// looking is full while someone finds out which spans are held twice: a lock that a
	// done context need not wait for. Taken before head.mu, and by readers only.
	looking chan struct{}

	met sync.Map // store.CorruptError of every damaged block met, so that each is told once

	failure   atomic.Pointer[error] // set once: writes are refused until restart
	wantFlush chan struct{}
	wantMerge chan struct{}
	stop      chan struct{}
	stopOnce  sync.Once
	wg        sync.WaitGroup
}

type counters struct {
	refusedDeleted atomic.Int64
	corruptBlocks  atomic.Int64
}

// Open opens the store in cfg.Dir, making it if it is not there. Errors: *vfs.LockedError
// if another process has it, *FormatError if a newer Weft wrote it. Records of the log
// behind Applied must be applied again by the caller before the store is used.
func Open(cfg Config) (*Store, error) {
	s, err := openQuiet(cfg)
	if err != nil {
		return nil, err
	}
	s.wg.Add(3)
	go s.flushLoop()
	go s.mergeLoop()
	go s.janitorLoop()
	return s, nil
}

// openQuiet opens a store without its background work.
func openQuiet(cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{
		cfg: cfg, fs: cfg.FS, log: cfg.Logger, cache: part.NewCache(cfg.CacheBytes),
		room: make(chan struct{}), wantFlush: make(chan struct{}, 1), wantMerge: make(chan struct{}, 1),
		looking: make(chan struct{}, 1), stop: make(chan struct{}),
		memories: newHeadMemories(cfg),
	}
	if err := s.load(); err != nil {
		if s.lock != nil {
			err = errors.Join(err, s.lock.Close())
		}
		return nil, fmt.Errorf("open store %s: %w", cfg.Dir, err)
	}
	return s, nil
}

func (s *Store) load() error {
	if err := vfs.MakeDir(s.fs, path.Join(s.cfg.Dir, "parts")); err != nil {
		return err
	}
	lock, err := s.fs.Lock(path.Join(s.cfg.Dir, "LOCK"))
	if err != nil {
		return err
	}
	s.lock = lock
	if s.man, err = readManifest(s.fs, s.cfg.Dir); err != nil {
		return err
	}
	if err := s.sweep(); err != nil {
		return err
	}
	var parts []*livePart
	for _, mp := range s.man.Parts {
		p, err := s.openPart(mp)
		var corrupt *store.CorruptError
		if errors.As(err, &corrupt) {
			// The rest of the store is worth more than this part's name; its folder stays
			// and stays named, for repair.
			s.counts.corruptBlocks.Add(1)
			s.log.Error("part does not open and is passed over", "part", mp.Name, "error", err)
			continue
		}
		if err != nil {
			for _, o := range parts {
				err = errors.Join(err, o.Close())
			}
			return err
		}
		parts = append(parts, p)
	}
	s.applied.Store(uint64(s.man.Flushed.prefix()))
	s.deleted.replace(s.man.Deleted)
	slices.SortStableFunc(parts, func(a, b *livePart) int {
		return a.Meta().MinArrival.Compare(b.Meta().MinArrival)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish([]*head{newHead(s.memories.take())}, parts)
	return nil
}

// sweep removes part folders that a crash left behind unnamed.
func (s *Store) sweep() error {
	entries, err := s.fs.ReadDir(path.Join(s.cfg.Dir, "parts"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if slices.ContainsFunc(s.man.Parts, func(p manifestPart) bool { return p.Name == e.Name() }) {
			continue
		}
		if err := s.fs.RemoveAll(s.partDir(e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Names are never used twice, also when the number that was given out is not in
		// the manifest yet.
		var n uint64
		if _, err := fmt.Sscanf(e.Name(), "%d", &n); err == nil {
			s.man.NextPart = max(s.man.NextPart, n+1)
		}
	}
	return nil
}

func (s *Store) openPart(mp manifestPart) (*livePart, error) {
	dir := s.partDir(mp.Name)
	p, err := part.Open(s.fs, dir, s.cache)
	if err != nil {
		return nil, fmt.Errorf("open part %s: %w", mp.Name, err)
	}
	lp := &livePart{Part: p, manifestPart: mp, fs: s.fs, dir: dir}
	lp.measure()
	return lp, nil
}

var errClosed = errors.New("store is closed")

// Close stops the background work, lets readers finish and closes all files. What is in
// the heads stays in the log, but a head being written goes on to its end, so that the work
// is not done again.
func (s *Store) Close() error {
	s.stopOnce.Do(func() { close(s.stop) })
	s.wg.Wait()
	s.failure.CompareAndSwap(nil, &errClosed)
	return s.closeQuiet()
}

// closeQuiet lets go of the parts and of the folder.
func (s *Store) closeQuiet() error {
	s.rotate.Lock()
	s.mu.Lock()
	old := s.publish([]*head{newHead(s.memories.take())}, nil)
	s.mu.Unlock()
	s.rotate.Unlock()
	s.release(old)
	s.memories.trim()
	return s.lock.Close()
}

// Apply adds a record to the active head. It blocks while MaxHeads frozen heads wait to
// be written. A replayed record neither waits nor has a part written, so that a start takes
// no longer than reading; the head grows to what the log holds, and is flushed after.
func (s *Store) Apply(ctx context.Context, r store.Record) error {
	if err := s.broken(); err != nil {
		return err
	}
	if !r.Replayed {
		if err := s.waitRoom(ctx); err != nil {
			return err
		}
	}
	if s.deleted.returns(r) {
		if err := s.purge(ctx, time.Time{}); err != nil {
			return err
		}
	}
	s.rotate.RLock()
	if err := s.broken(); err != nil { // closed meanwhile: there is no head any more
		s.rotate.RUnlock()
		return err
	}
	if r.Pos != 0 && s.isFlushed(r.Pos) {
		s.rotate.RUnlock()
		return nil
	}
	h := s.active()
	b := h.add(r, func(k TraceKey) bool { return s.refuse(k, r.Arrival) })
	full := s.full(h)
	if b != nil {
		s.tails.Publish(b.tenant, b.copy) // of the head, which cannot go now
	}
	s.rotate.RUnlock()
	if full && !r.Replayed {
		s.freezeFull()
		signal(s.wantFlush)
	}
	return nil
}

func (s *Store) refuse(k TraceKey, arrival time.Time) bool {
	if !s.deleted.refuses(k, arrival) {
		return false
	}
	s.counts.refusedDeleted.Add(1)
	return true
}

func (s *Store) isFlushed(p log.Position) bool {
	if uint64(p) <= s.applied.Load() {
		return true
	}
	s.manMu.Lock()
	defer s.manMu.Unlock()
	return s.man.Flushed.contains(p)
}

func (s *Store) active() *head {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.view.heads[len(s.view.heads)-1]
}

// waitRoom blocks while the flusher is behind.
func (s *Store) waitRoom(ctx context.Context) error {
	for {
		s.mu.RLock()
		behind, room := len(s.view.heads)-1 >= s.cfg.MaxHeads && s.full(s.view.heads[len(s.view.heads)-1]), s.room
		s.mu.RUnlock()
		if !behind {
			return nil
		}
		signal(s.wantFlush)
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stop:
			return fmt.Errorf("%w: %w", store.ErrRefused, errClosed)
		}
		if err := s.broken(); err != nil {
			return err
		}
	}
}

// Applied is the position up to which parts hold every record.
func (s *Store) Applied() log.Position { return log.Position(s.applied.Load()) }

// LastPosition is the highest position that parts hold. A log that lost its files goes on
// behind it, else its new records would be taken for some that are here already.
func (s *Store) LastPosition() log.Position {
	s.manMu.Lock()
	defer s.manMu.Unlock()
	if n := len(s.man.Flushed); n > 0 {
		return s.man.Flushed[n-1][1]
	}
	return 0
}

// Digests yields those kept with the parts; heads are rebuilt from the log, which has its own.
func (s *Store) Digests(since time.Time) iter.Seq2[log.Digest, time.Time] {
	return func(yield func(log.Digest, time.Time) bool) {
		v := s.acquire()
		defer s.release(v)
		for _, p := range v.parts {
			if p.Meta().MaxArrival.Before(since) {
				continue
			}
			list, err := p.Digests()
			if err != nil {
				s.noteCorrupt(p, err)
				continue
			}
			for _, d := range list {
				if !d.Arrival.Before(since) && !yield(d.Digest, d.Arrival) {
					return
				}
			}
		}
	}
}

// broken is the error that writes are refused with, nil if they are not.
func (s *Store) broken() error {
	if p := s.failure.Load(); p != nil {
		return fmt.Errorf("%w: %w", store.ErrRefused, *p)
	}
	return nil
}

// breakWrites refuses all writes from now on: a failed sync may have lost what was
// written before it, so that going on could acknowledge what is not there.
func (s *Store) breakWrites(op string, err error) error {
	err = fmt.Errorf("%s: %w; restart to recover from the log", op, err)
	if s.failure.CompareAndSwap(nil, &err) {
		s.log.Error("store refuses writes until restart", "error", err)
	}
	return s.broken()
}

// Healthy is nil, or why the store takes no writes.
func (s *Store) Healthy() error { return s.broken() }

// noteCorrupt counts and reports a block that does not read, once however often it is met.
// The answer goes on without it.
func (s *Store) noteCorrupt(p *livePart, err error) {
	p.corrupt.Store(true)
	var block *store.CorruptError
	if errors.As(err, &block) {
		if _, known := s.met.LoadOrStore(*block, true); known {
			return
		}
	}
	s.counts.corruptBlocks.Add(1)
	s.log.Error("block does not read and is passed over", "part", p.Name, "error", err)
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
