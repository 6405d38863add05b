package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

const (
	// tailRate is the rows a client gets in a second; more than anyone reads.
	tailRate = 200
	// tailGather lets the spans of a trace that arrive together make one row.
	tailGather = 250 * time.Millisecond
	// tailPending bounds the traces that wait for their row.
	tailPending = 1000
	// tailResume is what a client that comes back gets at most.
	tailResume = 1000
	// tailBefore is how long before the last event a span may have started to be found
	// again at a resume.
	tailBefore = time.Minute
)

// Tail follows what arrives. One goroutine reads the store and hands batches over one by
// one: a client that reads slowly makes it fall behind, and the store says what was lost.
func (s *server) Tail(w http.ResponseWriter, r *http.Request, p TailParams) {
	c, err := s.compile(p.Q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if p.Rows != "" && !p.Rows.Valid() {
		s.fail(w, r, badRequest("rows: want traces or spans", ""))
		return
	}
	var since int64
	if p.LastEventID != "" {
		if since, err = strconv.ParseInt(p.LastEventID, 10, 64); err != nil {
			s.fail(w, r, badRequest("Last-Event-ID: this is no id of this stream", ""))
			return
		}
	}
	tenant := s.tenant(r)
	if err := s.tails.add(tenant, maxTails); err != nil {
		s.fail(w, r, fmt.Errorf("tail: %w", err))
		return
	}
	defer s.tails.remove(tenant)
	t := &tailer{
		s: s, tenant: tenant, filter: c.Filter, match: store.NewMatcher(c.Filter), spans: p.Rows == TailParamsRowsSpans,
		out: eventWriter{w: w, flush: http.NewResponseController(w).Flush},
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	err = t.run(r.Context(), since)
	if err != nil && r.Context().Err() == nil {
		f, id := Report(r.Context(), s.Log, fmt.Errorf("tail: %w", err), "method", r.Method, "path", r.URL.Path)
		_ = t.out.event("error", "", f.Problem(id, r.URL.Path))
	}
}

// arrived is what the store's tail yields.
type arrived struct {
	batch *span.Batch
	err   error
}

// tailer is one client of the live tail. Its fields belong to run's goroutine.
type tailer struct {
	s      *server
	tenant string
	filter store.Expr
	match  *store.Matcher
	spans  bool
	out    eventWriter

	pending []span.TraceID // traces with a new match, in order of arrival
	waiting map[span.TraceID]bool
	second  int64 // the second that sent counts in
	sent    int
	lost    int // matching spans not sent since the last "lost"
	lag     bool
}

func (t *tailer) run(ctx context.Context, since int64) error {
	ctx, cancel := context.WithCancel(ctx)
	in := make(chan arrived)
	done := make(chan struct{})
	batches := t.s.Reader.Tail(ctx, t.tenant) // from here on nothing is missed
	go func() {
		defer close(done)
		defer close(in)
		for b, err := range batches {
			select {
			case in <- arrived{b, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() {
		cancel()
		<-done
	}()
	// A client that saw no row before it lost us says by this id where it was. One that
	// resumes keeps its own until the first row.
	from := ""
	if since == 0 {
		from = t.id()
	}
	if err := t.out.opened(from); err != nil {
		return err
	}
	if since != 0 {
		if err := t.resume(ctx, since); err != nil {
			return err
		}
	}
	t.waiting = map[span.TraceID]bool{}
	beat := t.s.Clock.After(t.s.Heartbeat)
	var gather <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a, ok := <-in:
			if !ok {
				return ctx.Err()
			}
			if err := t.take(ctx, a); err != nil {
				return err
			}
			if gather == nil && (len(t.pending) > 0 || t.lost > 0) {
				gather = t.s.Clock.After(tailGather)
			}
		case <-gather:
			gather = nil
			if err := t.sendPending(ctx); err != nil {
				return err
			}
			if err := t.sendLost(); err != nil {
				return err
			}
		case <-beat:
			beat = t.s.Clock.After(t.s.Heartbeat)
			if err := t.out.comment("still here"); err != nil {
				return err
			}
		}
	}
}

// take looks at one batch that has arrived.
func (t *tailer) take(ctx context.Context, a arrived) error {
	var lag *store.LagError
	if errors.As(a.err, &lag) {
		t.lost, t.lag = t.lost+lag.Spans, true
		return nil
	}
	if a.err != nil {
		return a.err
	}
	if t.spans && t.match.NeedsTrace() {
		return t.takeWithTrace(ctx, a.batch)
	}
	for i := range a.batch.Spans {
		// Where the answer depends on the trace, Maybe lets it in and the row decides.
		if !t.match.Maybe(a.batch, i) {
			continue
		}
		if t.spans {
			if err := t.sendSpan(a.batch, i); err != nil {
				return err
			}
			continue
		}
		t.remember(a.batch.Spans[i].TraceID)
	}
	return nil
}

func (t *tailer) remember(id span.TraceID) {
	switch {
	case t.waiting[id]:
	case len(t.pending) == tailPending:
		t.lost++
	default:
		t.waiting[id] = true
		t.pending = append(t.pending, id)
	}
}

// takeWithTrace decides span by span with the whole trace in view.
func (t *tailer) takeWithTrace(ctx context.Context, b *span.Batch) error {
	byTrace := map[span.TraceID][]int{}
	for i := range b.Spans {
		if t.match.Maybe(b, i) {
			byTrace[b.Spans[i].TraceID] = append(byTrace[b.Spans[i].TraceID], i)
		}
	}
	for id, spans := range byTrace {
		whole, err := t.s.Reader.Trace(ctx, t.tenant, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		view := store.NewTraceView(whole)
		for k := range whole.Spans {
			for _, i := range spans {
				if whole.Spans[k].SpanID == b.Spans[i].SpanID && whole.EqualSpan(k, b, i) && t.match.Match(whole, k, view) {
					if err := t.sendSpan(whole, k); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// allowed counts a row against the rate.
func (t *tailer) allowed() bool {
	if now := t.s.Clock.Now().Unix(); now != t.second {
		t.second, t.sent = now, 0
	}
	if t.sent == tailRate {
		t.lost++
		return false
	}
	t.sent++
	return true
}

func (t *tailer) sendSpan(b *span.Batch, i int) error {
	if !t.allowed() {
		return nil
	}
	return t.out.event("span", t.id(), tailSpan(b, i))
}

// sendPending sends the row of each trace that got a matching span.
func (t *tailer) sendPending(ctx context.Context) error {
	for _, id := range t.pending {
		if !t.allowed() {
			continue
		}
		b, err := t.s.Reader.Trace(ctx, t.tenant, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		sum, ok := t.match.MatchTrace(&store.Query{Window: allTime}, b)
		if !ok {
			continue
		}
		if err := t.out.event("trace", t.id(), traceRow(&sum)); err != nil {
			return err
		}
	}
	t.pending = t.pending[:0]
	clear(t.waiting)
	return nil
}

func (t *tailer) sendLost() error {
	if t.lost == 0 {
		return nil
	}
	reason := fmt.Sprintf("more than %d rows a second", tailRate)
	if t.lag {
		reason = "this client reads too slowly"
	}
	n := t.lost
	t.lost, t.lag = 0, false
	return t.out.event("lost", "", TailLost{Spans: n, Reason: reason})
}

// resume sends what matched while the client was away. Spans are found by their start, so
// one that started earlier and arrived meanwhile is not; the "lost" event says so.
func (t *tailer) resume(ctx context.Context, since int64) error {
	q := store.Query{
		Tenant: t.tenant, Filter: t.filter, Limit: tailResume,
		Window: store.Window{Start: since - int64(tailBefore), End: allTime.End},
	}
	rows := 0
	for sum, err := range t.s.Queries.Search(ctx, q) {
		var cut *store.PartialError
		if errors.As(err, &cut) || errors.Is(err, ErrBusy) || rows >= tailResume {
			break
		}
		if err != nil {
			return err
		}
		if !t.spans {
			rows++
			if err := t.out.event("trace", t.id(), traceRow(&sum)); err != nil {
				return err
			}
			continue
		}
		b, err := t.s.Reader.Trace(ctx, t.tenant, sum.TraceID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		var view *store.TraceView
		if t.match.NeedsTrace() {
			view = store.NewTraceView(b)
		}
		for i := range b.Spans {
			if rows < tailResume && q.Contains(b.Spans[i].Start) && t.match.Match(b, i, view) {
				rows++
				if err := t.out.event("span", t.id(), tailSpan(b, i)); err != nil {
					return err
				}
			}
		}
	}
	reason := "spans that arrived while this client was away, and started before that, are not repeated"
	if rows >= tailResume {
		reason = fmt.Sprintf("more than %d rows while this client was away", tailResume)
	}
	return t.out.event("lost", "", TailLost{SinceUnixNano: nano(since), Reason: reason})
}

// id names an event by the time it was sent, which is all a resume needs.
func (t *tailer) id() string { return strconv.FormatInt(t.s.Clock.Now().UnixNano(), 10) }

func tailSpan(b *span.Batch, i int) TailSpan {
	s := &b.Spans[i]
	out := TailSpan{
		TraceId: s.TraceID.String(), SpanId: s.SpanID.String(), Service: text(b.Service(s)), Name: text(s.Name),
		Kind: kindWord(s.Kind), Status: statusWord(s.Status), StatusMessage: text(s.StatusMessage),
		StartUnixNano: nano(s.Start), DurationNs: nano(s.Duration()), Ended: s.End != 0,
	}
	if !s.Parent.IsZero() {
		out.ParentSpanId = s.Parent.String()
	}
	return out
}

// eventWriter writes server-sent events, each flushed.
type eventWriter struct {
	w     io.Writer
	flush func() error
}

func (e *eventWriter) event(name, id string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("write event %s: %w", name, err)
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	if _, err := fmt.Fprintf(e.w, "%sevent: %s\ndata: %s\n\n", id, name, body); err != nil {
		return err
	}
	return e.flush()
}

// opened is the comment that the tail has begun, with the id it begins at if there is one.
func (e *eventWriter) opened(id string) error {
	if id != "" {
		id = "id: " + id + "\n"
	}
	if _, err := fmt.Fprintf(e.w, "%s: following\n\n", id); err != nil {
		return err
	}
	return e.flush()
}

func (e *eventWriter) comment(text string) error {
	if _, err := fmt.Fprintf(e.w, ": %s\n\n", text); err != nil {
		return err
	}
	return e.flush()
}
