package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/api/layout"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Every kind of error, wrapped as it arrives, has its code in both protocols; what is
// unknown is internal and says nothing of itself.
func TestClassify(t *testing.T) {
	f := func(err error, code string, status int, grpc codes.Code) {
		t.Helper()
		got := api.Classify(fmt.Errorf("wrapped: %w", err))
		if got.Code != code || got.HTTP != status || got.GRPC != grpc || got.Title == "" {
			t.Errorf("%v: %+v", err, got)
		}
		if status >= 500 && code == "internal" && got.Detail != "" {
			t.Errorf("%v: the detail %q leaves the server", err, got.Detail)
		}
	}
	f(&api.QuerySyntaxError{}, "bad_query", 400, codes.InvalidArgument)
	f(&api.RequestError{}, "bad_request", 400, codes.InvalidArgument)
	f(&api.RequestError{Code: api.CodeKeptLimit}, "kept_limit", 409, codes.ResourceExhausted)
	f(span.ErrBadID, "bad_request", 400, codes.InvalidArgument)
	f(&http.MaxBytesError{Limit: 1}, "too_large", 413, codes.ResourceExhausted)
	f(api.ErrUnauthorized, "unauthorized", 401, codes.Unauthenticated)
	f(api.ErrForbidden, "forbidden", 403, codes.PermissionDenied)
	f(store.ErrNotFound, "not_found", 404, codes.NotFound)
	f(layout.ErrNoRoot, "not_found", 404, codes.NotFound)
	f(api.ErrBusy, "too_many", 429, codes.ResourceExhausted)
	f(store.ErrUnsupported, "unsupported", 501, codes.Unimplemented)
	f(store.ErrRefused, "unavailable", 503, codes.Unavailable)
	f(context.DeadlineExceeded, "deadline", 504, codes.DeadlineExceeded)
	f(context.Canceled, "cancelled", 499, codes.Canceled)
	f(errors.New("disk on fire"), "internal", 500, codes.Internal)
	f(&store.CorruptError{File: "part-1"}, "damaged", 500, codes.DataLoss)
}

// An internal error is a number to the client and a line in the log.
func TestInternalError(t *testing.T) {
	w := newWorld(t)
	w.queries.instead = func(context.Context, store.Query) iter.Seq2[store.Summary, error] {
		return func(yield func(store.Summary, error) bool) { yield(store.Summary{}, errors.New("disk on fire")) }
	}
	a := w.get("/search")
	p := w.refuses(a, http.StatusInternalServerError, "internal")
	if strings.Contains(string(a.body), "fire") {
		t.Errorf("the cause left the server: %s", a.body)
	}
	if log := w.logged.String(); !strings.Contains(log, p.Id) || !strings.Contains(log, "disk on fire") || !strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("log %s", log)
	}
}

// A budget that ran out makes a partial answer with a way on; an error behind the first
// line of a stream is its last line.
func TestCutAnswers(t *testing.T) {
	w := newWorld(t)
	end := error(&store.PartialError{Reason: "10 s are over"})
	w.queries.instead = func(context.Context, store.Query) iter.Seq2[store.Summary, error] {
		return func(yield func(store.Summary, error) bool) {
			if yield(store.Summary{TraceID: span.TraceID{15: 1}, Spans: 1, Key: 5}, nil) {
				yield(store.Summary{}, end)
			}
		}
	}
	if out := getJSON[api.SearchResult](w, "/search"); out.Partial != "10 s are over" || out.NextPage == "" || len(out.Traces) != 1 {
		t.Errorf("search: %+v", out)
	}
	if out := getJSON[api.Heatmap](w, "/heatmap?start=0&end=1"); out.Partial != "10 s are over" || out.Total != 1 {
		t.Errorf("heat map: %+v", out)
	}
	end = errors.New("disk on fire")
	lines := strings.Split(strings.TrimSpace(string(w.get("/search", "Accept", "application/x-ndjson").body)), "\n")
	var last struct{ Error api.Problem }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 2 || last.Error.Code != "internal" {
		t.Errorf("lines %q", lines)
	}
}

// A client that leaves stops its query.
func TestClientLeaves(t *testing.T) {
	w := newWorld(t)
	started, stopped := make(chan struct{}), make(chan struct{})
	w.queries.instead = func(ctx context.Context, _ store.Query) iter.Seq2[store.Summary, error] {
		return func(yield func(store.Summary, error) bool) {
			close(started)
			<-ctx.Done()
			close(stopped)
			yield(store.Summary{}, ctx.Err())
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/search", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-started
		leave()
	}()
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Error("the request was answered")
	}
	<-stopped
}

// Only so many tails are open for a tenant.
func TestTailsAreCounted(t *testing.T) {
	w := newWorld(t)
	var open []*events
	for range 64 {
		open = append(open, w.tail(""))
	}
	a := w.get("/tail")
	w.refuses(a, http.StatusTooManyRequests, "too_many")
	if a := w.get("/tail?rows=x", "Test-Tenant", "other"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("another tenant: %s", a.Status)
	}
	for _, e := range open {
		_ = e.stop()
	}
}
