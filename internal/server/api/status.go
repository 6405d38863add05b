package api

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/weft-dev/weft/internal/trace/store"
)

// GetStatus answers the state of the server, less for callers who are not its admins.
func (s *server) GetStatus(w http.ResponseWriter, r *http.Request) {
	out, err := s.Host.Status(r.Context())
	if err != nil {
		s.fail(w, r, fmt.Errorf("status: %w", err))
		return
	}
	who := s.Access.Identify(r.Context())
	out.NowUnixNano = nano(s.Clock.Now().UnixNano())
	out.Tenant, out.Scopes, out.TokensRequired = who.Tenant, who.Scopes, who.Required
	if !who.may(AccessScopeAdmin) {
		out.DataDir, out.Warnings = "", nil
		out.Tenants = slices.DeleteFunc(slices.Clone(out.Tenants), func(t TenantCounters) bool { return t.Tenant != who.Tenant })
	}
	// A tenant without a service has never had a span; a menu's question answers it.
	names, err := s.Reader.Names(r.Context(), store.NameQuery{Tenant: who.Tenant, Kind: store.OperationNames, Window: allTime, Limit: 1})
	if err != nil {
		s.fail(w, r, fmt.Errorf("status: %w", err))
		return
	}
	out.WaitingForFirstSpan = len(names) == 0
	out.Warnings, out.Listeners = orEmpty(out.Warnings), orEmpty(out.Listeners)
	out.Tenants, out.Scopes = orEmpty(out.Tenants), orEmpty(out.Scopes)
	s.writeJSON(w, out)
}

// orEmpty is list, but never nil, so that JSON shows [].
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ListRefused answers what was refused lately.
func (s *server) ListRefused(w http.ResponseWriter, r *http.Request) {
	s.writeJSON(w, map[string][]Refused{"refused": orEmpty(s.Host.Refused(s.tenant(r)))})
}
