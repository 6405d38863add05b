package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// maxPause is the longest pause between tries of an INSERT.
const maxPause = 10 * time.Second

// Apply inserts the record's spans. It tries again while the server is away or has too much
// to do, until ctx is done.
func (s *Store) Apply(ctx context.Context, r store.Record) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	b := s.deleted.admit(r)
	if len(b.Spans) > 0 {
		if err := s.insertSpans(ctx, r, b); err != nil {
			return fmt.Errorf("apply record %d: %w", r.Pos, err)
		}
		s.tails.Publish(r.Tenant, func() *span.Batch { return copyOf(b) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records.add(record{pos: r.Pos, arrival: r.Arrival.UnixNano(), digest: r.Digest})
	return nil
}

func (s *Store) insertSpans(ctx context.Context, r store.Record, b *span.Batch) error {
	seq := s.begin()
	defer s.end(seq)
	var w rowWriter
	for i := range b.Spans {
		w.append(r.Tenant, seq, r.Arrival.UnixNano(), b, i)
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, maxPause) {
		err := s.db.insert(ctx, s.table("spans"), spanColumns, w.out)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !passing(err):
			return fmt.Errorf("%w: %w", store.ErrRefused, err)
		}
		s.cfg.Logger.Warn("insert spans, will try again", "record", r.Pos, "pause", pause, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return fmt.Errorf("%w: the store is closed", store.ErrRefused)
		case <-s.cfg.Clock.After(pause):
		}
	}
}
