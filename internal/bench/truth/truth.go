package truth

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/weft-dev/weft/internal/bench/workload"
)

// Limit is how many traces an answer holds.
const Limit = 20

// Trace is what an answer says of a trace.
type Trace struct {
	ID         [16]byte
	Spans      int32
	Errors     int32
	Start, End int64  // of the earliest and the latest, Unix nanoseconds
	Content    uint64 // sum over the spans of their Content; see content.go
}

// question is what is asked of the spans of one service, or of all where it is "".
type question struct {
	kind    Kind
	service string
	text    string // operation, or value of the attribute
	atLeast time.Duration
}

// newest is the answer to a question, by the search's documented order: the newest start
// of a matching span first, equal ones by trace id.
type newest struct {
	rows    []hit // at most Limit, in order
	matched int   // traces
}

type hit struct {
	start int64
	trace int32
}

// Truth is what is known of one stream.
type Truth struct {
	UserKey, OrderKey string
	Traces            []Trace // by number
	Spans             int

	// userShare is the part of the users whose questions are kept: one in so many.
	userShare uint64
	// orderShare is the same for orders; it grows when more than mostOrders are kept.
	orderShare uint64
	orders     []order
	durations  []time.Duration
	answers    map[question]*newest
	seen       map[question]int64 // of the trace being added; reused
}

// order is a value of one trace only, and a service whose span carries it.
type order struct {
	value, service string
	trace          int32
}

const mostOrders = 4000

// New is the truth of a stream of about so many spans in world.
func New(world workload.World, spans int) *Truth {
	return &Truth{
		UserKey: world.UserKey, OrderKey: world.OrderKey, userShare: uint64(max(1, spans/4_000_000)), orderShare: 1, durations: durations(),
		answers: map[question]*newest{}, seen: map[question]int64{},
	}
}

// durations are the minimum durations that may be asked for, some 25 % apart.
func durations() []time.Duration {
	var list []time.Duration
	for d := float64(10 * time.Millisecond); d < float64(5*time.Minute); d *= 1.25 {
		list = append(list, time.Duration(d).Truncate(100*time.Microsecond))
	}
	return list
}

// Add takes the next trace, whole. It keeps none of spans.
func (t *Truth) Add(spans []workload.Span) {
	no := int32(len(t.Traces))
	tr := Trace{ID: [16]byte(spans[0].TraceId), Spans: int32(len(spans)), Start: math.MaxInt64}
	clear(t.seen)
	for _, s := range spans {
		start, end := int64(s.StartTimeUnixNano), int64(s.EndTimeUnixNano)
		tr.Start, tr.End = min(tr.Start, start), max(tr.End, end)
		tr.Content += contentSent(s)
		t.see(question{kind: Operation, service: s.Service, text: s.Name}, start)
		if s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR {
			tr.Errors++
			t.see(question{kind: Errors, service: s.Service}, start)
		}
		for _, d := range t.durations {
			if time.Duration(end-start) < d {
				break
			}
			t.see(question{kind: MinDuration, service: s.Service, atLeast: d}, start)
		}
		for _, a := range s.Attributes {
			switch v := a.Value.GetStringValue(); a.Key {
			case t.UserKey:
				if hash(v)%t.userShare == 0 {
					t.see(question{kind: User, service: s.Service, text: v}, start)
				}
			case t.OrderKey:
				t.addOrder(order{v, s.Service, no})
			}
		}
	}
	t.Traces = append(t.Traces, tr)
	t.Spans += len(spans)
	for q, start := range t.seen {
		a := t.answers[q]
		if a == nil {
			a = &newest{}
			t.answers[q] = a
		}
		a.matched++
		t.offer(a, hit{start, no})
	}
}

// see notes a matching span of the trace being added.
func (t *Truth) see(q question, start int64) {
	if was, ok := t.seen[q]; !ok || start > was {
		t.seen[q] = start
	}
}

func (t *Truth) addOrder(o order) {
	if hash(o.value)%t.orderShare != 0 {
		return
	}
	t.orders = append(t.orders, o)
	for len(t.orders) > mostOrders {
		t.orderShare *= 2
		t.orders = slices.DeleteFunc(t.orders, func(o order) bool { return hash(o.value)%t.orderShare != 0 })
	}
}

func (t *Truth) offer(a *newest, h hit) {
	at, _ := slices.BinarySearchFunc(a.rows, h, t.compare)
	if at == Limit {
		return
	}
	if len(a.rows) == Limit {
		a.rows = a.rows[:Limit-1]
	}
	a.rows = slices.Insert(a.rows, at, h)
}

func (t *Truth) compare(a, b hit) int {
	x, y := &t.Traces[a.trace].ID, &t.Traces[b.trace].ID
	return cmp.Or(cmp.Compare(b.start, a.start), bytes.Compare(x[:], y[:]))
}
