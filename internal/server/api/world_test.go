package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/api/spantext"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/query"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore"
)

// world is the API over the real embedded store, with time, callers and marks in the
// test's hand.
type world struct {
	*testing.T
	store   *colstore.Store
	clock   *manualClock
	access  *testAccess
	host    *testHost
	keeps   *testKeeps
	queries *engineQueries
	logged  *lockedBuffer
	url     string
	pos     log.Position
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		T: t, clock: &manualClock{now: spantext.Epoch.Add(10 * time.Second)},
		access: &testAccess{who: api.Identity{Tenant: "default", Scopes: []api.AccessScope{"ingest", "read", "operate", "admin"}}},
		host:   &testHost{}, keeps: &testKeeps{marks: map[string]kept{}}, logged: &lockedBuffer{},
	}
	var err error
	if w.store, err = colstore.Open(colstore.Config{FS: vfs.NewMem(), Dir: "/store", Clock: w.clock}); err != nil {
		t.Fatal(err)
	}
	w.keeps.clock = w.clock
	engine, err := query.New(query.Config{Reader: w.store})
	if err != nil {
		t.Fatal(err)
	}
	w.queries = &engineQueries{engine: engine}
	srv := httptest.NewServer(w.access.middleware(api.New(api.Config{
		Reader: w.store, Keeper: w.store, Queries: w.queries, Keeps: w.keeps, Access: w.access, Host: w.host,
		Clock: w.clock, Log: slog.New(slog.NewJSONHandler(w.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.url = srv.URL + api.BasePath
	return w
}

// apply stores the spans of a hand-written trace.
func (w *world) apply(tenant, text string) {
	w.Helper()
	w.applyBatch(tenant, spantext.Parse(text))
}

func (w *world) applyBatch(tenant string, b *span.Batch) {
	w.Helper()
	w.pos++
	r := store.Record{Pos: w.pos, Tenant: tenant, Arrival: w.clock.Now(), Batch: b, Bytes: 200 * len(b.Spans)}
	if err := w.store.Apply(w.Context(), r); err != nil {
		w.Fatal(err)
	}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body []byte
}

func (w *world) do(method, path string, body string, header ...string) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{resp, text}
}

func (w *world) get(path string, header ...string) answer {
	w.Helper()
	return w.do(http.MethodGet, path, "", header...)
}

// getJSON asks for path, wants 200, and decodes the answer strictly.
func getJSON[T any](w *world, path string) T {
	w.Helper()
	var v T
	a := w.get(path)
	if a.StatusCode != http.StatusOK {
		w.Fatalf("GET %s: %s: %s", path, a.Status, a.body)
	}
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		w.Fatalf("GET %s: %v", path, err)
	}
	return v
}

// refuses wants a problem with a status and a code, and returns it.
func (w *world) refuses(a answer, status int, code string) api.Problem {
	w.Helper()
	var p api.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		w.Fatalf("%s: %s: %v", a.Request.URL, a.body, err)
	}
	if a.StatusCode != status || p.Status != status || p.Code != code || p.Id == "" ||
		a.Header.Get("Content-Type") != "application/problem+json" {
		w.Errorf("%s %s: %s %s, want %d %s", a.Request.Method, a.Request.URL, a.Status, a.body, status, code)
	}
	return p
}

var updateGolden = flag.Lookup("update")

var problemID = regexp.MustCompile(`"id":"[0-9A-V]{16}"`)

// golden compares an answer's JSON, indented, with testdata/name.json. The files are what
// web/mock serves.
func (w *world) golden(name string, body []byte) {
	w.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, problemID.ReplaceAll(body, []byte(`"id":"0123456789ABCDEF"`)), "", "  "); err != nil {
		w.Fatalf("%s: %v: %s", name, err, body)
	}
	path := filepath.Join("testdata", name+".json")
	if updateGolden.Value.String() == "true" {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			w.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		w.Errorf("%s: got\n%s\nwant\n%s", name, got.Bytes(), want)
	}
}

// engineQueries is the real engine; tenant "busy" has too much running already.
type engineQueries struct {
	engine *query.Engine
	// instead answers searches in place of the engine, if it is set before the server runs.
	instead func(context.Context, store.Query) iter.Seq2[store.Summary, error]
}

func (q *engineQueries) Compile(text string) (api.Compiled, error) {
	filter, order, ordered, err := query.Compile(text)
	var syntax *query.SyntaxError
	if errors.As(err, &syntax) {
		return api.Compiled{}, &api.QuerySyntaxError{Query: text, Offset: syntax.Pos, Length: syntax.Len, Message: syntax.Msg, Hint: syntax.Hint}
	}
	return api.Compiled{Filter: filter, Order: order, Ordered: ordered}, err
}

func (q *engineQueries) Search(ctx context.Context, sq store.Query) iter.Seq2[store.Summary, error] {
	if sq.Tenant == "busy" {
		return func(yield func(store.Summary, error) bool) { yield(store.Summary{}, api.ErrBusy) }
	}
	if q.instead != nil {
		return q.instead(ctx, sq)
	}
	return q.engine.Run(ctx, sq)
}

func (q *engineQueries) Complete(ctx context.Context, tenant, text string, pos, limit int) (api.Completion, error) {
	c, err := q.engine.Complete(ctx, tenant, text, pos, limit)
	out := api.Completion{From: c.From, To: c.To, Expect: []api.Expectation{api.Expectation(c.Expect)}, Suggestions: []api.Suggestion{}}
	for _, s := range c.Suggestions {
		out.Suggestions = append(out.Suggestions, api.Suggestion{
			Text: s.Text, Insert: s.Insert, Kind: api.SuggestionKind(s.Kind), Detail: s.Detail, Count: s.Count,
		})
	}
	return out, err
}

// testAccess takes the caller from a header, else it is who.
type testAccess struct {
	mu     sync.Mutex
	who    api.Identity
	tokens []api.Token
}

type identityKey struct{}

func (a *testAccess) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		who := a.who
		a.mu.Unlock()
		if as := r.Header.Get("Test-Tenant"); as != "" {
			who.Tenant = as
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, who)))
	})
}

func (a *testAccess) be(who api.Identity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.who = who
}

func (a *testAccess) Identify(ctx context.Context) api.Identity {
	return ctx.Value(identityKey{}).(api.Identity)
}

func (a *testAccess) SignIn(w http.ResponseWriter, _ *http.Request, token string) (api.Identity, error) {
	if token != "good" {
		return api.Identity{}, fmt.Errorf("unknown token: %w", api.ErrUnauthorized)
	}
	http.SetCookie(w, &http.Cookie{Name: "weft_session", Value: "s"})
	return api.Identity{Tenant: "default", SignedIn: true, Required: true, Scopes: []api.AccessScope{"read"}, Expires: spantext.Epoch}, nil
}

func (a *testAccess) SignOut(w http.ResponseWriter, _ *http.Request) error {
	http.SetCookie(w, &http.Cookie{Name: "weft_session", MaxAge: -1})
	return nil
}

func (a *testAccess) Tokens(_ context.Context, tenant string) ([]api.Token, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.tokens), func(t api.Token) bool { return t.Tenant != tenant }), nil
}

func (a *testAccess) CreateToken(_ context.Context, t api.NewToken, expires time.Time) (api.CreatedToken, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	made := api.Token{Id: fmt.Sprint("wft_", len(a.tokens)), Name: t.Name, Tenant: t.Tenant, Scopes: t.Scopes, CreatedUnixNano: "1"}
	if !expires.IsZero() {
		made.ExpiresUnixNano = fmt.Sprint(expires.UnixNano())
	}
	a.tokens = append(a.tokens, made)
	return api.CreatedToken{Token: made, Secret: "secret"}, nil
}

func (a *testAccess) DeleteToken(_ context.Context, tenant, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.tokens)
	a.tokens = slices.DeleteFunc(a.tokens, func(t api.Token) bool { return t.Tenant == tenant && t.Id == id })
	if len(a.tokens) == n {
		return store.ErrNotFound
	}
	return nil
}

// Audit has 250 entries of each tenant, whose objects are their ids.
func (a *testAccess) Audit(_ context.Context, tenant string, before int64, limit int) (out []api.AuditEntry, next int64, err error) {
	for id := int64(250); id > 0; id-- {
		if before > 0 && id >= before {
			continue
		}
		if len(out) == limit {
			return out, id + 1, nil
		}
		out = append(out, api.AuditEntry{AtUnixNano: fmt.Sprint(id), Tenant: tenant, Actor: "somebody", Action: "thing change", Object: fmt.Sprint(id)})
	}
	return out, 0, nil
}

type testHost struct {
	status  api.Status
	refused []api.Refused
}

func (h *testHost) Status(context.Context) (api.Status, error) { return h.status, nil }

func (h *testHost) Refused(tenant string) []api.Refused {
	if tenant != "default" {
		return nil
	}
	return h.refused
}

type kept struct {
	since time.Time
	note  string
}

type testKeeps struct {
	clock *manualClock
	mu    sync.Mutex
	marks map[string]kept
}

func (k *testKeeps) Keep(_ context.Context, tenant string, id span.TraceID, note string) (time.Time, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m, ok := k.marks[tenant+id.String()]
	if !ok {
		m.since = k.clock.Now()
	}
	m.note = note
	k.marks[tenant+id.String()] = m
	return m.since, nil
}

func (k *testKeeps) Release(_ context.Context, tenant string, id span.TraceID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.marks, tenant+id.String())
	return nil
}

func (k *testKeeps) Kept(_ context.Context, tenant string, id span.TraceID) (time.Time, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m, ok := k.marks[tenant+id.String()]
	if !ok {
		return time.Time{}, "", store.ErrNotFound
	}
	return m.since, m.note, nil
}

// manualClock moves when the test says so.
type manualClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []manualTimer
}

type manualTimer struct {
	at time.Time
	c  chan time.Time
}

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := manualTimer{c.now.Add(d), make(chan time.Time, 1)}
	c.timers = append(c.timers, t)
	return t.c
}

func (c *manualClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.timers = slices.DeleteFunc(c.timers, func(t manualTimer) bool {
		if t.at.After(c.now) {
			return false
		}
		t.c <- c.now
		return true
	})
}

// lockedBuffer is a log that handlers write and the test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
