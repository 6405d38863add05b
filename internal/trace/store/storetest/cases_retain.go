package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// retention: each tenant's spans go by that tenant's allowance and no other's, oldest
// first, and what is there is there whole, through merges, restarts and changes of the
// allowance. Which spans go between Age and a quarter more is the engine's.
func retention(w *world) {
	const (
		hours = 40
		share = 90_000 // bytes; each hour brings 4,000 that no codec makes smaller, and an engine's own
	)
	w.setAllowance("brief", store.Allowance{Age: 8 * time.Hour})
	w.setAllowance("long", store.Allowance{Age: 32 * time.Hour})
	w.setAllowance("small", store.Allowance{Bytes: share})
	w.setAllowance("both", store.Allowance{Age: 8 * time.Hour, Bytes: 1 << 40})
	r := rand.New(rand.NewPCG(11, 0))
	var arrived []time.Time // by hour; its trace has that number and one
	names := []string{"free", "brief", "long", "small", "both"}
	round := func(compare bool) {
		w.Helper()
		w.flush()
		w.inst.Retain(w)
		for _, tenant := range names {
			w.check(w.retained(tenant, arrived))
			if compare {
				w.check(w.everything(tenant))
			}
		}
	}
	for h := range uint64(hours) {
		if h > 0 {
			w.clock.advance(time.Hour)
		}
		for _, tenant := range names {
			noise := make([]byte, 4000)
			for i := range noise {
				noise[i] = byte(r.Uint32())
			}
			w.apply(tenant, batch(
				sp{trace: h + 1, id: 1, service: "s", name: "n", start: time.Duration(h) * time.Second, attrs: []span.Attr{text("noise", string(noise))}},
				sp{trace: h + 1, id: 2, parent: 1, service: "s", name: "m", start: time.Duration(h) * time.Second}))
		}
		arrived = append(arrived, w.clock.Now())
		round(false)
		switch h % 6 {
		case 2:
			w.merge()
			round(h%12 == 2)
		case 4:
			w.kill(5)
			round(h%12 == 4)
		case 5:
			w.reopen(0)
		}
	}
	f := func(tenant string, hour int, want bool) {
		w.Helper()
		if got := w.model.Trace(tenant, traceID(uint64(hour)+1)) != nil; got != want {
			w.Errorf("tenant %s, hour %d of %d: there %v, want %v", tenant, hour, hours, got, want)
		}
	}
	f("free", 0, true)
	f("small", 0, false)
	f("small", hours-1, true)
	f("small", hours-5, true) // well within its share
	f("small", hours-15, false)

	// An engine retains by itself too: it may have done so by the old allowance, which since
	// the round above takes nothing more.
	w.setAllowance("brief", store.Allowance{})
	w.setAllowance("free", store.Allowance{Age: 8 * time.Hour})
	w.clock.advance(4 * time.Hour)
	round(true)
	f("brief", hours-7, true)
	f("free", 0, false)
	f("free", hours-1, true)
}

// retained checks what is there of a tenant's hourly traces and makes the model forget the
// others.
func (w *world) retained(tenant string, arrived []time.Time) error {
	allow, now := w.allowance(tenant), w.clock.Now()
	rows, err := w.search(store.Query{Tenant: tenant, Window: all(), Limit: len(arrived) + 1})
	if err != nil {
		return fmt.Errorf("tenant %s: %w", tenant, err)
	}
	seen := false
	for h, at := range arrived {
		id := traceID(uint64(h) + 1)
		there := slices.ContainsFunc(rows, func(r store.Summary) bool { return r.TraceID == id })
		old := now.Sub(at)
		switch {
		case there && w.model.Trace(tenant, id) == nil:
			return fmt.Errorf("tenant %s: the spans of hour %d are back", tenant, h)
		case there && allow.Age > 0 && old > allow.Age+allow.Age/4:
			return fmt.Errorf("tenant %s: spans that arrived %v ago are there, the age is %v", tenant, old, allow.Age)
		case !there && w.model.Trace(tenant, id) != nil && allow.Bytes == 0 && (allow.Age == 0 || old <= allow.Age):
			return fmt.Errorf("tenant %s: spans that arrived %v ago are gone, the age is %v", tenant, old, allow.Age)
		case !there && seen:
			return fmt.Errorf("tenant %s: hour %d is gone, an earlier one is there", tenant, h)
		}
		if seen = seen || there; !there {
			w.model.Forget(tenant, id)
		}
	}
	return nil
}
