package store

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
)

// AggregateQuery asks for numbers over the spans of a window that match, by group and over
// time. What Reader.Aggregate answers is what Aggregator makes of these spans, each added
// once:
//
//   - A span belongs to the group of the values that the fields of By have on it. An
//     attribute's value is that of the first attribute of that name, whatever its type, also
//     an array as a whole; of ScopeAny the span's, else the resource's. It is nil, the zero
//     Value, if there is none, or if it is absent or empty. Values are equal if their kinds
//     and contents are: 200 and 200.0 are two groups.
//   - Buckets are Step wide and count from the window's start; the last ends with the window.
//   - Of is a number of the span: its duration, or an attribute, found as those of By. Spans
//     without a number there, or with NaN, count as spans only.
type AggregateQuery struct {
	Tenant string
	Filter Expr // nil: every span; what needs whole traces is refused
	Window
	Step      int64     // nanoseconds; 0: one bucket, the window
	By        []Field   // at most MaxBy of GroupFields
	Of        *Field    // nil: spans are counted and no more
	Quantiles []float64 // of Of, each from 0 to 1; at most MaxQuantiles
	Limit     int       // series wanted, those with most spans; 0: all
	Budget    Budget
}

// Limits of an aggregate. A query with more fields, quantiles or buckets is refused; an
// answer that would have more series or points fails with ErrTooManySeries. A point takes some
// 100 bytes, or, with quantiles of many numbers, a few kilobytes: Budget.Memory bounds them.
const (
	MaxBy        = 4
	MaxQuantiles = 16
	MaxBuckets   = 10_000
	MaxSeries    = 1 << 18
	MaxPoints    = 1 << 21
)

// Aggregates is the answer to an AggregateQuery.
type Aggregates struct {
	// Series are ordered by their spans, most first, then by the values of their group.
	Series []Series
	// What was left out of Series by the query's limit.
	MoreSeries int
	MoreSpans  int64
}

// Series is one group over time.
type Series struct {
	By     []span.Value // of each field of the query; the zero Value is nil
	Points []Point      // those with spans, in order of time
}

// Point is what the spans of one group and bucket add up to.
type Point struct {
	Start int64 // of the bucket, Unix nanoseconds
	Count int64 // spans; the rate is Count over the width of the bucket

	// Of the spans that have a number in Of; zero if there is none. Sums of integers are exact
	// before they are rounded to a double, others are so within the rounding of doubles.
	Numbers       int64
	Sum, Min, Max float64
	// Quantiles are as the query lists them: quantile q of n numbers is within 1 % of the
	// ceil(q × n)th smallest, or of the smallest if that is the 0th.
	Quantiles []float64
}

var (
	// ErrBadQuery: the query makes no sense or asks for too much; the text says why.
	ErrBadQuery = errors.New("bad query")
	// ErrTooManySeries: the spans fall into more groups, or groups and buckets, than one
	// answer may have.
	ErrTooManySeries = errors.New("too many series")
)

// Buckets is how many buckets a checked query has.
func (q *AggregateQuery) Buckets() int {
	if q.Start >= q.End {
		return 0
	}
	if q.Step == 0 {
		return 1
	}
	return int((uint64(q.End)-uint64(q.Start)-1)/uint64(q.Step)) + 1
}

// Bucket is the number of the bucket that time t of the window lies in.
func (q *AggregateQuery) Bucket(t int64) int {
	if q.Step == 0 {
		return 0
	}
	return int((uint64(t) - uint64(q.Start)) / uint64(q.Step))
}

// BucketStart is when a bucket starts.
func (q *AggregateQuery) BucketStart(bucket int) int64 { return q.Start + int64(bucket)*q.Step }

// Check reports what is wrong with the query, as ErrBadQuery. Every engine MUST refuse what
// it refuses.
func (q *AggregateQuery) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("aggregate: %w: %s", ErrBadQuery, fmt.Sprintf(format, args...))
	}
	switch {
	case q.Step < 0:
		return bad("a step of %d ns", q.Step)
	case q.Limit < 0:
		return bad("a limit of %d series", q.Limit)
	case len(q.By) > MaxBy:
		return bad("grouped by %d fields, at most %d are possible", len(q.By), MaxBy)
	case len(q.Quantiles) > MaxQuantiles:
		return bad("%d quantiles, at most %d are possible", len(q.Quantiles), MaxQuantiles)
	case len(q.Quantiles) > 0 && q.Of == nil:
		return bad("quantiles of no field")
	case q.Of != nil && !q.Of.isNumber():
		return bad("field %+v is no number of a span", *q.Of)
	case NewMatcher(q.Filter).NeedsTrace():
		return bad("the filter needs whole traces")
	}
	if q.Step > 0 && q.Start < q.End {
		if n := (uint64(q.End)-uint64(q.Start)-1)/uint64(q.Step) + 1; n > MaxBuckets {
			return bad("%d buckets, at most %d are possible", n, MaxBuckets)
		}
	}
	for _, f := range q.By {
		if !f.isGroup() {
			return bad("spans cannot be grouped by field %+v", f)
		}
	}
	for _, p := range q.Quantiles {
		if !(p >= 0 && p <= 1) {
			return bad("quantile %v is not from 0 to 1", p)
		}
	}
	return nil
}

// GroupFields is the intrinsics that spans can be grouped by; the others are attributes of
// span, resource and instrumentation.
func GroupFields() []Intrinsic {
	return []Intrinsic{SpanName, KindOf, StatusOf, StatusMessage, ScopeName, ScopeVersion}
}

// isGroup reports whether a field has one value on a span.
func (f Field) isGroup() bool {
	if f.Intrinsic != NotIntrinsic {
		return slices.Contains(GroupFields(), f.Intrinsic)
	}
	return f.Scope == ScopeAny || f.Scope == ScopeSpan || f.Scope == ScopeResource || f.Scope == ScopeInstrumentation
}

func (f Field) isNumber() bool {
	return f.Intrinsic == Duration || f.Intrinsic == NotIntrinsic && f.isGroup()
}

// GroupValue is the value by which the field groups span i of b; see AggregateQuery.
func (f *Field) GroupValue(b *span.Batch, i int) span.Value {
	s := &b.Spans[i]
	switch f.Intrinsic {
	case SpanName:
		return span.String(s.Name)
	case KindOf:
		return span.Int(int64(s.Kind))
	case StatusOf:
		return span.Int(int64(s.Status))
	case StatusMessage:
		return span.String(s.StatusMessage)
	case ScopeName:
		return span.String(b.Scopes[s.Scope].Name)
	case ScopeVersion:
		return span.String(b.Scopes[s.Scope].Version)
	case Duration:
		return span.Int(s.Duration())
	}
	var v span.Value
	switch f.Scope {
	case ScopeAny:
		var ok bool
		if v, ok = b.Get(s.Attrs, f.Name); !ok {
			v, _ = b.Get(b.ResourceOf(s).Attrs, f.Name)
		}
	case ScopeSpan:
		v, _ = b.Get(s.Attrs, f.Name)
	case ScopeResource:
		v, _ = b.Get(b.ResourceOf(s).Attrs, f.Name)
	case ScopeInstrumentation:
		v, _ = b.Get(b.Scopes[s.Scope].Attrs, f.Name)
	}
	return OrNil(v)
}

// OrNil is v, or nil, the zero Value, for an attribute that is there without a value.
func OrNil(v span.Value) span.Value {
	if v.Kind == span.ValueEmpty {
		return span.Value{}
	}
	return v
}

// IsNumber reports whether v adds to sums and quantiles.
func IsNumber(v span.Value) bool {
	return v.Kind == span.ValueInt || v.Kind == span.ValueDouble && !math.IsNaN(v.Double())
}
