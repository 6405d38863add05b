package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// extent is the part of a segment that a reader may see.
type extent struct {
	*segment
	size  int64
	limit log.Position // the first position that is not in it
}

// Read yields the durable records from position from on, in order.
func (l *Log) Read(ctx context.Context, from log.Position) iter.Seq2[log.Record, error] {
	return func(yield func(log.Record, error) bool) {
		for _, e := range l.extents() {
			if e.limit > from && !l.readExtent(ctx, e, from, yield) {
				return
			}
		}
	}
}

func (l *Log) extents() []extent {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]extent, len(l.segments))
	for i, s := range l.segments {
		out[i] = extent{segment: s, size: s.size, limit: l.last + 1}
		if i+1 < len(l.segments) {
			out[i].limit = l.segments[i+1].first
		}
	}
	return out
}

// readExtent yields the records of one segment and reports whether to go on.
func (l *Log) readExtent(ctx context.Context, e extent, from log.Position, yield func(log.Record, error) bool) bool {
	f, err := l.cfg.FS.Open(e.path(l.cfg.Dir))
	if errors.Is(err, fs.ErrNotExist) && !l.holds(e.segment) {
		return true // trimmed meanwhile
	}
	if err != nil {
		yield(log.Record{}, fmt.Errorf("read ingest log: %w", err))
		return false
	}
	defer f.Close()

	sc := newScanner(f, e.base(), e.salt, e.size)
	for next := e.first; next < e.limit; {
		if err := ctx.Err(); err != nil {
			yield(log.Record{}, err)
			return false
		}
		off := sc.off
		fr, err := sc.next()
		if err == nil && fr.Pos == next {
			next++
			if fr.Pos >= from && !yield(fr.Record, nil) {
				return false
			}
			continue
		}
		if err == nil {
			err = fmt.Errorf("record %d stands where %d should", fr.Pos, next)
		} else if errors.Is(err, io.EOF) {
			err = errShort
		} else if !isDamage(err) {
			yield(log.Record{}, fmt.Errorf("read ingest log: %w", err))
			return false
		}
		lost := &log.CorruptError{File: e.base(), Offset: off, Reason: err.Error(), From: max(next, from), Next: e.limit}
		sc.off = off
		behind, err := sc.resync(func(fr *frame) bool { return fr.Pos > next && fr.Pos < e.limit })
		if err != nil {
			yield(log.Record{}, fmt.Errorf("read ingest log: %w", err))
			return false
		}
		if behind != nil {
			lost.Next = behind.Pos
		}
		if lost.Next > from {
			yield(log.Record{}, lost)
			return false
		}
		next = lost.Next // what is lost was not asked for
	}
	return true
}

func (l *Log) holds(s *segment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.segments, s)
}
