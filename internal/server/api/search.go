package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/store"
)

const (
	maxQuery      = 8192 // bytes of q
	defaultLimit  = 20
	maxLimit      = 1000
	defaultWindow = time.Hour
	// clockSlack lets a search without an end find spans of senders whose clock is ahead.
	clockSlack = time.Minute
	ndjson     = "application/x-ndjson"
)

// Search finds traces, as one document or as lines.
func (s *server) Search(w http.ResponseWriter, r *http.Request, p SearchParams) {
	q, err := s.searchQuery(r, p)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	run := &searchRun{s: s, q: q, text: p.Q, preview: p.Preview, began: s.Clock.Now()}
	if accepts(r, ndjson) {
		s.searchLines(w, r, run)
		return
	}
	out := SearchResult{Traces: []TraceRow{}}
	err = run.each(r.Context(), func(row TraceRow) error {
		out.Traces = append(out.Traces, row)
		return nil
	})
	if err != nil {
		s.fail(w, r, fmt.Errorf("search: %w", err))
		return
	}
	out.NextPage, out.Partial, out.Stats = run.nextPage, run.partial, run.stats()
	s.writeJSON(w, out)
}

// searchEnd is the last line of a streamed answer.
type searchEnd struct {
	NextPage string      `json:"next_page,omitempty"`
	Partial  string      `json:"partial,omitempty"`
	Stats    SearchStats `json:"stats"`
}

// searchLines writes each row as soon as it is found. Until the first one an error is
// still an ordinary answer.
func (s *server) searchLines(w http.ResponseWriter, r *http.Request, run *searchRun) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	out := http.NewResponseController(w)
	started := false
	line := func(v any) error {
		if !started {
			started = true
			w.Header().Set("Content-Type", ndjson)
			w.WriteHeader(http.StatusOK)
		}
		if err := enc.Encode(v); err != nil {
			return err
		}
		return out.Flush()
	}
	err := run.each(r.Context(), func(row TraceRow) error { return line(row) })
	switch {
	case err == nil:
		_ = line(searchEnd{run.nextPage, run.partial, run.stats()})
	case !started:
		s.fail(w, r, fmt.Errorf("search: %w", err))
	default:
		f, id := Report(r.Context(), s.Log, err, "method", r.Method, "path", r.URL.Path)
		_ = line(map[string]Problem{"error": f.Problem(id, r.URL.Path)})
	}
}

// searchQuery reads the parameters. A page token overrules the window.
func (s *server) searchQuery(r *http.Request, p SearchParams) (store.Query, error) {
	q := store.Query{Tenant: s.tenant(r), Limit: defaultLimit}
	c, err := s.compile(p.Q)
	if err != nil {
		return q, err
	}
	q.Filter = c.Filter
	switch p.Order {
	case "":
		q.Order = c.Order
	case SearchParamsOrderNewest:
	case SearchParamsOrderDuration:
		q.Order = store.LongestFirst
	default:
		return q, badRequest("order: want newest or duration", "")
	}
	if q.Limit, err = limitParam(r, p.Limit, defaultLimit, maxLimit); err != nil {
		return q, err
	}
	if p.Page != "" {
		q.Window, q.After, err = decodePage(p.Page, p.Q, q.Order)
		return q, err
	}
	q.Window, err = s.window(p.Start, p.End)
	return q, err
}

func (s *server) compile(text string) (Compiled, error) {
	if len(text) > maxQuery {
		return Compiled{}, badRequest(fmt.Sprintf("q: %d bytes, at most %d", len(text), maxQuery), "")
	}
	return s.Queries.Compile(text)
}

// limitParam tells an explicit zero from none.
func limitParam(r *http.Request, n, none, most int) (int, error) {
	if n == 0 && !r.URL.Query().Has("limit") {
		return none, nil
	}
	if n < 1 || n > most {
		return 0, badRequest(fmt.Sprintf("limit: want 1 to %d", most), "")
	}
	return n, nil
}

// window reads start and end; the default is the last hour.
func (s *server) window(start, end string) (store.Window, error) {
	var win store.Window
	var err error
	now := s.Clock.Now()
	win.End = now.Add(clockSlack).UnixNano()
	if end != "" {
		if win.End, err = parseTime(end); err != nil {
			return win, badRequest("end: "+err.Error(), "")
		}
	}
	if start == "" {
		win.Start = now.Add(-defaultWindow).UnixNano()
		if end != "" {
			win.Start = win.End - int64(defaultWindow)
		}
		return win, nil
	}
	if win.Start, err = parseTime(start); err != nil {
		return win, badRequest("start: "+err.Error(), "")
	}
	if win.Start > win.End {
		return win, badRequest("start is after end", "")
	}
	return win, nil
}

// allTime is the window of name lists without one.
var allTime = store.Window{Start: 0, End: math.MaxInt64}

// searchRun is one search on its way.
type searchRun struct {
	s       *server
	q       store.Query
	text    string
	preview bool
	began   time.Time

	rows     int
	nextPage string
	partial  string
}

// each yields the rows of the page. It asks for one more, to know whether there is a next
// page.
func (run *searchRun) each(ctx context.Context, yield func(TraceRow) error) error {
	q := run.q
	q.Limit++
	var last store.Summary
	for sum, err := range run.s.Queries.Search(ctx, q) {
		var partial *store.PartialError
		if errors.As(err, &partial) {
			run.partial = partial.Reason
			if run.rows > 0 {
				run.nextPage = encodePage(run.q.Window, run.text, run.q.Order, last.Cursor())
			}
			return nil
		}
		if err != nil {
			return err
		}
		if run.rows == run.q.Limit {
			run.nextPage = encodePage(run.q.Window, run.text, run.q.Order, last.Cursor())
			return nil
		}
		row := traceRow(&sum)
		if run.preview {
			if err := run.addPreview(ctx, &row, &sum); err != nil {
				return err
			}
		}
		if err := yield(row); err != nil {
			return err
		}
		last = sum
		run.rows++
	}
	return nil
}

// addPreview leaves the row as it is if the trace is too large, or gone since it was
// found.
func (run *searchRun) addPreview(ctx context.Context, row *TraceRow, sum *store.Summary) error {
	if sum.Spans > previewSpans {
		return nil
	}
	b, err := run.s.Reader.Trace(ctx, run.q.Tenant, sum.TraceID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("preview of trace %s: %w", sum.TraceID, err)
	}
	addPreview(row, tree.Build(b))
	return nil
}

func (run *searchRun) stats() SearchStats {
	return SearchStats{ElapsedNs: nano(int64(run.s.Clock.Now().Sub(run.began))), Rows: run.rows}
}

func traceRow(s *store.Summary) TraceRow {
	return TraceRow{
		TraceId: s.TraceID.String(), RootService: text(s.RootService), RootName: text(s.RootName),
		StartUnixNano: nano(s.Start), DurationNs: nano(s.End - s.Start),
		Spans: s.Spans, Errors: s.Errors, Matched: s.Matched,
	}
}

// accepts reports whether the client asks for a media type by name.
func accepts(r *http.Request, mediaType string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if typ, _, err := mime.ParseMediaType(part); err == nil && typ == mediaType {
			return true
		}
	}
	return false
}
