package otlpgrpc_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/weft-dev/weft/internal/trace/ingest"
	"github.com/weft-dev/weft/internal/trace/ingest/log/file"
	"github.com/weft-dev/weft/internal/trace/ingest/otlpgrpc"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/colstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is the receiver on a real port, over a real log and store in a temporary folder,
// and a client made of the official stubs.
type rig struct {
	*ingest.Pipeline
	store *colstore.Store
	conn  *grpc.ClientConn
	coltrace.TraceServiceClient
}

func newRig(t *testing.T, limits ingest.Limits, ready bool) *rig {
	t.Helper()
	return serve(t, limits, ready, func(srv *grpc.Server, lis net.Listener) error { return srv.Serve(lis) })
}

// newSharedRig serves through net/http, as on a port that other protocols share.
func newSharedRig(t *testing.T, limits ingest.Limits) *rig {
	t.Helper()
	return serve(t, limits, true, func(srv *grpc.Server, lis net.Listener) error {
		h := &http.Server{Handler: srv, Protocols: new(http.Protocols)}
		h.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(func() { _ = h.Close() }) // the listener is closed before
		if err := h.Serve(lis); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
}

func serve(t *testing.T, limits ingest.Limits, ready bool, run func(*grpc.Server, net.Listener) error) *rig {
	t.Helper()
	dir := t.TempDir()
	st, err := colstore.Open(colstore.Config{Dir: dir + "/traces"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := file.Open(file.Config{Dir: dir + "/log"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ingest.New(ingest.Config{Log: l, Store: st, Limits: limits, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if ready {
		if _, err := p.Replay(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s := otlpgrpc.New(p)
	srv := grpc.NewServer(append(s.Options(), grpc.UnaryInterceptor(auth))...)
	s.Register(srv)
	healthpb.RegisterHealthServer(srv, health.NewServer()) // another service of the same server
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- run(srv, lis) }()
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := conn.Close()
		srv.Stop()
		_ = lis.Close() // closed by Stop where the server has it
		if err := errors.Join(err, <-served, p.Close(context.Background()), st.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	})
	return &rig{p, st, conn, coltrace.NewTraceServiceClient(conn)}
}

// auth is what the layer that knows tokens does.
func auth(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	switch token := strings.Join(md.Get("authorization"), ""); token {
	case "":
	case "Bearer wrong":
		return nil, status.Error(codes.Unauthenticated, "unknown token")
	default:
		ctx = ingest.WithTenant(ctx, strings.TrimPrefix(token, "Bearer "))
	}
	return next(ctx, req)
}

// request is request number i: a trace of its own with n spans.
func request(i, n int) *coltrace.ExportTraceServiceRequest {
	var spans []*trace.Span
	for k := range n {
		id := traceID(i)
		spans = append(spans, &trace.Span{
			TraceId: id[:], SpanId: []byte{1, 0, 0, 0, 0, 0, byte(k >> 8), byte(k)}, Name: "op",
			StartTimeUnixNano: 1_700_000_000_000_000_000, EndTimeUnixNano: 1_700_000_000_000_001_000,
		})
	}
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		ScopeSpans: []*trace.ScopeSpans{{Spans: spans}},
	}}}
}

func traceID(i int) span.TraceID { return span.TraceID{0: 1, 15: byte(i)} }

// TestExport shows that spans sent by the official client, plain and compressed, small and
// large, are in the store when the call returns, under the tenant of the call.
func TestExport(t *testing.T) {
	t.Run("own port", func(t *testing.T) { export(t, newRig(t, ingest.Limits{}, true)) })
	t.Run("shared port", func(t *testing.T) { export(t, newSharedRig(t, ingest.Limits{})) })
}

func export(t *testing.T, r *rig) {
	i := 0
	f := func(tenant string, n int, opts ...grpc.CallOption) {
		t.Helper()
		i++
		ctx := t.Context()
		if tenant != ingest.DefaultTenant {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+tenant)
		}
		res, err := r.Export(ctx, request(i, n), opts...)
		if err != nil || res.GetPartialSuccess() != nil {
			t.Fatalf("export of %d spans: %v, %v", n, res, err)
		}
		if b, err := r.store.Trace(t.Context(), tenant, traceID(i)); err != nil || len(b.Spans) != n {
			t.Errorf("trace of %d spans: %v", n, err)
		}
	}
	f(ingest.DefaultTenant, 1)
	f("acme", 3)
	for _, c := range []string{"gzip", "zstd", "zstd", "gzip"} {
		f(ingest.DefaultTenant, 10, grpc.UseCompressor(c))
		f(ingest.DefaultTenant, 20_000, grpc.UseCompressor(c))
	}
	f(ingest.DefaultTenant, 60_000) // above the 4 MiB that gRPC takes by default
}

// TestOtherService shows that a service with generated types works beside ours.
func TestOtherService(t *testing.T) {
	r := newRig(t, ingest.Limits{}, true)
	res, err := healthpb.NewHealthClient(r.conn).Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.UseCompressor("zstd"))
	if err != nil || res.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health check: %v, %v", res, err)
	}
}

// TestPartialSuccess shows that good spans are kept, and how the bad ones are reported.
func TestPartialSuccess(t *testing.T) {
	r := newRig(t, ingest.Limits{}, true)
	req := request(1, 3)
	req.ResourceSpans[0].ScopeSpans[0].Spans[1].SpanId = nil
	res, err := r.Export(t.Context(), req)
	if err != nil || res.GetPartialSuccess().GetRejectedSpans() != 1 || res.GetPartialSuccess().GetErrorMessage() == "" {
		t.Errorf("answer %v, %v, want 1 rejected and why", res, err)
	}
	if b, err := r.store.Trace(t.Context(), ingest.DefaultTenant, traceID(1)); err != nil || len(b.Spans) != 2 {
		t.Errorf("trace %v, %v, want 2 spans", b, err)
	}
}

// raw sends bytes that no generated type would.
type raw []byte

func (raw) Name() string                  { return "proto" }
func (r raw) Marshal(any) ([]byte, error) { return r, nil }
func (raw) Unmarshal([]byte, any) error   { return nil }

// TestRefused shows the codes of refusals that trying again does not help, whether our
// handler, an interceptor or gRPC itself refuses, and that each is on the list for people
// once.
func TestRefused(t *testing.T) {
	t.Run("own port", func(t *testing.T) { refused(t, newRig(t, ingest.Limits{RequestBytes: 10_000}, true)) })
	t.Run("shared port", func(t *testing.T) { refused(t, newSharedRig(t, ingest.Limits{RequestBytes: 10_000})) })
}

func refused(t *testing.T, r *rig) {
	calls := 0
	f := func(err error, code codes.Code, reason ingest.Reason, hint string) {
		t.Helper()
		if status.Code(err) != code || retryOf(err) != nil {
			t.Errorf("got %v (retry %v), want %v", err, retryOf(err), code)
		}
		// What gRPC itself refuses is noted when the call ends, which the client may hear
		// of first.
		calls++
		list := r.Refused(ingest.DefaultTenant)
		for wait := time.Now().Add(10 * time.Second); len(list) < calls && time.Now().Before(wait); {
			time.Sleep(time.Millisecond)
			list = r.Refused(ingest.DefaultTenant)
		}
		if len(list) != calls {
			t.Fatalf("%d notes of %d calls, the last refused with %v", len(list), calls, err)
		}
		e := list[0]
		if e.Reason != reason || codes.Code(e.Status) != code || !strings.Contains(e.Hint, hint) || e.Count != 1 ||
			e.Protocol != "otlp/grpc" || e.Remote == "" || e.Path == "" || !strings.Contains(e.UserAgent, "grpc") {
			t.Errorf("noted %+v, want %s with hint %q", e, reason, hint)
		}
	}
	export := func(ctx context.Context, req *coltrace.ExportTraceServiceRequest, opts ...grpc.CallOption) error {
		_, err := r.Export(ctx, req, opts...)
		return err
	}
	f(export(t.Context(), nil, grpc.ForceCodec(raw("no protobuf"))), codes.InvalidArgument, ingest.BadProtobuf, "protobuf")
	f(export(t.Context(), request(1, 1000)), codes.ResourceExhausted, ingest.TooLarge, "smaller")
	f(export(t.Context(), request(1, 100_000), grpc.UseCompressor("zstd")), codes.ResourceExhausted, ingest.TooLarge, "smaller")
	f(export(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer wrong"), request(1, 1)),
		codes.Unauthenticated, ingest.Unauthenticated, "authorization")
	_, err := colmetrics.NewMetricsServiceClient(r.conn).Export(t.Context(), &colmetrics.ExportMetricsServiceRequest{})
	f(err, codes.Unimplemented, ingest.WrongService, "OTEL_METRICS_EXPORTER")
	err = r.conn.Invoke(t.Context(), "/some.Service/Call", &healthpb.HealthCheckRequest{}, &healthpb.HealthCheckResponse{})
	f(err, codes.Unimplemented, ingest.WrongService, "")
	for _, s := range r.Stats() {
		if s.AcceptedSpans != 0 {
			t.Errorf("spans were taken: %+v", s)
		}
	}
}

// TestRetryInfo shows that refusals that pass say when to come back.
func TestRetryInfo(t *testing.T) {
	r := newRig(t, ingest.Limits{}, false) // not replayed
	_, err := r.Export(t.Context(), request(1, 1))
	if info := retryOf(err); status.Code(err) != codes.Unavailable || info == nil || info.RetryDelay.AsDuration() <= 0 {
		t.Errorf("starting: %v, %v", err, info)
	}
	r = newRig(t, ingest.Limits{RequestBytes: 100 << 10}, true)
	mem := r.Reserve("default")
	defer mem.Release()
	if err := mem.Grow(r.Limits().InFlightBytes - 10); err != nil {
		t.Fatal(err)
	}
	_, err = r.Export(t.Context(), request(1, 3))
	if info := retryOf(err); status.Code(err) != codes.ResourceExhausted || info == nil || info.RetryDelay.AsDuration() <= 0 {
		t.Errorf("no memory: %v, %v", err, info)
	}
}

// TestRate shows that a tenant over its rate gets RESOURCE_EXHAUSTED and when to come back.
func TestRate(t *testing.T) {
	r := newRig(t, ingest.Limits{Rate: func(string) ingest.Rate { return ingest.Rate{Spans: 1} }}, true)
	if _, err := r.Export(t.Context(), request(1, 20)); err != nil {
		t.Fatal(err)
	}
	_, err := r.Export(t.Context(), request(2, 1))
	if info := retryOf(err); status.Code(err) != codes.ResourceExhausted || info == nil || info.RetryDelay.AsDuration() < 10*time.Second {
		t.Errorf("over the rate: %v, %v", err, info)
	}
}

func retryOf(err error) *errdetails.RetryInfo {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info
		}
	}
	return nil
}
