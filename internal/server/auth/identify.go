package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/server/api"
)

// Credentials is what a request says about its sender.
type Credentials struct {
	Authorization string // the header
	Session       string // the cookie's value
	Tenant        string // X-Scope-OrgID
}

var errUnknown = fmt.Errorf("the token is unknown, revoked or expired: %w", api.ErrUnauthorized)

// Identify says who has these credentials. A token that is no good is api.ErrUnauthorized;
// no token, and a session that has ended, is somebody unknown, who may do nothing unless
// the server is open.
func (s *Service) Identify(c Credentials) (Identity, error) {
	now := s.clock.Now()
	scheme, secret, _ := strings.Cut(c.Authorization, " ")
	bearer := strings.EqualFold(scheme, "Bearer")
	s.mu.RLock()
	defer s.mu.RUnlock()
	if bearer {
		if h := hashOf(strings.TrimSpace(secret)); h == s.local && s.local != (hash{}) {
			return s.localIdentity(c.Tenant), nil
		}
	}
	switch {
	case !s.required:
		return Identity{Tenant: DefaultTenant, Scopes: Scopes()}, nil
	case bearer:
		e := s.find(strings.TrimSpace(secret), now)
		if e == nil {
			return Identity{Required: true}, errUnknown
		}
		return e.identity(c.Tenant, now), nil
	case c.Session != "":
		if e := s.signedIn(c.Session, now); e != nil {
			return e.identity(c.Tenant, now), nil
		}
	}
	return Identity{Required: true}, nil
}

// localIdentity is whoever may read the data folder.
func (s *Service) localIdentity(tenant string) Identity {
	return Identity{
		Tenant: act(tenant), Scopes: Scopes(), Token: localToken, Name: "owner of the data folder",
		Every: true, Required: s.required,
	}
}

// find is the token of a secret, nil if there is none that is good.
func (s *Service) find(secret string, now time.Time) *entry {
	if !looksLikeSecret(secret) {
		return nil
	}
	e := s.tokens[hashOf(secret)]
	if e == nil || e.expired(now) {
		return nil
	}
	return e
}

func (s *Service) signedIn(cookie string, now time.Time) *entry {
	if len(cookie) > 128 {
		return nil
	}
	x, ok := s.sessions[hashOf(cookie)]
	if !ok || !now.Before(x.expires) {
		return nil
	}
	e := s.ids[x.token]
	if e == nil || e.expired(now) {
		return nil
	}
	return e
}

func (e *entry) expired(now time.Time) bool { return !e.Expires.IsZero() && !now.Before(e.Expires) }

// identity is who acts with the token, and notes that it was used.
func (e *entry) identity(tenant string, now time.Time) Identity {
	// One store a second is enough, and keeps busy cores from writing one cache line.
	if at := now.UnixNano(); at-e.used.Load() > int64(time.Second) {
		e.used.Store(at)
	}
	i := Identity{
		Tenant: e.Tenant, Scopes: e.Scopes, Token: e.ID, Name: e.Name, Expires: e.Expires,
		Every: e.Tenant == AllTenants, Required: true,
	}
	if i.Every {
		i.Tenant = act(tenant)
	}
	return i
}

// act is the tenant that somebody who may act for all has asked for.
func act(tenant string) string {
	if ValidTenant(tenant) {
		return tenant
	}
	return DefaultTenant
}

// sessionLife is how long a sign-in lasts. A month: shorter ones teach people to keep the
// token where it does not belong.
const sessionLife = 30 * 24 * time.Hour

// SignIn makes a session of a token's secret and returns the cookie's value and its end.
// api.ErrUnauthorized if the token is no good, api.ErrForbidden if it may only send.
func (s *Service) SignIn(ctx context.Context, secret string) (cookie string, expires time.Time, who Identity, err error) {
	now := s.clock.Now()
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.RLock()
	e := s.find(strings.TrimSpace(secret), now)
	s.mu.RUnlock()
	if e == nil {
		return "", time.Time{}, Identity{}, errUnknown
	}
	who = e.identity("", now)
	if !who.May(Read) {
		return "", time.Time{}, Identity{}, fmt.Errorf("the token may only send spans; sign in with one of scope read: %w", api.ErrForbidden)
	}
	cookie, expires = random(32), now.Add(sessionLife)
	if !e.Expires.IsZero() && e.Expires.Before(expires) {
		expires = e.Expires
	}
	x := session{hash: hashOf(cookie), token: e.ID, expires: expires}
	err = s.db.Update(ctx, func(tx meta.Tx) error {
		_, err := tx.Exec(`INSERT INTO auth_session (hash, token, expires_unix_nano) VALUES (?, ?, ?)`, x.hash.String(), x.token, toNano(expires))
		return err
	})
	if err != nil {
		return "", time.Time{}, Identity{}, fmt.Errorf("sign in: %w", err)
	}
	s.mu.Lock()
	s.sessions[x.hash] = x
	s.mu.Unlock()
	return cookie, expires, who, nil
}

// SignOut ends a session; none is no error.
func (s *Service) SignOut(ctx context.Context, cookie string) error {
	s.change.Lock()
	defer s.change.Unlock()
	h := hashOf(cookie)
	err := s.db.Update(ctx, func(tx meta.Tx) error {
		_, err := tx.Exec(`DELETE FROM auth_session WHERE hash = ?`, h.String())
		return err
	})
	s.mu.Lock() // also where the database failed: this process forgets it
	delete(s.sessions, h)
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// Allow is nil if the identity has the scope, else api.ErrUnauthorized or api.ErrForbidden.
func (i Identity) Allow(need Scope) error {
	switch {
	case i.May(need):
		return nil
	case i.Required && !i.SignedIn():
		return api.ErrUnauthorized
	}
	return fmt.Errorf("this needs a token with scope %s: %w", need, api.ErrForbidden)
}
