package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/trace/store"
)

// purgeAfter is how long bytes of deleted traces may stay in parts; the promise is an hour.
const purgeAfter = 30 * time.Minute

func (s *Store) janitorLoop() { s.every(s.cfg.JanitorEvery, "retention", s.housekeep) }

// housekeep is a round of all that is done now and then.
func (s *Store) housekeep(ctx context.Context) error {
	return errors.Join(s.Retain(ctx), s.purge(ctx), s.forgetRecords(ctx), s.forgetDeleted(ctx))
}

// Retain removes what is over a tenant's allowance, oldest arrivals first. The server's disk
// is not this store's to divide. Removing rewrites parts; so spans go in portions, when the
// oldest is a fifth over its age, or an eighth of the bytes at once.
func (s *Store) Retain(ctx context.Context) error {
	held, err := s.held(ctx)
	if err != nil {
		return fmt.Errorf("retain: %w", err)
	}
	var over []string
	for _, t := range held {
		until, err := s.cutoff(ctx, t, s.cfg.Allowance(t.tenant))
		if err != nil {
			return fmt.Errorf("retain: %w", err)
		}
		if until > 0 {
			over = append(over, fmt.Sprintf("tenant = %s AND arrival_ns < %d", quote(t.tenant), until))
		}
	}
	if len(over) == 0 {
		return nil
	}
	where := "(" + strings.Join(over, " OR ") + ")" + s.unkept()
	if err := s.remove(ctx, "spans", where); err != nil {
		return fmt.Errorf("retain: %w", err)
	}
	s.cfg.Logger.Info("retention", "tenants", len(over))
	return nil
}

// holding is what a tenant has.
type holding struct {
	tenant string
	oldest int64 // arrival, of what may go
	bytes  int64 // before compression
	share  float64
}

// held is what each tenant has, without kept traces.
func (s *Store) held(ctx context.Context) ([]holding, error) {
	// Tenants share parts: their bytes on disk are in proportion to those before compression.
	var disk, raw int64
	sql := fmt.Sprintf("SELECT sum(data_compressed_bytes) FROM system.parts WHERE database = %s AND table = 'spans' AND active", quote(s.cfg.Database))
	if err := s.query(ctx, sql, func(r *rowReader) { disk = r.int64() }); err != nil {
		return nil, err
	}
	if err := s.query(ctx, "SELECT sum(bytes) FROM "+s.table("spans"), func(r *rowReader) { raw = r.int64() }); err != nil {
		return nil, err
	}
	var out []holding
	err := s.query(ctx, fmt.Sprintf("SELECT toString(tenant), min(arrival_ns), sum(bytes) FROM %s WHERE 1%s GROUP BY tenant", s.table("spans"), s.unkept()),
		func(r *rowReader) {
			out = append(out, holding{r.string(), r.int64(), r.int64(), float64(disk) / float64(max(raw, 1))})
		})
	return out, err
}

// cutoff is the arrival before which the tenant's spans go, 0 if none do.
func (s *Store) cutoff(ctx context.Context, t holding, a store.Allowance) (int64, error) {
	var until int64
	now := s.cfg.Clock.Now()
	if a.Age > 0 && now.Sub(time.Unix(0, t.oldest)) > a.Age+a.Age/5 {
		until = now.Add(-a.Age).UnixNano()
	}
	if a.Bytes == 0 || float64(t.bytes)*t.share <= float64(a.Bytes) {
		return until, nil
	}
	// The newest arrivals that together stay within the tenant's bytes.
	room := float64(a.Bytes-a.Bytes/8) / t.share
	sql := fmt.Sprintf("SELECT max(arrival_ns) FROM (SELECT arrival_ns, sum(b) OVER (ORDER BY arrival_ns DESC) AS upto FROM "+
		"(SELECT arrival_ns, sum(bytes) AS b FROM %s WHERE tenant = %s%s GROUP BY arrival_ns)) WHERE upto > %.0f",
		s.table("spans"), quote(t.tenant), s.unkept(), room)
	err := s.query(ctx, sql, func(r *rowReader) { until = max(until, r.int64()+1) })
	return until, err
}

// unkept is the condition, with AND before it, of spans that retention may take.
func (s *Store) unkept() string {
	kept := s.cfg.Kept()
	if len(kept) == 0 {
		return ""
	}
	list := make([]string, len(kept))
	for i, k := range kept {
		list[i] = "(" + quote(k.Tenant) + ", " + quoteID(k.ID[:]) + ")"
	}
	return " AND (tenant, trace_id) NOT IN (" + strings.Join(list, ", ") + ")"
}

// purge has the server write parts without rows that Delete hid.
func (s *Store) purge(ctx context.Context) error {
	now := s.cfg.Clock.Now()
	if now.Sub(s.purged) < purgeAfter {
		return nil
	}
	var parts uint64
	sql := fmt.Sprintf("SELECT count() FROM system.parts WHERE database = %s AND table = 'spans' AND active AND has_lightweight_delete", quote(s.cfg.Database))
	if err := s.query(ctx, sql, func(r *rowReader) { parts = r.uint64() }); err != nil {
		return fmt.Errorf("purge deleted traces: %w", err)
	}
	if parts > 0 {
		if err := s.db.exec(ctx, "ALTER TABLE "+s.table("spans")+" APPLY DELETED MASK SETTINGS mutations_sync = 1"); err != nil {
			return fmt.Errorf("purge deleted traces: %w", err)
		}
	}
	s.purged = now
	return nil
}
