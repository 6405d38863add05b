package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// runBank stands for the institutions outside: slow at noon, and northbank hangs in the
// afternoon.
func runBank(ctx context.Context, s *service) error {
	return s.serveHTTP(ctx, map[string]http.HandlerFunc{"POST /authorize": s.answerAuth})
}

func (s *service) answerAuth(w http.ResponseWriter, r *http.Request) {
	provider, hour := r.FormValue("provider"), hourOf(time.Now())
	ctx, span := s.tracer.Start(r.Context(), "AUTH", trace.WithAttributes(
		attribute.String("provider", provider), attribute.String("amount.cents", r.FormValue("cents"))))
	defer span.End()
	wait := jitter(25)
	if hour > 11 && hour < 14 {
		wait *= 5
	}
	if provider == "northbank" && hour > 14 && hour < 17 {
		wait = 3 * time.Second
	}
	s.checkRisk(ctx, r.FormValue("order"))
	sleep(ctx, wait)
	switch {
	case ctx.Err() != nil:
		_ = fail(span, "HostUnreachable", fmt.Errorf("caller gave up while %s was waiting for its host", provider))
	case chance(0.02):
		_ = fail(span, "LedgerUnavailable", fmt.Errorf("%s: ledger is in maintenance", provider))
		http.Error(w, "ledger is in maintenance", http.StatusServiceUnavailable)
	case chance(0.05):
		http.Error(w, "refused", http.StatusPaymentRequired)
	default:
		writeJSON(w, map[string]string{"state": "authorized"})
	}
}

func (s *service) checkRisk(ctx context.Context, order string) {
	ctx, span := s.tracer.Start(ctx, "score risk", trace.WithAttributes(
		attribute.String("order.id", order), attribute.StringSlice("risk.rules", []string{"velocity", "country", "amount"})))
	defer span.End()
	sleep(ctx, jitter(4))
}
