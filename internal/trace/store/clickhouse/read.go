package clickhouse

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// fetchTraces is how many traces one statement reads.
const fetchTraces = 64

// Trace reads a trace.
func (s *Store) Trace(ctx context.Context, tenant string, id span.TraceID) (*span.Batch, error) {
	var found *span.Batch
	f := fetch{tenant: tenant, sees: s.snapshot()}
	err := s.fetch(ctx, &f, []span.TraceID{id}, func(b *span.Batch) error {
		found = b
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read trace %s: %w", id, err)
	case found == nil:
		return nil, store.ErrNotFound
	}
	return found, nil
}

// Scan yields whole traces, those with the lowest ids first.
func (s *Store) Scan(ctx context.Context, tenant string, w store.Window) iter.Seq2[*span.Batch, error] {
	return func(yield func(*span.Batch, error) bool) {
		err := s.scan(ctx, tenant, w, func(b *span.Batch) bool { return yield(b, nil) })
		if err != nil {
			yield(nil, fmt.Errorf("scan: %w", err))
		}
	}
}

func (s *Store) scan(ctx context.Context, tenant string, w store.Window, yield func(*span.Batch) bool) error {
	f := fetch{tenant: tenant, sees: s.snapshot()}
	list, err := s.db.rows(ctx, fmt.Sprintf("SELECT DISTINCT trace_id FROM %s WHERE %s AND %s ORDER BY trace_id",
		s.table("spans"), f.where(), whereWindow(w)))
	if err != nil {
		return err
	}
	defer list.body.Close()
	left := false
	for more := true; more && !left; {
		var ids []span.TraceID
		for len(ids) < fetchTraces && more {
			if more = list.next(); more {
				ids = append(ids, list.traceID())
			}
		}
		if list.err != nil {
			return list.err
		}
		err := s.fetch(ctx, &f, ids, func(b *span.Batch) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if left = !yield(b); left {
				return errLeft
			}
			return nil
		})
		if err != nil && !left {
			return err
		}
	}
	return nil
}

// fetch is what the statements of one question have in common.
type fetch struct {
	tenant string
	sees   snapshot
	budget store.Budget
	bytes  int64 // read so far
}

// where is the condition of the rows that the question may see.
func (f *fetch) where() string {
	out := fmt.Sprintf("tenant = %s AND seq <= %d", quote(f.tenant), f.sees.last)
	if len(f.sees.running) > 0 {
		list := make([]string, len(f.sees.running))
		for i, seq := range f.sees.running {
			list[i] = fmt.Sprint(seq)
		}
		out += " AND seq NOT IN (" + strings.Join(list, ", ") + ")"
	}
	return out
}

// whereWindow is the condition of spans that start in the window. No span starts before 0.
func whereWindow(w store.Window) string {
	return fmt.Sprintf("start_ns >= %d AND start_ns < %d", max(w.Start, 0), max(w.End, 0))
}

// oneOfEach leaves one row of each span; it comes behind ORDER BY, if there is one.
const oneOfEach = "LIMIT 1 BY trace_id, span_id, hash"

// fetch calls whole with each of the traces that is there, its spans in the order of the
// contract. It holds one trace at a time.
func (s *Store) fetch(ctx context.Context, f *fetch, ids []span.TraceID, whole func(*span.Batch) error) error {
	if len(ids) == 0 {
		return nil
	}
	r, err := s.db.rows(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s AND trace_id IN %s ORDER BY trace_id, start_ns, span_id, seq %s",
		readColumns, s.table("spans"), f.where(), quoteIDs(ids), oneOfEach))
	if err != nil {
		return err
	}
	defer r.body.Close()
	var t traceReader
	hand := func() error {
		if len(t.heads) == 0 {
			return nil
		}
		b, err := t.batch()
		t = traceReader{} // the batch's strings lie in what it had
		if err != nil {
			return err
		}
		return whole(b)
	}
	for r.next() {
		before := r.n
		id := r.traceID()
		if len(t.heads) > 0 && t.heads[0].TraceID != id {
			if err := hand(); err != nil {
				return err
			}
		}
		t.row(id, r)
		f.bytes += r.n - before
		switch {
		case r.err != nil:
			return r.err
		case f.budget.Bytes > 0 && f.bytes > f.budget.Bytes:
			return &store.PartialError{Reason: "more bytes to read than a query may"}
		case f.budget.Memory > 0 && t.size() > f.budget.Memory:
			return &store.PartialError{Reason: "a trace takes more memory than a query may"}
		}
	}
	if r.err != nil {
		return r.err
	}
	return hand()
}
