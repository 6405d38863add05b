package jaeger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/trace/ingest/jaegerjson"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// maxNames bounds lists of services and operations; Jaeger has no paging for them.
const maxNames = 10_000

// allTime is the window of name lists.
var allTime = store.Window{Start: 0, End: 1<<63 - 1}

// wrapper is the envelope of every v1 answer.
type wrapper struct {
	Data     any            `json:"data"`
	Total    int            `json:"total"`
	Limit    int            `json:"limit"`
	Offset   int            `json:"offset"`
	Errors   []wrapperError `json:"errors"`
	Warnings []string       `json:"warnings,omitempty"` // ours: why an answer was cut
}

type wrapperError struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"msg"`
	TraceID string `json:"traceID,omitempty"`
}

func failV1(w http.ResponseWriter, f api.Fault) {
	w.WriteHeader(f.HTTP)
	_ = writeJSON(w, wrapper{Errors: []wrapperError{{Code: f.HTTP, Message: message(f)}}})
}

func (s *server) names(r *http.Request, q store.NameQuery) ([]store.Name, error) {
	q.Tenant, q.Window, q.Limit = s.tenant(r), allTime, maxNames
	names, err := s.Reader.Names(r.Context(), q)
	if err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	return names, nil
}

func (s *server) serviceNames(r *http.Request) ([]string, error) {
	names, err := s.names(r, store.NameQuery{Kind: store.ServiceNames})
	out := []string{}
	for _, n := range names {
		out = append(out, n.Text)
	}
	return out, err
}

func (s *server) v1Services(w http.ResponseWriter, r *http.Request) error {
	names, err := s.serviceNames(r)
	if err != nil {
		return err
	}
	return writeJSON(w, wrapper{Data: names, Total: len(names)})
}

// v1ServiceOperations lists names only, each once.
func (s *server) v1ServiceOperations(w http.ResponseWriter, r *http.Request) error {
	names, err := s.names(r, store.NameQuery{Kind: store.OperationNames, Service: r.PathValue("service")})
	if err != nil {
		return err
	}
	out, seen := []string{}, map[string]bool{}
	for _, n := range names {
		if !seen[n.Text] {
			seen[n.Text] = true
			out = append(out, n.Text)
		}
	}
	return writeJSON(w, wrapper{Data: out, Total: len(out)})
}

// operation is a span name with its kind.
type operation struct {
	Name     string `json:"name"`
	SpanKind string `json:"spanKind"`
}

func (s *server) operations(r *http.Request, service, kind string) ([]operation, error) {
	q := store.NameQuery{Kind: store.OperationNames, Service: service}
	if kind != "" {
		k, ok := kinds[strings.ToLower(kind)]
		if !ok {
			return nil, badRequest("span kind %q: want internal, server, client, producer or consumer", kind)
		}
		q.SpanKind = &k
	}
	names, err := s.names(r, q)
	out := []operation{}
	for _, n := range names {
		out = append(out, operation{n.Text, kindWord(n.Kind)})
	}
	return out, err
}

func (s *server) v1Operations(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if q.Get("service") == "" {
		return badRequest("parameter service is required")
	}
	ops, err := s.operations(r, q.Get("service"), q.Get("spanKind"))
	if err != nil {
		return err
	}
	return writeJSON(w, wrapper{Data: ops, Total: len(ops)})
}

// v1Search finds traces, or reads those named by traceID.
func (s *server) v1Search(w http.ResponseWriter, r *http.Request) error {
	params := r.URL.Query()
	if ids := params["traceID"]; len(ids) > 0 {
		return s.v1ByID(w, r, ids)
	}
	c, err := s.v1Criteria(params)
	if err != nil {
		return err
	}
	q, err := c.query(s.tenant(r))
	if err != nil {
		return err
	}
	cut := ""
	out := traceList{w: w}
	for b, err := range s.traces(r.Context(), q, &cut) {
		if err != nil {
			return out.abort(fmt.Errorf("search: %w", err))
		}
		out.add(b)
	}
	var tail wrapper
	if cut != "" {
		tail.Warnings = []string{"partial: " + cut}
	}
	out.finish(tail)
	return nil
}

// v1ByID reads several traces; those that are not there are listed as errors.
func (s *server) v1ByID(w http.ResponseWriter, r *http.Request, ids []string) error {
	if len(ids) > maxLimit {
		return badRequest("traceID: at most %d", maxLimit)
	}
	var tail wrapper
	out := traceList{w: w}
	for _, text := range ids {
		id, err := parseTraceID(text)
		if err != nil {
			return out.abort(err)
		}
		b, err := s.Reader.Trace(r.Context(), s.tenant(r), id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			tail.Errors = append(tail.Errors, wrapperError{http.StatusNotFound, "trace not found", id.String()})
		case err != nil:
			return out.abort(fmt.Errorf("trace %s: %w", id, err))
		default:
			out.add(b)
		}
	}
	out.finish(tail)
	return nil
}

// traceList writes traces one by one: a page of large ones is never in memory at once.
type traceList struct {
	w   http.ResponseWriter
	n   int
	buf []byte
}

func (l *traceList) add(b *span.Batch) {
	lead := `{"data":[`
	if l.n > 0 {
		lead = ","
	}
	l.n++
	l.buf = jaegerjson.AppendTrace(append(l.buf[:0], lead...), b)
	_, _ = l.w.Write(l.buf)
}

// abort reports err, or breaks the connection off if half an answer is out.
func (l *traceList) abort(err error) error {
	if l.n > 0 {
		panic(http.ErrAbortHandler)
	}
	return err
}

func (l *traceList) finish(tail wrapper) {
	if l.n == 0 {
		tail.Data = []string{}
		_ = writeJSON(l.w, tail)
		return
	}
	tail.Total = l.n
	rest, err := json.Marshal(tail)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	// What follows the list is the envelope without its data.
	_, _ = l.w.Write(append([]byte("],"), bytes.TrimPrefix(rest, []byte(`{"data":null,`))...))
}

func (s *server) v1Criteria(p url.Values) (c criteria, err error) {
	c.Service, c.Operation = p.Get("service"), p.Get("operation")
	for _, text := range p["tags"] {
		tags, err := parseTags(text)
		if err != nil {
			return c, err
		}
		c.Tags = append(c.Tags, tags...)
	}
	for _, text := range p["tag"] {
		key, value, ok := strings.Cut(text, ":")
		if !ok {
			return c, badRequest("tag %q: want key:value", text)
		}
		c.Tags = append(c.Tags, tag{key, value})
	}
	if c.DurationMin, err = durationParam(p, "minDuration"); err != nil {
		return c, err
	}
	if c.DurationMax, err = durationParam(p, "maxDuration"); err != nil {
		return c, err
	}
	if c.Limit, err = limitParam(p, "limit"); err != nil {
		return c, err
	}
	c.Window, err = s.v1Window(p)
	return c, err
}

// v1Window reads start and end, in microseconds, or lookback, as in 1h, 2d, custom.
func (s *server) v1Window(p url.Values) (store.Window, error) {
	back := defaultLookback
	if text := p.Get("lookback"); text != "" && text != "custom" {
		var err error
		if back, err = parseLookback(text); err != nil {
			return store.Window{}, err
		}
	}
	w := s.lookback(back)
	if text := p.Get("end"); text != "" {
		us, err := microseconds(text)
		if err != nil {
			return w, badRequest("end: %v", err)
		}
		w = store.Window{Start: us - int64(back), End: us + 1000} // that microsecond included
	}
	if text := p.Get("start"); text != "" {
		us, err := microseconds(text)
		if err != nil {
			return w, badRequest("start: %v", err)
		}
		w.Start = us
	}
	if w.Start > w.End {
		return w, badRequest("start is after end")
	}
	return w, nil
}

func microseconds(text string) (ns int64, err error) {
	us, err := strconv.ParseInt(text, 10, 64)
	if err != nil || us < 0 || us > (1<<63-1)/1000-1 {
		return 0, fmt.Errorf("%q is no time in microseconds", text)
	}
	return us * 1000, nil
}

// parseLookback reads a duration that may be in days or weeks.
func parseLookback(text string) (time.Duration, error) {
	unit := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[text[len(text)-1]]
	if n, err := strconv.Atoi(text[:len(text)-1]); unit > 0 && err == nil && n > 0 && n < 10_000 {
		return time.Duration(n) * unit, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, badRequest("lookback %q: want a duration such as 1h or 2d", text)
	}
	return d, nil
}

func durationParam(p url.Values, key string) (time.Duration, error) {
	text := p.Get(key)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, badRequest("%s %q: want a duration such as 1.2s or 100ms", key, text)
	}
	return d, nil
}

func limitParam(p url.Values, key string) (int, error) {
	text := p.Get(key)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, badRequest("%s %q: want 1 to %d", key, text, maxLimit)
	}
	return min(n, maxLimit), nil
}

// parseTraceID reads hex or, as protobuf's JSON has it, base64.
func parseTraceID(text string) (span.TraceID, error) {
	id, err := span.ParseTraceID(text)
	if err != nil {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if b, e := enc.DecodeString(text); e == nil && len(b) == len(id) {
				return span.TraceID(b), nil
			}
		}
		return id, err
	}
	if id.IsZero() {
		return id, badRequest("trace id: all zeros name no trace")
	}
	return id, nil
}

func (s *server) readTrace(r *http.Request) (*span.Batch, error) {
	id, err := parseTraceID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	b, err := s.Reader.Trace(r.Context(), s.tenant(r), id)
	if err != nil {
		return nil, fmt.Errorf("trace %s: %w", id, err)
	}
	return b, nil
}

func (s *server) v1Trace(w http.ResponseWriter, r *http.Request) error {
	b, err := s.readTrace(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("prettyPrint") == "true" {
		var out bytes.Buffer
		out.WriteString(`{"data":[`)
		out.Write(jaegerjson.AppendTrace(nil, b))
		out.WriteString(`],"total":1,"limit":0,"offset":0,"errors":null}`)
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, out.Bytes(), "", "    "); err != nil {
			return fmt.Errorf("trace %s: %w", r.PathValue("id"), err)
		}
		_, _ = pretty.WriteTo(w)
		return nil
	}
	out := traceList{w: w}
	out.add(b)
	out.finish(wrapper{})
	return nil
}

// dependency is a call from one service to another.
type dependency struct {
	Parent    string `json:"parent"`
	Child     string `json:"child"`
	CallCount int64  `json:"callCount"`
}

func (s *server) v1Dependencies(w http.ResponseWriter, r *http.Request) error {
	p := r.URL.Query()
	win := s.lookback(24 * time.Hour)
	back := 24 * time.Hour
	if text := p.Get("lookback"); text != "" {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil || ms < 1 || ms > 10*365*24*3600*1000 {
			return badRequest("lookback %q: want milliseconds", text)
		}
		back = time.Duration(ms) * time.Millisecond
		win = s.lookback(back)
	}
	if text := p.Get("endTs"); text != "" {
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil || ms < 0 || ms > (1<<63-1)/1_000_000-1 {
			return badRequest("endTs %q: want Unix milliseconds", text)
		}
		end := (ms + 1) * 1_000_000
		win = store.Window{Start: end - int64(back), End: end}
	}
	deps, err := s.dependencies(r, win)
	if err != nil {
		return err
	}
	return writeJSON(w, wrapper{Data: deps, Total: len(deps)})
}

func (s *server) dependencies(r *http.Request, win store.Window) ([]dependency, error) {
	deps, err := s.Reader.Dependencies(r.Context(), s.tenant(r), win)
	if err != nil {
		return nil, fmt.Errorf("dependencies: %w", err)
	}
	out := []dependency{}
	for _, d := range deps {
		out = append(out, dependency{d.Parent, d.Child, d.Calls})
	}
	return out, nil
}

// v1Archive is Jaeger's word for keep.
func (s *server) v1Archive(w http.ResponseWriter, r *http.Request) error {
	b, err := s.readTrace(r)
	if err != nil {
		return err
	}
	if _, err := s.Keeps.Keep(r.Context(), s.tenant(r), b.Spans[0].TraceID, "archived in Jaeger"); err != nil {
		return fmt.Errorf("archive trace %s: %w", b.Spans[0].TraceID, err)
	}
	return writeJSON(w, wrapper{Data: []string{}})
}

// v1Transform turns OTLP JSON into Jaeger's, for the file viewer of Jaeger's UI.
func (s *server) v1Transform(w http.ResponseWriter, r *http.Request) error {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		return fmt.Errorf("transform: %w", err)
	}
	b, _, err := otlp.DecodeJSON(body.Bytes(), otlp.Limits{})
	var syntax *otlp.SyntaxError
	if errors.As(err, &syntax) {
		return badRequest("transform: %v", err)
	}
	if err != nil {
		return fmt.Errorf("transform: %w", err)
	}
	out := traceList{w: w}
	for _, t := range split(b) {
		out.add(t)
	}
	out.finish(wrapper{})
	return nil
}

// split is a batch by trace, in order of first appearance.
func split(b *span.Batch) []*span.Batch {
	at := map[span.TraceID]int{}
	var list []*span.Builder
	for i := range b.Spans {
		k, ok := at[b.Spans[i].TraceID]
		if !ok {
			k = len(list)
			at[b.Spans[i].TraceID] = k
			list = append(list, &span.Builder{})
		}
		list[k].Append(b, i)
	}
	out := make([]*span.Batch, 0, len(list))
	for _, w := range list {
		out = append(out, w.Batch())
	}
	return out
}
