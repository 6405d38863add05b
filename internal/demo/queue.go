package demo

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// queue is a durable queue in a SQLite file that two processes share. A message carries
// headers, and they carry the trace.
type queue struct{ db *sql.DB }

func openQueue() (*queue, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(os.Getenv("SHOP_DIR"), "queue.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
	if err != nil {
		return nil, err
	}
	_, err = db.Exec("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY AUTOINCREMENT, headers TEXT NOT NULL, body TEXT NOT NULL)")
	return &queue{db}, err
}

func (q *queue) close() { _ = q.db.Close() }

type message struct {
	id      int64
	headers propagation.MapCarrier
	body    string
}

func (q *queue) publish(ctx context.Context, headers propagation.MapCarrier, body string) error {
	h, err := json.Marshal(headers)
	if err != nil {
		return err
	}
	_, err = q.db.ExecContext(ctx, "INSERT INTO orders (headers, body) VALUES (?, ?)", string(h), body)
	return err
}

// take removes the oldest message; nil if there is none.
func (q *queue) take(ctx context.Context) (*message, error) {
	var m message
	var headers string
	err := q.db.QueryRowContext(ctx, "DELETE FROM orders WHERE id = (SELECT min(id) FROM orders) RETURNING id, headers, body").Scan(&m.id, &headers, &m.body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &m, json.Unmarshal([]byte(headers), &m.headers)
}

// enqueue publishes a paid order, with a producer span.
func (s *service) enqueue(ctx context.Context, q *queue, order string) error {
	ctx, span := s.tracer.Start(ctx, "send orders", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "sqlite"), attribute.String("messaging.operation.name", "send"),
		attribute.String("messaging.operation.type", "send"), attribute.String("messaging.destination.name", "orders"),
		attribute.String("order.id", order)))
	defer span.End()
	headers := propagation.MapCarrier{}
	otel.GetTextMapPropagator().Inject(ctx, headers)
	if err := q.publish(ctx, headers, order); err != nil {
		return fail(span, "QueueError", err)
	}
	return nil
}

// runFulfilment works off the queue and closes the books every night.
func runFulfilment(ctx context.Context, s *service) error {
	q, err := openQueue()
	if err != nil {
		return err
	}
	defer q.close()
	go s.consume(ctx, q)
	go s.closeBooks(ctx)
	return s.serveHTTP(ctx, nil)
}

func (s *service) consume(ctx context.Context, q *queue) {
	for ctx.Err() == nil {
		m, err := q.take(ctx)
		if err != nil || m == nil {
			sleep(ctx, 100*time.Millisecond)
			continue
		}
		s.fulfil(ctx, m)
	}
}

// fulfil processes one order in a trace of its own, linked to the payment's.
func (s *service) fulfil(ctx context.Context, m *message) {
	sender := otel.GetTextMapPropagator().Extract(context.Background(), m.headers)
	ctx, span := s.tracer.Start(ctx, "process orders", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(trace.LinkFromContext(sender)), trace.WithAttributes(
			attribute.String("messaging.system", "sqlite"), attribute.String("messaging.operation.name", "process"),
			attribute.String("messaging.operation.type", "process"), attribute.String("messaging.destination.name", "orders"),
			attribute.Int64("messaging.message.id", m.id), attribute.String("order.id", m.body)))
	defer span.End()
	for _, step := range []struct {
		name string
		ms   float64
	}{{"pick", 12}, {"pack", 20}, {"print label", 5}} {
		stepCtx, child := s.tracer.Start(ctx, step.name)
		sleep(stepCtx, jitter(step.ms))
		child.End()
	}
	span.AddEvent("handed to carrier", trace.WithAttributes(attribute.String("carrier", "postbote")))
}

// closeBooks is the long background job: twenty seconds, every minute.
func (s *service) closeBooks(ctx context.Context) {
	for ctx.Err() == nil {
		jobCtx, span := s.tracer.Start(ctx, "close books", trace.WithAttributes(attribute.String("job", "nightly")))
		for batch := range 40 {
			batchCtx, child := s.tracer.Start(jobCtx, "settle batch", trace.WithAttributes(attribute.Int("batch", batch)))
			sleep(batchCtx, jitter(500))
			child.End()
		}
		span.End()
		sleep(ctx, day-20*time.Second)
	}
}
