package colstore

import (
	"math"
	"time"

	"github.com/weft-dev/weft/internal/trace/store"
)

// mergeRun is neighbouring parts that may become one. Retention drops a tenant's rows of a
// part all at once, when the newest of the part are too old or the tenant holds too much.
// So that this is neither late nor coarse, a part made by a merge spans at most an eighth
// of the shortest age of its tenants, and holds at most a quarter of the share of any and
// an eighth of the disk cap.
// When a tenant's rows have gone, what is left merges on.
type mergeRun struct {
	parts  []*livePart
	spans  int64
	traces int64
	bytes  int64
	large  bool             // some part is not small
	until  time.Time        // newest arrival
	width  time.Duration    // the widest range of arrivals
	held   map[string]int64 // bytes of tenants with a share
}

func (r *mergeRun) add(p *livePart, allow func(string) store.Allowance) {
	m := p.Meta()
	if len(r.parts) == 0 {
		r.width, r.held = math.MaxInt64, map[string]int64{}
	}
	r.parts = append(r.parts, p)
	r.spans += m.Spans
	r.traces += m.Traces
	r.bytes += m.Bytes
	r.large = r.large || m.Spans > smallPartSpans
	if m.MaxArrival.After(r.until) {
		r.until = m.MaxArrival
	}
	if p.Kept {
		return // retention passes it over
	}
	for i, t := range m.Tenants {
		a := allow(t.Tenant)
		if a.Age > 0 {
			r.width = min(r.width, a.Age/8)
		}
		if a.Bytes > 0 {
			r.held[t.Tenant] += p.tenantBytes[i]
		}
	}
}

// takes reports whether p may join the run.
func (r *mergeRun) takes(p *livePart, cfg *Config, allow func(string) store.Allowance) bool {
	m := p.Meta()
	if cfg.DiskCap > 0 && !p.Kept && r.bytes+m.Bytes > cfg.DiskCap/8 {
		return false
	}
	until, width := r.until, r.width
	if m.MaxArrival.After(until) {
		until = m.MaxArrival
	}
	if r.large || m.Spans > smallPartSpans {
		width = min(width, mergeSpan)
	}
	if !p.Kept {
		for i, t := range m.Tenants {
			a := allow(t.Tenant)
			if a.Age > 0 {
				width = min(width, a.Age/8)
			}
			if a.Bytes > 0 && r.held[t.Tenant] > 0 && r.held[t.Tenant]+p.tenantBytes[i] > a.Bytes/4 {
				return false
			}
		}
	}
	return until.Sub(r.parts[0].Meta().MinArrival) <= width
}

// full reports whether the run would make too large a part with p.
func (r *mergeRun) full(p *livePart, cfg *Config) bool {
	m := p.Meta()
	return r.spans+m.Spans > cfg.MaxPartSpans || r.traces+m.Traces > maxPartTraces
}
