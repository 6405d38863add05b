package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestContract shows that OS, Mem and an Inject without a hook keep the contract of FS,
// by one story told to each.
func TestContract(t *testing.T) {
	f := func(name string, fsys FS, root string) {
		t.Run(name, func(t *testing.T) { contract(t, fsys, root) })
	}
	f("os", OS{}, filepath.ToSlash(t.TempDir()))
	f("mem", NewMem(), "/")
	f("inject", NewInject(NewMem()), "data")
}

func contract(t *testing.T, fsys FS, root string) {
	at := func(name string) string { return path.Join(root, name) }
	must(t, fsys.MkdirAll(at("a/b")))
	must(t, fsys.MkdirAll(at("a/b")))

	w, err := fsys.Create(at("a/one"))
	must(t, err)
	write(t, w, "hello ")
	write(t, w, "world")
	must(t, w.Sync())
	if n, err := w.Size(); n != 11 || err != nil {
		t.Errorf("size %d, %v, want 11", n, err)
	}
	must(t, w.Truncate(5))
	write(t, w, "!") // at the new end, not behind a hole
	must(t, w.Close())
	wantContent(t, fsys, at("a/one"), "hello!")

	w, err = fsys.OpenWrite(at("a/one"))
	must(t, err)
	write(t, w, "?")
	var p [3]byte
	if n, err := w.ReadAt(p[:], 4); n != 3 || string(p[:]) != "o!?" {
		t.Errorf("ReadAt read %q, %v", p[:n], err)
	}
	if n, err := w.ReadAt(p[:], 6); n != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt at the end = %d, %v, want 1, EOF", n, err)
	}
	must(t, w.Close())

	r, err := fsys.Open(at("a/one"))
	must(t, err)
	if _, err := r.Write([]byte("x")); err == nil {
		t.Error("a file opened for reading took a write")
	}
	must(t, r.Close())

	must(t, fsys.Link(at("a/one"), at("a/two")))
	must(t, fsys.Rename(at("a/two"), at("a/b/three")))
	must(t, fsys.Rename(at("a/b/three"), at("a/b/four")))
	wantContent(t, fsys, at("a/b/four"), "hello!?")
	must(t, fsys.Remove(at("a/one")))
	wantContent(t, fsys, at("a/b/four"), "hello!?")
	must(t, fsys.SyncDir(at("a/b")))
	wantNames(t, fsys, at("a"), "b")
	wantNames(t, fsys, at("a/b"), "four")

	if i, err := fsys.Stat(at("a/b/four")); err != nil || i.Size() != 7 || i.Name() != "four" || i.IsDir() {
		t.Errorf("stat: %v, %v", i, err)
	}
	for _, err := range []error{
		second(fsys.Open(at("none"))), second(fsys.OpenWrite(at("none"))), second(fsys.Create(at("no/ne"))),
		second(fsys.Stat(at("none"))), second(fsys.ReadDir(at("none"))), fsys.Remove(at("none")),
		fsys.Rename(at("none"), at("x")), fsys.Link(at("none"), at("x")), fsys.SyncDir(at("none")),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing file gave %v", err)
		}
	}
	if err := fsys.Link(at("a/b/four"), at("a/b/four")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("link over a file gave %v", err)
	}
	if err := fsys.Remove(at("a/b")); err == nil {
		t.Error("a folder with files was removed")
	}
	must(t, fsys.RemoveAll(at("a")))
	must(t, fsys.RemoveAll(at("a")))

	l, err := fsys.Lock(at("lock"))
	must(t, err)
	var held *LockedError
	if _, err := fsys.Lock(at("lock")); !errors.As(err, &held) {
		t.Errorf("second lock: %v, want *LockedError", err)
	}
	must(t, l.Close())
	l, err = fsys.Lock(at("lock"))
	must(t, err)
	must(t, l.Close())

	if free, total, err := fsys.Space(root); err != nil || free == 0 || total < free {
		t.Errorf("space: %d of %d free, %v", free, total, err)
	}
}

// TestLockNamesHolder shows that a held lock is reported with the holder's pid.
func TestLockNamesHolder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	l, err := OS{}.Lock(name)
	must(t, err)
	defer l.Close()
	var held *LockedError
	if _, err := (OS{}).Lock(name); !errors.As(err, &held) || held.PID != os.Getpid() || held.Since.IsZero() {
		t.Fatalf("second lock: %v, want one held by pid %d", err, os.Getpid())
	}
	if want := "in use by pid"; !strings.Contains(held.Error(), want) {
		t.Errorf("error %q lacks %q", held, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }

func write(t *testing.T, w io.Writer, s string) {
	t.Helper()
	if n, err := io.WriteString(w, s); n != len(s) || err != nil {
		t.Fatalf("write %q = %d, %v", s, n, err)
	}
}

// create makes a file with content that is not synced.
func create(t *testing.T, fsys FS, name, content string) File {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	write(t, f, content)
	return f
}

func content(fsys FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, io.NewSectionReader(f, 0, size))
	return b.String(), err
}

func wantContent(t *testing.T, fsys FS, name, want string) {
	t.Helper()
	if got, err := content(fsys, name); got != want || err != nil {
		t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
	}
}

func wantGone(t *testing.T, fsys FS, name string) {
	t.Helper()
	if _, err := fsys.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is there (%v), want it gone", name, err)
	}
}

func wantNames(t *testing.T, fsys FS, dir string, want ...string) {
	t.Helper()
	list, err := fsys.ReadDir(dir)
	must(t, err)
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s lists %v, want %v", dir, got, want)
	}
}
