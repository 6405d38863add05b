package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// runPayment charges orders: stock by gRPC, money over HTTP, the rest by the queue.
func runPayment(ctx context.Context, s *service) error {
	err := s.openDB("payment.db",
		"CREATE TABLE payments (order_id TEXT PRIMARY KEY, customer TEXT, provider TEXT, cents INTEGER, state TEXT)")
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(address("inventory"), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()))
	if err != nil {
		return err
	}
	defer conn.Close()
	q, err := openQueue()
	if err != nil {
		return err
	}
	defer q.close()
	return s.serveHTTP(ctx, map[string]http.HandlerFunc{
		"POST /charges": func(w http.ResponseWriter, r *http.Request) { s.charge(w, r, conn, q) },
	})
}

func (s *service) charge(w http.ResponseWriter, r *http.Request, inventory *grpc.ClientConn, q *queue) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	order, customer, provider := r.PostForm.Get("order"), r.Header.Get("X-Customer"), r.PostForm.Get("provider")
	ctx, span := s.tracer.Start(r.Context(), "Charge", trace.WithAttributes(
		attribute.String("order.id", order), attribute.String("customer", customer), attribute.String("provider", provider)))
	defer span.End()
	err := s.chargeSteps(ctx, order, customer, provider, r.PostForm, inventory, q)
	switch {
	case errors.Is(err, errOutOfStock):
		span.SetStatus(codes.Error, err.Error())
		http.Error(w, err.Error(), http.StatusConflict)
	case errors.Is(err, errRefused):
		http.Error(w, err.Error(), http.StatusPaymentRequired) // the customer's business, no failure of ours
	case err != nil:
		span.SetStatus(codes.Error, err.Error())
		http.Error(w, err.Error(), http.StatusBadGateway)
	default:
		writeJSON(w, map[string]string{"order": order, "state": "paid"})
	}
}

var (
	errOutOfStock = errors.New("out of stock")
	errRefused    = errors.New("card refused")
)

func (s *service) chargeSteps(ctx context.Context, order, customer, provider string, form url.Values, inventory *grpc.ClientConn, q *queue) error {
	cents := 1000 + len(order)*137
	if err := reserve(ctx, inventory, form.Get("product"), form.Get("quantity")); err != nil {
		return err
	}
	err := s.query(ctx, "INSERT payments", "INSERT INTO payments (order_id, customer, provider, cents, state) VALUES (?, ?, ?, ?, 'open')",
		nil, order, customer, provider, cents)
	if err != nil {
		return err
	}
	if err := s.authorize(ctx, order, customer, provider, cents); err != nil {
		state := "failed"
		if errors.Is(err, errRefused) {
			state = "refused"
		}
		return errors.Join(err, s.query(ctx, "UPDATE payments", "UPDATE payments SET state = ? WHERE order_id = ?", nil, state, order))
	}
	if err := s.query(ctx, "UPDATE payments", "UPDATE payments SET state = 'paid' WHERE order_id = ?", nil, order); err != nil {
		return err
	}
	return s.enqueue(ctx, q, order)
}

// authorize asks the bank, twice at most.
func (s *service) authorize(ctx context.Context, order, customer, provider string, cents int) error {
	var err error
	for try := range 2 {
		if err = s.askBank(ctx, try, url.Values{"order": {order}, "provider": {provider}, "cents": {fmt.Sprint(cents)}}, customer); err == nil || errors.Is(err, errRefused) {
			return err
		}
	}
	return err
}

func (s *service) askBank(ctx context.Context, try int, form url.Values, customer string) error {
	ctx, span := s.tracer.Start(ctx, "authorize", trace.WithAttributes(
		attribute.Int("attempt", try+1), attribute.String("provider", form.Get("provider"))))
	defer span.End()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	resp, err := s.call(ctx, http.MethodPost, "http://"+address("bank")+"/authorize", form, customer)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fail(span, "BankTimeout", fmt.Errorf("no reply to AUTH from %s after 1.00 s (attempt %d of 2)", form.Get("provider"), try+1))
		}
		return fail(span, "BankError", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusPaymentRequired:
		span.SetAttributes(attribute.String("bank.answer", "refused"))
		return errRefused
	}
	return fail(span, "BankError", fmt.Errorf("%s answered %s", form.Get("provider"), resp.Status))
}
