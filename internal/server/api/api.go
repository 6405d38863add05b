package api

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/server/compress"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

//go:embed openapi.yaml
var openAPI []byte

// Config is what the API works over. Reader, Keeper, Queries, Keeps, Access, Tenants and
// Host are required.
type Config struct {
	Reader  store.Reader
	Keeper  store.Keeper
	Queries Queries
	Keeps   Keeps
	Access  Access
	Tenants Tenants
	Host    Host
	Log     *slog.Logger // nil: slog.Default
	Clock   clock.Clock  // nil: the machine's
	// Heartbeat is how often an idle live tail writes a comment; 0: 15 s, below the idle
	// limits of common proxies.
	Heartbeat time.Duration
}

// Queries compiles and runs queries. Safe for concurrent use.
type Queries interface {
	// Compile reads TraceQL or the search box's shorthand. The error is a
	// *QuerySyntaxError where the text is at fault.
	Compile(text string) (Compiled, error)
	// Search is store.Reader.Search within the tenant's limits: ErrBusy before the first
	// row where it has too many queries open, a *store.PartialError at the end where a
	// budget cut the answer. Zero fields of the budget are filled with the defaults.
	Search(ctx context.Context, q store.Query) iter.Seq2[store.Summary, error]
	// Complete says what may stand at byte pos of text.
	Complete(ctx context.Context, tenant, text string, pos, limit int) (Completion, error)
}

// Compiled is a query ready to run.
type Compiled struct {
	Filter  store.Expr  // nil: every span
	Order   store.Order // meaningful if Ordered
	Ordered bool        // the text itself says the order, as in "| order by duration"
}

// Keeps remembers the traces that retention must spare.
type Keeps interface {
	// Keep marks a trace; repeating it replaces the note and keeps the time.
	Keep(ctx context.Context, tenant string, id span.TraceID, note string) (time.Time, error)
	// Release removes the mark; no error if there is none.
	Release(ctx context.Context, tenant string, id span.TraceID) error
	// Kept is the mark of a trace; store.ErrNotFound if there is none.
	Kept(ctx context.Context, tenant string, id span.TraceID) (since time.Time, note string, err error)
}

// Host tells what only the running program knows.
type Host interface {
	// Status fills what the caller of ctx may know, but for tenant, scopes,
	// waiting_for_first_span and the times.
	Status(ctx context.Context) (Status, error)
	// Refused is the requests refused lately for the tenant or for no tenant, newest
	// first.
	Refused(tenant string) []Refused
}

// Identity is who sent a request.
type Identity struct {
	Tenant   string
	Scopes   []AccessScope
	Name     string    // of the token
	Expires  time.Time // zero: never
	SignedIn bool      // by token or session; false where no tokens are configured
	Required bool      // tokens are configured
}

// Access is sign-in and tokens.
type Access interface {
	// Identify is the identity the layer before put into the request's context. Without
	// one, and with tokens required, it has no scopes.
	Identify(ctx context.Context) Identity
	// SignIn checks a token and sets the session's cookie; ErrUnauthorized if it is no
	// good, *LaterError if the caller has tried too often.
	SignIn(w http.ResponseWriter, r *http.Request, token string) (Identity, error)
	// SignOut ends the session, if there is one, and clears its cookie.
	SignOut(w http.ResponseWriter, r *http.Request) error
	// Tokens lists the tokens the tenant's admins may see, newest first.
	Tokens(ctx context.Context, tenant string) ([]Token, error)
	// CreateToken makes a token; expires zero: never.
	CreateToken(ctx context.Context, t NewToken, expires time.Time) (CreatedToken, error)
	// DeleteToken revokes a token; store.ErrNotFound if the tenant has none of that id.
	DeleteToken(ctx context.Context, tenant, id string) error
	// Audit is who changed what, newest first: what the tenant's admins may see, of the
	// entries before one of them, 0 for the newest. next is where the next page begins, 0
	// if there is none.
	Audit(ctx context.Context, tenant string, before int64, limit int) (entries []AuditEntry, next int64, err error)
}

// Tenants is what tenants may use. store.ErrNotFound where the caller may not act for the
// tenant.
type Tenants interface {
	Limits(ctx context.Context, tenant string) (TenantLimits, error)
	// SetLimits replaces what is set for the tenant and is in force when it returns. A
	// *RequestError says what makes no sense.
	SetLimits(ctx context.Context, tenant string, own OwnLimits) (TenantLimits, error)
}

// New is the handler of /api/v1, with that prefix in its routes.
func New(c Config) http.Handler {
	s := &server{Config: c, traces: make(gate, openTraces)}
	if s.Log == nil {
		s.Log = slog.Default()
	}
	if s.Clock == nil {
		s.Clock = clock.Real{}
	}
	if s.Heartbeat == 0 {
		s.Heartbeat = 15 * time.Second
	}
	mux := http.NewServeMux()
	HandlerWithOptions(s, StdHTTPServerOptions{
		BaseURL: BasePath, BaseRouter: mux, Middlewares: []MiddlewareFunc{s.authorize},
		ErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, err error) { s.fail(w, r, err) },
	})
	return compress.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.route(mux, w, r)
	}))
}

// BasePath is where the API lives.
const BasePath = "/api/v1"

type server struct {
	Config
	traces gate
	tails  tally
}

// route adds to the mux what a JSON API owes its clients: problems instead of plain text
// for unknown paths and methods, and headers that keep answers out of caches and frames.
func (s *server) route(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	handler, pattern := mux.Handler(r)
	if pattern != "" {
		mux.ServeHTTP(w, r)
		return
	}
	probe := &statusOnly{header: http.Header{}}
	handler.ServeHTTP(probe, r)
	if allow := probe.header.Get("Allow"); allow != "" {
		h.Set("Allow", allow)
		s.fail(w, r, &RequestError{Code: codeMethod, Detail: r.Method + " " + r.URL.Path, Hint: "allowed: " + allow})
		return
	}
	s.fail(w, r, &RequestError{Code: codePath, Detail: r.URL.Path, Hint: "GET " + BasePath + "/openapi.yaml lists the paths"})
}

// statusOnly learns what the mux would answer to a request without a route.
type statusOnly struct {
	header http.Header
}

func (w *statusOnly) Header() http.Header         { return w.header }
func (w *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
func (w *statusOnly) WriteHeader(int)             {}

func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	WriteError(w, r, s.Log, err)
}

// writeJSON answers 200.
func (s *server) writeJSON(w http.ResponseWriter, v any) { s.writeStatus(w, http.StatusOK, v) }

func (s *server) writeStatus(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = writeJSONBody(w, v) // the client is gone; there is nobody to tell
}

// marshal is v as writeJSON would write it.
func marshal(w http.ResponseWriter, v any) ([]byte, error) {
	w.Header().Set("Content-Type", "application/json")
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// GetOpenAPI serves the file this package is made from.
func (s *server) GetOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI)
}
