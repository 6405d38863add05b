package logtest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// OpenFS opens the log that is kept on a file system. Segments should be small, a few
// records each, so that the suite sees rotations.
type OpenFS func(fsys vfs.FS) (log.Log, error)

// RunFS stops and fails a log at every file operation in turn.
func RunFS(t *testing.T, open OpenFS) {
	t.Run("Crash", func(t *testing.T) { crashEverywhere(t, open) })
	t.Run("Fail", func(t *testing.T) { failEverywhere(t, open) })
	t.Run("DiskFull", func(t *testing.T) { diskFull(t, open) })
}

// story is one run of the workload and what its senders were told.
type story struct {
	mu    sync.Mutex
	acked map[log.Position]log.Record
	// refused are the records that were definitely not taken, by payload.
	refused map[string]error
	trimmed log.Position
}

func newStory() *story {
	return &story{acked: map[log.Position]log.Record{}, refused: map[string]error{}}
}

func (s *story) append(t *testing.T, l log.Log, i int) {
	r := Record(i)
	pos, err := l.Append(t.Context(), r)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		r.Pos = pos
		s.acked[pos] = r
	case errors.Is(err, log.ErrUncertain):
	case errors.Is(err, log.ErrFull), errors.Is(err, log.ErrBroken):
		s.refused[string(r.Payload)] = err
	default:
		t.Errorf("append %d gave %v, none of the log's errors", i, err)
	}
}

// tell appends alone and in parallel, over several segments, trims and opens again. It
// goes on through errors, as a server does.
func (s *story) tell(t *testing.T, open OpenFS, fsys vfs.FS) {
	i := 0
	for range 3 {
		l, err := open(fsys)
		if err != nil {
			continue // the disk refused to be read or locked
		}
		for range 4 {
			s.append(t, l, i)
			i++
		}
		var wg sync.WaitGroup
		for k := range 6 {
			wg.Go(func() { s.append(t, l, i+k) })
		}
		wg.Wait()
		i += 6
		to := l.Last() / 2
		s.mu.Lock()
		s.trimmed = max(s.trimmed, to)
		s.mu.Unlock()
		_ = l.Trim(to) // may fail where the disk does
		_ = l.Close()  // the same
	}
}

// check opens what is left and compares it with what the senders were told.
func (s *story) check(t *testing.T, open OpenFS, left vfs.FS) error {
	l, err := open(left)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return errors.Join(s.compare(t, l), l.Close())
}

func (s *story) compare(t *testing.T, l log.Log) error {
	found := map[log.Position]log.Record{}
	at := log.Position(0)
	for r, err := range l.Read(t.Context(), 1) {
		if err != nil {
			return err
		}
		if at != 0 && r.Pos != at+1 {
			return fmt.Errorf("record %d follows record %d", r.Pos, at)
		}
		at = r.Pos
		r.Payload = bytes.Clone(r.Payload)
		found[r.Pos] = r
		if err := s.refused[string(r.Payload)]; err != nil {
			return fmt.Errorf("record %d %q is present, its sender was told %w", r.Pos, r.Payload, err)
		}
	}
	for pos, want := range s.acked {
		got, ok := found[pos]
		if !ok && pos > s.trimmed {
			return fmt.Errorf("record %d %q was acknowledged and is gone", pos, want.Payload)
		}
		if ok {
			if err := equal(got, want); err != nil {
				return err
			}
		}
		if pos > l.Last() {
			return fmt.Errorf("the log ends at %d, %d was acknowledged", l.Last(), pos)
		}
	}
	last := l.Last()
	pos, err := l.Append(t.Context(), Record(999))
	if err != nil || pos != last+1 {
		return fmt.Errorf("append after recovery = %d, %w, want %d", pos, err, last+1)
	}
	return nil
}

// snapshot is the story up to now, for a file system as of now.
func (s *story) snapshot() *story {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := newStory()
	for k, v := range s.acked {
		c.acked[k] = v
	}
	for k, v := range s.refused {
		c.refused[k] = v
	}
	c.trimmed = s.trimmed
	return c
}

// crashEverywhere cuts the power, or kills the process, before every file operation of
// the workload in turn, and checks what a restart finds: all that was acknowledged. Each
// restart is itself crashed at each of its operations.
func crashEverywhere(t *testing.T, open OpenFS) {
	points := 0
	for n, more := 1, true; more && !t.Failed(); n++ {
		mem := vfs.NewMem()
		inj := vfs.NewInject(mem)
		told := newStory()
		var before *story
		var left []*vfs.Mem
		var once sync.Once
		inj.Hook(func(op vfs.Op) vfs.Fault {
			if op.N < n {
				return vfs.Fault{}
			}
			once.Do(func() {
				before = told.snapshot()
				left = []*vfs.Mem{mem.Crash(), mem.Clone(), mem.CrashTorn(uint64(n)), mem.CrashTorn(uint64(n) << 32)}
			})
			return vfs.Fault{Err: syscall.EIO} // nothing after the crash reaches the disk
		})
		told.tell(t, open, inj)
		if more = before != nil; !more {
			break
		}
		points++
		for k, fsys := range left {
			crashRestart(t, open, before, fsys, fmt.Sprintf("crash before operation %d, way %d", n, k))
		}
	}
	if points < 30 {
		t.Errorf("the workload has %d file operations only", points)
	}
}

// crashRestart opens what a crash left, crashing again before each operation of that.
func crashRestart(t *testing.T, open OpenFS, before *story, left *vfs.Mem, what string) {
	for n, more := 1, true; more && !t.Failed(); n++ {
		mem := left.Clone()
		inj := vfs.NewInject(mem)
		var again []*vfs.Mem
		var once sync.Once
		inj.Hook(func(op vfs.Op) vfs.Fault {
			if op.N < n {
				return vfs.Fault{}
			}
			once.Do(func() { again = []*vfs.Mem{mem.Crash(), mem.CrashTorn(uint64(n))} })
			return vfs.Fault{Err: syscall.EIO}
		})
		if l, err := open(inj); err == nil {
			_ = l.Close() // fails where the hook does
		}
		more = again != nil
		for _, fsys := range again {
			if err := before.check(t, open, fsys); err != nil {
				t.Errorf("%s, then before operation %d of the restart: %v", what, n, err)
			}
		}
	}
	if err := before.check(t, open, left); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// failEverywhere fails every file operation in turn, in all ways, lets the workload go
// on, and checks after a restart of the process and of the machine: what was
// acknowledged is there, what was refused is not.
func failEverywhere(t *testing.T, open OpenFS) {
	f := func(name string, fault vfs.Fault, forever bool) {
		t.Run(name, func(t *testing.T) {
			for n := 1; !t.Failed(); n++ {
				mem := vfs.NewMem()
				inj := vfs.NewInject(mem)
				hook := vfs.FailAt(n, fault)
				if forever {
					hook = vfs.FailFrom(n, fault)
				}
				inj.Hook(hook)
				told := newStory()
				told.tell(t, open, inj)
				if inj.Count() < n {
					return
				}
				for k, left := range []vfs.FS{mem.Clone(), mem.Crash(), mem.CrashTorn(uint64(n))} {
					if err := told.check(t, open, left); err != nil {
						t.Errorf("operation %d failed, restart %d: %v", n, k, err)
					}
				}
			}
		})
	}
	for _, forever := range []bool{false, true} {
		way := map[bool]string{false: "once", true: "forever"}[forever]
		f("EIO "+way, vfs.Fault{Err: syscall.EIO}, forever)
		f("EIO half "+way, vfs.Fault{Err: syscall.EIO, Keep: 90}, forever)
		f("EIO but done "+way, vfs.Fault{Err: syscall.EIO, Done: true}, forever)
		f("ENOSPC "+way, vfs.Fault{Err: syscall.ENOSPC}, forever)
		f("ENOSPC half "+way, vfs.Fault{Err: syscall.ENOSPC, Keep: 200}, forever)
	}
}

// diskFull fills the disk: appends are refused as full, none is lost, and the log takes
// appends again when there is room, without a restart.
func diskFull(t *testing.T, open OpenFS) {
	for capacity := int64(200); capacity < 6000; capacity += 137 {
		mem := vfs.NewMem()
		mem.SetCapacity(capacity)
		told := newStory()
		l, err := open(mem)
		if err != nil {
			t.Fatalf("capacity %d: open: %v", capacity, err)
		}
		full := false
		for i := range 60 {
			told.append(t, l, i)
			full = full || len(told.refused) > 0
		}
		for _, err := range told.refused {
			if !errors.Is(err, log.ErrFull) {
				t.Errorf("capacity %d: refused with %v, want ErrFull", capacity, err)
			}
		}
		if !full {
			t.Errorf("capacity %d: the disk was never full", capacity)
		}
		mem.SetCapacity(0)
		if _, err := l.Append(t.Context(), Record(60)); err != nil {
			t.Errorf("capacity %d: append with room again: %v", capacity, err)
		}
		if err := told.check(t, open, mem.Crash()); err != nil {
			t.Errorf("capacity %d: %v", capacity, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
