package file

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// Trim removes the segments that hold no record behind to. The newest segment always
// stays, it says where positions go on; if it is large and nothing of it is wanted, a new
// one takes its place, so that a log at rest is short.
func (l *Log) Trim(to log.Position) error {
	l.turnOver(to)
	l.trimMu.Lock()
	defer l.trimMu.Unlock()
	removed := false
	for {
		s := l.takeOldest(to)
		if s == nil {
			break
		}
		if err := l.cfg.FS.Remove(s.path(l.cfg.Dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.putBack(s)
			return fmt.Errorf("trim ingest log: %w", err)
		}
		removed = true
	}
	if !removed {
		return nil
	}
	if err := l.cfg.FS.SyncDir(l.cfg.Dir); err != nil {
		return fmt.Errorf("trim ingest log: %w", err)
	}
	return nil
}

// turnOver has the committer begin a new segment if all records of the newest are at or
// before to. Where it does not, because it has other work or the disk fails, a later Trim
// will find the segment again.
func (l *Log) turnOver(to log.Position) {
	l.mu.Lock()
	n := len(l.segments)
	if n == 0 || l.closed || l.broken != nil || l.turn != nil || l.last > to || l.segments[n-1].size < l.cfg.SegmentBytes/16 {
		l.mu.Unlock()
		return
	}
	t := &turn{to: to, done: make(chan struct{})}
	l.turn = t
	l.mu.Unlock()
	l.rouse()
	select {
	case <-t.done:
	case <-l.done:
	}
}

// takeOldest takes the oldest segment off the list. Nil if it has to stay.
func (l *Log) takeOldest(to log.Position) *segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) < 2 || l.segments[1].first-1 > to {
		return nil
	}
	s := l.segments[0]
	l.segments = l.segments[1:]
	l.size -= s.size
	return s
}

func (l *Log) putBack(s *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segments = slices.Insert(slices.Clone(l.segments), 0, s)
	l.size += s.size
}
