package part

import (
	"context"
	"slices"

	"github.com/weft-dev/weft/internal/trace/store"
)

// Tally adds up pages for a store.AggregateQuery, group by group: Begin, Page for each, End.
// Not safe for concurrent use.
type Tally struct {
	q    store.AggregateQuery
	sum  *store.Aggregator
	scan *Scan

	bytes, memory int64 // since the last Grown; held then
}

// NewTally makes a tally of nothing yet; store.ErrBadQuery if the query is refused.
func NewTally(q store.AggregateQuery) (*Tally, error) {
	sum, err := store.NewAggregator(q)
	if err != nil {
		return nil, err
	}
	return &Tally{q: q, sum: sum, scan: NewScan(ColumnsOf(tallyFields(&q)))}, nil
}

// tallyFields is what it takes to add up a span.
func tallyFields(q *store.AggregateQuery) []store.Field {
	fields := slices.Concat(store.NewMatcher(q.Filter).Fields(), q.By)
	if q.Of != nil {
		fields = append(fields, *q.Of)
	}
	return fields
}

// Begin starts on a group.
func (t *Tally) Begin(g *Group) error {
	_, err := g.tables()
	return err
}

// Page adds up a page of the group, but for the rows of skip, a bit each.
func (t *Tally) Page(ctx context.Context, p Page, skip []uint64) error {
	st := p.Stats()
	if st.MaxStart < t.q.Start || st.MinStart >= t.q.End {
		return nil
	}
	b, err := t.scan.Read(ctx, p)
	if err != nil {
		return err
	}
	t.bytes += st.Bytes
	for i := range b.Spans {
		if i/64 < len(skip) && skip[i/64]>>(i%64)&1 != 0 {
			continue
		}
		if err := t.sum.Add(b, i); err != nil {
			return err
		}
	}
	return nil
}

// End ends a group: all of it is in Sum then.
func (t *Tally) End() error { return nil }

// Sum is what was added up.
func (t *Tally) Sum() *store.Aggregator { return t.sum }

// Grown is the bytes read since the last call, and by how much what is held has grown.
func (t *Tally) Grown() (bytes, memory int64) {
	bytes, memory = t.bytes, t.sum.Memory()-t.memory
	t.bytes, t.memory = 0, t.sum.Memory()
	return bytes, memory
}
