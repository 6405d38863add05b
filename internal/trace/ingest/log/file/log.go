package file

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// Config describes one log.
type Config struct {
	// Dir is the folder of the log; it is made if missing and belongs to the log alone.
	Dir string
	// FS holds the folder. Default: the machine's.
	FS vfs.FS
	// LimitBytes is the size on disk at which Append answers ErrFull. Default 192 MiB: what
	// the embedded store holds in memory before it pushes back, and some segments; a start
	// reads and applies it in about a second on two cores.
	LimitBytes int64
	// SegmentBytes is the size of a file, the step in which Trim frees space. Default an
	// eighth of LimitBytes, at most a quarter.
	SegmentBytes int64
	// ReserveBytes of the disk stay free: Append answers ErrFull before it takes them,
	// so that the store can still write the parts that let the log be trimmed. Default
	// 64 MiB, negative: none.
	ReserveBytes int64
	// After is the position after which a log without newer records goes on. Set it to
	// the store's Applied, so that a log that was lost or left out of a backup gives no
	// position twice.
	After log.Position
	// Salt makes the random part of a segment's checksums. Default: crypto/rand.
	Salt func() uint64
}

func (c Config) withDefaults() (Config, error) {
	if c.FS == nil {
		c.FS = vfs.OS{}
	}
	if c.LimitBytes == 0 {
		c.LimitBytes = 192 << 20
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = c.LimitBytes / 8
	}
	if c.ReserveBytes == 0 {
		c.ReserveBytes = 64 << 20
	}
	if c.Salt == nil {
		c.Salt = randomSalt
	}
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("no folder (Dir) is given"))
	}
	if c.SegmentBytes < 1<<10 {
		errs = append(errs, fmt.Errorf("SegmentBytes is %d, less than 1024", c.SegmentBytes))
	}
	if c.SegmentBytes > c.LimitBytes/4 {
		errs = append(errs, fmt.Errorf("SegmentBytes is %d, more than a quarter of LimitBytes %d", c.SegmentBytes, c.LimitBytes))
	}
	return c, errors.Join(errs...)
}

func randomSalt() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// Log is an ingest log in a folder. The package comment says how it works.
type Log struct {
	cfg  Config
	lock io.Closer // of the folder

	trimMu sync.Mutex // held while Trim removes files and while Read opens them

	mu sync.Mutex
	// segments that hold durable records, or a durable header that says where records
	// will begin; oldest first. The slice is replaced, never edited, so that readers keep
	// what they took.
	segments []*segment
	last     log.Position // newest durable record
	size     int64        // durable bytes in segments
	busy     int64        // bytes of pending and the group being written
	pending  []*group     // what waits, oldest first
	spare    [][]byte     // buffers of finished groups
	broken   error        // why no append is taken any more
	closed   bool
	// turn asks the committer for a new segment, if that is the newest record; nil: nobody
	// does. The committer closes it and sets it to nil.
	turn *turn

	wake chan struct{} // tells the committer that pending or closed was set
	done chan struct{} // closed by the committer when it ends

	c committer
}

var _ log.Log = (*Log)(nil)

// Open opens or makes the log of a folder and recovers what a crash left. Where the disk
// is full or refuses writes the log opens for reading, and Append says so.
func Open(cfg Config) (*Log, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open ingest log %s: %w", cfg.Dir, err)
	}
	if err := vfs.MakeDir(cfg.FS, cfg.Dir); err != nil {
		return nil, fmt.Errorf("open ingest log: %w", err)
	}
	lock, err := cfg.FS.Lock(cfg.Dir + "/" + lockName)
	if err != nil {
		return nil, fmt.Errorf("open ingest log: %w", err)
	}
	l := &Log{cfg: cfg, lock: lock, wake: make(chan struct{}, 1), done: make(chan struct{})}
	l.c.log = l
	if err := l.restore(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := l.c.start(); err != nil && !errors.Is(err, syscall.ENOSPC) {
		l.broken = err
	}
	go l.c.run()
	return l, nil
}

// turn is a wish for a new segment once no record is behind to.
type turn struct {
	to   log.Position
	done chan struct{}
}

// group is the appends that share one commit. buf and n are guarded by Log.mu until the
// committer has taken the group; err and first are set before done is closed.
type group struct {
	buf   []byte // headerLen bytes left free, then the frames
	n     int
	first log.Position
	err   error
	done  chan struct{}
}

// Append stores the record and returns its position once it is durable.
func (l *Log) Append(ctx context.Context, r log.Record) (log.Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	// Half of the limit, so that a record fits once everything before it is trimmed.
	if len(r.Tenant) > maxTenant || int64(len(r.Payload)) > min(maxPayload, l.cfg.LimitBytes/2) {
		return 0, fmt.Errorf("append to ingest log: record with a tenant of %d and a payload of %d bytes is too large",
			len(r.Tenant), len(r.Payload))
	}
	hash := xxh3.Hash(r.Payload)
	g, index, err := l.join(&r, hash)
	if err != nil {
		return 0, err
	}
	l.rouse()
	select {
	case <-g.done:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if g.err != nil {
		return 0, g.err
	}
	return g.first + log.Position(index), nil
}

// rouse wakes the committer.
func (l *Log) rouse() {
	select {
	case l.wake <- struct{}{}:
	default: // it is awake, or will be
	}
}

// join copies the record into the pending group.
func (l *Log) join(r *log.Record, hash uint64) (*group, int, error) {
	need := int64(frameHead + len(r.Tenant) + len(r.Payload))
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refuses(); err != nil {
		return nil, 0, err
	}
	if l.size+l.busy+need > l.cfg.LimitBytes {
		return nil, 0, fmt.Errorf("append to ingest log: %w: %d of %d bytes are in use",
			log.ErrFull, l.size+l.busy, l.cfg.LimitBytes)
	}
	g := l.joinable(need)
	g.buf = appendFrame(g.buf, r, hash)
	g.n++
	l.busy += need
	return g, g.n - 1, nil
}

// joinable is the newest pending group, or a new one where that would outgrow a segment.
func (l *Log) joinable(need int64) *group {
	if n := len(l.pending); n > 0 && int64(len(l.pending[n-1].buf))+need <= l.cfg.SegmentBytes {
		return l.pending[n-1]
	}
	g := &group{buf: l.takeSpare(), done: make(chan struct{})}
	l.pending = append(l.pending, g)
	return g
}

func (l *Log) refuses() error {
	switch {
	case l.broken != nil:
		return fmt.Errorf("append to ingest log: %w: %w", log.ErrBroken, l.broken)
	case l.closed:
		return fmt.Errorf("append to ingest log: %w: it is closed", log.ErrBroken)
	}
	return nil
}

// Buffers above maxSpare are left to the collector after a burst.
const maxSpare = 4 << 20

func (l *Log) takeSpare() []byte {
	if n := len(l.spare); n > 0 {
		b := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return b[:headerLen]
	}
	return make([]byte, headerLen, 64<<10)
}

// Last is the position of the newest durable record.
func (l *Log) Last() log.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Size is the bytes the log holds on disk.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

// Broken is why the log takes no appends any more, nil if it does.
func (l *Log) Broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// Close commits what waits, and ends. Iterations of Read that are running go on.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	l.rouse()
	<-l.done
	return errors.Join(l.c.close(), l.lock.Close())
}
