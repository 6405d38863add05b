package ingest

import (
	"testing"
	"time"
)

// TestClockJumps shows that requests are taken and told apart before and after the clock
// jumps back and forward by a year, that a rate does not lock its tenant out, and that a
// restart in between changes nothing.
func TestClockJumps(t *testing.T) {
	const year = 365 * 24 * time.Hour
	r := newRig(t, Limits{Rate: func(tenant string) Rate {
		if tenant == "rated" {
			return Rate{Spans: 10}
		}
		return Rate{}
	}})
	f := func(what string, n int, want bool) {
		t.Helper()
		if res := r.submit(t, "a", body(n, 2)); res.Duplicate != want {
			t.Errorf("%s: request %d is a copy: %v, want %v", what, n, res.Duplicate, want)
		}
	}
	rated := func(what string, n, spans int) {
		t.Helper()
		if _, err := r.Submit(t.Context(), Request{Tenant: "rated", Body: body(n, spans)}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	f("at first", 1, false)
	rated("at first", 100, 60) // ten more than the burst
	r.clock.advance(-year)
	f("back a year", 1, true)
	f("back a year", 2, false)
	f("back a year", 2, true)
	if err := r.Admit("rated"); err == nil {
		t.Error("back a year: a rate forgets what was sent")
	}
	r.clock.advance(3 * time.Second)
	rated("seconds later", 101, 1)
	r = r.restart(t, newStore())
	f("restarted", 1, true)
	f("restarted", 2, true)
	f("restarted", 3, false)
	r.clock.advance(16 * time.Minute)
	f("16 minutes later", 2, false)

	r.clock.advance(2 * year)
	f("forward two years", 1, false) // stored again; the store knows its spans
	f("forward two years", 1, true)
	rated("forward two years", 102, 50)
	r.clock.advance(-year)
	f("put right", 1, true)
	f("put right", 4, false)
	f("put right", 4, true)
	if n := len(r.seen.accepted); n > 4 {
		t.Errorf("%d buckets of digests are kept; those of the past should have gone", n)
	}
}
