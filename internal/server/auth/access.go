package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/audit"
)

// Access is the Service as the API wants it.
type Access struct {
	Service *Service
	Path    string // of the cookie: the server's base path
}

var _ api.Access = Access{}

// Identify is the identity that Web put into the context.
func (a Access) Identify(ctx context.Context) api.Identity { return forAPI(From(ctx)) }

func forAPI(i Identity) api.Identity {
	return api.Identity{
		Tenant: i.Tenant, Scopes: apiScopes(i.Scopes), Name: i.Name, Expires: i.Expires,
		SignedIn: i.SignedIn(), Required: i.Required,
	}
}

func apiScopes(scopes []Scope) []api.AccessScope {
	var out []api.AccessScope
	for _, s := range scopes {
		out = append(out, api.AccessScope(s))
	}
	return out
}

// SignIn checks a token and sets the session's cookie.
func (a Access) SignIn(w http.ResponseWriter, r *http.Request, token string) (api.Identity, error) {
	from := addressOfRequest(r)
	if err := a.Service.attempts.begin(from, a.Service.clock.Now()); err != nil {
		return api.Identity{}, err
	}
	cookie, expires, who, err := a.Service.SignIn(r.Context(), token)
	if err != nil {
		return api.Identity{}, err
	}
	a.Service.attempts.succeeded(from)
	a.setCookie(w, r, cookie, expires)
	return forAPI(who), nil
}

// SignOut ends the session, if there is one, and clears its cookie.
func (a Access) SignOut(w http.ResponseWriter, r *http.Request) error {
	a.setCookie(w, r, "", time.Unix(1, 0))
	c, err := r.Cookie(CookieName)
	if err != nil {
		return nil
	}
	return a.Service.SignOut(r.Context(), c.Value)
}

func (a Access) setCookie(w http.ResponseWriter, r *http.Request, value string, expires time.Time) {
	path := a.Path
	if path == "" {
		path = "/"
	}
	http.SetCookie(w, &http.Cookie{
		Name: CookieName, Value: value, Path: path, Expires: expires,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		// Behind a proxy that ends TLS the page's own origin tells.
		Secure: r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https:"),
	})
}

// Tokens lists the tokens the tenant's admins may see: those of the tenant, and all of
// them for an admin of every tenant.
func (a Access) Tokens(ctx context.Context, tenant string) ([]api.Token, error) {
	var out []api.Token
	for _, t := range a.Service.List(reach(From(ctx), tenant)) {
		out = append(out, tokenForAPI(t))
	}
	return out, nil
}

// reach is the tenants an identity administers: its own, or AllTenants where it is an
// admin of every tenant or the server is open.
func reach(who Identity, tenant string) string {
	if who.Every || !who.Required {
		return AllTenants
	}
	return tenant
}

// CreateToken makes a token, for another tenant only where the caller may act for it.
func (a Access) CreateToken(ctx context.Context, n api.NewToken, expires time.Time) (api.CreatedToken, error) {
	who := From(ctx)
	if reach(who, who.Tenant) != AllTenants && n.Tenant != who.Tenant {
		return api.CreatedToken{}, fmt.Errorf("this token acts for tenant %s only: %w", who.Tenant, api.ErrForbidden)
	}
	ask := NewToken{Name: n.Name, Tenant: n.Tenant, Expires: expires}
	for _, s := range n.Scopes {
		ask.Scopes = append(ask.Scopes, Scope(s))
	}
	t, secret, _, err := a.Service.Create(ctx, ask, who.Actor())
	var wrong *RequestError
	if errors.As(err, &wrong) {
		return api.CreatedToken{}, &api.RequestError{Detail: wrong.Text, Hint: wrong.Hint}
	}
	if err != nil {
		return api.CreatedToken{}, err
	}
	return api.CreatedToken{Token: tokenForAPI(t), Secret: secret}, nil
}

// DeleteToken revokes a token.
func (a Access) DeleteToken(ctx context.Context, tenant, id string) error {
	who := From(ctx)
	return a.Service.Revoke(ctx, reach(who, tenant), id, who.Actor())
}

// Audit is the entries the tenant's admins may see.
func (a Access) Audit(ctx context.Context, tenant string, before int64, limit int) ([]api.AuditEntry, int64, error) {
	// One more than asked for tells whether there is a next page.
	list, err := audit.List(ctx, a.Service.db, audit.Query{Tenant: reach(From(ctx), tenant), Before: before, Limit: limit + 1})
	if err != nil {
		return nil, 0, err
	}
	next := int64(0)
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	out := make([]api.AuditEntry, len(list))
	for i, e := range list {
		out[i] = api.AuditEntry{
			AtUnixNano: nano(e.At), Tenant: e.Tenant, Actor: e.Actor, Action: e.Action, Object: e.Object, Detail: e.Detail,
		}
	}
	return out, next, nil
}

func tokenForAPI(t Token) api.Token {
	out := api.Token{
		Id: t.ID, Name: t.Name, Tenant: t.Tenant, Scopes: apiScopes(t.Scopes),
		CreatedUnixNano: nano(t.Created), ExpiresUnixNano: nano(t.Expires), LastUsedUnixNano: nano(t.LastUsed),
	}
	return out
}

// nano is a time as the API writes it, "" for the zero time, which it leaves out.
func nano(t time.Time) api.Nano {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprint(t.UnixNano())
}
