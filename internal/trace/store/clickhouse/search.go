package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// errLeft: the caller wants no more.
var errLeft = errors.New("the reader left")

// Search asks ClickHouse for candidates, each with the highest key it could have, from the
// highest down; reads them whole, a few at a time; and has store.Matcher decide. A row is
// yielded once no candidate that is left could come before it.
func (s *Store) Search(ctx context.Context, q store.Query) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		run := search{Store: s, q: q, matcher: store.NewMatcher(q.Filter), budget: s.budget(q.Budget), yield: yield}
		run.fetch = fetch{tenant: q.Tenant, sees: s.snapshot(), budget: q.Budget}
		err := run.budget.cause(run.run(ctx))
		if err == nil || errors.Is(err, errLeft) {
			return
		}
		var partial *store.PartialError
		if !errors.As(err, &partial) {
			err = fmt.Errorf("search: %w", err)
		}
		yield(store.Summary{}, err)
	}
}

type search struct {
	*Store
	fetch   fetch
	budget  budget
	q       store.Query
	matcher *store.Matcher
	yield   func(store.Summary, error) bool

	rows    []store.Summary // found and not yielded, in order
	yielded int
}

func (r *search) run(ctx context.Context) error {
	if err := r.budget.check(ctx); err != nil {
		return err
	}
	if r.q.Limit <= 0 || max(r.q.Window.Start, 0) >= r.q.Window.End {
		return nil
	}
	list, err := r.db.rows(ctx, r.candidates())
	if err != nil {
		return err
	}
	defer list.body.Close()
	next, more := candidate(list)
	for more && r.yielded < r.q.Limit {
		if err := r.budget.check(ctx); err != nil {
			return err
		}
		var ids []span.TraceID
		for ; more && len(ids) < fetchTraces; next, more = candidate(list) {
			ids = append(ids, next.TraceID)
		}
		if list.err != nil {
			return list.err
		}
		if err := r.Store.fetch(ctx, &r.fetch, ids, r.match); err != nil {
			return err
		}
		slices.SortFunc(r.rows, func(a, b store.Summary) int { return a.Cursor().Compare(b.Cursor()) })
		if err := r.emit(ctx, next, more); err != nil {
			return err
		}
	}
	return list.err
}

// candidate reads the next row of candidates: a trace, and a key no lower than its own.
func candidate(list *rowReader) (store.Cursor, bool) {
	if !list.next() {
		return store.Cursor{}, false
	}
	c := store.Cursor{TraceID: list.traceID(), Key: list.int64()}
	return c, list.err == nil
}

// match looks at a whole candidate.
func (r *search) match(b *span.Batch) error {
	if row, ok := r.matcher.MatchTrace(&r.q, b); ok && row.Behind(r.q.After) {
		r.rows = append(r.rows, row)
	}
	if m := r.q.Budget.Memory; m > 0 && 200*int64(len(r.rows)) > m {
		return &store.PartialError{Reason: "more rows to hold than a query may"}
	}
	return nil
}

// emit yields the rows that come before the next candidate.
func (r *search) emit(ctx context.Context, next store.Cursor, more bool) error {
	n := 0
	for n < len(r.rows) && r.yielded < r.q.Limit && (!more || r.rows[n].Cursor().Compare(next) < 0) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.yield(r.rows[n], nil) {
			return errLeft
		}
		n++
		r.yielded++
	}
	r.rows = slices.Delete(r.rows, 0, n)
	return nil
}

// candidates is the statement that lists the traces that may match.
func (r *search) candidates() string {
	table, sees := r.table("spans"), r.fetch.where()
	window := r.q.Window
	if r.q.Order == store.NewestFirst && r.q.After != nil {
		// A trace of a later page has its newest match no later than the last row's. Traces of
		// earlier pages are listed again if they have older spans that may match.
		window.End = min(window.End, addOne(r.q.After.Key))
	}
	matches := sees + " AND " + whereWindow(window) + prune(r.matcher)
	var sql string
	if r.q.Order == store.NewestFirst {
		sql = fmt.Sprintf("SELECT trace_id, max(start_ns) AS bound FROM %s WHERE %s GROUP BY trace_id", table, matches)
	} else {
		// The key of this order does not depend on what matches: it is known exactly.
		sql = fmt.Sprintf("SELECT trace_id, max(greatest(start_ns, end_ns)) - min(start_ns) AS bound FROM %s "+
			"WHERE %s AND trace_id IN (SELECT trace_id FROM %s WHERE %s) GROUP BY trace_id", table, sees, table, matches)
		if a := r.q.After; a != nil {
			sql += fmt.Sprintf(" HAVING bound < %[1]d OR bound = %[1]d AND trace_id > %[2]s", a.Key, quoteID(a.TraceID[:]))
		}
	}
	return sql + " ORDER BY bound DESC, trace_id" + r.budget.settings()
}

func addOne(n int64) int64 {
	if n+1 < n {
		return n
	}
	return n + 1
}
