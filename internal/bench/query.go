package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/weft-dev/weft/internal/bench/truth"
)

// answers is what came of asking questions of one kind.
type answers struct {
	latencies
	second latencies // of the same question asked again at once
	asked  int
	wrong  []error
}

// ask asks each question of a kind twice, one by one, and compares every answer. The clock runs
// from the request to the last byte of the answer.
func (k *kept) ask(ctx context.Context, c *client, kind truth.Kind) (*answers, error) {
	var a answers
	for _, q := range k.Questions {
		if q.Kind != kind {
			continue
		}
		for _, l := range []*latencies{&a.latencies, &a.second} {
			var body []byte
			var err error
			start := time.Now()
			if q.Query == "" {
				body, err = c.traceBytes(ctx, q.ID)
			} else {
				body, err = c.searchBytes(ctx, q.Query, k.From, k.To, truth.Limit, "")
			}
			l.add(time.Since(start))
			if err != nil {
				return nil, err
			}
			a.asked++
			if err := check(q, body); err != nil {
				a.wrong = append(a.wrong, fmt.Errorf("%s: %w", q.Kind, err))
			}
		}
	}
	return &a, nil
}

func check(q truth.Question, body []byte) error {
	if q.Query == "" {
		b, err := decodeTrace(body)
		if err != nil {
			return err
		}
		return q.CompareTrace(b)
	}
	rows, _, err := decodeSearch(body)
	if err != nil {
		return err
	}
	return q.CompareRows(rows)
}

// everyTrace lists all traces there are and compares each with the truth: none missing,
// none twice, none with more or fewer spans.
func everyTrace(ctx context.Context, c *client, t *truth.Truth) (wrong []error, err error) {
	want := t.ByTraceID()
	from, to := t.Window()
	const pageRows = 1000
	for page := ""; ; {
		body, err := c.searchBytes(ctx, "{}", from, to, pageRows, page)
		if err != nil {
			return nil, err
		}
		rows, next, err := decodeSearch(body)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			id := hex.EncodeToString(r.ID[:])
			w, ok := want[id]
			switch {
			case !ok:
				wrong = append(wrong, fmt.Errorf("all traces: %s is listed twice or was never sent", id))
			case int(w.Spans) != r.Spans || int(w.Errors) != r.Errors || w.Start != r.Start || w.End-w.Start != r.Duration:
				wrong = append(wrong, fmt.Errorf("all traces: %+v, want %d spans, %d errors, start %d, duration %d", r, w.Spans, w.Errors, w.Start, w.End-w.Start))
			}
			delete(want, id)
		}
		if page = next; page == "" {
			break
		}
	}
	for id := range want {
		wrong = append(wrong, fmt.Errorf("all traces: %s is missing", id))
	}
	return wrong, nil
}
