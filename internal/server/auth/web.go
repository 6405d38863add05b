package auth

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"

	"github.com/weft-dev/weft/internal/server/api"
)

// CookieName is the session's cookie.
const CookieName = "weft_session"

// TenantHeader names the tenant that a token for every tenant acts for.
const TenantHeader = "X-Scope-OrgID"

// Web checks HTTP requests. Its fields are set before the first request and not changed.
type Web struct {
	Service *Service
	Names   Names
	// CORS is the origins whose pages may send spans; "*" is any. Empty: none. Nothing but
	// what Ingest says is ever open to other origins.
	CORS []string
	// Ingest reports whether path takes spans.
	Ingest func(path string) bool
	// Answer answers a refused request where that has a form of its own, and reports whether
	// it has; all others get a problem document. Nil: none has.
	Answer func(w http.ResponseWriter, r *http.Request, err error) (done bool)
	Logger *slog.Logger
}

// Handler lets through what comes from a program or from a page of ours, with its Identity
// in the context. What the identity may do is for Require and the handlers behind to ask.
func (w *Web) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		head := rw.Header()
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		head.Set("Referrer-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		// What is not a page, and sets its own, has nothing to load.
		head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if err := w.Names.CheckHost(r.Host, local); err != nil {
			w.refuse(rw, r, err)
			return
		}
		if done := w.origin(rw, r); done {
			return
		}
		who, err := w.identify(r)
		if err != nil {
			w.refuse(rw, r, err)
			return
		}
		next.ServeHTTP(rw, r.WithContext(With(r.Context(), who)))
	})
}

// Local lets through what Handler does, without asking who it is: for a listener that only
// this machine reaches.
func (w *Web) Local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		err := w.Names.CheckHost(r.Host, local)
		if err == nil {
			err = w.Names.checkOrigin(r)
		}
		if err != nil {
			w.refuse(rw, r, err)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// origin answers requests of pages that may not use the server, and preflights.
func (w *Web) origin(rw http.ResponseWriter, r *http.Request) (done bool) {
	origin := r.Header.Get("Origin")
	if origin != "" && w.Ingest(r.URL.Path) && !w.Names.ours(origin, r.Host) && w.mayCross(origin) {
		head := rw.Header()
		head.Set("Access-Control-Allow-Origin", origin)
		head.Set("Access-Control-Expose-Headers", "Retry-After")
		head.Add("Vary", "Origin")
		head.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if r.Method != http.MethodOptions {
			r.Header.Del("Cookie") // what a page may send anywhere proves nothing here
			return false
		}
		head.Set("Access-Control-Allow-Methods", "POST")
		head.Set("Access-Control-Allow-Headers", "Authorization, Baggage, Content-Encoding, Content-Type, Traceparent, Tracestate, "+TenantHeader)
		head.Set("Access-Control-Max-Age", "7200")
		rw.WriteHeader(http.StatusNoContent)
		return true
	}
	if err := w.Names.checkOrigin(r); err != nil {
		w.refuse(rw, r, err)
		return true
	}
	return false
}

func (w *Web) mayCross(origin string) bool {
	return slices.Contains(w.CORS, origin) || slices.Contains(w.CORS, "*")
}

func (w *Web) identify(r *http.Request) (Identity, error) {
	c := Credentials{Authorization: r.Header.Get("Authorization"), Tenant: r.Header.Get(TenantHeader)}
	if c.Authorization == "" {
		if cookie, err := r.Cookie(CookieName); err == nil {
			c.Session = cookie.Value
		}
	}
	who, err := w.Service.Identify(c)
	if err == nil && c.Session != "" && who.SignedIn() && changes(r) && !w.Names.vouched(r) {
		return Identity{}, fmt.Errorf("a session may change something only from a page of this server: %w", api.ErrForbidden)
	}
	return who, err
}

// Require answers for requests whose identity lacks the scope.
func (w *Web) Require(need Scope, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := From(r.Context()).Allow(need); err != nil {
			w.refuse(rw, r, err)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func (w *Web) refuse(rw http.ResponseWriter, r *http.Request, err error) {
	if w.Answer != nil && w.Answer(rw, r, err) {
		return
	}
	api.WriteError(rw, r, w.Logger, err)
}
