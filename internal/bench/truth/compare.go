package truth

import (
	"fmt"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Row is one trace of a search's answer.
type Row struct {
	ID            span.TraceID
	Spans, Errors int
	Start         int64
	Duration      int64
}

// CompareRows says what is wrong with the answer to a search: its rows, their order,
// their numbers. Nil if nothing is.
func (q *Question) CompareRows(got []Row) error {
	for i, w := range q.Want {
		if i >= len(got) {
			return fmt.Errorf("%s: %d rows, want %d: row %d, trace %x, is missing", q.Query, len(got), len(q.Want), i+1, w.ID)
		}
		want := Row{w.ID, int(w.Spans), int(w.Errors), w.Start, w.End - w.Start}
		if got[i] != want {
			return fmt.Errorf("%s: row %d is %+v, want %+v", q.Query, i+1, got[i], want)
		}
	}
	if len(got) > len(q.Want) {
		return fmt.Errorf("%s: %d rows, want %d: trace %s is too many", q.Query, len(got), len(q.Want), got[len(q.Want)].ID)
	}
	return nil
}

// CompareTrace says what is wrong with a trace read by its id: spans that are missing,
// there twice, or changed. got is nil where the server knows no such trace.
func (q *Question) CompareTrace(got *span.Batch) error {
	if len(q.Want) == 0 {
		if got != nil {
			return fmt.Errorf("trace %s: %d spans of a trace nobody sent", q.ID, len(got.Spans))
		}
		return nil
	}
	want := q.Want[0]
	if got == nil {
		return fmt.Errorf("trace %s: not found, want %d spans", q.ID, want.Spans)
	}
	if len(got.Spans) != int(want.Spans) {
		return fmt.Errorf("trace %s: %d spans, want %d", q.ID, len(got.Spans), want.Spans)
	}
	sum := uint64(0)
	for i := range got.Spans {
		sum += contentRead(got, i)
	}
	if sum != want.Content {
		return fmt.Errorf("trace %s: a span came back changed", q.ID)
	}
	return nil
}
