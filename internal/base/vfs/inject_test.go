package vfs

import (
	"errors"
	"syscall"
	"testing"
)

// TestInjectCounts shows that operations that change the disk are numbered in order and
// reading ones are not.
func TestInjectCounts(t *testing.T) {
	i := NewInject(NewMem())
	var got []string
	i.Hook(func(op Op) Fault {
		if op.N != 0 {
			got = append(got, op.Kind.String())
		}
		return Fault{}
	})
	must(t, i.MkdirAll("d"))
	f := create(t, i, "d/a", "x")
	must(t, f.Sync())
	must(t, f.Truncate(0))
	must(t, f.Close())
	must(t, i.SyncDir("d"))
	must(t, i.Rename("d/a", "d/b"))
	wantContent(t, i, "d/b", "")
	must(t, i.Link("d/b", "d/c"))
	must(t, i.Remove("d/c"))
	must(t, i.RemoveAll("d"))
	want := []string{"mkdir", "create", "write", "sync", "truncate", "close", "syncdir", "rename", "link", "remove", "removeall"}
	if len(got) != len(want) || i.Count() != len(want) {
		t.Fatalf("saw %v, counted %d, want %v", got, i.Count(), want)
	}
	for k := range want {
		if got[k] != want[k] {
			t.Errorf("operation %d is %s, want %s", k+1, got[k], want[k])
		}
	}
}

// TestInjectFaults shows the three ways to fail: not done, done but reported failed, and a
// write done in part.
func TestInjectFaults(t *testing.T) {
	f := func(fault Fault, wantN int, wantLeft string) {
		t.Helper()
		m := NewMem()
		i := NewInject(m)
		i.Hook(FailIf(func(op Op) bool { return op.Kind == OpWrite }, fault))
		w, err := i.Create("a")
		must(t, err)
		if n, err := w.Write([]byte("abcdef")); n != wantN || !errors.Is(err, fault.Err) {
			t.Errorf("%+v: write = %d, %v, want %d", fault, n, err, wantN)
		}
		wantContent(t, m, "a", wantLeft)
	}
	f(Fault{Err: syscall.EIO}, 0, "")
	f(Fault{Err: syscall.EIO, Done: true}, 6, "abcdef")
	f(Fault{Err: syscall.ENOSPC, Keep: 2}, 2, "ab")
	f(Fault{Err: syscall.ENOSPC, Keep: 99}, 6, "abcdef")

	m := NewMem()
	i := NewInject(m)
	w := create(t, i, "a", "x")
	i.Hook(FailAt(3, Fault{Err: syscall.EIO, Done: true}))
	if err := w.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("sync gave %v, want EIO", err)
	}
	must(t, w.Sync())
	i.Hook(FailFrom(5, Fault{Err: syscall.EIO}))
	for range 2 {
		if err := i.MkdirAll("d"); !errors.Is(err, syscall.EIO) {
			t.Errorf("mkdir gave %v, want EIO", err)
		}
	}
	i.Hook(nil)
	must(t, i.MkdirAll("d"))
}
