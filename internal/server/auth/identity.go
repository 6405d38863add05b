package auth

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Scope is what a token may do.
type Scope string

// The scopes. Operate includes read, admin includes operate; ingest stands alone, so that
// what a sender leaks reads nothing.
const (
	Ingest  Scope = "ingest"  // send spans
	Read    Scope = "read"    // search and read
	Operate Scope = "operate" // keep and delete traces
	Admin   Scope = "admin"   // make and revoke tokens
)

// Scopes is all of them, weakest first.
func Scopes() []Scope { return []Scope{Ingest, Read, Operate, Admin} }

// AllTenants is the tenant of a token that may act for every tenant. It acts for
// DefaultTenant unless the request names another in X-Scope-OrgID.
const AllTenants = "*"

// DefaultTenant owns everything while no tokens are configured.
const DefaultTenant = "default"

var tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidTenant reports whether s may be the name of a tenant.
func ValidTenant(s string) bool { return tenantName.MatchString(s) }

// Identity is who sent a request. The zero value may do nothing.
type Identity struct {
	Tenant   string // whose data the request is about
	Scopes   []Scope
	Token    string    // id of the token; "" where there is none
	Name     string    // of the token
	Expires  time.Time // zero: never
	Every    bool      // may act for every tenant
	Required bool      // tokens are configured
}

// SignedIn reports whether there was a token or a session.
func (i Identity) SignedIn() bool { return i.Token != "" }

// May reports whether the identity has a scope, by itself or through a greater one.
func (i Identity) May(need Scope) bool {
	if slices.Contains(i.Scopes, need) {
		return true
	}
	order := Scopes()[1:] // ingest is in none of the others
	at := slices.Index(order, need)
	return at >= 0 && slices.ContainsFunc(order[at:], func(s Scope) bool { return slices.Contains(i.Scopes, s) })
}

// Actor names the identity in the audit log.
func (i Identity) Actor() string {
	switch {
	case i.Token == "":
		return "anyone (no tokens)"
	case i.Token == localToken:
		return i.Name
	case i.Name == "":
		return "token " + i.Token
	}
	return fmt.Sprintf("token %s (%s)", i.Token, i.Name)
}

// localToken is the id of whoever may read the data folder.
const localToken = "local"

type identityKey struct{}

// With puts an identity into a context.
func With(ctx context.Context, i Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// From is the identity that a layer before put into the context; without one, the zero
// value.
func From(ctx context.Context) Identity {
	i, _ := ctx.Value(identityKey{}).(Identity)
	return i
}
