package api

import (
	"fmt"
	"net/http"
)

// GetTenantLimits says what a tenant may use.
func (s *server) GetTenantLimits(w http.ResponseWriter, r *http.Request, tenant string) {
	limits, err := s.Tenants.Limits(r.Context(), tenant)
	if err != nil {
		s.fail(w, r, fmt.Errorf("limits of tenant %s: %w", tenant, err))
		return
	}
	s.writeJSON(w, limits)
}

// SetTenantLimits changes it.
func (s *server) SetTenantLimits(w http.ResponseWriter, r *http.Request, tenant string) {
	var own OwnLimits
	if err := readJSON(r, &own); err != nil {
		s.fail(w, r, err)
		return
	}
	limits, err := s.Tenants.SetLimits(r.Context(), tenant, own)
	if err != nil {
		s.fail(w, r, fmt.Errorf("set limits of tenant %s: %w", tenant, err))
		return
	}
	s.writeJSON(w, limits)
}
