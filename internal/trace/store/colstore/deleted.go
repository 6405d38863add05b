package colstore

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// deleted is the set of deleted traces: hidden from every answer until their bytes are
// gone and refused until RefuseDeleted has passed. Kept in MANIFEST.
type deleted struct {
	mu    sync.RWMutex
	byKey map[TraceKey]tombstone // Guarded by mu.
	count atomic.Int32           // len(byKey), so that the usual "none" costs no lock
}

// has reports whether the trace is to be hidden: it is deleted and its bytes may still be
// somewhere.
func (d *deleted) has(k TraceKey) bool {
	t, ok := d.get(k)
	return ok && !t.Purged
}

// refuses reports whether spans of the trace that arrived at the given time are not to be
// taken in.
func (d *deleted) refuses(k TraceKey, arrival time.Time) bool {
	t, ok := d.get(k)
	return ok && arrival.Before(t.At.Add(store.RefuseDeleted))
}

func (d *deleted) get(k TraceKey) (tombstone, bool) {
	if d.none() {
		return tombstone{}, false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	t, ok := d.byKey[k]
	return t, ok
}

// returns reports whether the batch brings spans of a trace whose bytes should have been
// purged long ago and are not: they must go before the new spans can be told from them.
func (d *deleted) returns(r store.Record) bool {
	if d.none() {
		return false
	}
	for i := range r.Batch.Spans {
		t, ok := d.get(TraceKey{r.Tenant, r.Batch.Spans[i].TraceID})
		if ok && !t.Purged && !r.Arrival.Before(t.At.Add(store.RefuseDeleted)) {
			return true
		}
	}
	return false
}

func (d *deleted) none() bool { return d.count.Load() == 0 }

func (d *deleted) replace(list []tombstone) {
	m := make(map[TraceKey]tombstone, len(list))
	for _, t := range list {
		if k, err := t.key(); err == nil {
			m[k] = t
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byKey = m
	d.count.Store(int32(len(m)))
}

// list is the tombstones, oldest first.
func (d *deleted) list() []tombstone {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := make([]tombstone, 0, len(d.byKey))
	for _, t := range d.byKey {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b tombstone) int { return a.At.Compare(b.At) })
	return out
}

// Delete hides a trace durably, at once, and has its bytes removed: by the janitor within
// the hour, or before Delete returns if now is set. Deleting a trace that is not there is
// no error, its spans may be on their way.
func (s *Store) Delete(ctx context.Context, tenant string, id span.TraceID, now bool) error {
	t := tombstone{Tenant: tenant, ID: id.String(), At: s.cfg.Clock.Now().UTC()}
	err := s.commit(edit{deleted: func(d *deleted) []tombstone {
		list := slices.DeleteFunc(d.list(), func(o tombstone) bool { return o.Tenant == t.Tenant && o.ID == t.ID })
		return append(list, t)
	}})
	if err != nil {
		return err
	}
	if !now {
		return nil
	}
	return s.purge(ctx, time.Time{})
}

// purge removes the bytes of traces deleted before the given time (zero: of all) from the
// parts, and forgets tombstones that have done their work.
func (s *Store) purge(ctx context.Context, before time.Time) error {
	due := s.deleted.unpurged(before)
	if len(due) > 0 {
		// The heads hold the bytes in memory and the log on disk: both go with a flush.
		if err := s.Flush(ctx); err != nil {
			return err
		}
		if err := s.rewriteWithout(ctx, due); err != nil {
			return err
		}
	}
	now := s.cfg.Clock.Now()
	expired := func(t tombstone) bool { return t.Purged && now.Sub(t.At) >= store.RefuseDeleted }
	if len(due) == 0 && !slices.ContainsFunc(s.deleted.list(), expired) {
		return nil
	}
	return s.commit(edit{deleted: func(d *deleted) []tombstone {
		list := d.list()
		for i, t := range list {
			if k, err := t.key(); err == nil && due[k] {
				list[i].Purged = true
			}
		}
		return slices.DeleteFunc(list, expired)
	}})
}

// rewriteWithout rewrites every part that holds one of the traces; the merge leaves
// deleted traces out.
func (s *Store) rewriteWithout(ctx context.Context, keys map[TraceKey]bool) error {
	s.mergeMu.Lock()
	defer s.mergeMu.Unlock()
	v := s.acquire()
	defer s.release(v)
	for _, p := range v.parts {
		holds, err := p.holdsAny(keys)
		if err != nil {
			return err
		}
		if !holds {
			continue
		}
		if err := s.merge(ctx, []*livePart{p}, p.Kept, nil); err != nil {
			return err
		}
	}
	return nil
}

// unpurged is the deleted traces whose bytes may still be in parts, of those deleted
// before the given time; zero: of all.
func (d *deleted) unpurged(before time.Time) map[TraceKey]bool {
	out := map[TraceKey]bool{}
	for _, t := range d.list() {
		if k, err := t.key(); err == nil && !t.Purged && (before.IsZero() || t.At.Before(before)) {
			out[k] = true
		}
	}
	return out
}

func (p *livePart) holdsAny(keys map[TraceKey]bool) (bool, error) {
	for k := range keys {
		if _, ok, err := p.Lookup(k.Tenant, k.ID); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}
