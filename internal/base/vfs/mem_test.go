package vfs

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// TestCrashForgets shows what a power cut leaves: content as of Sync, names as of SyncDir,
// each on its own.
func TestCrashForgets(t *testing.T) {
	m := NewMem()
	must(t, m.MkdirAll("d"))
	must(t, m.SyncDir("/"))

	named := create(t, m, "d/named", "lost")
	must(t, m.SyncDir("d"))
	synced := create(t, m, "d/synced", "kept content of no name")
	must(t, synced.Sync())
	wantContent(t, m.Crash(), "d/named", "")
	wantGone(t, m.Crash(), "d/synced")

	must(t, named.Sync())
	write(t, named, " and more")
	wantContent(t, m.Crash(), "d/named", "lost")
	must(t, named.Truncate(1))
	write(t, named, "x")
	wantContent(t, m, "d/named", "lx")
	wantContent(t, m.Crash(), "d/named", "lost")
	must(t, named.Sync())
	wantContent(t, m.Crash(), "d/named", "lx")

	must(t, m.SyncDir("d"))
	must(t, m.Rename("d/synced", "d/moved"))
	must(t, m.Remove("d/named"))
	c := m.Crash()
	wantNames(t, c, "d", "named", "synced")
	must(t, m.SyncDir("d"))
	wantNames(t, m.Crash(), "d", "moved")
	wantNames(t, c, "d", "named", "synced") // the copy stands on its own

	must(t, m.MkdirAll("e/f"))
	must(t, create(t, m, "e/f/x", "").Sync())
	must(t, m.SyncDir("e/f"))
	wantGone(t, m.Crash(), "e") // its name in the root was never synced
	wantNames(t, m.Clone(), "e/f", "x")
}

// TestCrashRenameAcrossFolders shows that each folder forgets its half by itself.
func TestCrashRenameAcrossFolders(t *testing.T) {
	m := NewMem()
	must(t, m.MkdirAll("a"))
	must(t, m.MkdirAll("b"))
	must(t, m.SyncDir("/"))
	must(t, create(t, m, "a/x", "1").Sync())
	must(t, m.SyncDir("a"))
	must(t, m.Rename("a/x", "b/x"))
	must(t, m.SyncDir("b"))
	wantContent(t, m.Crash(), "a/x", "1")
	wantContent(t, m.Crash(), "b/x", "1")
	must(t, m.SyncDir("a"))
	wantGone(t, m.Crash(), "a/x")
}

// TestCrashReleasesLocks shows that a lock does not outlive the machine's power.
func TestCrashReleasesLocks(t *testing.T) {
	m := NewMem()
	_, err := m.Lock("lock")
	must(t, err)
	l, err := m.Crash().Lock("lock")
	must(t, err)
	must(t, l.Close())
}

// TestCrashTorn shows over many seeds that what was synced stays, that what was not may
// stay in part, and that a rename is whole or absent.
func TestCrashTorn(t *testing.T) {
	m := NewMem()
	f := create(t, m, "log", "synced")
	must(t, f.Sync())
	must(t, create(t, m, "old", "").Sync())
	must(t, m.SyncDir("/"))
	write(t, f, strings.Repeat("u", 100))
	must(t, m.Rename("old", "new"))

	seen := map[string]bool{}
	for seed := range uint64(200) {
		c := m.CrashTorn(seed)
		got, err := content(c, "log")
		must(t, err)
		rest, ok := strings.CutPrefix(got, "synced")
		if !ok {
			t.Fatalf("seed %d lost synced bytes: %q", seed, got)
		}
		switch {
		case rest == "":
			seen["none"] = true
		case strings.Contains(rest, "\x00"):
			seen["hole"] = true
		case len(rest) == 100:
			seen["all"] = true
		default:
			seen["prefix"] = true
		}
		_, oldErr := c.Stat("old")
		_, newErr := c.Stat("new")
		if (oldErr == nil) == (newErr == nil) {
			t.Fatalf("seed %d split a rename: old %v, new %v", seed, oldErr, newErr)
		}
		seen["renamed"] = seen["renamed"] || newErr == nil
		seen["not renamed"] = seen["not renamed"] || oldErr == nil
		if again, _ := content(m.CrashTorn(seed), "log"); again != got {
			t.Fatalf("seed %d gave %q, then %q", seed, got, again)
		}
	}
	for _, k := range []string{"none", "hole", "all", "prefix", "renamed", "not renamed"} {
		if !seen[k] {
			t.Errorf("no seed showed %q", k)
		}
	}
}

// TestCrashTornTruncate shows that a truncation that was not synced may be undone, also of
// bytes that never were synced, and that a synced one is final.
func TestCrashTornTruncate(t *testing.T) {
	m := NewMem()
	f := create(t, m, "a", "12")
	must(t, f.Sync())
	must(t, m.SyncDir("/"))
	write(t, f, "345")
	must(t, f.Truncate(2))
	seen := map[string]bool{}
	for seed := range uint64(50) {
		got, err := content(m.CrashTorn(seed), "a")
		must(t, err)
		seen[got] = true
	}
	if !seen["12"] || !seen["12345"] {
		t.Errorf("saw %v, want the file with and without the truncation", seen)
	}
	must(t, f.Sync())
	for seed := range uint64(50) {
		wantContent(t, m.CrashTorn(seed), "a", "12")
	}
}

// TestMemCapacity shows that a full disk takes what fits and that removal makes room.
func TestMemCapacity(t *testing.T) {
	m := NewMem()
	m.SetCapacity(10)
	f := create(t, m, "a", "1234567")
	if n, err := f.Write([]byte("89abc")); n != 3 || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("write over the capacity = %d, %v, want 3, ENOSPC", n, err)
	}
	if free, total, _ := m.Space("/"); free != 0 || total != 10 {
		t.Errorf("space = %d of %d, want 0 of 10", free, total)
	}
	must(t, f.Truncate(4))
	if free, _, _ := m.Space("/"); free != 6 {
		t.Errorf("free after truncate = %d, want 6", free)
	}
	must(t, m.Remove("a"))
	if free, _, _ := m.Space("/"); free != 10 {
		t.Errorf("free after remove = %d, want 10", free)
	}
}

// TestMakeDir shows that every folder made is durable in its parent, also one whose
// maker was killed before it was.
func TestMakeDir(t *testing.T) {
	m := NewMem()
	must(t, MakeDir(m, "a/b/c"))
	wantNames(t, m.Crash(), "a/b", "c")
	must(t, m.MkdirAll("a/b/d"))
	must(t, MakeDir(m, "a/b/d"))
	wantNames(t, m.Crash(), "a/b", "c", "d")
}
