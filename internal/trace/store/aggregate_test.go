package store

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Each number is within 1/128 of the middle of its bin, and bins are in the order of numbers.
func TestHistogramBins(t *testing.T) {
	f := func(x float64) {
		t.Helper()
		if got := middleOf(binOf(x)); got != x && !(math.Abs(got-x) <= math.Abs(x)/128) {
			t.Errorf("%v is taken for %v", x, got)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	list := []float64{0, 1, -1, 0x1p-1022, -0x1p-1022, math.MaxFloat64, -math.MaxFloat64, math.Inf(1), math.Inf(-1), math.MaxInt64, math.MinInt64}
	for range 10_000 {
		x := math.Float64frombits(r.Uint64())
		if math.Abs(x) >= 0x1p-1022 {
			list = append(list, x, math.Trunc(math.Exp(r.Float64()*40)))
		}
	}
	slices.Sort(list)
	for i, x := range list {
		f(x)
		if i > 0 && binOf(x) < binOf(list[i-1]) {
			t.Errorf("the bin of %v is below that of %v", x, list[i-1])
		}
	}
	if got := middleOf(binOf(-0x1p-1030)); got != 0 {
		t.Errorf("a number near 0 is taken for %v", got)
	}
}

// A histogram says the same of few numbers, of many, and of numbers that came in several
// parts and any order, and that is within 1 % of the number at that place.
func TestHistogramQuantiles(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	quantiles := []float64{0, 0.01, 0.5, 0.95, 0.999, 1}
	for _, n := range []int{1, 2, firstFew, firstFew + 1, maxFew, maxFew + 1, 1000, 50_000} {
		var arena histogramArena
		whole := histogram{arena: &arena}
		parts := make([]histogram, 3)
		for i := range parts {
			parts[i].arena = &arena
		}
		var list []float64
		for range n {
			x := r.NormFloat64() * math.Exp(r.NormFloat64()*20)
			list = append(list, x)
			whole.add(x)
		}
		for _, i := range r.Perm(n) {
			parts[r.IntN(len(parts))].add(list[i])
		}
		parts[1].merge(&parts[0])
		parts[1].merge(&parts[2])
		slices.Sort(list)
		got := whole.quantiles(quantiles)
		if other := parts[1].quantiles(quantiles); !slices.Equal(got, other) {
			t.Errorf("%d numbers: %v at once, %v in parts", n, got, other)
		}
		for i, q := range quantiles {
			want := list[max(1, int(math.Ceil(q*float64(n))))-1]
			if math.Abs(got[i]-want) > 0.01*math.Abs(want) {
				t.Errorf("quantile %v of %d numbers is %v, want %v", q, n, got[i], want)
			}
		}
	}
}

// Sums of integers are exact, however large they are on the way.
func TestCellSum(t *testing.T) {
	f := func(want float64, list ...int64) {
		t.Helper()
		c := Cell{numbers: new(numbers)}
		for _, n := range list {
			c.AddInt(n)
		}
		if got := c.point(nil).Sum; got != want {
			t.Errorf("sum of %d: %v, want %v", list, got, want)
		}
	}
	f(3, math.MaxInt64, math.MaxInt64, 5, math.MinInt64, math.MinInt64)
	f(-1, -1)
	f(2*float64(math.MinInt64), math.MinInt64, math.MinInt64)
	f(0, 7, -7)
}

// An answer has no more series and points than the contract allows.
func TestAggregatorLimits(t *testing.T) {
	a, err := NewAggregator(AggregateQuery{By: []Field{{Intrinsic: SpanName}}, Window: Window{0, 100}, Step: 10})
	if err != nil {
		t.Fatal(err)
	}
	for n := range MaxSeries {
		if _, err := a.Group([]span.Value{span.Int(int64(n))}); err != nil {
			t.Fatalf("group %d: %v", n, err)
		}
	}
	if _, err := a.Group([]span.Value{span.Int(MaxSeries)}); !errors.Is(err, ErrTooManySeries) {
		t.Errorf("one group too many: %v", err)
	}
	if n, err := a.Group([]span.Value{span.Int(MaxSeries - 1)}); n != MaxSeries-1 || err != nil {
		t.Errorf("a group that is there: %d, %v", n, err)
	}
	a.points = MaxPoints - 1
	if _, err := a.Cell(0, 3); err != nil {
		t.Error(err)
	}
	if _, err := a.Cell(0, 2); !errors.Is(err, ErrTooManySeries) {
		t.Errorf("one point too many: %v", err)
	}
	if c, err := a.Cell(0, 3); c == nil || err != nil {
		t.Errorf("a point that is there: %v, %v", c, err)
	}
}

// Aggregators that each saw some of the spans make the answer of one that saw all, also if
// buckets come in any order; and what is held is accounted for.
func TestAggregatorMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	q := AggregateQuery{
		By: []Field{{Intrinsic: SpanName}}, Window: Window{0, 1000}, Step: 7,
		Of: &Field{Intrinsic: Duration}, Quantiles: []float64{0.1, 0.9},
	}
	var all []*Aggregator
	for range 4 {
		a, err := NewAggregator(q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	b := &span.Batch{Scopes: make([]span.Scope, 1), Resources: make([]span.Resource, 1)}
	for i := range 5000 {
		start := r.Int64N(1100)
		b.Spans = append(b.Spans, span.Span{Name: string(rune('a' + r.IntN(9))), Start: start, End: start + r.Int64N(1e9)})
		for _, a := range []*Aggregator{all[0], all[1+r.IntN(3)]} {
			if err := a.Add(b, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := all[1].Memory()
	for _, a := range all[2:] {
		if err := all[1].Merge(a); err != nil {
			t.Fatal(err)
		}
	}
	if all[1].Memory() <= before || before == 0 {
		t.Errorf("%d bytes before, %d after a merge", before, all[1].Memory())
	}
	if got, want := all[1].Answer(), all[0].Answer(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}
