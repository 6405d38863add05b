package jaeger_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/weft-dev/weft/internal/server/api/spantext"
	"github.com/weft-dev/weft/internal/server/jaeger/storagepb"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// receive reads a stream to its end.
func receive[T any](t *testing.T, stream grpc.ServerStreamingClient[T], err error) []*T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out []*T
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
}

// perTrace checks the rules of chunks: none empty, none with two traces, those of a trace
// in a row. It returns the ids, as single digits, and the spans of each.
func perTrace(t *testing.T, chunks []*tracepb.TracesData) (ids []string, spans map[string][]*tracepb.Span) {
	t.Helper()
	spans = map[string][]*tracepb.Span{}
	for _, c := range chunks {
		id := ""
		for _, rs := range c.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					of := strings.TrimLeft(hex.EncodeToString(s.GetTraceId()), "0")
					if id != "" && id != of {
						t.Errorf("a chunk holds traces %s and %s", id, of)
					}
					id = of
					spans[id] = append(spans[id], s)
				}
			}
		}
		if id == "" {
			t.Error("an empty chunk")
		}
		if len(ids) == 0 || ids[len(ids)-1] != id {
			if slices.Contains(ids, id) {
				t.Errorf("the chunks of trace %s are apart", id)
			}
			ids = append(ids, id)
		}
	}
	return ids, spans
}

func traceID(n byte) []byte { return append(make([]byte, 15), n) }

// A Jaeger writes over OTLP and reads over jaeger.storage.v2: what it wrote comes back.
func TestStorage(t *testing.T) {
	w := newWorld(t)
	reader := storagepb.NewTraceReaderClient(w.conn)
	var req coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(otlp.AppendRequest(nil, spantext.Parse(shop)), &req); err != nil {
		t.Fatal(err)
	}
	if _, err := coltrace.NewTraceServiceClient(w.conn).Export(t.Context(), &req); err != nil {
		t.Fatal(err)
	}

	stream, err := reader.GetTraces(t.Context(), &storagepb.GetTracesRequest{Query: []*storagepb.GetTraceParams{
		{TraceId: traceID(2)}, {TraceId: traceID(77)}, {TraceId: traceID(1), StartTime: timestamppb.Now()},
	}})
	ids, spans := perTrace(t, receive(t, stream, err))
	if fmt.Sprint(ids) != "[2 1]" || len(spans["1"]) != 3 || len(spans["2"]) != 3 {
		t.Errorf("traces %v, %d and %d spans", ids, len(spans["1"]), len(spans["2"]))
	}
	for _, rs := range req.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			for _, want := range ss.GetSpans() {
				id := strings.TrimLeft(hex.EncodeToString(want.GetTraceId()), "0")
				if !slices.ContainsFunc(spans[id], func(got *tracepb.Span) bool { return proto.Equal(got, want) }) {
					t.Errorf("span %x did not come back", want.GetSpanId())
				}
			}
		}
	}

	services, err := reader.GetServices(t.Context(), &storagepb.GetServicesRequest{})
	if err != nil || len(services.GetServices()) != 5 || !slices.Contains(services.GetServices(), "bank") {
		t.Errorf("services %v, %v", services, err)
	}
	ops, err := reader.GetOperations(t.Context(), &storagepb.GetOperationsRequest{Service: "web", SpanKind: "internal"})
	if err != nil || len(ops.GetOperations()) != 1 || ops.GetOperations()[0].GetName() != "orphan" || ops.GetOperations()[0].GetSpanKind() != "internal" {
		t.Errorf("operations %v, %v", ops, err)
	}
	deps, err := storagepb.NewDependencyReaderClient(w.conn).GetDependencies(t.Context(), &storagepb.GetDependenciesRequest{
		StartTime: timestamppb.New(spantext.Epoch), EndTime: timestamppb.New(spantext.Epoch.Add(time.Second)),
	})
	if err != nil || len(deps.GetDependencies()) != 2 {
		t.Errorf("dependencies %v, %v", deps, err)
	}
	caps, err := storagepb.NewCapabilitiesClient(w.conn).GetCapabilities(t.Context(), &storagepb.GetCapabilitiesRequest{})
	if s := caps.GetSearch(); err != nil || !s.GetWithoutServiceName() || !s.GetSameSpanConjunction() || s.GetPaginated() || s.GetSpanSearch() || len(s.GetFilter().GetOperators()) == 0 {
		t.Errorf("capabilities %v, %v", caps, err)
	}
	spansStream, err := reader.FindSpans(t.Context(), &storagepb.FindSpansRequest{})
	if err == nil {
		_, err = spansStream.Recv()
	}
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("FindSpans: %v", err)
	}
}

// The three searches find the same traces for the same parameters.
func TestStorageSearch(t *testing.T) {
	w := newWorld(t)
	w.send("default", shop)
	reader := storagepb.NewTraceReaderClient(w.conn)
	f := func(name string, q *storagepb.TraceQueryParameters, want string) {
		t.Helper()
		stream, err := reader.FindTraces(t.Context(), &storagepb.FindTracesRequest{Query: q})
		ids, _ := perTrace(t, receive(t, stream, err))
		found, err := reader.FindTraceIDs(t.Context(), &storagepb.FindTraceIDsRequest{Query: q})
		if err != nil {
			t.Fatal(err)
		}
		var byID, bySummary []string
		for _, id := range found.GetTraceIds() {
			byID = append(byID, strings.TrimLeft(hex.EncodeToString(id.GetTraceId()), "0"))
			if id.GetStart().AsTime().Before(spantext.Epoch) || id.GetEnd().AsTime().Before(id.GetStart().AsTime()) {
				t.Errorf("%s: %v", name, id)
			}
		}
		summaries, err := reader.FindTraceSummaries(t.Context(), &storagepb.FindTraceSummariesRequest{Query: q})
		for _, chunk := range receive(t, summaries, err) {
			for _, s := range chunk.GetSummaries() {
				bySummary = append(bySummary, strings.TrimLeft(hex.EncodeToString(s.GetTraceId()), "0"))
			}
		}
		for _, got := range [][]string{ids, byID, bySummary} {
			if strings.Join(got, " ") != want {
				t.Errorf("%s finds %v, want %s", name, got, want)
			}
		}
	}
	text := func(s string) *storagepb.AnyValue {
		return &storagepb.AnyValue{Value: &storagepb.AnyValue_StringValue{StringValue: s}}
	}
	attr := func(k string, v *storagepb.AnyValue) *storagepb.TraceQueryParameters {
		return &storagepb.TraceQueryParameters{Attributes: []*storagepb.KeyValue{{Key: k, Value: v}}}
	}
	f("nothing", &storagepb.TraceQueryParameters{}, "2 1")
	f("service", &storagepb.TraceQueryParameters{ServiceName: "bank"}, "1")
	f("operation", &storagepb.TraceQueryParameters{ServiceName: "web", OperationName: "orphan"}, "2")
	f("text", attr("http.status_code", text("504")), "1")
	f("int", attr("http.status_code", &storagepb.AnyValue{Value: &storagepb.AnyValue_IntValue{IntValue: 504}}), "1")
	f("double", attr("rate", &storagepb.AnyValue{Value: &storagepb.AnyValue_DoubleValue{DoubleValue: 0.5}}), "1")
	f("bool", attr("retry", &storagepb.AnyValue{Value: &storagepb.AnyValue_BoolValue{BoolValue: true}}), "1")
	f("error", attr("error", text("true")), "1")
	f("durations", &storagepb.TraceQueryParameters{DurationMin: durationpb.New(10 * time.Millisecond), DurationMax: durationpb.New(20 * time.Millisecond)}, "2")
	f("window", &storagepb.TraceQueryParameters{StartTimeMin: timestamppb.New(spantext.Epoch.Add(time.Second)), StartTimeMax: timestamppb.New(spantext.Epoch.Add(time.Minute))}, "2")
	f("before", &storagepb.TraceQueryParameters{StartTimeMax: timestamppb.New(spantext.Epoch.Add(time.Second))}, "1")
	f("depth", &storagepb.TraceQueryParameters{SearchDepth: 1}, "2")
	scalar := func(v string) *storagepb.Expression {
		return &storagepb.Expression{Term: &storagepb.Expression_Scalar{Scalar: &storagepb.Scalar{Value: v}}}
	}
	field := func(level, name string) *storagepb.Expression {
		return &storagepb.Expression{Term: &storagepb.Expression_Field{Field: &storagepb.FieldReference{Level: level, Name: name}}}
	}
	eq := func(a, b *storagepb.Expression) *storagepb.Call {
		return &storagepb.Call{Op: "eq", Args: []*storagepb.Expression{a, b}}
	}
	sub := func(c *storagepb.Call) *storagepb.Expression {
		return &storagepb.Expression{Term: &storagepb.Expression_Call{Call: c}}
	}
	f("filter", &storagepb.TraceQueryParameters{Filter: &storagepb.Call{Op: "and", Args: []*storagepb.Expression{
		sub(eq(field("span", "kind"), scalar("client"))), sub(eq(field("resource", "service"), scalar("bank"))),
	}}}, "1")
	f("filter in", &storagepb.TraceQueryParameters{Filter: &storagepb.Call{Op: "in", Args: []*storagepb.Expression{
		{Term: &storagepb.Expression_Attr{Attr: &storagepb.AttributeReference{Key: "provider"}}},
		{Term: &storagepb.Expression_List{List: &storagepb.List{Values: []string{"x", "firstbank"}}}},
	}}}, "1")

	bad := func(name string, q *storagepb.TraceQueryParameters) {
		t.Helper()
		if _, err := reader.FindTraceIDs(t.Context(), &storagepb.FindTraceIDsRequest{Query: q}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad("list", attr("a", &storagepb.AnyValue{Value: &storagepb.AnyValue_ArrayValue{}}))
	bad("both", &storagepb.TraceQueryParameters{ServiceName: "x", Filter: eq(field("span", "kind"), scalar("client"))})
	bad("unknown operator", &storagepb.TraceQueryParameters{Filter: &storagepb.Call{Op: "near"}})
	bad("page and depth", &storagepb.TraceQueryParameters{SearchDepth: 1, Pagination: &storagepb.Pagination{PageSize: 1}})
	bad("no page size", &storagepb.TraceQueryParameters{Pagination: &storagepb.Pagination{}})
	bad("a token", &storagepb.TraceQueryParameters{Pagination: &storagepb.Pagination{PageSize: 1, PageToken: "x"}})
	deep := eq(field("span", "kind"), scalar("client"))
	for range 200 {
		deep = &storagepb.Call{Op: "not", Args: []*storagepb.Expression{sub(deep)}}
	}
	bad("deep", &storagepb.TraceQueryParameters{Filter: deep})
	if page, err := reader.FindTraceIDs(t.Context(), &storagepb.FindTraceIDsRequest{Query: &storagepb.TraceQueryParameters{Pagination: &storagepb.Pagination{PageSize: 1}}}); err != nil || len(page.GetTraceIds()) != 1 || page.GetNextPageToken() != "" {
		t.Errorf("a page: %v, %v", page, err)
	}
	stream, err := reader.FindTraces(t.Context(), &storagepb.FindTracesRequest{Query: &storagepb.TraceQueryParameters{Pagination: &storagepb.Pagination{PageSize: 1}}})
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("FindTraces with a page: %v", err)
	}
	ids, err := reader.GetTraces(t.Context(), &storagepb.GetTracesRequest{Query: []*storagepb.GetTraceParams{{TraceId: []byte{1}}}})
	if err == nil {
		_, err = ids.Recv()
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a short id: %v", err)
	}
}

// A summary has the counts of the trace and of its services.
func TestStorageSummary(t *testing.T) {
	w := newWorld(t)
	w.send("default", shop)
	stream, err := storagepb.NewTraceReaderClient(w.conn).FindTraceSummaries(t.Context(), &storagepb.FindTraceSummariesRequest{Query: &storagepb.TraceQueryParameters{ServiceName: "cache"}})
	chunks := receive(t, stream, err)
	if len(chunks) != 1 || len(chunks[0].GetSummaries()) != 1 {
		t.Fatalf("%v", chunks)
	}
	s := chunks[0].GetSummaries()[0]
	start := uint64(spantext.Epoch.Add(2 * time.Second).UnixNano())
	if s.GetRootServiceName() != "web" || s.GetRootOperationName() != "GET /" || s.GetSpanCount() != 3 || s.GetErrorSpanCount() != 0 || s.GetOrphanSpanCount() != 1 ||
		s.GetMinStartTimeUnixNano() != start || s.GetMaxEndTimeUnixNano() != start+12_500_000 || len(s.GetServices()) != 2 || s.GetServices()[1].GetSpanCount() != 2 {
		t.Errorf("%v", s)
	}
}

// A tenant reads its own traces only, and nobody reads nothing.
func TestStorageTenants(t *testing.T) {
	w := newWorld(t)
	w.send("default", shop)
	w.send("other", "1 - secret op 0 1")
	reader := storagepb.NewTraceReaderClient(w.conn)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "test-tenant", "other")
	services, err := reader.GetServices(ctx, &storagepb.GetServicesRequest{})
	if err != nil || fmt.Sprint(services.GetServices()) != "[secret]" {
		t.Errorf("services %v, %v", services, err)
	}
	stream, err := reader.GetTraces(ctx, &storagepb.GetTracesRequest{Query: []*storagepb.GetTraceParams{{TraceId: traceID(1)}, {TraceId: traceID(2)}}})
	if _, spans := perTrace(t, receive(t, stream, err)); len(spans) != 1 || len(spans["1"]) != 1 {
		t.Errorf("spans %v", spans)
	}
	nobody := metadata.AppendToOutgoingContext(t.Context(), "test-tenant", "nobody")
	check := func(name string, err error) {
		t.Helper()
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = reader.GetServices(nobody, &storagepb.GetServicesRequest{})
	check("GetServices", err)
	_, err = reader.GetOperations(nobody, &storagepb.GetOperationsRequest{})
	check("GetOperations", err)
	_, err = reader.FindTraceIDs(nobody, &storagepb.FindTraceIDsRequest{})
	check("FindTraceIDs", err)
	_, err = storagepb.NewDependencyReaderClient(w.conn).GetDependencies(nobody, &storagepb.GetDependenciesRequest{})
	check("GetDependencies", err)
	found, err := reader.FindTraces(nobody, &storagepb.FindTracesRequest{})
	if err == nil {
		_, err = found.Recv()
	}
	check("FindTraces", err)
	got, err := reader.GetTraces(nobody, &storagepb.GetTracesRequest{})
	if err == nil {
		_, err = got.Recv()
	}
	check("GetTraces", err)
}

// A large trace comes in chunks a client takes without settings; text that is not UTF-8
// does not cost the trace.
func TestStorageChunks(t *testing.T) {
	w := newWorld(t)
	b := spantext.Parse("1 - s op 0 1")
	big := span.String(strings.Repeat("x", 20_000))
	b.Attrs = append(b.Attrs, span.Attr{Key: "big", Value: big}, span.Attr{Key: "bad", Value: span.String("a\xffb")})
	n := uint32(len(b.Attrs))
	const spans = 700
	for i := range spans {
		b.Spans = append(b.Spans, span.Span{
			TraceID: b.Spans[0].TraceID, SpanID: span.SpanID{1, 6: byte(i >> 8), 7: byte(i)}, Parent: b.Spans[0].SpanID,
			Start: spantext.Epoch.UnixNano() + int64(i), End: spantext.Epoch.UnixNano() + int64(i) + 1, Name: "op",
			Attrs: span.Range{From: n - 2, To: n},
		})
	}
	// In requests of a size senders use.
	for at := 0; at < len(b.Spans); at += 200 {
		var part span.Builder
		for i := at; i < min(at+200, len(b.Spans)); i++ {
			part.Append(b, i)
		}
		w.sendBatch("default", part.Batch())
	}
	stream, err := storagepb.NewTraceReaderClient(w.conn).GetTraces(t.Context(), &storagepb.GetTracesRequest{Query: []*storagepb.GetTraceParams{{TraceId: traceID(1)}}})
	chunks := receive(t, stream, err)
	_, got := perTrace(t, chunks)
	if len(got["1"]) != spans+1 || len(chunks) < 7 {
		t.Errorf("%d spans in %d chunks", len(got["1"]), len(chunks))
	}
	for _, s := range got["1"] {
		for _, a := range s.GetAttributes() {
			if a.GetKey() == "bad" && a.GetValue().GetStringValue() != "a\uFFFDb" {
				t.Fatalf("bad text %q", a.GetValue().GetStringValue())
			}
		}
	}
}
