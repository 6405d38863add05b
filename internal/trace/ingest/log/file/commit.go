package file

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"syscall"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// committer writes groups. Its fields belong to its goroutine, and before that to Open.
type committer struct {
	log *Log

	// next is the position of the next record; number that of the next segment.
	next   log.Position
	number uint64

	// tail is the last commit found at the open, until start has copied it.
	tail []log.Record

	active *segment // nil until start has succeeded
	file   vfs.File // of active
	size   int64    // of file

	// ahead delivers the next segment's file, made in the background; nil if none is
	// being made.
	ahead chan madeSegment
}

type madeSegment struct {
	segment *segment
	file    vfs.File
	err     error
}

func (c *committer) run() {
	defer close(c.log.done)
	for range c.log.wake {
		for {
			g, closed := c.take()
			if g != nil {
				c.finish(g, c.commit(g))
			} else if closed {
				return
			}
			c.takeTurn()
			if g == nil {
				break
			}
		}
	}
}

func (c *committer) take() (g *group, closed bool) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) > 0 {
		g, l.pending = l.pending[0], l.pending[1:]
	}
	return g, l.closed
}

// commit makes the group durable. Every error wraps one of the log's: ErrFull promises
// that nothing of the group is left.
func (c *committer) commit(g *group) error {
	l := c.log
	if err := l.Broken(); err != nil {
		return fmt.Errorf("append to ingest log: %w: %w", log.ErrBroken, err)
	}
	if err := c.room(len(g.buf)); err != nil {
		return err
	}
	if err := c.segment(len(g.buf)); err != nil {
		return c.failEarly(err)
	}
	g.first = c.next
	sealFrames(g.buf[headerLen:], c.active.salt, g.first, g.n)
	b := g.buf[headerLen:]
	if c.size == 0 {
		b = g.buf
		appendHeader(b[:0], c.active.salt, g.first)
	}
	if _, err := c.file.Write(b); err != nil {
		return c.failWrite(err)
	}
	if err := c.file.Sync(); err != nil {
		return c.breakLog(log.ErrUncertain, err)
	}
	c.size += int64(len(b))
	c.next += log.Position(g.n)
	c.publish(g.first)
	if c.ahead == nil && c.size > l.cfg.SegmentBytes/2 {
		c.makeAhead()
	}
	return nil
}

// publish shows readers what is durable now.
func (c *committer) publish(first log.Position) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.active.first == 0 {
		c.active.first = first
		l.segments = append(slices.Clone(l.segments), c.active)
	}
	l.size += c.size - c.active.size
	c.active.size = c.size
	l.last = c.next - 1
}

func (c *committer) finish(g *group, err error) {
	l := c.log
	g.err = err
	l.mu.Lock()
	l.busy -= int64(len(g.buf) - headerLen)
	if cap(g.buf) <= maxSpare && len(l.spare) < 2 {
		l.spare = append(l.spare, g.buf)
	}
	l.mu.Unlock()
	close(g.done)
}

// room asks the disk before it is written, so that a full one leaves nothing half done.
func (c *committer) room(bytes int) error {
	l := c.log
	if l.cfg.ReserveBytes < 0 {
		return nil
	}
	free, _, err := l.cfg.FS.Space(l.cfg.Dir)
	if err != nil {
		return fmt.Errorf("append to ingest log: %w: %w", log.ErrFull, err)
	}
	if need := uint64(l.cfg.ReserveBytes) + uint64(bytes); free < need {
		return fmt.Errorf("append to ingest log: %w: %d bytes of the disk are free, %d are needed", log.ErrFull, free, need)
	}
	return nil
}

// segment makes sure that active has room for a group, or is empty.
func (c *committer) segment(bytes int) error {
	if c.active == nil {
		if err := c.start(); err != nil {
			return err
		}
	}
	if c.size <= headerLen || c.size+int64(bytes) <= c.log.cfg.SegmentBytes {
		return nil
	}
	if c.ahead == nil {
		c.makeAhead()
	}
	made := <-c.ahead
	c.ahead = nil
	if made.err != nil {
		return made.err
	}
	_ = c.file.Close() // all of it is synced
	c.active, c.file, c.size = made.segment, made.file, 0
	return nil
}

// takeTurn begins a new segment if that is asked for and the newest record is still the
// same. Its header says where positions go on, so it is durable before the old one may go.
func (c *committer) takeTurn() {
	l := c.log
	l.mu.Lock()
	t := l.turn
	l.turn = nil
	wanted := t != nil && l.last <= t.to && l.broken == nil
	l.mu.Unlock()
	if t == nil {
		return
	}
	defer close(t.done)
	if !wanted || c.active == nil || c.size <= headerLen {
		return
	}
	if c.ahead == nil {
		c.makeAhead()
	}
	made := <-c.ahead
	c.ahead = nil
	if made.err != nil {
		if !errors.Is(made.err, syscall.ENOSPC) {
			_ = c.breakLog(log.ErrBroken, made.err)
		}
		return
	}
	if _, err := made.file.Write(appendHeader(nil, made.segment.salt, c.next)); err != nil {
		_ = errors.Join(made.file.Close(), l.cfg.FS.Remove(made.segment.path(l.cfg.Dir)))
		if !errors.Is(err, syscall.ENOSPC) {
			_ = c.breakLog(log.ErrBroken, err)
		}
		return
	}
	if err := made.file.Sync(); err != nil {
		_ = errors.Join(c.breakLog(log.ErrBroken, err), made.file.Close())
		return
	}
	_ = c.file.Close() // all of it is synced
	c.active, c.file, c.size = made.segment, made.file, headerLen
	c.publish(c.next)
}

func (c *committer) newSegment() *segment {
	c.number++
	return &segment{number: c.number, salt: c.log.cfg.Salt()}
}

// makeAhead makes the file of the next segment and its name durable, so that a rotation
// costs the request that causes it nothing. The header is written with the first commit.
func (c *committer) makeAhead() {
	s, cfg := c.newSegment(), c.log.cfg
	ahead := make(chan madeSegment, 1)
	c.ahead = ahead
	go func() {
		f, err := cfg.FS.Create(s.path(cfg.Dir))
		if err == nil {
			if err = cfg.FS.SyncDir(cfg.Dir); err != nil {
				_ = f.Close() // nothing was written
			}
		}
		ahead <- madeSegment{s, f, err}
	}()
}

// start makes the first segment of this opening: the last commit that was found, made
// durable under a temporary name, and then its name. Until then the old copy counts.
func (c *committer) start() error {
	cfg := c.log.cfg
	s := c.newSegment()
	first := c.next
	if len(c.tail) > 0 {
		first = c.tail[0].Pos
	}
	b := appendHeader(nil, s.salt, first)
	for i := range c.tail {
		b = appendFrame(b, &c.tail[i], payloadHash(&c.tail[i]))
	}
	sealFrames(b[headerLen:], s.salt, first, len(c.tail))

	temp := path.Join(cfg.Dir, s.base()+tempSuffix)
	f, err := cfg.FS.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = cfg.FS.Rename(temp, s.path(cfg.Dir))
	}
	if err == nil {
		err = cfg.FS.SyncDir(cfg.Dir)
	}
	if err != nil {
		return errors.Join(err, f.Close(), cfg.FS.RemoveAll(temp))
	}
	// No reader opens files between the two.
	c.log.trimMu.Lock()
	defer c.log.trimMu.Unlock()
	if err := c.dropReplaced(first); err != nil {
		return errors.Join(err, f.Close())
	}
	c.active, c.file, c.size, c.tail = s, f, int64(len(b)), nil
	c.publish(first)
	return nil
}

// dropReplaced removes segments that have no records before first. The caller holds
// Log.trimMu.
func (c *committer) dropReplaced(first log.Position) error {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := len(l.segments); n > 0 && l.segments[n-1].first >= first; n = len(l.segments) {
		if err := l.cfg.FS.Remove(l.segments[n-1].path(l.cfg.Dir)); err != nil {
			return err
		}
		l.size -= l.segments[n-1].size
		l.segments = slices.Clone(l.segments[:n-1])
	}
	return nil
}

// failEarly answers a group of which nothing was written.
func (c *committer) failEarly(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("append to ingest log: %w: %w", log.ErrFull, err)
	}
	return c.breakLog(log.ErrBroken, err)
}

// failWrite takes back what a full disk took of a write. The sync makes sure that no
// crash brings the bytes back after their sender was told that they were not taken.
func (c *committer) failWrite(err error) error {
	if !errors.Is(err, syscall.ENOSPC) {
		return c.breakLog(log.ErrUncertain, err)
	}
	undo := c.file.Truncate(c.size)
	if undo == nil {
		undo = c.file.Sync()
	}
	if undo != nil {
		return c.breakLog(log.ErrUncertain, errors.Join(err, undo))
	}
	return fmt.Errorf("append to ingest log: %w: %w", log.ErrFull, err)
}

// breakLog ends writing for good; kind is what the group that met the error is told.
func (c *committer) breakLog(kind, err error) error {
	c.log.mu.Lock()
	c.log.broken = err
	c.log.mu.Unlock()
	return fmt.Errorf("append to ingest log: %w: %w", kind, err)
}

// close runs after the committer has ended.
func (c *committer) close() error {
	var errs []error
	if c.ahead != nil {
		if made := <-c.ahead; made.err == nil {
			errs = append(errs, made.file.Close(), c.log.cfg.FS.Remove(made.segment.path(c.log.cfg.Dir)))
		}
	}
	if c.file != nil {
		errs = append(errs, c.file.Close())
	}
	return errors.Join(errs...)
}
