package keep_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/base/meta/sqlite"
	"github.com/weft-dev/weft/internal/server/audit"
	"github.com/weft-dev/weft/internal/server/keep"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// testClock is a second later at each look.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

func (c *testClock) After(time.Duration) <-chan time.Time { return nil }

// opener opens the same marks again at each call, after closing what it opened before.
func opener(t *testing.T) func() (*keep.Marks, meta.DB) {
	dir, c := t.TempDir(), &testClock{now: time.Unix(1_800_000_000, 0)}
	var db meta.DB
	closeLast := func() {
		if db != nil {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(closeLast)
	return func() (*keep.Marks, meta.DB) {
		t.Helper()
		closeLast()
		opened, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir, Config: meta.Config{Domains: []meta.Domain{audit.Domain(), keep.Domain()}}})
		if err != nil {
			t.Fatal(err)
		}
		db = opened
		m, err := keep.Open(t.Context(), db, c)
		if err != nil {
			t.Fatal(err)
		}
		return m, db
	}
}

func id(b byte) span.TraceID { return span.TraceID{15: b} }

// A mark is there for its tenant only, also after a restart; keeping again changes the note
// and not the time; a released one is gone.
func TestKeep(t *testing.T) {
	open := opener(t)
	m, _ := open()
	must := func(_ keep.Mark, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(m.Keep(t.Context(), "a", id(1), "first", "ann", 0))
	since, err := m.Get("a", id(1))
	must(since, err)
	must(m.Keep(t.Context(), "a", id(1), "second", "bob", 0))
	must(m.Keep(t.Context(), "a", id(2), "", "ann", 0))
	must(m.Keep(t.Context(), "b", id(1), "theirs", "cem", 0))
	must(m.Keep(t.Context(), "b", id(3), "", "cem", 0))
	if err := errors.Join(m.Release(t.Context(), "b", id(3), "cem"), m.Release(t.Context(), "b", id(9), "cem")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := m.Get("a", id(1))
		want := keep.Mark{Tenant: "a", Trace: id(1), Note: "second", By: "bob", Since: since.Since}
		if err != nil || !got.Since.Equal(want.Since) || got.Note != want.Note || got.By != want.By {
			t.Errorf("Get = %+v, %v; want %+v", got, err, want)
		}
		if _, err := m.Get("b", id(3)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a released mark: %v", err)
		}
		if _, err := m.Get("b", id(2)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another tenant's mark: %v", err)
		}
		var listed []span.TraceID
		for _, k := range m.List("a") {
			listed = append(listed, k.Trace)
		}
		if !slices.Equal(listed, []span.TraceID{id(2), id(1)}) { // newest first
			t.Errorf("List = %v", listed)
		}
		if kept := m.Kept("b"); !slices.Equal(kept, []span.TraceID{id(1)}) {
			t.Errorf("Kept = %v", kept)
		}
		n := 0
		for range m.All() {
			n++
		}
		if n != 3 {
			t.Errorf("All yields %d marks, want 3", n)
		}
		m, _ = open()
	}
}

// Each change has its row in the audit log; what changed nothing has none.
func TestAudit(t *testing.T) {
	m, db := opener(t)()
	if _, err := m.Keep(t.Context(), "a", id(1), "why", "ann", 0); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Release(t.Context(), "a", id(1), "bob"), m.Release(t.Context(), "a", id(1), "bob")); err != nil {
		t.Fatal(err)
	}
	entries, err := audit.List(t.Context(), db, audit.Query{Tenant: "a", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Actor+": "+e.Action+" "+e.Object[31:]+" "+e.Detail)
	}
	if want := []string{"bob: trace release 1 ", "ann: trace keep 1 why"}; !slices.Equal(got, want) {
		t.Errorf("audit log %q, want %q", got, want)
	}
}

// Keeping and releasing at once leaves memory and database of one opinion.
func TestConcurrent(t *testing.T) {
	open := opener(t)
	m, _ := open()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				var err error
				if (g+i)%2 == 0 {
					_, err = m.Keep(t.Context(), "a", id(byte(i%3)), "", "x", 0)
				} else {
					err = m.Release(t.Context(), "a", id(byte(i%3)), "x")
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	sorted := func(m *keep.Marks) []span.TraceID {
		return slices.SortedFunc(slices.Values(m.Kept("a")), func(a, b span.TraceID) int { return int(a[15]) - int(b[15]) })
	}
	before := sorted(m)
	m, _ = open()
	if after := sorted(m); !slices.Equal(before, after) {
		t.Errorf("kept %v before a restart, %v after it", before, after)
	}
}

// A tenant keeps no more traces than it may; those it keeps it may keep again, and room is
// made by letting one go. Other tenants are not in the count.
func TestKeepFull(t *testing.T) {
	m, _ := opener(t)()
	f := func(tenant string, n byte, most, kept int) {
		t.Helper()
		_, err := m.Keep(t.Context(), tenant, id(n), "", "ann", most)
		var e *keep.FullError
		if errors.As(err, &e) != (kept > 0) || kept == 0 && err != nil || kept > 0 && *e != (keep.FullError{Tenant: tenant, Kept: kept, Most: most}) {
			t.Errorf("keep trace %d of %s, at most %d: %v", n, tenant, most, err)
		}
	}
	f("a", 1, 2, 0)
	f("a", 2, 2, 0)
	f("a", 3, 2, 2)
	f("a", 2, 2, 0) // again
	f("b", 3, 2, 0)
	f("a", 3, 0, 0) // no limit
	f("a", 3, 2, 0) // more than it may now, but this one is kept
	f("a", 4, 2, 3)
	for n := range byte(2) {
		if err := m.Release(t.Context(), "a", id(n+1), "ann"); err != nil {
			t.Fatal(err)
		}
	}
	f("a", 4, 2, 0)
	if n := m.Count("a"); n != 2 {
		t.Errorf("a keeps %d", n)
	}
}
