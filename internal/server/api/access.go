package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
)

// maxBody bounds the request bodies of this API, all of which are small.
const maxBody = 64 << 10

// authorize asks for the scope the route needs.
func (s *server) authorize(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.permit(r); err != nil {
			s.fail(w, r, err)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func (s *server) permit(r *http.Request) error {
	need, open := scopeOf(r)
	if open {
		return nil
	}
	return s.Access.Identify(r.Context()).Check(need)
}

// Check is nil if the identity has the scope, else ErrUnauthorized or ErrForbidden.
func (i Identity) Check(need AccessScope) error {
	if i.Required && !i.SignedIn {
		return ErrUnauthorized
	}
	if !i.may(need) {
		return fmt.Errorf("this needs a token with scope %s: %w", need, ErrForbidden)
	}
	return nil
}

// scopeOf is what a route needs: reading by default, operate to change traces, admin for
// tokens, limits and who changed what; the session's own routes and the description of the
// API are open.
func scopeOf(r *http.Request) (need AccessScope, open bool) {
	path := strings.TrimPrefix(r.URL.Path, BasePath)
	switch {
	case path == "/session" || path == "/openapi.yaml":
		return "", true
	case path == "/tokens" || strings.HasPrefix(path, "/tokens/") || strings.HasPrefix(path, "/tenants/") || path == "/audit":
		return AccessScopeAdmin, false
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return AccessScopeRead, false
	}
	return AccessScopeOperate, false
}

// may reports whether the identity has a scope; operate includes read, admin includes
// both. Sending spans is apart: only ingest allows it.
func (i Identity) may(need AccessScope) bool {
	order := []AccessScope{AccessScopeRead, AccessScopeOperate, AccessScopeAdmin}
	at := slices.Index(order, need)
	return slices.Contains(i.Scopes, need) || at >= 0 && slices.ContainsFunc(order[at:], func(s AccessScope) bool {
		return slices.Contains(i.Scopes, s)
	})
}

func (s *server) tenant(r *http.Request) string { return s.Access.Identify(r.Context()).Tenant }

// GetSession says who the caller is.
func (s *server) GetSession(w http.ResponseWriter, r *http.Request) {
	s.writeJSON(w, sessionOf(s.Access.Identify(r.Context())))
}

// SignIn turns a token into a cookie.
func (s *server) SignIn(w http.ResponseWriter, r *http.Request) {
	var body SignInJSONBody
	if err := readJSON(r, &body); err != nil {
		s.fail(w, r, err)
		return
	}
	who, err := s.Access.SignIn(w, r, body.Token)
	if err != nil {
		s.fail(w, r, fmt.Errorf("sign in: %w", err))
		return
	}
	s.writeJSON(w, sessionOf(who))
}

// SignOut ends the session.
func (s *server) SignOut(w http.ResponseWriter, r *http.Request) {
	if err := s.Access.SignOut(w, r); err != nil {
		s.fail(w, r, fmt.Errorf("sign out: %w", err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func sessionOf(i Identity) Session {
	out := Session{SignedIn: i.SignedIn, Required: i.Required, Tenant: i.Tenant, Scopes: orEmpty(i.Scopes), Name: i.Name}
	if !i.Expires.IsZero() {
		out.ExpiresUnixNano = nano(i.Expires.UnixNano())
	}
	return out
}

// ListTokens lists tokens without secrets.
func (s *server) ListTokens(w http.ResponseWriter, r *http.Request) {
	tokens, err := s.Access.Tokens(r.Context(), s.tenant(r))
	if err != nil {
		s.fail(w, r, fmt.Errorf("list tokens: %w", err))
		return
	}
	s.writeJSON(w, map[string][]Token{"tokens": orEmpty(tokens)})
}

// CreateToken makes a token and shows its secret once.
func (s *server) CreateToken(w http.ResponseWriter, r *http.Request) {
	var body NewToken
	if err := readJSON(r, &body); err != nil {
		s.fail(w, r, err)
		return
	}
	var expires time.Time
	if body.Expires != "" {
		at, err := parseTime(body.Expires)
		if err != nil {
			s.fail(w, r, badRequest("expires: "+err.Error(), ""))
			return
		}
		expires = time.Unix(0, at)
		if !expires.After(s.Clock.Now()) {
			s.fail(w, r, badRequest("expires: the time has passed", ""))
			return
		}
	}
	if len(body.Scopes) == 0 || slices.ContainsFunc(body.Scopes, func(a AccessScope) bool { return !a.Valid() }) {
		s.fail(w, r, badRequest("scopes: want one or more of ingest, read, operate, admin", ""))
		return
	}
	if body.Tenant == "" {
		body.Tenant = s.tenant(r)
	}
	made, err := s.Access.CreateToken(r.Context(), body, expires)
	if err != nil {
		s.fail(w, r, fmt.Errorf("create token: %w", err))
		return
	}
	s.writeStatus(w, http.StatusCreated, made)
}

// DeleteToken revokes a token.
func (s *server) DeleteToken(w http.ResponseWriter, r *http.Request, id string) {
	if err := s.Access.DeleteToken(r.Context(), s.tenant(r), id); err != nil {
		s.fail(w, r, fmt.Errorf("token %s: %w", id, err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

const (
	defaultAudit = 100
	maxAudit     = 1000
)

// ListAudit lists who changed what.
func (s *server) ListAudit(w http.ResponseWriter, r *http.Request, p ListAuditParams) {
	limit, err := limitParam(r, p.Limit, defaultAudit, maxAudit)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	before := int64(0)
	if p.Page != "" {
		if before, err = strconv.ParseInt(p.Page, 10, 64); err != nil || before <= 0 {
			s.fail(w, r, badRequest("page: not a token of this list", "give the next_page of the page before"))
			return
		}
	}
	entries, next, err := s.Access.Audit(r.Context(), s.tenant(r), before, limit)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	out := struct {
		Entries  []AuditEntry `json:"entries"`
		NextPage string       `json:"next_page,omitempty"`
	}{Entries: orEmpty(entries)}
	if next > 0 {
		out.NextPage = strconv.FormatInt(next, 10)
	}
	s.writeJSON(w, out)
}

// readJSON reads one JSON object. The type is asked for, because a page of another origin
// can post without one.
func readJSON(r *http.Request, v any) error {
	typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || typ != "application/json" {
		return badRequest("Content-Type must be application/json", "")
	}
	return decodeJSON(r.Body, v)
}

func decodeJSON(body io.Reader, v any) error {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return badRequest("body: "+err.Error(), "")
	}
	if dec.More() {
		return badRequest("body: more than one JSON value", "")
	}
	return nil
}

// traceID reads the id of the path.
func traceID(s string) (span.TraceID, error) {
	id, err := span.ParseTraceID(s)
	if err == nil && id.IsZero() {
		err = badRequest("trace id: all zeros name no trace", "")
	}
	return id, err
}
