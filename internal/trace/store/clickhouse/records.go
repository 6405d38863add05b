package clickhouse

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// record is an applied record, as the table records has it.
type record struct {
	pos     log.Position
	arrival int64
	digest  log.Digest
}

// records is how far the log is applied.
type records struct {
	applied log.Position              // noted in ClickHouse, without gap
	beyond  map[log.Position]struct{} // noted in ClickHouse, behind a gap
	pending []record                  // applied, not noted yet
}

func (k *records) add(r record) { k.pending = append(k.pending, r) }

// after is where applied will be once list is noted, and what is then still behind a gap.
func (k *records) after(list []record) (log.Position, map[log.Position]struct{}) {
	beyond := make(map[log.Position]struct{}, len(k.beyond))
	for pos := range k.beyond {
		beyond[pos] = struct{}{}
	}
	for _, r := range list {
		if r.pos > k.applied {
			beyond[r.pos] = struct{}{}
		}
	}
	applied := k.applied
	for {
		if _, ok := beyond[applied+1]; !ok {
			return applied, beyond
		}
		applied++
		delete(beyond, applied)
	}
}

// loadRecords reads the position, and what was noted behind a gap.
func (s *Store) loadRecords(ctx context.Context) error {
	k := &s.records
	table := s.table("records")
	if err := s.query(ctx, "SELECT max(applied) FROM "+table, func(r *rowReader) { k.applied = log.Position(r.uint64()) }); err != nil {
		return err
	}
	var noted []record
	err := s.query(ctx, fmt.Sprintf("SELECT DISTINCT pos FROM %s WHERE pos > %d", table, k.applied),
		func(r *rowReader) { noted = append(noted, record{pos: log.Position(r.uint64())}) })
	k.applied, k.beyond = k.after(noted)
	return err
}

// Flush notes durably which records are applied. Their spans are durable already.
func (s *Store) Flush(ctx context.Context) error {
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	s.mu.Lock()
	list := slices.Clone(s.records.pending)
	applied, beyond := s.records.after(list)
	before := s.records.applied
	s.mu.Unlock()
	if len(list) == 0 {
		return nil
	}
	var rows []byte
	for _, r := range list {
		rows = appendUint64(rows, uint64(r.pos))
		rows = appendUint64(rows, uint64(applied))
		rows = appendUint64(rows, uint64(r.arrival))
		rows = append(rows, r.digest[:]...)
	}
	if err := s.db.insert(ctx, s.table("records"), "pos, applied, arrival_ns, digest", rows); err != nil {
		return fmt.Errorf("note %d applied records: %w", len(list), err)
	}
	s.mu.Lock()
	s.records.pending = slices.Delete(s.records.pending, 0, len(list))
	s.records.applied, s.records.beyond = applied, beyond
	s.mu.Unlock()
	if applied > before {
		s.cfg.OnApplied(applied)
	}
	return nil
}

// Digests yields the digests that are noted. A query that fails ends the sequence: a request
// that is then taken for a new one brings copies, which count once.
func (s *Store) Digests(since time.Time) iter.Seq2[log.Digest, time.Time] {
	return func(yield func(log.Digest, time.Time) bool) {
		sql := fmt.Sprintf("SELECT digest, min(arrival_ns) AS arrival FROM %s WHERE arrival_ns >= %d AND pos <= %d GROUP BY digest ORDER BY arrival",
			s.table("records"), since.UnixNano(), s.Applied())
		r, err := s.db.rows(s.ctx, sql)
		if err != nil {
			s.cfg.Logger.Error("read digests", "error", err)
			return
		}
		for r.next() {
			var d log.Digest
			r.full(d[:])
			arrival := r.int64()
			if r.err == nil && d != (log.Digest{}) && !yield(d, time.Unix(0, arrival)) {
				break
			}
		}
		if err := r.close(); err != nil {
			s.cfg.Logger.Error("read digests", "error", err)
		}
	}
}

// forgetRecords removes notes whose digest is too old to matter. The rows with the newest
// position stay, they say how far the log is applied.
func (s *Store) forgetRecords(ctx context.Context) error {
	old := s.cfg.Clock.Now().Add(-s.cfg.DigestAge)
	applied := s.Applied()
	where := fmt.Sprintf("arrival_ns < %d AND pos <= %d AND applied < %d", old.UnixNano(), applied, applied)
	// A round that would remove little is not worth its rewrite.
	var n uint64
	err := s.query(ctx, "SELECT count() FROM "+s.table("records")+" WHERE "+where, func(r *rowReader) { n = r.uint64() })
	if err != nil || n < 10_000 {
		return err
	}
	return s.remove(ctx, "records", where)
}
