package jaeger

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// failV3 writes the error of a gRPC gateway.
func failV3(w http.ResponseWriter, f api.Fault) {
	w.WriteHeader(f.HTTP)
	_ = writeJSON(w, map[string]any{"error": struct {
		GRPCCode   codes.Code `json:"grpcCode"`
		HTTPCode   int        `json:"httpCode"`
		Message    string     `json:"message"`
		HTTPStatus string     `json:"httpStatus"`
	}{f.GRPC, f.HTTP, message(f), http.StatusText(f.HTTP)}})
}

func (s *server) v3Services(w http.ResponseWriter, r *http.Request) error {
	names, err := s.serviceNames(r)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"services": names})
}

func (s *server) v3Operations(w http.ResponseWriter, r *http.Request) error {
	p := r.URL.Query()
	ops, err := s.operations(r, p.Get("service"), param(p, "spanKind"))
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"operations": ops})
}

// v3Trace answers {"result": TracesData}. start and end are hints that this store does
// not need.
func (s *server) v3Trace(w http.ResponseWriter, r *http.Request) error {
	b, err := s.readTrace(r)
	if err != nil {
		return err
	}
	_, _ = w.Write(append(otlp.AppendJSON([]byte(`{"result":`), b), '}'))
	return nil
}

// v3Search answers all traces in one TracesData.
func (s *server) v3Search(w http.ResponseWriter, r *http.Request) error {
	q, err := s.v3Query(r)
	if err != nil {
		return err
	}
	cut, n := "", 0
	var buf []byte
	const head, foot = `{"resourceSpans":[`, `]}`
	for b, err := range s.traces(r.Context(), q, &cut) {
		if err != nil {
			if n > 0 {
				panic(http.ErrAbortHandler) // half an answer is out
			}
			return fmt.Errorf("search: %w", err)
		}
		lead := `{"result":` + head
		if n > 0 {
			lead = ","
		}
		n++
		// The elements of one list of resourceSpans follow those of the one before.
		buf = otlp.AppendJSON(append(buf[:0], lead...), b)
		inner := strings.TrimSuffix(strings.TrimPrefix(string(buf[len(lead):]), head), foot)
		_, _ = w.Write(append(buf[:len(lead)], inner...))
	}
	if n == 0 {
		_, _ = w.Write([]byte(`{"result":` + head))
	}
	_, _ = w.Write([]byte(foot + "}"))
	return nil
}

// summary is a trace in a list of results. A zero count is left out, as protobuf's JSON
// does.
type summary struct {
	TraceID       string           `json:"traceId"`
	RootService   string           `json:"rootServiceName,omitempty"`
	RootOperation string           `json:"rootOperationName,omitempty"`
	Start         string           `json:"minStartTimeUnixNano"`
	End           string           `json:"maxEndTimeUnixNano"`
	Spans         int              `json:"spanCount"`
	Errors        int              `json:"errorSpanCount,omitempty"`
	Orphans       int              `json:"orphanSpanCount,omitempty"`
	Services      []serviceSummary `json:"services"`
}

type serviceSummary struct {
	Name   string `json:"name"`
	Spans  int    `json:"spanCount"`
	Errors int    `json:"errorSpanCount,omitempty"`
}

func (s *server) v3Summaries(w http.ResponseWriter, r *http.Request) error {
	q, err := s.v3Query(r)
	if err != nil {
		return err
	}
	cut := ""
	out := []summary{}
	for b, err := range s.traces(r.Context(), q, &cut) {
		if err != nil {
			return fmt.Errorf("trace summaries: %w", err)
		}
		out = append(out, summarize(b))
	}
	return writeJSON(w, map[string]any{"summaries": out})
}

// summarize counts what the store's summary does not hold: services and orphans.
func summarize(b *span.Batch) summary {
	sum := store.Summarize(b)
	ids := make(map[span.SpanID]bool, len(b.Spans))
	for i := range b.Spans {
		ids[b.Spans[i].SpanID] = true
	}
	out := summary{
		TraceID: sum.TraceID.String(), RootService: sum.RootService, RootOperation: sum.RootName,
		Start: strconv.FormatInt(sum.Start, 10), End: strconv.FormatInt(sum.End, 10),
		Spans: sum.Spans, Errors: sum.Errors, Services: []serviceSummary{},
	}
	at := map[string]int{}
	for i := range b.Spans {
		sp := &b.Spans[i]
		if !sp.Parent.IsZero() && !ids[sp.Parent] {
			out.Orphans++
		}
		name := b.Service(sp)
		k, ok := at[name]
		if !ok {
			k = len(out.Services)
			at[name] = k
			out.Services = append(out.Services, serviceSummary{Name: name})
		}
		out.Services[k].Spans++
		if sp.Status == span.StatusError {
			out.Services[k].Errors++
		}
	}
	slices.SortFunc(out.Services, func(x, y serviceSummary) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

func (s *server) v3Dependencies(w http.ResponseWriter, r *http.Request) error {
	p := r.URL.Query()
	win := s.lookback(24 * time.Hour)
	if err := timeRange(&win, param(p, "startTime"), param(p, "endTime")); err != nil {
		return err
	}
	deps, err := s.dependencies(r, win)
	if err != nil {
		return err
	}
	out := []any{}
	for _, d := range deps {
		// protobuf's JSON writes 64-bit integers as text.
		out = append(out, map[string]string{"parent": d.Parent, "child": d.Child, "callCount": strconv.FormatInt(d.CallCount, 10)})
	}
	return writeJSON(w, map[string]any{"dependencies": out})
}

// v3Capabilities says what a search may ask for.
func (s *server) v3Capabilities(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]any{"search": map[string]any{
		"withoutServiceName": true, "sameSpanConjunction": true,
		"filter": map[string]any{"levels": filterLevels, "operators": filterOperators},
	}})
}

func (s *server) v3Query(r *http.Request) (store.Query, error) {
	p := r.URL.Query()
	c := criteria{Service: param(p, "query.serviceName"), Operation: param(p, "query.operationName"), Window: s.lookback(defaultLookback)}
	var err error
	if text := p.Get("query.attributes"); text != "" {
		if c.Tags, err = parseTagsJSON(text); err != nil {
			return store.Query{}, err
		}
	}
	if err := timeRange(&c.Window, param(p, "query.startTimeMin"), param(p, "query.startTimeMax")); err != nil {
		return store.Query{}, err
	}
	for _, d := range []struct {
		key string
		to  *time.Duration
	}{{"query.durationMin", &c.DurationMin}, {"query.durationMax", &c.DurationMax}} {
		if text := param(p, d.key); text != "" {
			if *d.to, err = time.ParseDuration(text); err != nil || *d.to < 0 {
				return store.Query{}, badRequest("%s %q: want a duration such as 1.2s", d.key, text)
			}
		}
	}
	for _, key := range []string{"query.searchDepth", "query.search_depth", "query.num_traces"} {
		if p.Get(key) != "" {
			if c.Limit, err = limitParam(p, key); err != nil {
				return store.Query{}, err
			}
			break
		}
	}
	for key := range p {
		if strings.HasPrefix(key, "query.pagination.") {
			return store.Query{}, badRequest("%s: pagination is not offered; use query.searchDepth", key)
		}
	}
	if text := p.Get("query.filter"); text != "" {
		if c.Service != "" || c.Operation != "" || c.Tags != nil || c.DurationMin > 0 || c.DurationMax > 0 {
			return store.Query{}, badRequest("query.filter excludes the other conditions")
		}
		var call filterCall
		if err := json.Unmarshal([]byte(text), &call); err != nil {
			return store.Query{}, badRequest("query.filter: %v", err)
		}
		if c.Filter, err = call.expr(); err != nil {
			return store.Query{}, err
		}
	}
	return c.query(s.tenant(r))
}

// timeRange narrows the window to what is given. A plus sign that was not escaped arrives
// as a space; Grafana sends it so.
func timeRange(w *store.Window, from, to string) error {
	read := func(text string, at *int64) error {
		if text == "" {
			return nil
		}
		if i := strings.LastIndexByte(text, ' '); i > len("2006-01-02T") {
			text = text[:i] + "+" + text[i+1:]
		}
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return badRequest("time %q: want RFC 3339", text)
		}
		if t.Before(time.Unix(0, 0)) || t.After(time.Unix(0, math.MaxInt64)) {
			return badRequest("time %q: not between 1970 and 2262-04-11", text)
		}
		*at = t.UnixNano()
		return nil
	}
	length := w.End - w.Start
	if err := errors.Join(read(to, &w.End), read(from, &w.Start)); err != nil {
		return err
	}
	if from == "" && to != "" {
		w.Start = w.End - length
	}
	if w.Start > w.End {
		return badRequest("the time range ends before it begins")
	}
	return nil
}

// param reads a parameter by its name or the snake_case alias that older clients send.
func param(p url.Values, key string) string {
	if v := p.Get(key); v != "" {
		return v
	}
	var snake strings.Builder
	for _, c := range key {
		if c >= 'A' && c <= 'Z' {
			snake.WriteByte('_')
			c += 'a' - 'A'
		}
		snake.WriteRune(c)
	}
	return p.Get(snake.String())
}
