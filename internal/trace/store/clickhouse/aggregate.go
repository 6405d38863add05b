package clickhouse

import (
	"context"
	"errors"
	"fmt"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Aggregate has ClickHouse give one row of each span of the window that may match, and
// store.Aggregator add them up. SQL has no words for what it does: sums of integers that are
// exact, values of the kind they came in.
func (s *Store) Aggregate(ctx context.Context, q store.AggregateQuery) (store.Aggregates, error) {
	sum, err := store.NewAggregator(q)
	if err != nil {
		return store.Aggregates{}, err
	}
	run := aggregation{Store: s, budget: s.budget(q.Budget), q: q, sum: sum}
	err = run.budget.cause(run.run(ctx))
	var partial *store.PartialError
	switch {
	case err == nil || errors.As(err, &partial):
		return sum.Answer(), err
	case errors.Is(err, store.ErrTooManySeries):
		return store.Aggregates{}, err
	}
	return store.Aggregates{}, fmt.Errorf("aggregate: %w", err)
}

type aggregation struct {
	*Store
	budget budget
	q      store.AggregateQuery
	sum    *store.Aggregator
}

// aggregateRows is how many rows are decoded together.
const aggregateRows = 1024

func (a *aggregation) run(ctx context.Context) error {
	if err := a.budget.check(ctx); err != nil {
		return err
	}
	f := fetch{tenant: a.q.Tenant, sees: a.snapshot()}
	r, err := a.db.rows(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s AND %s%s %s%s", readColumns, a.table("spans"),
		f.where(), whereWindow(a.q.Window), prune(store.NewMatcher(a.q.Filter)), oneOfEach, a.budget.settings()))
	if err != nil {
		return err
	}
	defer r.body.Close()
	for {
		var t traceReader
		for len(t.heads) < aggregateRows && r.next() {
			t.row(r.traceID(), r)
		}
		if r.err != nil || len(t.heads) == 0 {
			return r.err
		}
		b, err := t.batch()
		if err != nil {
			return err
		}
		if err := a.add(ctx, b, r.n); err != nil {
			return err
		}
	}
}

// add takes in a batch, the last of the bytes read so far, if the budget allows.
func (a *aggregation) add(ctx context.Context, b *span.Batch, bytes int64) error {
	if err := a.budget.check(ctx); err != nil {
		return err
	}
	if a.budget.Bytes > 0 && bytes > a.budget.Bytes {
		return &store.PartialError{Reason: "more bytes to read than a query may"}
	}
	for i := range b.Spans {
		if err := a.sum.Add(b, i); err != nil {
			return err
		}
		if a.budget.Memory > 0 && a.sum.Memory() > a.budget.Memory {
			return &store.PartialError{Reason: "more series to hold than a query may"}
		}
	}
	return nil
}
