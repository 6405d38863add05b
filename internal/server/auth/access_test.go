package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/trace/store"
)

// An admin makes, lists and revokes the tokens of its own tenant; one of every tenant, and
// anyone on an open server, those of all.
func TestAccessReach(t *testing.T) {
	w := newWorld(t)
	a := auth.Access{Service: w.Service}
	as := func(c auth.Credentials) auth.Identity {
		t.Helper()
		who, err := w.Identify(c)
		if err != nil {
			t.Fatal(err)
		}
		return who
	}
	create := func(who auth.Identity, tenant string, wantErr error) string {
		t.Helper()
		made, err := a.CreateToken(auth.With(t.Context(), who), api.NewToken{Tenant: tenant, Scopes: []api.AccessScope{api.AccessScopeAdmin}}, time.Time{})
		if !errors.Is(err, wantErr) {
			t.Errorf("%s creates a token of %q: %v, want %v", who.Actor(), tenant, err, wantErr)
		}
		return made.Secret
	}
	list := func(who auth.Identity, want int) {
		t.Helper()
		tokens, err := a.Tokens(auth.With(t.Context(), who), who.Tenant)
		if err != nil || len(tokens) != want {
			t.Errorf("%s sees %d tokens (%v), want %d", who.Actor(), len(tokens), err, want)
		}
	}
	anyone := as(auth.Credentials{})
	list(anyone, 0)
	every := as(bearer(create(anyone, auth.AllTenants, nil)))
	acmeSecret := create(every, "acme", nil)
	acme := as(bearer(acmeSecret))
	globexSecret := create(every, "globex", nil)
	create(acme, "acme", nil)
	create(acme, "globex", api.ErrForbidden)
	create(acme, auth.AllTenants, api.ErrForbidden)
	list(every, 4)
	list(acme, 2)

	revoke := func(who auth.Identity, id string, wantErr error) {
		t.Helper()
		if err := a.DeleteToken(auth.With(t.Context(), who), who.Tenant, id); !errors.Is(err, wantErr) {
			t.Errorf("%s revokes %s: %v, want %v", who.Actor(), id, err, wantErr)
		}
	}
	revoke(acme, globexSecret[:13], store.ErrNotFound)
	revoke(every, globexSecret[:13], nil)
	revoke(acme, acmeSecret[:13], nil) // itself
	var wrong *api.RequestError
	if _, err := a.CreateToken(auth.With(t.Context(), every), api.NewToken{Tenant: "a b", Scopes: []api.AccessScope{"read"}}, time.Time{}); !errors.As(err, &wrong) {
		t.Errorf("a bad tenant is %v, want a *api.RequestError", err)
	}
}

// The cookie cannot be read by scripts nor sent by other sites, goes over TLS only where
// there is TLS, and is cleared by signing out.
func TestAccessCookie(t *testing.T) {
	w := newWorld(t)
	a := auth.Access{Service: w.Service, Path: "/weft/"}
	secret := w.token("acme", auth.Read)
	sign := func(origin string) *http.Cookie {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "/api/v1/session", nil)
		r.Header.Set("Origin", origin)
		rec := httptest.NewRecorder()
		who, err := a.SignIn(rec, r, secret)
		if err != nil || who.Tenant != "acme" || !who.SignedIn || !who.Required {
			t.Fatalf("SignIn = %+v, %v", who, err)
		}
		return rec.Result().Cookies()[0]
	}
	c := sign("http://127.0.0.1:8800")
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/weft/" || c.Secure || c.Name != auth.CookieName {
		t.Errorf("cookie %v", c)
	}
	if c := sign("https://weft.example"); !c.Secure {
		t.Errorf("cookie behind TLS %v", c)
	}
	r := httptest.NewRequest(http.MethodDelete, "/api/v1/session", nil)
	r.AddCookie(c)
	rec := httptest.NewRecorder()
	if err := a.SignOut(rec, r); err != nil {
		t.Fatal(err)
	}
	if cleared := rec.Result().Cookies()[0]; cleared.Value != "" || cleared.Expires.After(time.Unix(10, 0)) {
		t.Errorf("cookie after signing out %v", cleared)
	}
	if who, err := w.Identify(auth.Credentials{Session: c.Value}); err != nil || who.SignedIn() {
		t.Errorf("the session goes on: %+v, %v", who, err)
	}
}
