package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Replayed says what a start read from the log.
type Replayed struct {
	Records int // applied to the store
	Spans   int
	Lost    []Lost
	Took    time.Duration
}

// Lost is a range of positions whose records cannot be read, and why.
type Lost struct {
	From, To log.Position
	Err      error
}

// Replay gives the store what the log has and the store does not, learns which requests
// were accepted lately, and makes the pipeline ready. Damaged records are left out, said
// in the result and logged; the store is told that nothing comes at their positions.
func (p *Pipeline) Replay(ctx context.Context) (Replayed, error) {
	began := p.cfg.Clock.Now()
	applied := p.cfg.Store.Applied()
	last := p.cfg.Log.Last()
	if last < applied {
		return Replayed{}, fmt.Errorf("replay ingest log: it ends at position %d, the store has applied %d: "+
			"open the log with positions after the store's", last, applied)
	}
	for d, arrival := range p.cfg.Store.Digests(began.Add(-dedupWindow)) {
		p.seen.remember(d, arrival, began)
	}
	r := replay{p: p, began: began, applied: applied, next: applied + 1}
	r.group, r.ctx = errgroup.WithContext(ctx)
	r.group.SetLimit(p.cfg.Limits.Decoders)
	err := r.read()
	if err == nil {
		err = r.skip(last+1, errors.New("the record is missing"))
	}
	if err := errors.Join(r.group.Wait(), err); err != nil {
		return Replayed{}, fmt.Errorf("replay ingest log: %w", err)
	}
	for _, l := range r.out.Lost {
		p.cfg.Logger.Error("records of the ingest log are lost", "from", l.From, "to", l.To, "err", l.Err)
	}
	r.out.Took = p.cfg.Clock.Now().Sub(began)
	p.ready.Store(true)
	p.trim.poke()
	return r.out, nil
}

// replay reads in one goroutine and decodes and applies in others.
type replay struct {
	p       *Pipeline
	ctx     context.Context
	group   *errgroup.Group
	began   time.Time
	applied log.Position
	next    log.Position // the first one not seen yet above applied

	mu  sync.Mutex
	out Replayed // guarded by mu while the group works
}

// read goes through the whole log, also what the store has: digests of the last minutes
// are there and nowhere else.
func (r *replay) read() error {
	for from := log.Position(1); ; {
		var damage *log.CorruptError
		for rec, err := range r.p.cfg.Log.Read(r.ctx, from) {
			if errors.As(err, &damage) {
				break
			}
			if err != nil {
				return err
			}
			if err := r.record(rec); err != nil {
				return err
			}
		}
		if damage == nil {
			return nil
		}
		if err := r.skip(damage.Next, damage); err != nil {
			return err
		}
		from = damage.Next
	}
}

func (r *replay) record(rec log.Record) error {
	r.p.seen.remember(rec.Digest, rec.Arrival, r.began)
	if rec.Pos <= r.applied {
		return nil
	}
	if err := r.skip(rec.Pos, errors.New("the record is missing")); err != nil {
		return err
	}
	r.next = rec.Pos + 1
	buffers := &r.p.buffers
	rec.Payload = append(buffers.body(int64(len(rec.Payload))), rec.Payload...) // the log's is gone soon
	r.group.Go(func() error {
		defer buffers.giveBody(rec.Payload)
		batch := buffers.batch()
		defer buffers.giveBatch(batch)
		_, err := otlp.DecodeInto(batch, rec.Payload, otlp.NoLimits())
		if err != nil {
			*batch = span.Batch{}
		}
		r.note(rec.Pos, len(batch.Spans), err)
		return r.apply(rec, batch)
	})
	return nil
}

// note counts a record that was read.
func (r *replay) note(pos log.Position, spans int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Records++
	r.out.Spans += spans
	if err != nil {
		r.out.Lost = append(r.out.Lost, Lost{From: pos, To: pos, Err: err})
	}
}

// skip tells the store that no record comes at the positions up to next, so that its
// Applied can pass them.
func (r *replay) skip(next log.Position, why error) error {
	if next <= r.next {
		return nil
	}
	r.mu.Lock()
	r.out.Lost = append(r.out.Lost, Lost{From: r.next, To: next - 1, Err: why})
	r.mu.Unlock()
	for ; r.next < next; r.next++ {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		rec := log.Record{Pos: r.next, Tenant: DefaultTenant, Arrival: r.began}
		r.group.Go(func() error { return r.apply(rec, &span.Batch{}) })
	}
	return nil
}

func (r *replay) apply(rec log.Record, batch *span.Batch) error {
	return r.p.cfg.Store.Apply(r.ctx, store.Record{
		Pos: rec.Pos, Tenant: rec.Tenant, Arrival: rec.Arrival, Digest: rec.Digest,
		Batch: batch, Bytes: len(rec.Payload), Replayed: true,
	})
}
