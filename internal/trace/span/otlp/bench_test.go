package otlp

import (
	"fmt"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
)

// benchRequest is like what the SDK of a web service sends: a resource, three scopes, and
// spans with about ten attributes, every tenth with an event.
func benchRequest(spans int) []byte {
	b := &span.Batch{}
	attrs := func(kv ...any) span.Range {
		from := uint32(len(b.Attrs))
		for i := 0; i < len(kv); i += 2 {
			var v span.Value
			switch x := kv[i+1].(type) {
			case string:
				v = span.String(x)
			case int:
				v = span.Int(int64(x))
			}
			b.Attrs = append(b.Attrs, span.Attr{Key: kv[i].(string), Value: v})
		}
		return span.Range{From: from, To: uint32(len(b.Attrs))}
	}
	b.Resources = []span.Resource{{Present: true, Attrs: attrs(
		"service.name", "checkout", "service.version", "2.14.0", "service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09",
		"telemetry.sdk.name", "opentelemetry", "telemetry.sdk.language", "go", "telemetry.sdk.version", "1.34.0",
		"k8s.namespace.name", "shop", "k8s.pod.name", "checkout-7d9f8c6b5-x2x9k", "k8s.node.name", "ip-10-0-1-17.eu-central-1.compute.internal")}}
	for _, name := range []string{"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc", "checkout"} {
		b.Scopes = append(b.Scopes, span.Scope{Name: name, Version: "0.59.0", Present: true})
	}
	for i := range spans {
		s := span.Span{
			TraceID: span.TraceID{1, byte(i / 10), byte(i / 2560)}, SpanID: span.SpanID{1, byte(i), byte(i >> 8)}, Parent: span.SpanID{2, byte(i)},
			Start: 1_700_000_000_000_000_000 + int64(i), End: 1_700_000_000_012_345_678 + int64(i),
			Scope: uint32(i * 3 / spans), Kind: span.KindServer, Flags: 0x101, Name: "POST /api/v1/orders/{id}/payments", Presence: span.HasStatus,
			Attrs: attrs(
				"http.request.method", "POST", "url.path", fmt.Sprintf("/api/v1/orders/%d/payments", 1000+i), "url.scheme", "https",
				"server.address", "checkout.shop.svc.cluster.local", "server.port", 8443, "http.response.status_code", 200,
				"user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "network.protocol.version", "1.1",
				"client.address", "10.0.3.77", "order.id", fmt.Sprintf("ord-%08d", i)),
		}
		s.Events.From = uint32(len(b.Events))
		if i%10 == 0 {
			b.Events = append(b.Events, span.Event{Time: s.Start, Name: "cache.miss", Attrs: attrs("cache.key", fmt.Sprintf("order:%d", i), "cache.size", 4096)})
		}
		s.Events.To = uint32(len(b.Events))
		b.Spans = append(b.Spans, s)
	}
	return AppendRequest(nil, b)
}

func BenchmarkDecode(b *testing.B) {
	buf := benchRequest(500)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Decode(buf, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "spans/s")
}

func BenchmarkAppendRequest(b *testing.B) {
	buf := benchRequest(500)
	batch, _, _ := Decode(buf, Limits{})
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out = AppendRequest(out[:0], batch)
	}
}

func BenchmarkDecodeJSON(b *testing.B) {
	batch, _, _ := Decode(benchRequest(500), Limits{})
	text := AppendJSON(nil, batch)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := DecodeJSON(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	batch, _, _ := Decode(benchRequest(500), Limits{})
	out := AppendJSON(nil, batch)
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		out = AppendJSON(out[:0], batch)
	}
}
