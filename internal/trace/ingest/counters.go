package ingest

import (
	"maps"
	"slices"
	"sync"

	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// TenantStats is what was taken and refused for a tenant since the server started.
type TenantStats struct {
	Tenant            string // "" for requests whose tenant was not known
	AcceptedSpans     int64
	AcceptedRequests  int64
	AcceptedBytes     int64 // decompressed
	DuplicateRequests int64 // acknowledged again and not stored again
	// Dropped counts, by reason, what was left out of accepted requests: spans under
	// invalid_span, parts of spans under the other reasons.
	Dropped map[string]int64
	// Refused counts whole requests.
	Refused map[Reason]int64
}

// RefusedRequests is the sum of Refused.
func (s *TenantStats) RefusedRequests() int64 {
	var n int64
	for _, v := range s.Refused {
		n += v
	}
	return n
}

// The reasons of TenantStats.Dropped.
const (
	DroppedSpans   = "invalid_span"
	DroppedAttrs   = "attribute_limit"
	DroppedEvents  = "event_limit"
	DroppedLinks   = "link_limit"
	TruncatedValue = "value_truncated"
)

// counters holds the stats of all tenants; there are as many as tokens name.
type counters struct {
	mu      sync.Mutex
	tenants map[string]*TenantStats
}

func (c *counters) update(tenant string, f func(*TenantStats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.tenants[tenant]
	if s == nil {
		if c.tenants == nil {
			c.tenants = map[string]*TenantStats{}
		}
		s = &TenantStats{Tenant: tenant, Dropped: map[string]int64{}, Refused: map[Reason]int64{}}
		c.tenants[tenant] = s
	}
	f(s)
}

func (s *TenantStats) dropped(r otlp.Rejected) {
	for _, d := range []struct {
		reason string
		n      int
	}{
		{DroppedSpans, r.Spans},
		{DroppedAttrs, r.DroppedAttrs},
		{DroppedEvents, r.DroppedEvents},
		{DroppedLinks, r.DroppedLinks},
		{TruncatedValue, r.Truncated},
	} {
		if d.n > 0 {
			s.Dropped[d.reason] += int64(d.n)
		}
	}
}

// snapshot is a copy of all stats, by tenant.
func (c *counters) snapshot() []TenantStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []TenantStats
	for _, name := range slices.Sorted(maps.Keys(c.tenants)) {
		s := *c.tenants[name]
		s.Dropped, s.Refused = maps.Clone(s.Dropped), maps.Clone(s.Refused)
		out = append(out, s)
	}
	return out
}
