package file

import (
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/ingest/log/logtest"
)

func open(t *testing.T, cfg Config) *Log {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil && l.Broken() == nil {
			t.Error(err)
		}
	})
	return l
}

func appendOne(t *testing.T, l *Log, i int) log.Position {
	t.Helper()
	pos, err := l.Append(t.Context(), logtest.Record(i))
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

// counter counts the operations that a request waits for.
type counter struct {
	mu  sync.Mutex
	ops map[vfs.OpKind]int
}

func (c *counter) hook(op vfs.Op) vfs.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ops == nil {
		c.ops = map[vfs.OpKind]int{}
	}
	c.ops[op.Kind]++
	return vfs.Fault{}
}

func (c *counter) take() map[vfs.OpKind]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	ops := c.ops
	c.ops = nil
	return ops
}

// TestLoneAppend shows that a lone append costs exactly one write and one sync, and the
// one that fills a segment at most one sync more, by counting operations.
func TestLoneAppend(t *testing.T) {
	inj := vfs.NewInject(vfs.NewMem())
	l := open(t, small("log", inj))
	var c counter
	inj.Hook(c.hook)
	rotations := 0
	for i := range 100 {
		appendOne(t, l, i)
		ops := c.take()
		if ops[vfs.OpWrite] != 1 || ops[vfs.OpSync] != 1 {
			t.Fatalf("append %d cost %d writes and %d syncs", i, ops[vfs.OpWrite], ops[vfs.OpSync])
		}
		if ops[vfs.OpSyncDir] > 1 || ops[vfs.OpCreate] > 1 {
			t.Fatalf("append %d cost %d files and %d folder syncs", i, ops[vfs.OpCreate], ops[vfs.OpSyncDir])
		}
		rotations += ops[vfs.OpClose]
	}
	if rotations < 3 {
		t.Errorf("%d rotations, the test shows too little", rotations)
	}
}

// TestGroupCommit shows that appends that arrive during a sync share the next one, by
// holding a sync until they have all arrived.
func TestGroupCommit(t *testing.T) {
	const waiting = 20
	inj := vfs.NewInject(vfs.NewMem())
	l := open(t, Config{Dir: "log", FS: inj})
	inSync, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var c counter
	inj.Hook(func(op vfs.Op) vfs.Fault {
		c.hook(op)
		if op.Kind == vfs.OpSync {
			once.Do(func() { close(inSync); <-goOn })
		}
		return vfs.Fault{}
	})
	var wg sync.WaitGroup
	wg.Go(func() { appendOne(t, l, 0) })
	<-inSync
	groups := make(chan *group, waiting)
	for i := range waiting {
		r := logtest.Record(i + 1)
		g, _, err := l.join(&r, payloadHash(&r))
		if err != nil {
			t.Fatal(err)
		}
		groups <- g
	}
	l.wake <- struct{}{}
	close(goOn)
	wg.Wait()
	for range waiting {
		g := <-groups
		<-g.done
		if g.err != nil {
			t.Error(g.err)
		}
	}
	if ops := c.take(); ops[vfs.OpSync] != 2 || ops[vfs.OpWrite] != 2 {
		t.Errorf("%d appends cost %d writes and %d syncs, want 2 and 2", waiting+1, ops[vfs.OpWrite], ops[vfs.OpSync])
	}
	if l.Last() != waiting+1 {
		t.Errorf("Last = %d, want %d", l.Last(), waiting+1)
	}
}

// TestSyncFails shows that after a failed sync the sender is told that nothing is certain,
// nobody is told otherwise later, no sync is tried again, and reading goes on.
func TestSyncFails(t *testing.T) {
	f := func(kind vfs.OpKind, cause error) {
		t.Helper()
		inj := vfs.NewInject(vfs.NewMem())
		l := open(t, small("log", inj))
		appendOne(t, l, 0)
		inj.Hook(vfs.FailIf(func(op vfs.Op) bool { return op.Kind == kind }, vfs.Fault{Err: cause}))
		if _, err := l.Append(t.Context(), logtest.Record(1)); !errors.Is(err, log.ErrUncertain) || !errors.Is(err, cause) {
			t.Errorf("%v: append gave %v, want ErrUncertain with the cause", kind, err)
		}
		var c counter
		inj.Hook(c.hook)
		for range 3 {
			if _, err := l.Append(t.Context(), logtest.Record(2)); !errors.Is(err, log.ErrBroken) || !errors.Is(err, cause) {
				t.Errorf("%v: later append gave %v, want ErrBroken with the cause", kind, err)
			}
		}
		if n := c.take()[vfs.OpSync]; n != 0 {
			t.Errorf("%v: %d syncs after a failed one", kind, n)
		}
		n := 0
		for _, err := range l.Read(t.Context(), 1) {
			if err != nil {
				t.Error(err)
			}
			n++
		}
		if n != 1 || l.Last() != 1 {
			t.Errorf("%v: read %d records, Last %d, want the one acknowledged", kind, n, l.Last())
		}
	}
	f(vfs.OpSync, syscall.EIO)
	f(vfs.OpSync, syscall.ENOSPC) // only a failed write may be taken back
	f(vfs.OpWrite, syscall.EIO)
}

// TestLimit shows that the log answers ErrFull at its size limit, without touching the
// disk, and goes on after Trim; and the same for the reserve of the disk.
func TestLimit(t *testing.T) {
	cfg := small("log", vfs.NewMem())
	cfg.LimitBytes = 4 << 10
	l := open(t, cfg)
	var err error
	n := 0
	for ; err == nil; n++ {
		_, err = l.Append(t.Context(), logtest.Record(n))
	}
	if !errors.Is(err, log.ErrFull) {
		t.Fatalf("append %d gave %v, want ErrFull", n, err)
	}
	if l.Size() > cfg.LimitBytes || l.Size() < cfg.LimitBytes/2 {
		t.Errorf("full at %d bytes, the limit is %d", l.Size(), cfg.LimitBytes)
	}
	if err := l.Trim(l.Last()); err != nil {
		t.Fatal(err)
	}
	appendOne(t, l, n)

	mem := vfs.NewMem()
	cfg = small("log", mem)
	cfg.ReserveBytes = 10 << 10
	l = open(t, cfg)
	mem.SetCapacity(11 << 10)
	for n, err = 0, nil; err == nil; n++ {
		_, err = l.Append(t.Context(), logtest.Record(n))
	}
	if !errors.Is(err, log.ErrFull) || n < 3 {
		t.Fatalf("append %d gave %v, want ErrFull", n, err)
	}
	mem.SetCapacity(12 << 10)
	appendOne(t, l, n)
}

// TestLargeRecords shows that a record over the size of a segment is taken, one over half
// of the limit is not, and that large ones never lock a log whose records are all trimmed.
func TestLargeRecords(t *testing.T) {
	cfg := small("log", vfs.NewMem())
	cfg.LimitBytes = 40 << 10
	l := open(t, cfg)
	big := logtest.Record(1)
	big.Payload = []byte(strings.Repeat("x", 20<<10))
	for range 5 {
		var wg sync.WaitGroup
		for range 4 { // more than fits
			wg.Go(func() {
				if _, err := l.Append(t.Context(), big); err != nil && !errors.Is(err, log.ErrFull) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		appendOne(t, l, 2) // into a segment of its own, so that the large one can go
		if err := l.Trim(l.Last()); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), big); err != nil {
			t.Fatalf("append to a log that was trimmed: %v", err)
		}
		appendOne(t, l, 2)
		if err := l.Trim(l.Last()); err != nil {
			t.Fatal(err)
		}
	}
	big.Payload = append(big.Payload, 'x')
	if _, err := l.Append(t.Context(), big); err == nil || errors.Is(err, log.ErrFull) {
		t.Errorf("a record over half of the limit gave %v, want an error that no retry helps", err)
	}
}

// TestAfter shows that a log without newer records goes on behind the store, as after a
// restore of a backup without the log.
func TestAfter(t *testing.T) {
	fsys := vfs.NewMem()
	cfg := small("log", fsys)
	cfg.After = 41
	l := open(t, cfg)
	if l.Last() != 41 {
		t.Errorf("Last = %d, want 41", l.Last())
	}
	if pos := appendOne(t, l, 0); pos != 42 {
		t.Errorf("position %d, want 42", pos)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(after, want log.Position) {
		t.Helper()
		cfg.After = after
		l := open(t, cfg)
		if pos := appendOne(t, l, 0); pos != want {
			t.Errorf("after %d: position %d, want %d", after, pos, want)
		}
		for _, err := range l.Read(t.Context(), 1) {
			if err != nil {
				t.Errorf("after %d: %v", after, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	f(40, 43)
	f(43, 44)
	f(100, 101)
}

// TestLocked shows that a log is open once only.
func TestLocked(t *testing.T) {
	fsys := vfs.NewMem()
	open(t, small("log", fsys))
	var held *vfs.LockedError
	if _, err := Open(small("log", fsys)); !errors.As(err, &held) {
		t.Errorf("second open gave %v, want *vfs.LockedError", err)
	}
}

// TestConfig shows that all that is wrong is said at once.
func TestConfig(t *testing.T) {
	_, err := Open(Config{SegmentBytes: 1000, LimitBytes: 2000})
	for _, want := range []string{"Dir", "less than 1024", "more than a quarter"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}
