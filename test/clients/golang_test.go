package clients

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// What the OpenTelemetry SDK for Go sends, on the standard ports and on the main one, is
// there whole.
func TestGoSDK(t *testing.T) {
	t.Parallel()
	f := func(tr transport, port, endpoint string) {
		t.Helper()
		t.Run(tr.String()+"-"+port, func(t *testing.T) {
			service, base := "go-"+tr.String()+"-"+port, newBase()
			exporter, err := goExporter(t.Context(), tr, endpoint)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := tellStory(t.Context(), exporter, service, base, &out); err != nil {
				t.Fatal(err)
			}
			checkStory(t, parseRefs(t, out.Bytes()), base, service, "go")
		})
	}
	for _, compression := range []string{"", "gzip"} {
		f(transport{"grpc", compression}, "standard", weft.grpc)
		f(transport{"grpc", compression}, "main", weft.URL)
		f(transport{"http/protobuf", compression}, "standard", weft.http)
		f(transport{"http/protobuf", compression}, "main", weft.URL)
	}
}

func goExporter(ctx context.Context, tr transport, endpoint string) (sdktrace.SpanExporter, error) {
	if tr.protocol == "grpc" {
		at, err := url.Parse(endpoint)
		if err != nil {
			return nil, err
		}
		options := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(at.Host), otlptracegrpc.WithInsecure()}
		if tr.compression != "" {
			options = append(options, otlptracegrpc.WithCompressor(tr.compression))
		}
		return otlptracegrpc.New(ctx, options...)
	}
	options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(endpoint + "/v1/traces")}
	if tr.compression == "gzip" {
		options = append(options, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	return otlptracehttp.New(ctx, options...)
}

// tellStory sends the story through an exporter and prints the ids.
func tellStory(ctx context.Context, exporter sdktrace.SpanExporter, service string, base int64, out io.Writer) error {
	res, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		attribute.String("service.name", service), attribute.String("deployment.environment.name", "test")))
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	tracer := provider.Tracer(scopeName, trace.WithInstrumentationVersion(scopeVersion), trace.WithSchemaURL(schemaURL))
	kinds := []trace.SpanKind{trace.SpanKindServer, trace.SpanKindClient, trace.SpanKindInternal, trace.SpanKindProducer, trace.SpanKindConsumer}
	var previous trace.SpanContext
	for n := range traces {
		var inside [steps]context.Context
		var spans [steps]trace.Span
		for step := range steps {
			start := startOf(base, n, step)
			options := []trace.SpanStartOption{
				trace.WithTimestamp(time.Unix(0, start)), trace.WithSpanKind(kinds[step%5]),
				trace.WithAttributes(
					attribute.Int("story.trace", n),
					attribute.Int("story.step", step),
					attribute.String("order.id", fmt.Sprintf("order-%d-%d", n, step)),
					attribute.String("text", text),
					attribute.String("empty", ""),
					attribute.Int64("big", 1<<53-1),
					attribute.Int("negative", -42),
					attribute.Float64("ratio", 2.5),
					attribute.Bool("even", step%2 == 0),
					attribute.StringSlice("tags", []string{"a", "b", ""}),
					attribute.IntSlice("sizes", []int{1, 2, -3}),
					attribute.Float64Slice("weights", []float64{0.5, 1.5}),
					attribute.BoolSlice("bits", []bool{true, false}),
				),
			}
			parent := ctx
			if step == 0 {
				options = append(options, trace.WithNewRoot())
			} else {
				parent = inside[parentOf(step)]
			}
			if step == 2 && n > 0 {
				options = append(options, trace.WithLinks(trace.Link{SpanContext: previous, Attributes: []attribute.KeyValue{
					attribute.String("why", "caused by"), attribute.Float64("weight", 0.5),
				}}))
			}
			inside[step], spans[step] = tracer.Start(parent, nameOf(step), options...)
			switch step {
			case 1:
				spans[step].AddEvent("retry", trace.WithTimestamp(time.Unix(0, start+1_000_000)),
					trace.WithAttributes(attribute.Int("attempt", 1), attribute.String("reason", "timeout")))
				spans[step].AddEvent("gave up", trace.WithTimestamp(time.Unix(0, start+1_500_001)))
			case 3:
				spans[step].SetStatus(codes.Ok, "")
			case 5:
				spans[step].SetStatus(codes.Error, declined)
			}
		}
		for step, s := range spans {
			s.End(trace.WithTimestamp(time.Unix(0, startOf(base, n, step)+lengthOf(step))))
			fmt.Fprintln(out, n, step, s.SpanContext().TraceID(), s.SpanContext().SpanID())
		}
		previous = spans[0].SpanContext()
	}
	return provider.Shutdown(ctx) // and with it, what is still to be sent
}
