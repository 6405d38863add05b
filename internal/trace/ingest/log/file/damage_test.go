package file

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/ingest/log/logtest"
)

// readAllOver reads from 1 on, going on behind every damage: the positions read, those
// said to be lost, and the first error that is not damage.
func readAllOver(ctx context.Context, l log.Log) (read, lost []log.Position, err error) {
	for from := log.Position(1); ; {
		var c *log.CorruptError
		for r, e := range l.Read(ctx, from) {
			if e != nil {
				if !errors.As(e, &c) {
					return read, lost, e
				}
				break
			}
			if want := logtest.Record(int(r.Pos) - 1); !bytes.Equal(r.Payload, want.Payload) || r.Tenant != want.Tenant {
				return read, lost, errors.New("a damaged record was read as whole")
			}
			read = append(read, r.Pos)
		}
		if c == nil {
			return read, lost, nil
		}
		for p := c.From; p < c.Next; p++ {
			lost = append(lost, p)
		}
		from = c.Next
	}
}

// TestDamage shows, by flipping each byte of a log's files in turn, that every record is
// read whole or reported lost, that the damage of one record costs only itself, and that
// the log opens and goes on. Only the last commit may vanish unsaid: damaged, it cannot be
// told from one that was never synced.
func TestDamage(t *testing.T) {
	fsys := vfs.NewMem()
	l := open(t, small("log", fsys))
	const records = 14
	for i := range records {
		appendOne(t, l, i)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files := segmentFiles(t, fsys)
	if len(files) < 2 {
		t.Fatalf("the log has %d files, want several", len(files))
	}
	for _, name := range files {
		size := len(readFile(t, fsys, name))
		for at := 0; at < size; at++ {
			damaged := fsys.Clone()
			b := readFile(t, damaged, name)
			b[at] ^= 0x10
			writeFile(t, damaged, name, b)
			l, err := Open(small("log", damaged))
			if err != nil {
				t.Fatalf("%s, byte %d: %v", name, at, err)
			}
			read, lost, err := readAllOver(t.Context(), l)
			if err != nil {
				t.Fatalf("%s, byte %d: %v", name, at, err)
			}
			all := slices.Sorted(slices.Values(slices.Concat(read, lost)))
			end := l.Last()
			if len(all) != int(end) || (end > 0 && (all[0] != 1 || all[end-1] != end)) {
				t.Fatalf("%s, byte %d: read %v, lost %v, Last %d", name, at, read, lost, end)
			}
			if len(read) < records-1 || end < records-1 {
				t.Fatalf("%s, byte %d: one byte cost more than one record: read %v, lost %v", name, at, read, lost)
			}
			if _, err := l.Append(t.Context(), logtest.Record(int(end))); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestMissingSegment shows that a file that is gone is reported, wherever it was, except
// the oldest, which looks trimmed.
func TestMissingSegment(t *testing.T) {
	fsys := vfs.NewMem()
	l := open(t, small("log", fsys))
	for i := range 40 {
		appendOne(t, l, i)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files := segmentFiles(t, fsys)
	for _, name := range files[1 : len(files)-1] {
		c := fsys.Clone()
		if err := c.Remove(name); err != nil {
			t.Fatal(err)
		}
		l := open(t, small("log", c))
		read, lost, err := readAllOver(t.Context(), l)
		if err != nil || len(lost) == 0 || len(read)+len(lost) != 40 {
			t.Errorf("without %s: read %v, lost %v, %v", name, read, lost, err)
		}
	}
}

// TestTornGroup shows that a hole in the last commit is a torn tail although whole records
// of the same commit follow it, and that the same hole is damage once a later commit
// stands behind it.
func TestTornGroup(t *testing.T) {
	f := func(later bool, wantRead, wantLost int) {
		t.Helper()
		fsys := vfs.NewMem()
		var b []byte
		b = appendHeader(b, 7, 1)
		pos := log.Position(1)
		commit := func(n int) {
			at := len(b)
			for i := range n {
				r := logtest.Record(int(pos) - 1 + i)
				b = appendFrame(b, &r, xxh3.Hash(r.Payload))
			}
			sealFrames(b[at:], 7, pos, n)
			pos += log.Position(n)
		}
		commit(1)
		commit(1)
		hole := len(b)
		commit(3)
		clear(b[hole : hole+frameHead])
		if later {
			commit(1)
		}
		if err := vfs.MakeDir(fsys, "log"); err != nil {
			t.Fatal(err)
		}
		writeFile(t, fsys, path.Join("log", (&segment{number: 1, salt: 7}).base()), b)
		l := open(t, small("log", fsys))
		read, lost, err := readAllOver(t.Context(), l)
		if err != nil || len(read) != wantRead || len(lost) != wantLost || int(l.Last()) != wantRead+wantLost {
			t.Errorf("later commit %v: read %v, lost %v, Last %d, %v", later, read, lost, l.Last(), err)
		}
	}
	f(false, 2, 0)
	f(true, 5, 1)
}

// TestForgedFrame shows that a payload cannot pass for records: one that holds whole
// frames, as from another log, is found nowhere when its own frame is damaged.
func TestForgedFrame(t *testing.T) {
	fsys := vfs.NewMem()
	l := open(t, small("log", fsys))
	appendOne(t, l, 0)
	forged := logtest.Record(1)
	inner := log.Record{Tenant: "victim", Payload: []byte("forged")}
	frame := appendFrame(nil, &inner, xxh3.Hash(inner.Payload))
	sealFrames(frame, 12345, 9, 1)
	forged.Payload = bytes.Repeat(frame, 3)
	if _, err := l.Append(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files := segmentFiles(t, fsys)
	name := files[len(files)-1]
	b := readFile(t, fsys, name)
	b[bytes.Index(b, frame)-len(forged.Tenant)-1] ^= 1 // the head of the record around it
	writeFile(t, fsys, name, b)
	l = open(t, small("log", fsys))
	for r, err := range l.Read(t.Context(), 1) {
		if err != nil || r.Tenant == "victim" {
			t.Errorf("read %q of %q, %v", r.Payload, r.Tenant, err)
		}
	}
}

// TestNewerFormat shows that a log of a newer Weft is refused, naming both versions, and
// left alone.
func TestNewerFormat(t *testing.T) {
	fsys := vfs.NewMem()
	if err := vfs.MakeDir(fsys, "log"); err != nil {
		t.Fatal(err)
	}
	name := path.Join("log", (&segment{number: 1, salt: 7}).base())
	b := appendHeader(nil, 7, 1)
	binary.LittleEndian.PutUint32(b[8:], 9)
	binary.LittleEndian.PutUint64(b[24:], xxh3.HashSeed(b[:24], 7))
	writeFile(t, fsys, name, b)
	var newer *VersionError
	_, err := Open(small("log", fsys))
	if !errors.As(err, &newer) || newer.Version != 9 || !strings.Contains(err.Error(), "version 9") || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("open gave %v, want *VersionError naming 9 and 1", err)
	}
	if got := readFile(t, fsys, name); !bytes.Equal(got, b) {
		t.Error("the newer file was changed")
	}
}

func segmentFiles(t *testing.T, fsys vfs.FS) []string {
	t.Helper()
	list, err := fsys.ReadDir("log")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		if _, ok := parseName(e.Name()); ok {
			out = append(out, path.Join("log", e.Name()))
		}
	}
	return out
}

func readFile(t testing.TB, fsys vfs.FS, name string) []byte {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, fsys vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fsys.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
