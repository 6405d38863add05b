package colstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

var ctx = context.Background()

// feed applies records of one trace each to a store.
type feed struct {
	t     *testing.T
	store *Store
	pos   log.Position
	// tenant is whose record n is; nil: the default one's.
	tenant func(n int) string
}

func openOn(t *testing.T, fsys vfs.FS, change func(*Config)) *Store {
	t.Helper()
	cfg := Config{FS: fsys, guardHeads: true, Dir: "data/store", MergeFanIn: 2, GroupSpans: 64, PageSpans: 8}
	if change != nil {
		change(&cfg)
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func traceID(n int) span.TraceID {
	return span.TraceID{0: 0xab, 14: byte(n >> 8), 15: byte(n)}
}

// record is a trace of eight spans with a marker of its own in an attribute.
func record(n int) store.Record {
	b := &span.Batch{Resources: []span.Resource{{Present: true}}, Scopes: []span.Scope{{Present: true}}}
	b.Attrs = append(b.Attrs, span.Attr{Key: "service.name", Value: span.String("svc")})
	b.Resources[0].Attrs = span.Range{To: 1}
	for i := range 8 {
		at := uint32(len(b.Attrs))
		b.Attrs = append(b.Attrs, span.Attr{Key: "marker", Value: span.String(fmt.Sprintf("marker-of-trace-%d-%d-%s", n, i, strings.Repeat("x", 40)))})
		s := span.Span{TraceID: traceID(n), SpanID: span.SpanID{7: byte(i + 1)}, Name: "op", Start: int64(n)*1000 + int64(i), Attrs: span.Range{From: at, To: at + 1}}
		s.End = s.Start + 10
		b.Spans = append(b.Spans, s)
	}
	return store.Record{Tenant: "default", Arrival: time.Unix(1_760_000_000, int64(n)), Batch: b, Bytes: 2000}
}

func (f *feed) apply(from, to int) {
	f.t.Helper()
	for n := from; n < to; n++ {
		f.pos++
		r := record(n)
		r.Pos = f.pos
		if f.tenant != nil {
			r.Tenant = f.tenant(n)
		}
		if err := f.store.Apply(ctx, r); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *feed) flush() {
	f.t.Helper()
	if err := f.store.Flush(ctx); err != nil {
		f.t.Fatal(err)
	}
}

// has checks which traces in [0, n) are there whole.
func has(t *testing.T, s *Store, n int, want func(int) bool) {
	t.Helper()
	for i := range n {
		b, err := s.Trace(ctx, "default", traceID(i))
		if got := err == nil && len(b.Spans) == 8; got != want(i) {
			t.Errorf("trace %d: there %v, want %v (%v)", i, got, want(i), err)
		}
	}
}

func all(int) bool { return true }

// A full disk stops flushing, loses nothing, and flushing goes on when there is room.
func TestDiskFull(t *testing.T) {
	mem := vfs.NewMem()
	s := openOn(t, mem, nil)
	defer s.Close()
	f := &feed{t: t, store: s}
	f.apply(0, 40)
	mem.SetCapacity(600)
	if err := s.Flush(ctx); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("flush on a full disk: %v, want ENOSPC", err)
	}
	has(t, s, 40, all)
	if s.Applied() != 0 {
		t.Errorf("applied %d, though nothing is in a part", s.Applied())
	}
	if err := s.Healthy(); err != nil {
		t.Errorf("a full disk must not stop writes for good: %v", err)
	}
	mem.SetCapacity(0)
	f.flush()
	if s.Applied() != 40 {
		t.Errorf("applied %d, want 40", s.Applied())
	}
	has(t, s, 40, all)
}

// A failed sync is not retried: writes are refused until restart, reads go on.
func TestSyncFails(t *testing.T) {
	inject := vfs.NewInject(vfs.NewMem())
	s := openOn(t, inject, nil)
	defer s.Close()
	f := &feed{t: t, store: s}
	f.apply(0, 10)
	inject.Hook(vfs.FailIf(func(op vfs.Op) bool { return op.Kind == vfs.OpSync }, vfs.Fault{Err: syscall.EIO}))
	if err := s.Flush(ctx); !errors.Is(err, store.ErrRefused) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("flush: %v, want refused because of EIO", err)
	}
	inject.Hook(nil)
	if err := s.Apply(ctx, record(11)); !errors.Is(err, store.ErrRefused) {
		t.Errorf("apply after a failed sync: %v, want refused", err)
	}
	if err := s.Flush(ctx); !errors.Is(err, store.ErrRefused) {
		t.Errorf("flush after a failed sync: %v, want refused", err)
	}
	has(t, s, 10, all)
}

// Each file operation of flush, merge, retention and delete fails in turn, "not done" and
// "done but reported failed": what was applied is there before and after reopening, once;
// what retention took does not come back, and what is kept of it and beside it stays.
func TestEachOperationFails(t *testing.T) {
	const deletedOne, keptOne = 0, 2
	brief := func(n int) bool { return n%3 == 2 } // of the tenant whose rows expire
	key := func(n int) TraceKey {
		if brief(n) {
			return TraceKey{"brief", traceID(n)}
		}
		return TraceKey{"default", traceID(n)}
	}
	config := func(c *Config) {
		c.Clock = &movedClock{now: time.Unix(1_760_000_000, 0).Add(2 * time.Hour)}
		c.Allowance = func(tenant string) store.Allowance {
			return map[string]store.Allowance{"brief": {Age: time.Hour}}[tenant]
		}
		c.Kept = func() []TraceKey { return []TraceKey{key(keptOne)} }
	}
	for _, done := range []bool{false, true} {
		for n := 1; ; n++ {
			mem := vfs.NewMem()
			inject := vfs.NewInject(mem)
			s := openOn(t, inject, config)
			f := &feed{t: t, store: s, tenant: func(n int) string { return key(n).Tenant }}
			f.apply(0, 6)
			base := inject.Count()
			hit := false
			inject.Hook(func(op vfs.Op) vfs.Fault {
				if op.N == base+n {
					hit = true
					return vfs.Fault{Err: syscall.EIO, Done: done}
				}
				return vfs.Fault{}
			})
			err := s.Flush(ctx)
			if err == nil {
				f.apply(6, 12)
				if err = s.Flush(ctx); err == nil {
					_, err = s.MergeOnce(ctx)
				}
			}
			retained := false
			if err == nil {
				err = s.Retain(ctx)
				retained = err == nil
			}
			if err == nil {
				err = s.Delete(ctx, "default", traceID(deletedOne), true)
			}
			deleted := err == nil
			inject.Hook(nil)
			if !hit {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if n < 20 {
					t.Fatalf("only %d operations were reached", n)
				}
				break
			}
			total := int(f.pos)
			check := func(s *Store, when string) {
				for i := range total {
					b, err := s.Trace(ctx, key(i).Tenant, key(i).ID)
					there := err == nil && len(b.Spans) == 8
					gone := errors.Is(err, store.ErrNotFound)
					switch {
					case !there && !gone:
						t.Errorf("operation %d (done %v), %s: trace %d: %v", n, done, when, i, err)
					case i == deletedOne && there && deleted:
						t.Errorf("operation %d (done %v), %s: deleted trace is there", n, done, when)
					case brief(i) && i != keptOne && there && retained:
						t.Errorf("operation %d (done %v), %s: trace %d is there after retention", n, done, when, i)
					case gone && i != deletedOne && (!brief(i) || i == keptOne):
						t.Errorf("operation %d (done %v), %s: trace %d is gone", n, done, when, i)
					}
				}
			}
			check(s, "before closing")
			_ = s.Close()

			re := openOn(t, mem.Crash(), config)
			g := &feed{t: t, store: re, tenant: f.tenant}
			for i := range total { // the log replays what the store does not hold
				g.pos = log.Position(i)
				g.apply(i, i+1)
			}
			check(re, "after reopening")
			if err := re.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A merge that is told to stop, as each is when the server stops, says nothing about the
// parts it was reading.
func TestMergeStopped(t *testing.T) {
	s := openOn(t, vfs.NewMem(), func(c *Config) { c.MergeFanIn = 100 })
	defer s.Close()
	f := &feed{t: t, store: s}
	for n := range 3 {
		f.apply(n, n+1)
		f.flush()
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if err := s.merge(stopped, s.view.parts, false, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a merge that was stopped: %v", err)
	}
	if c := s.Counts(); c.CorruptBlocks != 0 || c.Parts != 3 {
		t.Errorf("after a merge that was stopped: %+v; want 3 parts and none damaged", c)
	}
	if err := s.merge(ctx, s.view.parts, false, nil); err != nil || s.Counts().Parts != 1 {
		t.Errorf("the next merge: %v, %+v", err, s.Counts())
	}
}

// A part being written when the store closes becomes part of it, or nothing is left of it.
func TestCloseWhileWriting(t *testing.T) {
	mem := vfs.NewMem()
	disk := vfs.NewInject(mem)
	s := openOn(t, disk, func(c *Config) { c.HeadBytes = 1 })
	closed := make(chan error, 1)
	closing := sync.OnceFunc(func() {
		go func() { closed <- s.Close() }()
		<-s.stop
	})
	disk.Hook(func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpCreate && strings.Contains(op.Name, "/parts/") {
			closing()
		}
		return vfs.Fault{}
	})
	f := &feed{t: t, store: s}
	f.apply(0, 1)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	disk.Hook(nil)

	folders, err := mem.ReadDir("data/store/parts")
	if err != nil {
		t.Fatal(err)
	}
	re := openOn(t, mem, nil)
	defer re.Close()
	if n := re.Counts().Parts; n != 1 || len(folders) != n {
		t.Errorf("%d folders after closing, %d parts after opening; want one of each", len(folders), n)
	}
}

// A damaged block costs itself only: the rest is read, the damage is counted and found by
// Check, the part is left out of merges, and Repair saves what reads.
func TestCorruptBlock(t *testing.T) {
	mem := vfs.NewMem()
	s := openOn(t, mem, nil)
	f := &feed{t: t, store: s}
	f.apply(0, 40)
	f.flush()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name := largestFile(t, mem, "data/store/parts")
	damage(t, mem, name)

	s = openOn(t, mem, nil)
	readable := map[int]bool{}
	for i := range 40 {
		if b, err := s.Trace(ctx, "default", traceID(i)); err == nil && len(b.Spans) == 8 {
			readable[i] = true
		}
	}
	if len(readable) == 0 || len(readable) == 40 {
		t.Fatalf("%d of 40 traces read; the damage must cost some and not all", len(readable))
	}
	if s.Counts().CorruptBlocks == 0 {
		t.Error("the damage is not counted")
	}
	found, partial := 0, (*store.PartialError)(nil)
	for _, err := range s.Search(ctx, store.Query{Tenant: "default", Window: store.Window{End: 1<<63 - 1}, Limit: 100}) {
		if err == nil {
			found++
		} else if !errors.As(err, &partial) {
			t.Error(err)
		}
	}
	if found < len(readable) || partial == nil {
		t.Errorf("search found %d traces, %d are readable, and says of the others: %v", found, len(readable), partial)
	}
	f = &feed{t: t, store: s, pos: 40}
	f.apply(40, 80)
	f.flush()
	if merged, err := s.MergeOnce(ctx); merged || err != nil {
		t.Errorf("merge with a damaged part: %v, %v; want it left alone", merged, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	report, err := Check(ctx, mem, "data/store", nil)
	if err != nil || len(report.Corrupt) == 0 {
		t.Fatalf("check: %v, %d damaged; want some", err, len(report.Corrupt))
	}
	if _, err := Repair(ctx, Config{FS: mem, Dir: "data/store"}); err != nil {
		t.Fatal(err)
	}
	report, err = Check(ctx, mem, "data/store", nil)
	if err != nil || len(report.Corrupt) != 0 {
		t.Fatalf("check after repair: %v, %v", err, report.Corrupt)
	}
	s = openOn(t, mem, nil)
	defer s.Close()
	has(t, s, 80, func(i int) bool { return i >= 40 || readable[i] })
	if _, err := mem.Stat("data/store/quarantine"); err != nil {
		t.Errorf("the damaged part is not kept: %v", err)
	}
}

func largestFile(t *testing.T, fsys vfs.FS, dir string) string {
	t.Helper()
	best, size := "", int64(0)
	walk(t, fsys, dir, func(name string, info fs.FileInfo) {
		if info.Size() > size {
			best, size = name, info.Size()
		}
	})
	return best
}

func walk(t *testing.T, fsys vfs.FS, dir string, visit func(string, fs.FileInfo)) {
	t.Helper()
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			walk(t, fsys, name, visit)
			continue
		}
		info, err := fsys.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		visit(name, info)
	}
}

// damage flips bytes near the first tenth of a file, where pages lie.
func damage(t *testing.T, fsys vfs.FS, name string) {
	t.Helper()
	data, err := readFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		data[len(data)/10+i] ^= 0x5a
	}
	if err := writeFile(fsys, name, data); err != nil {
		t.Fatal(err)
	}
}

// A deleted trace's bytes leave every file of the store, at once with now.
func TestDeleteLeavesNoBytes(t *testing.T) {
	mem := vfs.NewMem()
	// One page holds one trace, and level and size keep markers readable: search for the
	// raw bytes of an attribute that only this trace has.
	s := openOn(t, mem, nil)
	defer s.Close()
	f := &feed{t: t, store: s}
	f.apply(0, 20)
	f.flush()
	if err := s.Delete(ctx, "default", traceID(7), true); err != nil {
		t.Fatal(err)
	}
	has(t, s, 20, func(i int) bool { return i != 7 })
	walk(t, mem, "data/store/parts", func(name string, _ fs.FileInfo) {
		data, err := readFile(mem, name)
		if err != nil {
			t.Fatal(err)
		}
		id := traceID(7)
		if bytes.Contains(data, id[:]) || bytes.Contains(data, []byte("marker-of-trace-7-")) {
			t.Errorf("%s still has bytes of the deleted trace", name)
		}
	})
	names, err := s.Names(ctx, store.NameQuery{Tenant: "default", Kind: store.AttributeValues, Scope: store.ScopeSpan, Key: "marker", Prefix: "marker-of-trace-7-", Window: store.Window{End: 1 << 62}, Limit: 10})
	if err != nil || len(names) != 0 {
		t.Errorf("names show the deleted trace: %v %v", names, err)
	}
}

// Retention drops the oldest arrivals over the cap and by age, but rewrites kept traces.
func TestRetain(t *testing.T) {
	mem := vfs.NewMem()
	var kept []TraceKey
	s := openOn(t, mem, func(c *Config) {
		c.MergeFanIn = 100
		c.DiskCap = 1 // everything is over it
		c.Kept = func() []TraceKey { return kept }
	})
	defer s.Close()
	kept = []TraceKey{{"default", traceID(3)}, {"default", traceID(12)}}
	f := &feed{t: t, store: s}
	f.apply(0, 10)
	f.flush()
	f.apply(10, 20)
	f.flush()
	if err := s.Retain(ctx); err != nil {
		t.Fatal(err)
	}
	has(t, s, 20, func(i int) bool { return i == 3 || i == 12 })
	kept = kept[:1]
	if err := s.Retain(ctx); err != nil {
		t.Fatal(err)
	}
	has(t, s, 20, func(i int) bool { return i == 3 })
	kept = nil
	if err := s.Retain(ctx); err != nil {
		t.Fatal(err)
	}
	has(t, s, 20, func(int) bool { return false })
}

// A backup taken while merges go on opens, checks and holds everything flushed.
func TestBackupRestore(t *testing.T) {
	mem := vfs.NewMem()
	s := openOn(t, mem, nil)
	defer s.Close()
	f := &feed{t: t, store: s}
	for i := range 10 {
		f.apply(i*10, i*10+10)
		f.flush()
	}
	if err := Backup(ctx, mem, "data/store", "data/backup", nil); err != nil {
		t.Fatal(err)
	}
	if err := Backup(ctx, mem, "data/store", "data/backup", nil); err == nil {
		t.Error("a backup into a full folder is not refused")
	}
	f.apply(100, 110)
	f.flush()
	if err := Restore(ctx, mem, "data/backup", "data/again", nil); err != nil {
		t.Fatal(err)
	}
	re := openOn(t, mem, func(c *Config) { c.Dir = "data/again" })
	defer re.Close()
	has(t, re, 110, func(i int) bool { return i < 100 })
	has(t, s, 110, all)

	damage(t, mem, largestFile(t, mem, "data/backup/parts"))
	if err := Restore(ctx, mem, "data/backup", "data/third", nil); err == nil {
		t.Error("a damaged backup is restored without a word")
	}
}

// A folder of a newer format is refused, naming both versions; one in use names the pid.
func TestOpenRefuses(t *testing.T) {
	mem := vfs.NewMem()
	s := openOn(t, mem, nil)
	var locked *vfs.LockedError
	if _, err := Open(Config{FS: mem, Dir: "data/store"}); !errors.As(err, &locked) {
		t.Errorf("second open: %v, want a LockedError", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := writeManifest(mem, "data/store", &manifest{Format: formatVersion + 1}); err != nil {
		t.Fatal(err)
	}
	var format *FormatError
	if _, err := Open(Config{FS: mem, Dir: "data/store"}); !errors.As(err, &format) || format.Have != formatVersion+1 || format.Known != formatVersion {
		t.Errorf("open of a newer format: %v", err)
	}
}

// A part of another version is not a damaged one: nothing opens it, and nothing moves it away.
func TestPartOfAnotherVersion(t *testing.T) {
	mem := vfs.NewMem()
	s := openOn(t, mem, nil)
	if err := errors.Join(s.Apply(ctx, record(1)), s.Flush(ctx), s.Close()); err != nil {
		t.Fatal(err)
	}
	name := largestFile(t, mem, "data/store/parts")
	data, err := readFile(mem, name)
	if err != nil {
		t.Fatal(err)
	}
	data[8]++
	if err := writeFile(mem, name, data); err != nil {
		t.Fatal(err)
	}
	f := func(what string, err error) {
		t.Helper()
		var version *part.VersionError
		if !errors.As(err, &version) || version.Found != part.Version+1 {
			t.Errorf("%s: %v, want a VersionError", what, err)
		}
		if again, err := readFile(mem, name); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s changed the part: %v", what, err)
		}
	}
	_, err = Open(Config{FS: mem, Dir: "data/store"})
	f("open", err)
	_, err = Check(ctx, mem, "data/store", nil)
	f("check", err)
	_, err = Repair(ctx, Config{FS: mem, Dir: "data/store"})
	f("repair", err)
}
