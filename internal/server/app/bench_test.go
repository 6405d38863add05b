package app

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// Requests of 500 spans, 16 at once, over each way in: what the shared port costs beside
// the transports of their own. Every one is acknowledged from disk.
func BenchmarkExport(b *testing.B) {
	cfg, _, err := Load(Sources{Flags: map[string]string{
		"data": filepath.Join(b.TempDir(), "data"), "listen": "127.0.0.1:0", "otlp.grpc": "127.0.0.1:0", "otlp.http": "127.0.0.1:0", "log.level": "error",
	}})
	if err != nil {
		b.Fatal(err)
	}
	a, err := Open(b.Context(), cfg, Options{Version: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close(context.Background())
	address := map[string]string{}
	for _, l := range a.Listeners() {
		address[l.Name] = l.Address
	}
	var next atomic.Int64
	body := func() *coltrace.ExportTraceServiceRequest {
		r := request(traceID(int(next.Add(1))), "bench")
		one := r.ResourceSpans[0].ScopeSpans[0].Spans[0]
		for i := range 499 {
			s := proto.Clone(one).(*trace.Span)
			s.SpanId = []byte{1, 2, 3, 4, 5, 6, byte(i >> 8), byte(i)}
			s.ParentSpanId = one.SpanId
			r.ResourceSpans[0].ScopeSpans[0].Spans = append(r.ResourceSpans[0].ScopeSpans[0].Spans, s)
		}
		return r
	}
	run := func(name string, send func(*coltrace.ExportTraceServiceRequest) error) {
		b.Run(name, func(b *testing.B) {
			bodies := make([]*coltrace.ExportTraceServiceRequest, b.N)
			for i := range bodies {
				bodies[i] = body()
			}
			b.SetBytes(int64(proto.Size(bodies[0])))
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			var i atomic.Int64
			for range 16 {
				wg.Go(func() {
					for n := i.Add(1) - 1; n < int64(b.N); n = i.Add(1) - 1 {
						if err := send(bodies[n]); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
	overGRPC := func(address string) func(*coltrace.ExportTraceServiceRequest) error {
		c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		client := coltrace.NewTraceServiceClient(c)
		return func(r *coltrace.ExportTraceServiceRequest) error {
			_, err := client.Export(b.Context(), r)
			return err
		}
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	defer transport.CloseIdleConnections()
	overHTTP := func(address string) func(*coltrace.ExportTraceServiceRequest) error {
		w := &world{client: &http.Client{Transport: transport}}
		return func(r *coltrace.ExportTraceServiceRequest) error {
			text, err := proto.Marshal(r)
			if err != nil {
				return err
			}
			return w.post(b.Context(), "http://"+address+"/v1/traces", text)
		}
	}
	run("grpc=native", overGRPC(address["otlp/grpc"]))
	run("grpc=main", overGRPC(address["main"]))
	run("http=own", overHTTP(address["otlp/http"]))
	run("http=main", overHTTP(address["main"]))
}
