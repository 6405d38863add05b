package colstore

import (
	"context"
	"time"
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

// Retain drops the parts that are over the age limit or the disk cap, oldest arrivals
// first. Kept traces in them are rewritten first.
func (s *Store) Retain(ctx context.Context) error {
	s.mergeMu.Lock()
	defer s.mergeMu.Unlock()
	v := s.acquire()
	defer s.release(v)
	var total int64
	for _, p := range v.parts {
		total += p.Meta().Bytes
	}
	now := s.cfg.Clock.Now()
	for _, p := range v.parts { // oldest first
		tooOld := s.cfg.MaxAge > 0 && now.Sub(p.Meta().MaxArrival) > s.cfg.MaxAge
		tooMuch := s.cfg.DiskCap > 0 && total > s.cfg.DiskCap
		if p.Kept || (!tooOld && !tooMuch) {
			continue
		}
		if err := s.retire(ctx, p); err != nil {
			return err
		}
		total -= p.Meta().Bytes
		s.log.Info("part dropped by retention", "part", p.Name, "spans", p.Meta().Spans,
			"arrived_until", p.Meta().MaxArrival, "by_age", tooOld)
	}
	return s.releaseUnkept(ctx, v)
}

// retire replaces a part by one with its kept traces, or by nothing.
func (s *Store) retire(ctx context.Context, p *livePart) error {
	kept := map[TraceKey]bool{}
	for _, k := range s.cfg.Kept() {
		_, ok, err := p.Lookup(k.Tenant, k.ID)
		if err != nil {
			return err
		}
		if ok {
			kept[k] = true
		}
	}
	if len(kept) == 0 {
		return s.commit(edit{remove: []*livePart{p}})
	}
	return s.merge(ctx, []*livePart{p}, true, func(k TraceKey) bool { return !kept[k] })
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
