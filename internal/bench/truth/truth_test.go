package truth

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/trace/query"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// sent is a small stream: its truth, and its traces as a receiver decodes them.
func sent(t *testing.T, w workload.World, spans int) (*Truth, []*span.Batch) {
	t.Helper()
	truth := New(w, spans)
	c := workload.Config{World: w, Seed: 5, Spans: spans, From: time.Unix(1_760_000_000, 0)}
	builders := map[span.TraceID]*span.Builder{}
	for r, err := range c.Requests(truth.Add) {
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := otlp.Decode(r.Body, otlp.NoLimits())
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Spans {
			id := b.Spans[i].TraceID
			if builders[id] == nil {
				builders[id] = &span.Builder{}
			}
			builders[id].Append(b, i)
		}
	}
	var traces []*span.Batch
	for _, b := range builders {
		traces = append(traces, b.Batch())
	}
	return truth, traces
}

// scan answers a search from all spans, by the meaning the store gives to expressions.
func scan(t *testing.T, text string, truth *Truth, traces []*span.Batch) []Row {
	t.Helper()
	filter, order, _, err := query.Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	from, to := truth.Window()
	q := &store.Query{Filter: filter, Order: order, Window: store.Window{Start: from.UnixNano(), End: to.UnixNano()}}
	m := store.NewMatcher(filter)
	var found []store.Summary
	for _, b := range traces {
		if s, ok := m.MatchTrace(q, b); ok {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b store.Summary) int {
		return cmp.Or(cmp.Compare(b.Key, a.Key), bytes.Compare(a.TraceID[:], b.TraceID[:]))
	})
	var rows []Row
	for _, s := range found[:min(Limit, len(found))] {
		rows = append(rows, Row{s.TraceID, s.Spans, s.Errors, s.Start, s.End - s.Start})
	}
	return rows
}

// For every kind of question the truth says what a scan over all spans says.
func TestScan(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine: the race detector has nothing to see, the full run has it")
	}
	for _, w := range workload.Worlds() {
		truth, traces := sent(t, w, 20_000)
		for _, kind := range Kinds()[2:] {
			questions := truth.Questions(kind, 1, 40)
			if len(questions) != 40 {
				t.Errorf("%s: %d questions of kind %s", w.Name, len(questions), kind)
			}
			full := 0
			for _, q := range questions {
				if len(q.Want) == 0 {
					t.Errorf("%s: %s: no answer", w.Name, q.Query)
				}
				if len(q.Want) == Limit {
					full++
				}
				if err := q.CompareRows(scan(t, q.Query, truth, traces)); err != nil {
					t.Errorf("%s: %s: %v", w.Name, kind, err)
				}
			}
			if (kind == Operation || kind == Errors) && full == 0 {
				t.Errorf("%s: no question of kind %s has more than %d traces", w.Name, kind, Limit)
			}
		}
	}
}

// A trace read by id is compared with its content: what is missing, doubled or changed in
// any field shows.
func TestCompareTrace(t *testing.T) {
	truth, traces := sent(t, workload.Shop(), 3000)
	want := map[span.TraceID]Trace{}
	for _, tr := range truth.Traces {
		want[tr.ID] = tr
	}
	f := func(name string, change func(b *span.Batch) *span.Batch, wrong string) {
		t.Helper()
		tried := 0
		for _, b := range traces {
			if len(b.Spans) < 20 || len(b.Events) == 0 || len(b.Links) == 0 {
				continue
			}
			tried++
			q := Question{Kind: ByID, ID: b.Spans[0].TraceID, Want: []Trace{want[b.Spans[0].TraceID]}}
			c := *b
			c.Spans, c.Attrs, c.Events, c.Links = slices.Clone(b.Spans), slices.Clone(b.Attrs), slices.Clone(b.Events), slices.Clone(b.Links)
			err := q.CompareTrace(change(&c))
			if got := err != nil && strings.Contains(err.Error(), wrong); got != (wrong != "") {
				t.Errorf("%s: %v, want %q", name, err, wrong)
			}
		}
		if tried == 0 {
			t.Errorf("%s: no trace is large enough", name)
		}
	}
	f("same", func(b *span.Batch) *span.Batch { return b }, "")
	f("other order", func(b *span.Batch) *span.Batch { slices.Reverse(b.Spans); return b }, "")
	f("not found", func(*span.Batch) *span.Batch { return nil }, "not found")
	f("missing", func(b *span.Batch) *span.Batch { b.Spans = b.Spans[1:]; return b }, "spans, want")
	f("doubled", func(b *span.Batch) *span.Batch { b.Spans = append(b.Spans, b.Spans[0]); return b }, "spans, want")
	f("one for another", func(b *span.Batch) *span.Batch { b.Spans[1] = b.Spans[0]; return b }, "changed")
	f("time", func(b *span.Batch) *span.Batch { b.Spans[3].End++; return b }, "changed")
	f("parent", func(b *span.Batch) *span.Batch { b.Spans[3].Parent[0]++; return b }, "changed")
	f("status", func(b *span.Batch) *span.Batch { b.Spans[3].StatusMessage += "."; return b }, "changed")
	f("attribute", func(b *span.Batch) *span.Batch {
		b.Attrs[b.Spans[3].Attrs.From].Value = span.String("other")
		return b
	}, "changed")
	f("event", func(b *span.Batch) *span.Batch { b.Events[0].Time++; return b }, "changed")
	f("link", func(b *span.Batch) *span.Batch { b.Links[0].Flags++; return b }, "changed")
}

// A trace that nobody sent is not found.
func TestCompareUnknown(t *testing.T) {
	truth, traces := sent(t, workload.Shop(), 500)
	for _, q := range truth.Questions(UnknownID, 1, 10) {
		if err := q.CompareTrace(nil); err != nil {
			t.Error(err)
		}
		if err := q.CompareTrace(traces[0]); err == nil {
			t.Error("a trace was read by an id nobody sent, and nothing is wrong")
		}
	}
}

// The answer to a search is compared row by row, in order.
func TestCompareRows(t *testing.T) {
	trace := func(n byte) Trace {
		return Trace{ID: [16]byte{n}, Spans: int32(n), Errors: 1, Start: 100, End: 150}
	}
	row := func(n byte) Row {
		return Row{ID: span.TraceID{n}, Spans: int(n), Errors: 1, Start: 100, Duration: 50}
	}
	q := Question{Kind: Errors, Query: "{ status = error }", Want: []Trace{trace(1), trace(2), trace(3)}}
	f := func(wrong string, got ...Row) {
		t.Helper()
		err := q.CompareRows(got)
		if (err != nil) != (wrong != "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%v: %v, want %q", got, err, wrong)
		}
	}
	changed := func(change func(*Row)) Row {
		r := row(2)
		change(&r)
		return r
	}
	f("", row(1), row(2), row(3))
	f("row 1, trace 0100", nil...)
	f("row 3, trace 0300", row(1), row(2))
	f("row 2 is", row(1), row(3))
	f("row 1 is", row(2), row(1), row(3)) // the order counts
	f("too many", row(1), row(2), row(3), row(4))
	f("row 2 is", row(1), row(1), row(2), row(3)) // twice
	f("row 2 is", row(1), changed(func(r *Row) { r.Spans++ }), row(3))
	f("row 2 is", row(1), changed(func(r *Row) { r.Errors-- }), row(3))
	f("row 2 is", row(1), changed(func(r *Row) { r.Start++ }), row(3))
	f("row 2 is", row(1), changed(func(r *Row) { r.Duration-- }), row(3))
}

// The sample of orders stays small however many there are, and is of all of the stream.
func TestOrdersAreSampled(t *testing.T) {
	truth := New(workload.Shop(), 1)
	const all = 50_000
	for i := range all {
		truth.addOrder(order{value: string(rune('a'+i%26)) + time.Duration(i).String(), trace: int32(i)})
	}
	if n := len(truth.orders); n > mostOrders || n < mostOrders/4 {
		t.Errorf("%d orders are kept, want at most %d", n, mostOrders)
	}
	if first, last := truth.orders[0].trace, truth.orders[len(truth.orders)-1].trace; first > all/10 || last < all*9/10 {
		t.Errorf("orders are kept from trace %d to %d of %d", first, last, all)
	}
}
