package jaeger

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"net/http"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/compress"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Config is what both faces work over. Log and Clock may be nil; Keeps and Access serve
// HTTP only, Tenant gRPC only.
type Config struct {
	Reader  store.Reader
	Queries Queries
	Keeps   api.Keeps
	Access  api.Access
	// Tenant is who may read in a gRPC call: the tenant, or an error that is
	// api.ErrUnauthorized or api.ErrForbidden.
	Tenant func(ctx context.Context) (string, error)
	Log    *slog.Logger // nil: slog.Default
	Clock  clock.Clock  // nil: the machine's
}

// Queries runs searches within the tenant's limits; see api.Queries.
type Queries interface {
	Search(ctx context.Context, q store.Query) iter.Seq2[store.Summary, error]
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	return c
}

// BasePath is where the HTTP API lives.
const BasePath = "/jaeger"

// maxBody bounds POST /api/transform.
const maxBody = 32 << 20

// New is the handler of /jaeger, with that prefix in its routes.
func New(c Config) http.Handler {
	s := &server{c.withDefaults()}
	mux := http.NewServeMux()
	route := func(pattern string, need api.AccessScope, f func(http.ResponseWriter, *http.Request) error, fail func(http.ResponseWriter, api.Fault)) {
		mux.Handle(pattern, s.handle(need, f, fail))
	}
	v1 := func(method, path string, need api.AccessScope, f func(http.ResponseWriter, *http.Request) error) {
		route(method+" "+BasePath+"/api"+path, need, f, failV1)
	}
	v1("GET", "/services", api.AccessScopeRead, s.v1Services)
	v1("GET", "/services/{service}/operations", api.AccessScopeRead, s.v1ServiceOperations)
	v1("GET", "/operations", api.AccessScopeRead, s.v1Operations)
	v1("GET", "/traces", api.AccessScopeRead, s.v1Search)
	v1("GET", "/traces/{id}", api.AccessScopeRead, s.v1Trace)
	v1("GET", "/dependencies", api.AccessScopeRead, s.v1Dependencies)
	v1("POST", "/archive/{id}", api.AccessScopeOperate, s.v1Archive)
	v1("POST", "/transform", api.AccessScopeRead, s.v1Transform)

	v3 := func(path string, f func(http.ResponseWriter, *http.Request) error) {
		route("GET "+BasePath+"/api/v3"+path, api.AccessScopeRead, f, failV3)
	}
	v3("/services", s.v3Services)
	v3("/operations", s.v3Operations)
	v3("/traces", s.v3Search)
	v3("/traces/{id}", s.v3Trace)
	v3("/trace-summaries", s.v3Summaries)
	v3("/dependencies", s.v3Dependencies)
	v3("/capabilities", s.v3Capabilities)
	return compress.Handler(mux)
}

type server struct{ Config }

// handle asks for the scope and turns errors into the face's own form.
func (s *server) handle(need api.AccessScope, f func(http.ResponseWriter, *http.Request) error, fail func(http.ResponseWriter, api.Fault)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Type", "application/json")
		err := s.Access.Identify(r.Context()).Check(need)
		if err == nil {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			err = f(w, r)
		}
		if err != nil {
			fault, id := api.Report(r.Context(), s.Log, err, "method", r.Method, "path", r.URL.Path)
			if fault.Code == "internal" {
				fault.Detail = "internal error " + id
			}
			fault.SetHeader(h)
			fail(w, fault)
		}
	})
}

func (s *server) tenant(r *http.Request) string { return s.Access.Identify(r.Context()).Tenant }

// message is the fault in the one line that Jaeger's errors have.
func message(f api.Fault) string {
	m := f.Title
	if f.Detail != "" {
		m = f.Detail
	}
	if f.Hint != "" {
		m += " (" + f.Hint + ")"
	}
	return m
}

func writeJSON(w http.ResponseWriter, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client is gone; there is nobody to tell
	return nil
}
