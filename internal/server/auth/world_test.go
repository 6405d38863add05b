package auth_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/base/meta/sqlite"
	"github.com/weft-dev/weft/internal/server/audit"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/server/setting"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testClock moves by hand; its timers fire when it passes them.
type testClock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[chan time.Time]time.Time
}

func newClock() *testClock {
	return &testClock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), timers: map[chan time.Time]time.Time{}}
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.timers[ch] = c.now.Add(d)
	return ch
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for ch, at := range c.timers {
		if !c.now.Before(at) {
			ch <- c.now
			delete(c.timers, ch)
		}
	}
}

// world is a state database and the tokens in it.
type world struct {
	t     *testing.T
	dir   string
	clock *testClock
	db    meta.DB
	*auth.Service
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), clock: newClock()}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *world) open() {
	w.t.Helper()
	db, err := sqlite.Open(context.Background(), sqlite.Config{Dir: w.dir, Config: meta.Config{
		Domains: []meta.Domain{setting.Domain(), audit.Domain(), auth.Domain()},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.db = db
	w.Service, err = auth.Open(context.Background(), auth.Config{DB: db, Clock: w.clock, Local: localSecret})
	if err != nil {
		w.t.Fatal(err)
	}
}

const localSecret = "the secret of this process"

func (w *world) close() {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Error(err)
	}
	if err := w.db.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) reopen() {
	w.close()
	w.open()
}

// token makes one and returns its secret.
func (w *world) token(tenant string, scopes ...auth.Scope) string {
	w.t.Helper()
	_, secret, _, err := w.Create(context.Background(), auth.NewToken{Tenant: tenant, Scopes: scopes, Name: tenant}, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	return secret
}

// site is an HTTP server behind Web, on a real listener: it answers what it knows of the
// caller, on /v1/traces with scope ingest and on /change with scope operate.
func (w *world) site(cfg auth.Web) *httptest.Server {
	cfg.Service, cfg.Logger = w.Service, slog.New(slog.DiscardHandler)
	cfg.Ingest = func(path string) bool { return path == "/v1/traces" }
	who := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(rw, auth.From(r.Context()).Tenant)
	})
	mux := http.NewServeMux()
	mux.Handle("/v1/traces", cfg.Require(auth.Ingest, who))
	mux.Handle("/read", cfg.Require(auth.Read, who))
	mux.Handle("/change", cfg.Require(auth.Operate, who))
	mux.Handle("/admin", cfg.Require(auth.Admin, who))
	mux.Handle("/open", who)
	s := httptest.NewServer(cfg.Handler(mux))
	w.t.Cleanup(s.Close)
	return s
}

// send sends a request with headers given as "Name: value"; Host is one of them.
func send(t *testing.T, s *httptest.Server, method, path string, headers ...string) (status int, body string, header http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}
