package part

import (
	"context"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Tally adds up row groups for a store.AggregateQuery, one after the other: Begin, then Page
// for each page, unless the tables of the group told it all.
//
// A row's group is found by codes. What scope, resource and shape say of the fields is
// decided once a class; what a column says, once an entry of its dictionary, or once a text
// where it has none. Only the columns that the query needs are decoded, and starts only where
// a page lies in several buckets. No span and no text is made for a row; codes become values
// when a row group first has them. Whether a row matches the filter is decided once a class,
// or once a class and codes of dictionaries. Pages with rows of which neither tells, or with
// spans that are not in the table of shapes, are read as spans and added by store.Aggregator,
// which also defines what the columns have to come to.
//
// Not safe for concurrent use.
type Tally struct {
	q       store.AggregateQuery
	matcher *store.Matcher
	filter  *Filter
	classes *classFilter
	sum     *store.Aggregator
	columns Columns // of all fields
	plan    *tallyPlan
	page    tallyPage
	sample  span.Batch // one span, of the class that the matcher is asked about

	scan, whole *Scan // of rows that may match; of all

	bytes, memory int64 // read since the last Grown; held then
}

// NewTally makes a tally of nothing yet; store.ErrBadQuery if the query is refused.
func NewTally(q store.AggregateQuery) (*Tally, error) {
	sum, err := store.NewAggregator(q)
	if err != nil {
		return nil, err
	}
	fields := slices.Clone(q.By)
	if q.Of != nil {
		fields = append(fields, *q.Of)
	}
	t := &Tally{q: q, matcher: store.NewMatcher(q.Filter), sum: sum}
	t.filter = NewFilter(t.matcher.Required())
	t.classes = newClassFilter(t.filter)
	t.page.raw.memory = &buffers{}
	t.sample = span.Batch{Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1), Spans: make([]span.Span, 1)}
	t.columns = ColumnsOf(append(fields, t.matcher.Fields()...))
	t.scan, t.whole = NewScan(t.columns).Where(t.filter), NewScan(t.columns)
	return t, nil
}

// Begin starts on a group. It is false if the tables told everything, or do not read. whole
// says that none of its rows are to be skipped. An error beside true is about filters, without
// which more pages are read.
func (t *Tally) Begin(g *Group, whole bool) (bool, error) {
	filter, failed := t.filter.In(g)
	if filter == nil {
		return false, nil // nothing of the group matches, also without what does not read
	}
	tables, err := g.tables()
	if err != nil {
		return false, err
	}
	t.plan = newTallyPlan(t, g, tables, filter)
	t.bytes += g.meta.tables.stored
	if st := g.Stats(); whole && t.within(&st) {
		told, err := t.plan.fromTables(t.q.Bucket(st.MinStart))
		if told || err != nil {
			return false, err
		}
	}
	return true, failed
}

// within reports whether all starts lie in the window and in one bucket.
func (t *Tally) within(st *Stats) bool {
	return st.MinStart >= t.q.Start && st.MaxStart < t.q.End && t.q.Bucket(st.MinStart) == t.q.Bucket(st.MaxStart)
}

// Page adds up a page of the group, but for the rows of skip, a bit each.
func (t *Tally) Page(ctx context.Context, p Page, skip []uint64) error {
	st := p.Stats()
	if st.MaxStart < t.q.Start || st.MinStart >= t.q.End || !t.plan.filter.MayMatch(p) {
		return nil
	}
	if told, err := t.fromColumns(p, skip); told || err != nil {
		return err
	}
	return t.fromSpans(ctx, p, skip)
}

// fromSpans adds up the spans of a page one by one.
func (t *Tally) fromSpans(ctx context.Context, p Page, skip []uint64) error {
	scan := t.scan
	if len(skip) > 0 {
		scan = t.whole // rows keep their numbers
	}
	b, err := scan.Read(ctx, p)
	if err != nil {
		return err
	}
	t.bytes += p.Stats().Bytes
	for i := range b.Spans {
		if isSkipped(skip, i) {
			continue
		}
		if err := t.sum.Add(b, i); err != nil {
			return err
		}
	}
	return nil
}

func isSkipped(skip []uint64, row int) bool {
	return row/64 < len(skip) && skip[row/64]>>(row%64)&1 != 0
}

// Sum is what was added up.
func (t *Tally) Sum() *store.Aggregator { return t.sum }

// Grown is the bytes read since the last call, and by how much what is held has grown.
func (t *Tally) Grown() (bytes, memory int64) {
	bytes, memory = t.bytes, t.sum.Memory()-t.memory
	t.bytes, t.memory = 0, t.sum.Memory()
	return bytes, memory
}
