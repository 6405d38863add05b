package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

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

	arena   []Cell // to be handed out, as the lists that follow
	bys     []span.Value
	firsts  []bucketCell // of a group
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
	for i := range values {
		v := &values[i]
		a.key = append(a.key, byte(v.Kind))
		a.key = binary.LittleEndian.AppendUint64(a.key, v.Num)
		a.key = binary.LittleEndian.AppendUint32(a.key, uint32(len(v.Str)))
		a.key = append(a.key, v.Str...)
	}
	n, ok := a.groups[string(a.key)]
	if ok {
		return n, nil
	}
	n = len(a.list)
	if n == MaxSeries {
		return 0, fmt.Errorf("aggregate: %w: more than %d groups", ErrTooManySeries, MaxSeries)
	}
	key := string(a.key)
	a.groups[key] = n
	g := aggregateGroup{by: takeList(&a.bys, len(values)), cells: takeList(&a.firsts, 1)[:0]}
	for i, v := range values {
		key = key[keyHeader:] // it also has the texts
		v.Str, key = key[:len(v.Str)], key[len(v.Str):]
		g.by[i] = v
	}
	a.list = append(a.list, g)
	a.memory += int64(len(a.key)+40*len(values)) + groupBytes
	return n, nil
}

const (
	keyHeader  = 1 + 8 + 4 // kind, number, and length of a text
	groupBytes = 160
)

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

func take[T any](arena *[]T) *T { return &takeList(arena, 1)[0] }

// takeList is n that nobody else has.
func takeList[T any](arena *[]T, n int) []T {
	if len(*arena) < n {
		*arena = make([]T, max(n, arenaSize))
	}
	t := (*arena)[:n:n]
	*arena = (*arena)[n:]
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
	var out Aggregates
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
		if c := cmp.Compare(y.spans, x.spans); c != 0 {
			return c // most by far, without a look at texts
		}
		return slices.CompareFunc(a.list[x.group].by, a.list[y.group].by, CompareGroupValues)
	})
	if a.q.Limit > 0 && len(totals) > a.q.Limit {
		for _, t := range totals[a.q.Limit:] {
			out.MoreSeries++
			out.MoreSpans += t.spans
		}
		totals = totals[:a.q.Limit]
	}
	n := 0
	for _, t := range totals {
		n += len(a.list[t.group].cells)
	}
	points := make([]Point, 0, n)
	out.Series = make([]Series, 0, len(totals))
	for _, t := range totals {
		g := &a.list[t.group]
		first := len(points)
		for _, c := range g.cells {
			if c.Count > 0 {
				p := c.point(a.q.Quantiles)
				p.Start = a.q.BucketStart(int(c.bucket))
				points = append(points, p)
			}
		}
		out.Series = append(out.Series, Series{By: g.by, Points: points[first:len(points):len(points)]})
	}
	return out
}

// CompareGroupValues orders the values of groups: by kind, then by content.
func CompareGroupValues(a, b span.Value) int {
	if a.Kind != b.Kind || a.Num != b.Num {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Num, b.Num))
	}
	return cmp.Compare(a.Str, b.Str)
}
