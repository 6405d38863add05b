package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// restore reads what is in the folder: which segments there are, where the records end,
// and the last commit. It runs before the committer and changes nothing but to remove
// files without records.
func (l *Log) restore() error {
	names, err := l.cfg.FS.ReadDir(l.cfg.Dir)
	if err != nil {
		return fmt.Errorf("open ingest log: %w", err)
	}
	var found []*segment
	for _, n := range names {
		if strings.HasSuffix(n.Name(), tempSuffix) {
			if err := l.remove(n.Name()); err != nil {
				return err
			}
		} else if s, ok := parseName(n.Name()); ok {
			found = append(found, s)
			l.c.number = max(l.c.number, s.number)
		}
	}
	slices.SortFunc(found, func(a, b *segment) int {
		if a.number < b.number {
			return -1
		}
		return 1
	})
	for i, s := range found {
		if err := l.load(s); err != nil {
			return err
		}
		if s.first != 0 {
			// A start that crashed before it had removed what it replaced.
			for n := len(l.segments); n > 0 && l.segments[n-1].first >= s.first; n = len(l.segments) {
				if err := l.remove(l.segments[n-1].base()); err != nil {
					return err
				}
				l.segments = l.segments[:n-1]
			}
			l.segments = append(l.segments, s)
		} else if s.size == 0 || i == len(found)-1 {
			if err := l.remove(s.base()); err != nil {
				return err
			}
		}
	}
	l.c.next = 1
	if n := len(l.segments); n > 0 {
		if err := l.scanLast(l.segments[n-1]); err != nil {
			return err
		}
	}
	if l.c.next <= l.cfg.After {
		if err := l.skipTo(l.cfg.After + 1); err != nil {
			return err
		}
	}
	for _, s := range l.segments {
		l.size += s.size
	}
	l.last = l.c.next - 1
	return nil
}

func (l *Log) remove(base string) error {
	if err := l.cfg.FS.Remove(path.Join(l.cfg.Dir, base)); err != nil {
		return fmt.Errorf("open ingest log: %w", err)
	}
	return nil
}

// skipTo forgets all records, which the store has, and goes on at next.
func (l *Log) skipTo(next log.Position) error {
	for _, s := range l.segments {
		if err := l.remove(s.base()); err != nil {
			return err
		}
	}
	l.segments, l.c.tail, l.c.next = nil, nil, next
	return nil
}

// load reads a segment's size and first position, which stays 0 if it holds no record
// and no header.
func (l *Log) load(s *segment) (err error) {
	name := s.path(l.cfg.Dir)
	f, err := l.cfg.FS.Open(name)
	if err != nil {
		return fmt.Errorf("open ingest log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if s.size, err = f.Size(); err != nil {
		return fmt.Errorf("open ingest log: %w", err)
	}
	sc := newScanner(f, name, s.salt, s.size)
	b, err := sc.window(0, headerLen)
	if err != nil {
		return fmt.Errorf("open ingest log: %w", err)
	}
	first, err := parseHeader(b, s.salt, name)
	var newer *VersionError
	switch {
	case err == nil:
		s.first = first
		return nil
	case errors.As(err, &newer):
		return err
	}
	// The header is torn or damaged; the first frame that reads tells its position too.
	sc.off = 0
	fr, err := sc.resync(func(*frame) bool { return true })
	if err != nil {
		return fmt.Errorf("open ingest log: %w", err)
	}
	if fr != nil {
		s.first = fr.commit()
	}
	return nil
}

// scanLast finds the end of the records in the newest segment and takes its last commit.
func (l *Log) scanLast(s *segment) (err error) {
	name := s.path(l.cfg.Dir)
	f, err := l.cfg.FS.Open(name)
	if err != nil {
		return fmt.Errorf("open ingest log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()

	sc := newScanner(f, name, s.salt, s.size)
	next := s.first
	var commit log.Position // of the newest record
	commitOff := sc.off     // where it starts in the file
	for {
		off := sc.off
		fr, err := sc.next()
		if err == nil && fr.Pos == next {
			if fr.commit() != commit {
				commit, commitOff = fr.commit(), off
			}
			next++
			continue
		}
		if err != nil && !isDamage(err) && !errors.Is(err, io.EOF) {
			return fmt.Errorf("open ingest log: %w", err)
		}
		// Only a frame of a later commit proves that what is here was once synced.
		sc.off = off
		later, err := sc.resync(func(fr *frame) bool { return fr.commit() > next })
		if err != nil {
			return fmt.Errorf("open ingest log: %w", err)
		}
		if later == nil {
			break
		}
		next = later.Pos
	}
	l.c.next = next

	sc.off = commitOff
	for commit != 0 {
		fr, err := sc.next()
		if err != nil {
			return fmt.Errorf("open ingest log %s: %w", name, err)
		}
		fr.Payload = bytes.Clone(fr.Payload)
		l.c.tail = append(l.c.tail, fr.Record)
		if fr.Pos+1 == next {
			break
		}
	}
	return nil
}

func payloadHash(r *log.Record) uint64 { return xxh3.Hash(r.Payload) }
