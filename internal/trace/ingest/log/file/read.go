package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// extent is the part of a segment that a reader may see.
type extent struct {
	*segment
	file  vfs.File
	size  int64
	limit log.Position // the first position that is not in it
}

// Read yields the durable records from position from on, in order. It sees the log as it
// was when it began, also what is trimmed meanwhile.
func (l *Log) Read(ctx context.Context, from log.Position) iter.Seq2[log.Record, error] {
	return func(yield func(log.Record, error) bool) {
		extents, err := l.extents(from)
		defer func() {
			for _, e := range extents {
				_ = e.file.Close() // was read only
			}
		}()
		if err != nil {
			yield(log.Record{}, fmt.Errorf("read ingest log: %w", err))
			return
		}
		for _, e := range extents {
			if !e.read(ctx, from, yield) {
				return
			}
		}
	}
}

// extents opens the segments that hold records from a position on. Trim waits meanwhile,
// so that it leaves no gap between them.
func (l *Log) extents(from log.Position) (out []extent, err error) {
	l.trimMu.Lock()
	defer l.trimMu.Unlock()
	for _, e := range l.visible() {
		if e.limit <= from {
			continue
		}
		if e.file, err = l.cfg.FS.Open(e.path(l.cfg.Dir)); err != nil {
			return out, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (l *Log) visible() []extent {
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

// read yields the records of one segment and reports whether to go on.
func (e *extent) read(ctx context.Context, from log.Position, yield func(log.Record, error) bool) bool {
	sc := newScanner(e.file, e.base(), e.salt, e.size)
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
