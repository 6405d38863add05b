package demo

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// runGateway serves the visitors and calls catalog and payment over HTTP.
func runGateway(ctx context.Context, s *service) error {
	for _, name := range []string{"catalog", "payment", "bank", "fulfilment"} {
		if err := awaitReady(ctx, "http://"+address(name)+"/healthz", nil); err != nil {
			return err
		}
	}
	forward := func(method, target string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			path := target
			if id := r.PathValue("id"); id != "" {
				path += "/" + id
			}
			s.forward(w, r, method, "http://"+path+"?"+r.URL.RawQuery, nil)
		}
	}
	return s.serveHTTP(ctx, map[string]http.HandlerFunc{
		"GET /products":      forward(http.MethodGet, address("catalog")+"/products"),
		"GET /products/{id}": forward(http.MethodGet, address("catalog")+"/products"),
		"GET /prices":        forward(http.MethodGet, address("catalog")+"/prices"),
		"POST /pay":          s.pay,
	})
}

// pay checks the visitor in and hands the order to payment.
func (s *service) pay(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	span := trace.SpanFromContext(r.Context())
	order := "o-" + span.SpanContext().TraceID().String()[:12]
	span.SetAttributes(attribute.String("customer", r.Header.Get("X-Customer")), attribute.String("order.id", order),
		attribute.String("provider", r.PostForm.Get("provider")))
	if !s.admit(r) {
		span.SetStatus(codes.Error, "session expired")
		http.Error(w, "session expired", http.StatusUnauthorized)
		return
	}
	form := r.PostForm
	form.Set("order", order)
	s.forward(w, r, http.MethodPost, "http://"+address("payment")+"/charges", form)
}

// admit is the gateway's own work: a span inside the process.
func (s *service) admit(r *http.Request) bool {
	_, span := s.tracer.Start(r.Context(), "check session", trace.WithAttributes(
		attribute.String("user.id", r.Header.Get("X-Customer"))))
	defer span.End()
	sleep(r.Context(), jitter(2))
	return !chance(0.01)
}

func (s *service) forward(w http.ResponseWriter, r *http.Request, method, target string, form url.Values) {
	resp, err := s.call(r.Context(), method, target, form, r.Header.Get("X-Customer"))
	if err != nil {
		_ = fail(trace.SpanFromContext(r.Context()), "UpstreamError", err)
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// call is an HTTP request to another service, with the visitor's number.
func (s *service) call(ctx context.Context, method, target string, form url.Values, customer string) (*http.Response, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Customer", customer)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return s.client.Do(req)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
