package colstore

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/store"
)

// movedClock is time that a test moves; its timers never fire, so that no background work
// runs.
type movedClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *movedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *movedClock) After(time.Duration) <-chan time.Time { return nil }

func (c *movedClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// sent is a trace that was applied.
type sent struct {
	TraceKey
	n  int
	at time.Time
}

// tenantsUnderRetention applies traces for several tenants with ages and shares of their
// own, at different rates, and does rounds of retention between merges.
type tenantsUnderRetention struct {
	*testing.T
	clock *movedClock
	store *Store
	cap   int64
	allow map[string]store.Allowance
	kept  []TraceKey
	sent  map[string][]sent // by tenant, in order of arrival
	gone  map[TraceKey]bool
	pos   log.Position
}

func newTenants(t *testing.T, diskCap int64, allow map[string]store.Allowance) *tenantsUnderRetention {
	w := &tenantsUnderRetention{
		T: t, clock: &movedClock{now: time.Unix(1_760_000_000, 0)}, cap: diskCap, allow: allow,
		sent: map[string][]sent{}, gone: map[TraceKey]bool{},
	}
	w.store = openOn(t, vfs.NewMem(), func(c *Config) {
		c.Clock, c.DiskCap = w.clock, diskCap
		c.Allowance = func(tenant string) store.Allowance { return allow[tenant] }
		c.Kept = func() []TraceKey { return w.kept }
	})
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *tenantsUnderRetention) apply(tenant string) {
	w.pos++
	n := int(w.pos)
	r := record(n)
	r.Pos, r.Tenant, r.Arrival = w.pos, tenant, w.clock.Now()
	if err := w.store.Apply(ctx, r); err != nil {
		w.Fatal(err)
	}
	w.sent[tenant] = append(w.sent[tenant], sent{TraceKey{tenant, traceID(n)}, n, r.Arrival})
}

func (w *tenantsUnderRetention) round() {
	w.Helper()
	if err := w.store.Flush(ctx); err != nil {
		w.Fatal(err)
	}
	if err := w.store.Retain(ctx); err != nil {
		w.Fatal(err)
	}
}

// check compares what is there with what each tenant's own allowance says. within says
// that the disk has room for all shares, so that nothing goes beside them.
func (w *tenantsUnderRetention) check(within bool) {
	w.Helper()
	keep := map[TraceKey]bool{}
	for _, k := range w.kept {
		keep[k] = true
	}
	for tenant, list := range w.sent {
		a, seen := w.allow[tenant], false
		for _, x := range list {
			b, err := w.store.Trace(ctx, tenant, x.ID)
			there := err == nil
			old := w.clock.Now().Sub(x.at)
			if there && len(b.Spans) != 8 {
				w.Errorf("trace %d of %s has %d spans", x.n, tenant, len(b.Spans))
			}
			switch {
			case keep[x.TraceKey]:
				if !there {
					w.Errorf("kept trace %d of %s is gone", x.n, tenant)
				}
				continue
			case there && w.gone[x.TraceKey]:
				w.Errorf("trace %d of %s is back", x.n, tenant)
			case there && a.Age > 0 && old > a.Age+a.Age/4:
				w.Errorf("trace %d of %s is there %v after its arrival, the age is %v", x.n, tenant, old, a.Age)
			case !there && within && a.Bytes == 0 && (a.Age == 0 || old <= a.Age):
				w.Errorf("trace %d of %s is gone %v after its arrival, the age is %v", x.n, tenant, old, a.Age)
			case !there && seen:
				w.Errorf("trace %d of %s is gone, an earlier one is there", x.n, tenant)
			}
			if seen = seen || there; !there {
				w.gone[x.TraceKey] = true
			}
		}
		if have := w.store.TenantCounts(tenant); a.Bytes > 0 && have.Bytes > a.Bytes+a.Bytes/8 {
			w.Errorf("%s holds %d bytes, its share is %d", tenant, have.Bytes, a.Bytes)
		}
	}
	if have := w.store.Counts().PartBytes; w.cap > 0 && have > w.cap {
		w.Errorf("the parts hold %d bytes, the cap is %d", have, w.cap)
	}
}

// Any tenants with any ages and shares: each loses what its own allowance says, oldest
// first, and nothing else while the shares fit the disk; what is kept stays; no tenant
// holds more than its share and an eighth, nor all more than the cap.
func TestRetainTenants(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			allow := map[string]store.Allowance{}
			var names []string
			for i := range 6 {
				name := fmt.Sprint("tenant-", i)
				names = append(names, name)
				a := store.Allowance{Age: []time.Duration{0, 6 * time.Hour, 30 * time.Hour}[r.IntN(3)]}
				if r.IntN(2) == 0 {
					a.Bytes = int64(30_000 + r.IntN(100_000))
				}
				allow[name] = a
			}
			diskCap := int64(0)
			if seed%2 == 1 {
				diskCap = 150_000
			}
			w := newTenants(t, diskCap, allow)
			for hour := range 36 {
				for i, name := range names {
					for range 1 + r.IntN(1+2*i) {
						w.apply(name)
					}
				}
				if r.IntN(20) == 0 {
					list := w.sent[names[r.IntN(len(names))]]
					if x := list[len(list)-1]; len(w.kept) < 3 {
						w.kept = append(w.kept, x.TraceKey)
					}
				}
				w.round()
				for r.IntN(3) == 0 {
					if _, err := w.store.MergeOnce(ctx); err != nil {
						t.Fatal(err)
					}
				}
				if hour%12 == 11 {
					w.check(diskCap == 0)
				}
				w.clock.advance(time.Hour)
			}
		})
	}
}

// Two tenants that send many times what the disk holds cost a quiet one nothing, whether
// they have shares of their own or only the cap is hit.
func TestNoisyTenant(t *testing.T) {
	f := func(name string, allow map[string]store.Allowance) {
		t.Run(name, func(t *testing.T) {
			w := newTenants(t, 50_000, allow)
			for hour := range 12 {
				if hour < 6 {
					w.apply("quiet")
				}
				for range 12 {
					w.apply("noisy")
					w.apply("loud")
				}
				w.round()
				w.clock.advance(time.Hour)
			}
			w.check(false)
			for _, x := range w.sent["quiet"] {
				if w.gone[x.TraceKey] {
					t.Errorf("trace %d of the quiet tenant is gone", x.n)
				}
			}
			if oldest, newest := w.sent["noisy"][0], w.sent["noisy"][12*12-1]; !w.gone[oldest.TraceKey] || w.gone[newest.TraceKey] {
				t.Errorf("of the noisy tenant the oldest trace is gone: %v, the newest: %v", w.gone[oldest.TraceKey], w.gone[newest.TraceKey])
			}
		})
	}
	f("shares", map[string]store.Allowance{"quiet": {Bytes: 20_000}, "noisy": {Bytes: 25_000}})
	f("a share of the noisy", map[string]store.Allowance{"noisy": {Bytes: 25_000}})
	f("a share of the quiet", map[string]store.Allowance{"quiet": {Bytes: 20_000}})
	f("no shares", nil)
}

// A tenant over its share loses a little of it at a time, however much its parts may merge.
func TestShareIsFine(t *testing.T) {
	const share = 16_000
	w := newTenants(t, 0, map[string]store.Allowance{"small": {Bytes: share}})
	full, least := false, int64(share)
	for range 60 {
		w.apply("small")
		w.apply("other")
		if err := w.store.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		full = full || w.store.TenantCounts("small").Bytes > share
		w.round()
		if have := w.store.TenantCounts("small").Bytes; full {
			least = min(least, have)
		}
		for merged := true; merged; {
			var err error
			if merged, err = w.store.MergeOnce(ctx); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.advance(time.Hour)
	}
	w.check(false)
	if !full || least < share/2 {
		t.Errorf("of a share of %d bytes, once reached (%v), %d were left at the least", share, full, least)
	}
}

// Ten thousand tenants with a trace each lie in as many files as one, and a start opens
// one file for each part, however many tenants it holds.
func TestManyTenants(t *testing.T) {
	mem := vfs.NewMem()
	inject := vfs.NewInject(mem)
	config := func(c *Config) {
		c.Clock = &movedClock{now: time.Unix(1_760_000_000, 0)}
		c.Allowance = func(string) store.Allowance { return store.Allowance{Age: 720 * time.Hour, Bytes: 1 << 20} }
	}
	s := openOn(t, inject, config)
	tenants, flushes := 10_000, 2
	if testing.Short() {
		tenants = 2000
	}
	name := func(n int) string { return fmt.Sprintf("tenant-%05d", n) }
	one := record(1)
	one.Batch.Spans = one.Batch.Spans[:1]
	for n := range tenants {
		r := one
		r.Pos, r.Tenant, r.Arrival = log.Position(n+1), name(n), time.Unix(1_760_000_000, int64(n))
		if err := s.Apply(ctx, r); err != nil {
			t.Fatal(err)
		}
		if n%(tenants/flushes) == tenants/flushes-1 {
			if err := s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	for {
		merged, err := s.MergeOnce(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !merged {
			break
		}
	}
	if err := s.Retain(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	walk(t, mem, "data/store", func(string, fs.FileInfo) { files++ })
	if files > 3 { // MANIFEST, LOCK, one part
		t.Errorf("%d tenants make %d files", tenants, files)
	}
	var operations atomic.Int64
	inject.Hook(func(op vfs.Op) vfs.Fault {
		if op.Kind != vfs.OpRead { // outlines are read in the background
			operations.Add(1)
		}
		return vfs.Fault{}
	})
	s = openOn(t, inject, config)
	defer s.Close()
	if n := operations.Load(); n > 20 {
		t.Errorf("a start with %d tenants takes %d file operations", tenants, n)
	}
	for n := 0; n < tenants; n += 1111 {
		if b, err := s.Trace(ctx, name(n), traceID(1)); err != nil || len(b.Spans) != 1 {
			t.Errorf("trace of %s: %v", name(n), err)
		}
		if c := s.TenantCounts(name(n)); c.Spans != 1 || c.Bytes <= 0 {
			t.Errorf("%s holds %+v, want one span", name(n), c)
		}
	}
}

// The bytes of tenants add up to those of their parts.
func TestTenantBytes(t *testing.T) {
	w := newTenants(t, 0, nil)
	for i := range 30 {
		w.apply(fmt.Sprint("tenant-", i%7))
		if i%10 == 9 {
			w.round()
		}
	}
	sum := int64(0)
	for i := range 7 {
		sum += w.store.TenantCounts(fmt.Sprint("tenant-", i)).Bytes
	}
	if want := w.store.Counts().PartBytes; sum != want {
		t.Errorf("the tenants hold %d bytes, the parts %d", sum, want)
	}
	if none := w.store.TenantCounts("nobody"); none != (TenantCounts{}) {
		t.Errorf("nobody holds %+v", none)
	}
}

// A block that does not read stops the rewrite of its part and nothing else: writes go on.
func TestRetainCorrupt(t *testing.T) {
	mem := vfs.NewMem()
	allow := func(c *Config) {
		c.Clock = &movedClock{now: time.Unix(1_770_000_000, 0)}
		c.Allowance = func(tenant string) store.Allowance {
			return map[string]store.Allowance{"brief": {Age: time.Hour}}[tenant]
		}
	}
	s := openOn(t, mem, allow)
	f := &feed{t: t, store: s}
	f.apply(0, 40)
	brief := record(40)
	brief.Pos, brief.Tenant = 41, "brief"
	if err := s.Apply(ctx, brief); err != nil {
		t.Fatal(err)
	}
	f.pos++
	f.flush()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, mem, largestFile(t, mem, "data/store/parts"))
	s = openOn(t, mem, allow)
	defer s.Close()
	if err := s.Retain(ctx); err != nil {
		t.Fatal(err)
	}
	if s.Counts().CorruptBlocks == 0 {
		t.Error("the rewrite did not meet the damage")
	}
	if err := s.Healthy(); err != nil {
		t.Errorf("writes are refused because a block does not read: %v", err)
	}
	f.store = s
	f.apply(42, 43)
	f.flush()
}
