package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	_ "modernc.org/sqlite" // the services' databases
)

// service is one process of the shop.
type service struct {
	name   string
	tracer trace.Tracer
	client *http.Client
	db     *sql.DB
}

// RunService is the body of the hidden command "demo-service".
func RunService(ctx context.Context, name string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	shutdown, err := startTracing(ctx)
	if err != nil {
		return fmt.Errorf("start demo service %s: %w", name, err)
	}
	defer shutdown()
	s := &service{
		name: name, tracer: otel.Tracer("shop/" + name),
		client: &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)},
	}
	run, ok := map[string]func(context.Context, *service) error{
		"gateway": runGateway, "catalog": runCatalog, "payment": runPayment,
		"bank": runBank, "inventory": runInventory, "fulfilment": runFulfilment,
	}[name]
	if !ok {
		return fmt.Errorf("start demo service %q: there is no such service", name)
	}
	if err := run(ctx, s); !isClosed(err) {
		return fmt.Errorf("demo service %s: %w", name, err)
	}
	return nil
}

func startTracing(ctx context.Context) (func(), error) {
	exporter, err := otlptracehttp.New(ctx) // address and headers come from OTEL_*
	if err != nil {
		return nil, err
	}
	res, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithHost(), resource.WithProcessPID())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // a demo outlives its server
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = provider.Shutdown(ctx)
	}, nil
}

func addressVariable(service string) string { return "SHOP_" + strings.ToUpper(service) }

func address(service string) string { return os.Getenv(addressVariable(service)) }

// serveHTTP serves until ctx is done. Every route is a span named by its pattern.
func (s *service) serveHTTP(ctx context.Context, routes map[string]http.HandlerFunc) error {
	mux := http.NewServeMux()
	for pattern, h := range routes {
		mux.Handle(pattern, otelhttp.NewHandler(h, pattern))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	l, err := net.Listen("tcp", address(s.name))
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = srv.Shutdown(grace)
	})
	return srv.Serve(l)
}

// openDB opens a database of the shop's folder.
func (s *service) openDB(file string, schema ...string) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(os.Getenv("SHOP_DIR"), file)+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
	if err != nil {
		return err
	}
	for _, q := range schema {
		if _, err := db.Exec(q); err != nil {
			return fmt.Errorf("set up %s: %w", file, err)
		}
	}
	s.db = db
	return nil
}

// query runs a statement inside a client span, as the semantic conventions for databases
// have it. With a nil row function it only executes.
func (s *service) query(ctx context.Context, summary, statement string, row func(*sql.Rows) error, args ...any) error {
	operation, table, _ := strings.Cut(summary, " ")
	ctx, span := s.tracer.Start(ctx, summary, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "sqlite"), attribute.String("db.namespace", s.name),
		attribute.String("db.operation.name", operation), attribute.String("db.collection.name", table),
		attribute.String("db.query.text", statement), attribute.String("db.query.summary", summary)))
	defer span.End()
	if row == nil {
		res, err := s.db.ExecContext(ctx, statement, args...)
		if err != nil {
			return fail(span, "DatabaseError", err)
		}
		n, _ := res.RowsAffected()
		span.SetAttributes(attribute.Int64("db.response.affected_rows", n))
		return nil
	}
	rows, err := s.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return fail(span, "DatabaseError", err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if err := row(rows); err != nil {
			return fail(span, "DatabaseError", err)
		}
		n++
	}
	span.SetAttributes(attribute.Int("db.response.returned_rows", n))
	return rows.Err()
}

// fail marks a span as failed with an exception event and returns err.
func fail(span trace.Span, kind string, err error) error {
	span.AddEvent("exception", trace.WithAttributes(
		attribute.String("exception.type", kind), attribute.String("exception.message", err.Error()),
		attribute.String("exception.stacktrace", string(debug.Stack()))))
	span.SetStatus(codes.Error, err.Error())
	return err
}

// sleep is work that takes about d.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
