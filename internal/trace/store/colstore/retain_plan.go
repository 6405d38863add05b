package colstore

import (
	"time"

	"github.com/weft-dev/weft/internal/trace/store"
)

// drop is tenants whose rows a part loses.
type drop struct {
	part    *livePart
	tenants map[string]bool
	bytes   int64
}

// planRetention says what has to go, from the metadata of parts alone. parts are ordered
// by arrival; all rows of a part count as old as its newest.
//
// What is over its tenant's allowance is due, and what is due of a part goes once it is an
// eighth of the part or has waited long enough: with ten thousand tenants, whose rows
// expire one by one, each part would be rewritten ten thousand times. Over the cap, in
// this order until it suffices: what is due, the oldest rows of tenants that hold more
// than their fair share, the oldest rows.
func planRetention(parts []*livePart, now time.Time, diskCap int64, allow func(string) store.Allowance) []drop {
	r := retention{now: now, allow: allow, used: map[string]int64{}}
	for _, p := range parts {
		r.total += p.Meta().Bytes
		for i, t := range p.Meta().Tenants {
			r.used[t.Tenant] += p.tenantBytes[i]
		}
		if !p.Kept {
			r.parts = append(r.parts, &expiring{livePart: p, out: make([]bool, len(p.tenantBytes))})
		}
	}
	r.byAge()
	r.byShare()
	for _, c := range r.parts {
		if c.must || c.due > 0 && c.due*8 >= c.Meta().Bytes {
			r.leave(c)
		}
	}
	if diskCap > 0 {
		r.byCap(diskCap)
	}
	var drops []drop
	for _, c := range r.parts {
		if !c.going {
			continue
		}
		d := drop{part: c.livePart, tenants: map[string]bool{}, bytes: c.due}
		for i, t := range c.Meta().Tenants {
			if c.out[i] {
				d.tenants[t.Tenant] = true
			}
		}
		drops = append(drops, d)
	}
	return drops
}

type retention struct {
	now   time.Time
	allow func(string) store.Allowance
	parts []*expiring      // oldest first
	used  map[string]int64 // by tenant, without what is due
	total int64            // without what goes
}

// expiring is a part of which rows may go.
type expiring struct {
	*livePart
	out   []bool // by tenant of the part: due
	due   int64  // bytes of these
	must  bool   // some have waited long enough
	going bool   // they go in this round
}

// take makes a tenant's rows due.
func (r *retention) take(c *expiring, i int) {
	if c.out[i] {
		return
	}
	c.out[i] = true
	c.due += c.tenantBytes[i]
	r.used[c.Meta().Tenants[i].Tenant] -= c.tenantBytes[i]
	if c.going {
		r.total -= c.tenantBytes[i]
	}
}

// leave lets what is due of a part go in this round.
func (r *retention) leave(c *expiring) {
	if !c.going && c.due > 0 {
		c.going = true
		r.total -= c.due
	}
}

// each visits the rows of each tenant, oldest part first.
func (r *retention) each(visit func(c *expiring, i int, tenant string)) {
	for _, c := range r.parts {
		for i, t := range c.Meta().Tenants {
			visit(c, i, t.Tenant)
		}
	}
}

func (r *retention) byAge() {
	r.each(func(c *expiring, i int, tenant string) {
		age, old := r.allow(tenant).Age, r.now.Sub(c.Meta().MaxArrival)
		if age <= 0 || old <= age {
			return
		}
		r.take(c, i)
		c.must = c.must || old > age+min(age/8, mergeSpan)
	})
}

func (r *retention) byShare() {
	r.each(func(c *expiring, i int, tenant string) {
		most := r.allow(tenant).Bytes
		if most <= 0 || r.used[tenant] <= most {
			return
		}
		c.must = c.must || r.used[tenant] > most+most/8
		r.take(c, i)
	})
}

func (r *retention) byCap(diskCap int64) {
	for _, c := range r.parts {
		if r.total <= diskCap {
			return
		}
		r.leave(c)
	}
	if r.total <= diskCap {
		return
	}
	fair := r.fair(diskCap)
	for _, all := range []bool{false, true} {
		for _, c := range r.parts {
			if r.total <= diskCap {
				return
			}
			for i, t := range c.Meta().Tenants {
				if all || r.used[t.Tenant] > fair(t.Tenant) {
					r.take(c, i)
				}
			}
			r.leave(c)
		}
	}
}

// fair is what a tenant may hold when the disk is full: its own share, or an equal part of
// what the shares of the others leave.
func (r *retention) fair(diskCap int64) func(tenant string) int64 {
	rest, without := diskCap, int64(0)
	for t := range r.used {
		if own := r.allow(t).Bytes; own > 0 {
			rest -= min(own, rest)
		} else {
			without++
		}
	}
	return func(tenant string) int64 {
		if own := r.allow(tenant).Bytes; own > 0 {
			return own
		}
		return rest / without
	}
}
