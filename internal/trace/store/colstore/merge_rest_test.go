package colstore

import (
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/base/vfs"
)

// idleClock lets the time of Config.IdleAge pass when a test says so.
type idleClock struct {
	clock.Real
	passed chan time.Time
}

const testIdleAge = 77 * time.Hour

func (c idleClock) After(d time.Duration) <-chan time.Time {
	if d == testIdleAge {
		return c.passed
	}
	return nil
}

// When nothing arrives any more, what is left of parts becomes one; while spans arrive it
// does not, and a large part is not rewritten for a small one.
func TestMergeRest(t *testing.T) {
	c := idleClock{passed: make(chan time.Time)}
	s := openOn(t, vfs.NewMem(), func(cfg *Config) { cfg.MergeFanIn, cfg.IdleAge, cfg.Clock = 6, testIdleAge, c })
	defer s.Close()
	sent := 0
	send := func(n int) {
		t.Helper()
		for range n {
			if err := s.Apply(t.Context(), record(sent)); err != nil {
				t.Fatal(err)
			}
			sent++
		}
	}
	// f lets the time pass with parts as they are, and expects so many after it.
	f := func(what string, want int) {
		t.Helper()
		c.passed <- time.Time{}
		c.passed <- time.Time{} // is taken when the merges of the first are done
		if got := s.Counts().Parts; got != want {
			t.Errorf("%s: %d parts, want %d", what, got, want)
		}
		has(t, s, sent, all)
	}
	flush := func(n int) {
		t.Helper()
		send(n)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	flush(2)
	f("one part", 1)
	flush(2)
	flush(3)
	send(1)
	f("more arrives", 3)
	flush(0)
	f("nothing arrives", 1)
	flush(1)
	f("a small part beside a large one", 2)
	flush(2)
	flush(6)
	f("as much as the large one", 1)
}
