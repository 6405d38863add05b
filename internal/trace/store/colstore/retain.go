package colstore

import (
	"context"
	"time"

	"github.com/weft-dev/weft/internal/trace/store"
)

// purgeAfter is how long a deleted trace's bytes may stay before the janitor rewrites the
// parts that hold them; the promise is an hour.
const purgeAfter = 30 * time.Minute

// janitorLoop enforces retention and removes the bytes of deleted traces.
func (s *Store) janitorLoop() {
	defer s.wg.Done()
	ctx, cancel := s.stopContext()
	defer cancel()
	for {
		select {
		case <-s.stop:
			return
		case <-s.cfg.Clock.After(s.cfg.JanitorEvery):
		}
		if err := s.Retain(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("retention", "error", err)
		}
		if err := s.purge(ctx, s.cfg.Clock.Now().Add(-purgeAfter)); err != nil && ctx.Err() == nil {
			s.log.Error("purge deleted traces", "error", err)
		}
	}
}

// Retain drops what is over a tenant's allowance or the disk cap, oldest arrivals first.
// Kept traces in it are rewritten first.
func (s *Store) Retain(ctx context.Context) error {
	s.mergeMu.Lock()
	defer s.mergeMu.Unlock()
	v := s.acquire()
	defer s.release(v)
	drops := planRetention(v.parts, s.cfg.Clock.Now(), s.cfg.DiskCap, remember(s.cfg.Allowance))
	for _, d := range drops {
		if err := s.retire(ctx, d); err != nil {
			return err
		}
	}
	if len(drops) > 0 {
		signal(s.wantMerge) // what is left may join others now
	}
	return s.releaseUnkept(ctx, v)
}

// remember asks once for each tenant.
func remember(ask func(string) store.Allowance) func(string) store.Allowance {
	known := map[string]store.Allowance{}
	return func(tenant string) store.Allowance {
		a, ok := known[tenant]
		if !ok {
			a = ask(tenant)
			known[tenant] = a
		}
		return a
	}
}

// retire takes tenants out of a part: it is replaced by one with the others and one with
// the kept traces of these, or by nothing.
func (s *Store) retire(ctx context.Context, d drop) error {
	p, m := d.part, d.part.Meta()
	kept := map[TraceKey]bool{}
	for _, k := range s.cfg.Kept() {
		if !d.tenants[k.Tenant] {
			continue
		}
		_, ok, err := p.Lookup(k.Tenant, k.ID)
		if err != nil {
			return err
		}
		if ok {
			kept[k] = true
		}
	}
	whole := len(d.tenants) == len(m.Tenants)
	var err error
	switch {
	case whole && len(kept) == 0:
		err = s.commit(edit{remove: []*livePart{p}})
	case p.corrupt.Load():
		// It cannot be rewritten, and goes when all of it may.
		return nil
	default:
		rest := output{drop: func(k TraceKey) bool { return d.tenants[k.Tenant] }}
		spared := output{kept: true, drop: func(k TraceKey) bool { return !kept[k] }}
		switch {
		case whole:
			err = s.rewrite(ctx, []*livePart{p}, spared)
		case len(kept) == 0:
			err = s.rewrite(ctx, []*livePart{p}, rest)
		default:
			err = s.rewrite(ctx, []*livePart{p}, rest, spared)
		}
	}
	if err == nil {
		s.log.Info("retention", "part", p.Name, "tenants", len(d.tenants), "of", len(m.Tenants), "bytes", d.bytes, "of_bytes", m.Bytes,
			"arrived_until", m.MaxArrival, "kept_traces", len(kept))
	}
	return err
}

// releaseUnkept rewrites parts of kept traces that hold traces nobody keeps any more.
func (s *Store) releaseUnkept(ctx context.Context, v *view) error {
	var parts []*livePart
	var held int64
	for _, p := range v.parts {
		if p.Kept {
			parts = append(parts, p)
			held += p.Meta().Traces
		}
	}
	if len(parts) == 0 {
		return nil
	}
	kept := map[TraceKey]bool{}
	for _, k := range s.cfg.Kept() {
		kept[k] = true
	}
	for _, p := range parts {
		still := int64(0)
		for k := range kept {
			_, ok, err := p.Lookup(k.Tenant, k.ID)
			if err != nil {
				return err
			}
			if ok {
				still++
			}
		}
		switch {
		case still == p.Meta().Traces:
		case still == 0:
			if err := s.commit(edit{remove: []*livePart{p}}); err != nil {
				return err
			}
		default:
			if err := s.merge(ctx, []*livePart{p}, true, func(k TraceKey) bool { return !kept[k] }); err != nil {
				return err
			}
		}
	}
	return nil
}
