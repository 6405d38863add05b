package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Aggregator makes the answer to an AggregateQuery of spans, or of what an engine has counted
// of them. It is the definition of what such a query means. What it answers holds on to none
// of the memory it was given. Not safe for concurrent use.
type Aggregator struct {
	q       AggregateQuery
	matcher *Matcher
	groups  map[string]int // by the encoding of their values
	list    []aggregateGroup
	points  int
	memory  int64 // about

	arena   []Cell // to be handed out
	numbers []numbers
	hists   []histogram
	bins    histogramArena
	values  []span.Value
	key     []byte
}

type aggregateGroup struct {
	by    []span.Value
	cells []bucketCell // in order
}

type bucketCell struct {
	bucket int32
	*Cell
}

// NewAggregator makes an aggregator of nothing yet; ErrBadQuery if the query is refused.
func NewAggregator(q AggregateQuery) (*Aggregator, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	return &Aggregator{q: q, matcher: NewMatcher(q.Filter), groups: map[string]int{}, values: make([]span.Value, len(q.By))}, nil
}

// Add takes in span i of b, if it is in the window and matches.
func (a *Aggregator) Add(b *span.Batch, i int) error {
	start := b.Spans[i].Start
	if !a.q.Contains(start) || !a.matcher.Match(b, i, nil) {
		return nil
	}
	for n := range a.q.By {
		a.values[n] = a.q.By[n].GroupValue(b, i)
	}
	group, err := a.Group(a.values)
	if err != nil {
		return err
	}
	c, err := a.Cell(group, a.q.Bucket(start))
	if err != nil {
		return err
	}
	c.Count++
	if a.q.Of != nil {
		c.Add(a.q.Of.GroupValue(b, i))
	}
	return nil
}

// Group is the number of the group of these values, of which it keeps a copy.
func (a *Aggregator) Group(values []span.Value) (int, error) {
	a.key = a.key[:0]
	for _, v := range values {
		a.key = append(a.key, byte(v.Kind))
		a.key = binary.AppendUvarint(a.key, v.Num)
		a.key = append(binary.AppendUvarint(a.key, uint64(len(v.Str))), v.Str...)
	}
	n, ok := a.groups[string(a.key)]
	if ok {
		return n, nil
	}
	n = len(a.list)
	if n == MaxSeries {
		return 0, fmt.Errorf("aggregate: %w: more than %d groups", ErrTooManySeries, MaxSeries)
	}
	by := slices.Clone(values)
	for i := range by {
		by[i].Str = strings.Clone(by[i].Str)
		a.memory += int64(len(by[i].Str)) + 40
	}
	a.groups[string(a.key)] = n
	a.list = append(a.list, aggregateGroup{by: by})
	a.memory += int64(len(a.key)) + 120
	return n, nil
}

// Cell is what is known of a group in a bucket. It stays the same for both.
func (a *Aggregator) Cell(group, bucket int) (*Cell, error) {
	cells := a.list[group].cells
	at := len(cells) // most come in order of time
	if at > 0 && cells[at-1].bucket >= int32(bucket) {
		var ok bool
		at, ok = slices.BinarySearchFunc(cells, int32(bucket), func(c bucketCell, n int32) int { return cmp.Compare(c.bucket, n) })
		if ok {
			return cells[at].Cell, nil
		}
	}
	if a.points == MaxPoints {
		return nil, fmt.Errorf("aggregate: %w: more than %d groups and buckets", ErrTooManySeries, MaxPoints)
	}
	a.points++
	c := a.newCell()
	a.list[group].cells = slices.Insert(cells, at, bucketCell{int32(bucket), c})
	return c, nil
}

// arenaSize is how many cells are made at once.
const arenaSize = 64

func (a *Aggregator) newCell() *Cell {
	c := take(&a.arena)
	a.memory += 48
	if a.q.Of == nil {
		return c
	}
	c.numbers = take(&a.numbers)
	a.memory += 72
	if len(a.q.Quantiles) > 0 {
		c.numbers.hist = take(&a.hists)
		c.numbers.hist.arena = &a.bins
		a.memory += 48
	}
	return c
}

func take[T any](arena *[]T) *T {
	if len(*arena) == 0 {
		*arena = make([]T, arenaSize)
	}
	t := &(*arena)[0]
	*arena = (*arena)[1:]
	return t
}

// Merge takes in what another aggregator of the same query has.
func (a *Aggregator) Merge(o *Aggregator) error {
	for i := range o.list {
		from := &o.list[i]
		group, err := a.Group(from.by)
		if err != nil {
			return err
		}
		for _, fc := range from.cells {
			c, err := a.Cell(group, int(fc.bucket))
			if err != nil {
				return err
			}
			c.merge(fc.Cell)
		}
	}
	return nil
}

// Memory is what the aggregator holds, about.
func (a *Aggregator) Memory() int64 { return a.memory + a.bins.memory }

// Answer is the answer for what was taken in.
func (a *Aggregator) Answer() Aggregates {
	type total struct {
		group int
		spans int64
	}
	totals := make([]total, 0, len(a.list))
	for i := range a.list {
		t := total{group: i}
		for _, c := range a.list[i].cells {
			t.spans += c.Count
		}
		if t.spans > 0 {
			totals = append(totals, t)
		}
	}
	slices.SortFunc(totals, func(x, y total) int {
		return cmp.Or(cmp.Compare(y.spans, x.spans), slices.CompareFunc(a.list[x.group].by, a.list[y.group].by, CompareGroupValues))
	})
	var out Aggregates
	if a.q.Limit > 0 && len(totals) > a.q.Limit {
		for _, t := range totals[a.q.Limit:] {
			out.MoreSeries++
			out.MoreSpans += t.spans
		}
		totals = totals[:a.q.Limit]
	}
	for _, t := range totals {
		g := &a.list[t.group]
		s := Series{By: g.by, Points: make([]Point, 0, len(g.cells))}
		for _, c := range g.cells {
			if c.Count > 0 {
				p := c.point(a.q.Quantiles)
				p.Start = a.q.BucketStart(int(c.bucket))
				s.Points = append(s.Points, p)
			}
		}
		out.Series = append(out.Series, s)
	}
	return out
}

// CompareGroupValues orders the values of groups: by kind, then by content.
func CompareGroupValues(a, b span.Value) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Num, b.Num), cmp.Compare(a.Str, b.Str))
}
