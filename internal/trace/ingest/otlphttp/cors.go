package otlphttp

import "net/http"

// preflight answers the question a browser asks before a page of another origin may send.
func (h *Handler) preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	if h.allowOrigin(w, r) {
		w.Header().Set("Access-Control-Allow-Methods", "POST")
		w.Header().Set("Access-Control-Allow-Headers",
			"authorization, content-encoding, content-type, baggage, traceparent, tracestate, x-scope-orgid")
		w.Header().Set("Access-Control-Max-Age", "3600")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// allowOrigin lets the page that sent the request read the answer, if it may send at all.
func (h *Handler) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || h.cfg.Origin == nil || r.URL.Path != Path {
		return false
	}
	w.Header().Add("Vary", "Origin")
	if !h.cfg.Origin(origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	return true
}
