package ingest

import (
	"errors"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// TestRate shows that a tenant over its rate is told when to come back and is taken then,
// that the mean over time is the rate, that a request larger than the burst gets through,
// that a change holds at once, and that others do not notice.
func TestRate(t *testing.T) {
	rates := map[string]Rate{"noisy": {Spans: 10}, "fat": {Bytes: 1000}}
	r := newRig(t, Limits{Rate: func(tenant string) Rate { return rates[tenant] }})
	n := 0
	send := func(tenant string, spans int) error {
		n++
		_, err := r.Submit(t.Context(), Request{Tenant: tenant, Body: body(n, spans)})
		return err
	}
	over := func(tenant string, want Reason, wait time.Duration) {
		t.Helper()
		var why *Refusal
		if err := send(tenant, 5); !errors.As(err, &why) || why.Reason != want || why.Retry != wait {
			t.Errorf("tenant %s over its rate: %+v, want %s and to come back in %v", tenant, why, want, wait)
		}
		if err := r.Admit(tenant); !errors.As(err, &why) || why.Reason != want {
			t.Errorf("tenant %s over its rate, before its body is read: %v", tenant, err)
		}
	}
	taken := func(tenant string, spans int) {
		t.Helper()
		if err := send(tenant, spans); err != nil {
			t.Errorf("tenant %s: %v", tenant, err)
		}
	}
	taken("noisy", 30)
	taken("noisy", 30) // 50 are the burst of five seconds: 10 too many
	over("noisy", TooManySpans, time.Second)
	taken("quiet", 500)
	r.clock.advance(1100 * time.Millisecond)
	taken("noisy", 121) // more than the burst: taken, and paid for
	over("noisy", TooManySpans, 12*time.Second)
	r.clock.advance(time.Second)
	over("noisy", TooManySpans, 11*time.Second)
	r.clock.advance(11*time.Second + time.Millisecond)
	taken("noisy", 1)

	total := 0
	for range 500 {
		r.clock.advance(200 * time.Millisecond)
		if send("noisy", 7) == nil {
			total += 7
		}
	}
	if total < 990 || total > 1060 { // 100 s at 10 each, and the burst
		t.Errorf("%d spans in 100 s at 10 a second", total)
	}

	rates["noisy"] = Rate{}
	taken("noisy", 500)
	rates["noisy"] = Rate{Spans: 1}
	taken("noisy", 500) // what was sent without a limit does not count
	over("noisy", TooManySpans, longestWait)

	for sent := 0; r.Admit("fat") == nil && sent < 50; sent++ {
		taken("fat", 20)
	}
	over("fat", TooManyBytes, time.Second)
	r.clock.advance(time.Minute)
	taken("fat", 1)
}

// TestRateDuplicate shows that a request which was taken is acknowledged again over the
// rate, and is not counted twice.
func TestRateDuplicate(t *testing.T) {
	r := newRig(t, Limits{Rate: func(string) Rate { return Rate{Spans: 1} }})
	r.submit(t, "a", body(1, 5))
	if res := r.submit(t, "a", body(1, 5)); !res.Duplicate {
		t.Errorf("sent again over the rate: %+v", res)
	}
	r.clock.advance(time.Second)
	r.submit(t, "a", body(2, 1))
}

// TestMemoryOfTenants shows that the requests of one tenant leave memory to another, and
// that a tenant alone may have all of it.
func TestMemoryOfTenants(t *testing.T) {
	r := newRig(t, Limits{RequestBytes: 1000, InFlightBytes: 4000, Spans: otlp.Limits{BatchBytes: 1000}})
	take := func(tenant string, n int64, want bool) *Reservation {
		t.Helper()
		mem := r.Reserve(tenant)
		if err := mem.Grow(n); (err == nil) != want {
			t.Errorf("%d bytes for %s with %d in use: %v, want taken %v", n, tenant, r.InFlight(), err, want)
		}
		return mem
	}
	a, b := take("noisy", 2000, true), take("noisy", 2000, true) // nobody else is known
	b.Release()
	quiet := take("quiet", 500, true)
	take("noisy", 1001, false)
	c := take("noisy", 1000, true)
	take("quiet", 500, true).Release()
	for _, mem := range []*Reservation{a, c, quiet} {
		mem.Release()
	}
	take("noisy", 4000, true).Release() // one request may need all of it
	if n := r.InFlight(); n != 0 {
		t.Errorf("%d bytes are not given back", n)
	}
}
