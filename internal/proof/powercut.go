package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest"
	"github.com/weft-dev/weft/internal/trace/ingest/log/file"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore"
)

// PowerCutOptions say how long.
type PowerCutOptions struct {
	Rounds int
	Seed   uint64
	Out    io.Writer // a line each tenth round
}

// PowerCutResult is what was proven.
type PowerCutResult struct {
	Rounds, Requests, Acked, Operations int
}

// errNoPower is what every file operation answers once the power is gone.
var errNoPower = errors.New("the power is gone")

// PowerCut sends requests into the real pipeline, log and store, with heads and segments
// so small that flushes, merges and trims happen all the time. At a random file operation
// the power goes: unsynced bytes and names are lost, written ones may be torn. What is
// left is opened and compared with what was acknowledged before, and the next round goes
// on from it.
func PowerCut(ctx context.Context, o PowerCutOptions) (PowerCutResult, error) {
	var res PowerCutResult
	rnd := rand.New(rand.NewPCG(o.Seed, 11))
	disk := vfs.NewMem()
	l := &ledger{}
	for round := range o.Rounds {
		cutAt := 1 + rnd.IntN(400)
		after, ops, err := powerRound(ctx, o.Seed, disk, l, cutAt, rnd.Uint64())
		res.Operations += ops
		if err != nil {
			return res, fmt.Errorf("seed %d, round %d, cut at operation %d: %w", o.Seed, round, cutAt, err)
		}
		disk = after
		if err := verifyDisk(ctx, disk.Clone(), l, rnd); err != nil {
			return res, fmt.Errorf("seed %d, round %d, cut at operation %d: %w", o.Seed, round, cutAt, err)
		}
		res.Rounds++
		acked, _ := l.from(0)
		res.Requests, res.Acked = l.len(), len(acked)
		if round%10 == 9 {
			fmt.Fprintf(o.Out, "power cut %d of %d: %d requests acknowledged so far, %d file operations\n", round+1, o.Rounds, res.Acked, res.Operations)
		}
	}
	return res, nil
}

// stack is the server's write path on one file system.
type stack struct {
	log      *file.Log
	store    *colstore.Store
	pipeline *ingest.Pipeline
}

func openStack(ctx context.Context, fsys vfs.FS) (*stack, error) {
	s := &stack{}
	var err error
	quiet := slog.New(slog.DiscardHandler)
	if s.store, err = colstore.Open(colstore.Config{FS: fsys, Dir: "data/traces", HeadBytes: 24 << 10, MergeFanIn: 3, Logger: quiet}); err != nil {
		return nil, err
	}
	if s.log, err = file.Open(file.Config{FS: fsys, Dir: "data/log", LimitBytes: 1 << 20, SegmentBytes: 32 << 10, ReserveBytes: -1, After: s.store.LastPosition()}); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	if s.pipeline, err = ingest.New(ingest.Config{Log: s.log, Store: s.store, Logger: quiet}); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	if _, err := s.pipeline.Replay(ctx); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

func (s *stack) close(ctx context.Context) error {
	var errs []error
	if s.pipeline != nil {
		done, cancel := context.WithCancel(ctx)
		cancel() // do not wait for requests that can no longer end
		_ = s.pipeline.Close(done)
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	return errors.Join(errs...)
}

// powerRound runs until the cut and returns the disk after it.
func powerRound(ctx context.Context, seed uint64, disk *vfs.Mem, l *ledger, cutAt int, torn uint64) (*vfs.Mem, int, error) {
	inject := vfs.NewInject(disk)
	var cut atomic.Bool
	var once sync.Once
	var after *vfs.Mem
	gone := make(chan struct{})
	inject.Hook(func(op vfs.Op) vfs.Fault {
		if op.N < cutAt && !cut.Load() {
			return vfs.Fault{}
		}
		once.Do(func() {
			// From here on no acknowledgement counts: an operation that was let through
			// before may still end well on the disk that is lost.
			cut.Store(true)
			after = disk.CrashTorn(torn)
			close(gone)
		})
		return vfs.Fault{Err: errNoPower}
	})
	s, err := openStack(ctx, inject)
	if err != nil {
		if cut.Load() {
			return after, inject.Count(), nil // the power went while the server started
		}
		return nil, 0, err
	}
	loadCtx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !cut.Load() {
				r := l.next(seed)
				_, err := s.pipeline.Submit(loadCtx, ingest.Request{Tenant: "default", Body: r.body()})
				if err == nil && !cut.Load() {
					l.ack(r)
				}
			}
		}()
	}
	<-gone
	stop()
	wg.Wait()
	_ = s.close(ctx) // on a dead disk nothing closes well
	return after, inject.Count(), nil
}

// verifyDisk opens what a cut left and compares it with the ledger: all traces by one
// search, and by id those of the newest requests and some of the others.
func verifyDisk(ctx context.Context, disk *vfs.Mem, l *ledger, rnd *rand.Rand) error {
	s, err := openStack(ctx, disk)
	if err != nil {
		return fmt.Errorf("open after the cut: %w", err)
	}
	verdict := verifySearch(ctx, s, l)
	if verdict == nil {
		verdict = verifyByID(ctx, s, l, rnd)
	}
	return errors.Join(verdict, s.close(ctx))
}

// verifySearch: every acknowledged trace is found once, whole, and nothing is found that
// was never sent.
func verifySearch(ctx context.Context, s *stack, l *ledger) error {
	found := map[span.TraceID]bool{}
	for row, err := range s.store.Search(ctx, store.Query{Tenant: "default", Window: store.Window{End: 1 << 62}, Limit: 1 << 30}) {
		if err != nil {
			return err
		}
		if found[row.TraceID] || row.Spans != spansPerTrace {
			return fmt.Errorf("search shows trace %s with %d spans, seen before: %v", row.TraceID, row.Spans, found[row.TraceID])
		}
		found[row.TraceID] = true
	}
	acked, open := l.from(0)
	for _, r := range acked {
		for i := range tracesPerRequest {
			if !found[r.traceID(i)] {
				return fmt.Errorf("request %d was acknowledged, search does not find trace %s", r.number, r.traceID(i))
			}
			delete(found, r.traceID(i))
		}
	}
	for _, r := range open {
		for i := range tracesPerRequest {
			delete(found, r.traceID(i))
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("search shows %d traces that nobody sent", len(found))
	}
	return nil
}

func verifyByID(ctx context.Context, s *stack, l *ledger, rnd *rand.Rand) error {
	acked, open := l.from(max(0, l.len()-100))
	older, _ := l.from(0)
	for range min(50, len(older)) {
		acked = append(acked, older[rnd.IntN(len(older))])
	}
	check := func(r *request, acked bool) error {
		for i := range tracesPerRequest {
			got, err := s.store.Trace(ctx, "default", r.traceID(i))
			if errors.Is(err, store.ErrNotFound) {
				got, err = nil, nil
			}
			if err == nil {
				err = r.compare(i, got, acked)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	for _, r := range acked {
		if err := check(r, true); err != nil {
			return err
		}
	}
	for _, r := range open {
		if err := check(r, false); err != nil {
			return err
		}
	}
	return nil
}
