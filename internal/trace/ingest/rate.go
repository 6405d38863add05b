package ingest

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
)

// Rate is how much a tenant may send each second. A zero field sets no limit.
type Rate struct {
	Spans int64
	Bytes int64 // of requests, decompressed
}

// burst is the time whose allowance a tenant that was quiet may use at once: exporters
// gather for five seconds by default, and then send.
const burst = 5 * time.Second

// longestWait bounds Retry-After, so that a sender soon hears of a limit that was raised.
const longestWait = time.Minute

// meters hold each tenant to its rate. A request is taken while the tenant has not used up
// what it may, and is then counted whole: one larger than the burst is late, not refused
// for good, and the mean over time is exact.
type meters struct {
	rate  func(tenant string) Rate
	clock clock.Clock

	mu      sync.Mutex
	tenants map[string]*meter // those with a limit. Guarded by mu.
}

type meter struct{ spans, bytes credit }

// credit is what may still be used, below zero after a large request.
type credit struct {
	level float64
	at    time.Time // of level; zero: never used
}

// fill brings the level up to now.
func (c *credit) fill(rate int64, now time.Time) {
	most := float64(rate) * burst.Seconds()
	if c.at.IsZero() {
		c.level = most
	} else if d := now.Sub(c.at); d > 0 {
		c.level += d.Seconds() * float64(rate)
	}
	c.level, c.at = min(c.level, most), now
}

// wait is how long until the level is above zero; 0 if it is.
func (c *credit) wait(rate int64) time.Duration {
	if c.level > 0 {
		return 0
	}
	d := time.Duration(-c.level / float64(rate) * float64(time.Second))
	return min(max(time.Second, d), longestWait)
}

// meter is the tenant's, filled, nil where the tenant has no limit. m.mu is held.
func (m *meters) meter(tenant string, r Rate) *meter {
	if r == (Rate{}) {
		delete(m.tenants, tenant)
		return nil
	}
	t := m.tenants[tenant]
	if t == nil {
		if m.tenants == nil {
			m.tenants = map[string]*meter{}
		}
		t = &meter{}
		m.tenants[tenant] = t
	}
	now := m.clock.Now()
	t.spans.fill(limitOr(r.Spans), now)
	t.bytes.fill(limitOr(r.Bytes), now)
	return t
}

// limitOr is a limit, or one that nobody reaches.
func limitOr(n int64) int64 {
	if n <= 0 {
		return math.MaxInt32 << 20
	}
	return n
}

// check refuses where the tenant has used up what it may send.
func (m *meters) check(tenant string) error {
	r := m.rate(tenant)
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.meter(tenant, r)
	if t == nil {
		return nil
	}
	if d := t.spans.wait(limitOr(r.Spans)); d > 0 {
		return &Refusal{
			Reason: TooManySpans, Detail: fmt.Sprintf("tenant %s may send %d spans a second and has sent more", tenant, r.Spans),
			Hint: rateHint, Retry: d,
		}
	}
	if d := t.bytes.wait(limitOr(r.Bytes)); d > 0 {
		return &Refusal{
			Reason: TooManyBytes, Detail: fmt.Sprintf("tenant %s may send %d bytes a second and has sent more", tenant, r.Bytes),
			Hint: rateHint, Retry: d,
		}
	}
	return nil
}

const rateHint = "sample in the sender, or have the tenant's limits raised: weft tenant set"

// use counts what a request takes.
func (m *meters) use(tenant string, spans, bytes int) {
	r := m.rate(tenant)
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.meter(tenant, r); t != nil {
		t.spans.level -= float64(spans)
		t.bytes.level -= float64(bytes)
	}
}
