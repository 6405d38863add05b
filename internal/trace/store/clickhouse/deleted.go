package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// deleted is the traces whose spans are refused, as the table deleted has them.
type deleted struct {
	mu sync.RWMutex
	at map[TraceKey]time.Time // Guarded by mu.
}

// rememberDeleted is how long the store knows a deleted trace: longer than it refuses its
// spans, since the log may bring some that arrived while they were refused.
const rememberDeleted = 2 * store.RefuseDeleted

// admit is the record's spans without those that are refused.
func (d *deleted) admit(r store.Record) *span.Batch {
	return d.without(r.Batch, r.Tenant, func(at time.Time) bool { return r.Arrival.Before(at.Add(store.RefuseDeleted)) })
}

// hide is b, admitted after since, without spans deleted after that.
func (d *deleted) hide(b *span.Batch, tenant string, since, now time.Time) *span.Batch {
	return d.without(b, tenant, func(at time.Time) bool { return at.After(since) && now.Before(at.Add(store.RefuseDeleted)) })
}

func (d *deleted) without(b *span.Batch, tenant string, gone func(time.Time) bool) *span.Batch {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if len(d.at) == 0 {
		return b
	}
	var w span.Builder
	for i := range b.Spans {
		if at, ok := d.at[TraceKey{tenant, b.Spans[i].TraceID}]; !ok || !gone(at) {
			w.Append(b, i)
		}
	}
	if w.Len() == len(b.Spans) {
		return b
	}
	return w.Batch()
}

func (d *deleted) add(k TraceKey, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at == nil {
		d.at = map[TraceKey]time.Time{}
	}
	d.at[k] = at
}

// loadDeleted reads the deleted traces, and does again what a crash may have cut off.
func (s *Store) loadDeleted(ctx context.Context) error {
	sql := fmt.Sprintf("SELECT tenant, trace_id, max(at_ns) FROM %s WHERE at_ns > %d GROUP BY tenant, trace_id",
		s.table("deleted"), s.cfg.Clock.Now().Add(-rememberDeleted).UnixNano())
	err := s.query(ctx, sql, func(r *rowReader) {
		k := TraceKey{Tenant: r.string(), ID: r.traceID()}
		s.deleted.add(k, time.Unix(0, r.int64()))
	})
	if err != nil || len(s.deleted.at) == 0 {
		return err
	}
	// What had arrived when its trace was deleted, or later within the day, should be gone.
	sql = fmt.Sprintf(`SELECT DISTINCT s.tenant, s.trace_id FROM %s AS s
		INNER JOIN (SELECT tenant, trace_id, max(at_ns) AS at FROM %s WHERE at_ns > %d GROUP BY tenant, trace_id) AS d
		ON s.tenant = d.tenant AND s.trace_id = d.trace_id WHERE s.arrival_ns < d.at + %d`,
		s.table("spans"), s.table("deleted"), s.cfg.Clock.Now().Add(-rememberDeleted).UnixNano(), store.RefuseDeleted)
	var left []TraceKey
	if err := s.query(ctx, sql, func(r *rowReader) { left = append(left, TraceKey{r.string(), r.traceID()}) }); err != nil {
		return err
	}
	for _, k := range left {
		at := s.deleted.at[k].Add(store.RefuseDeleted)
		if err := s.hideRows(ctx, fmt.Sprintf("%s AND arrival_ns < %d", s.whereTrace(k), at.UnixNano())); err != nil {
			return err
		}
	}
	return nil
}

// forget drops deleted traces that need not be known any more.
func (s *Store) forgetDeleted(ctx context.Context) error {
	old := s.cfg.Clock.Now().Add(-rememberDeleted)
	if !s.deleted.forget(old) {
		return nil
	}
	return s.remove(ctx, "deleted", fmt.Sprintf("at_ns <= %d", old.UnixNano()))
}

// forget reports whether there was one.
func (d *deleted) forget(old time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.at)
	maps.DeleteFunc(d.at, func(_ TraceKey, at time.Time) bool { return !at.After(old) })
	return len(d.at) < n
}

// Delete takes a trace out of every answer and has its spans refused for a day.
func (s *Store) Delete(ctx context.Context, tenant string, id span.TraceID, now bool) error {
	if err := s.refuse(ctx, TraceKey{tenant, id}); err != nil {
		return fmt.Errorf("delete trace %s: %w", id, err)
	}
	where, erase := s.whereTrace(TraceKey{tenant, id}), s.hideRows
	if now {
		erase = func(ctx context.Context, where string) error {
			// The log holds the bytes too, until it is trimmed.
			return errors.Join(s.remove(ctx, "spans", where), s.Flush(ctx))
		}
	}
	if err := erase(ctx, where); err != nil {
		return fmt.Errorf("delete trace %s: %w", id, err)
	}
	return nil
}

func (s *Store) whereTrace(k TraceKey) string {
	return "tenant = " + quote(k.Tenant) + " AND trace_id = " + quoteID(k.ID[:])
}

// hideRows takes spans out of every answer at once; a merge, or the janitor, writes the parts
// without them.
func (s *Store) hideRows(ctx context.Context, where string) error {
	return s.db.exec(ctx, "DELETE FROM "+s.table("spans")+" WHERE "+where)
}

// refuse notes that the trace is deleted. No INSERT is under way meanwhile, so each span
// is either there to be deleted or refused.
func (s *Store) refuse(ctx context.Context, k TraceKey) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	at := s.cfg.Clock.Now()
	row := appendString(nil, k.Tenant)
	row = append(row, k.ID[:]...)
	row = appendUint64(row, uint64(at.UnixNano()))
	if err := s.db.insert(ctx, s.table("deleted"), "tenant, trace_id, at_ns", row); err != nil {
		return err
	}
	s.deleted.add(k, at)
	return nil
}

// remove writes the parts of a table without the rows that match, and returns when the old
// ones are out of use.
func (s *Store) remove(ctx context.Context, table, where string) error {
	return s.db.exec(ctx, "ALTER TABLE "+s.table(table)+" DELETE WHERE "+where+" SETTINGS mutations_sync = 1")
}
