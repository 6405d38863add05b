package jaeger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/jaeger/storagepb"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// RegisterGRPC adds the reading services of jaeger.storage.v2 to a gRPC server. The
// writing side of that storage is OTLP's TraceService, which the receiver serves on the
// same port.
func RegisterGRPC(s grpc.ServiceRegistrar, c Config) {
	r := &rpc{server: server{c.withDefaults()}}
	storagepb.RegisterTraceReaderServer(s, r)
	storagepb.RegisterDependencyReaderServer(s, r)
	storagepb.RegisterCapabilitiesServer(s, r)
}

// rpc serves gRPC. FindSpans is left to Unimplemented, as its capability says.
type rpc struct {
	storagepb.UnimplementedTraceReaderServer
	storagepb.UnimplementedDependencyReaderServer
	storagepb.UnimplementedCapabilitiesServer
	server
}

// fail turns an error into a status.
func (r *rpc) fail(ctx context.Context, err error) error {
	f, id := api.Report(ctx, r.Log, err)
	text := message(f)
	if f.Code == "internal" {
		text = "internal error " + id
	}
	return status.Error(f.GRPC, text)
}

// GetTraces streams the traces that are there; an unknown id is left out.
func (r *rpc) GetTraces(req *storagepb.GetTracesRequest, stream grpc.ServerStreamingServer[tracesData]) error {
	ctx := stream.Context()
	if err := r.getTraces(ctx, req, stream); err != nil {
		return r.fail(ctx, err)
	}
	return nil
}

func (r *rpc) getTraces(ctx context.Context, req *storagepb.GetTracesRequest, stream grpc.ServerStream) error {
	tenant, err := r.Tenant(ctx)
	if err != nil {
		return err
	}
	for _, p := range req.GetQuery() {
		if len(p.GetTraceId()) != len(span.TraceID{}) {
			return badRequest("trace_id: %d bytes, want 16", len(p.GetTraceId()))
		}
		b, err := r.Reader.Trace(ctx, tenant, span.TraceID(p.GetTraceId()))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("get traces: %w", err)
		}
		if err := sendTrace(stream, b); err != nil {
			return err
		}
	}
	return nil
}

// FindTraces streams the traces a search finds.
func (r *rpc) FindTraces(req *storagepb.FindTracesRequest, stream grpc.ServerStreamingServer[tracesData]) error {
	ctx := stream.Context()
	if req.GetQuery().GetPagination() != nil {
		return r.fail(ctx, badRequest("pagination: FindTraces has none; use search_depth"))
	}
	q, err := r.query(ctx, req.GetQuery())
	if err != nil {
		return r.fail(ctx, err)
	}
	cut := ""
	for b, err := range r.traces(ctx, q, &cut) {
		if err == nil {
			err = sendTrace(stream, b)
		}
		if err != nil {
			return r.fail(ctx, fmt.Errorf("find traces: %w", err))
		}
	}
	return nil
}

// FindTraceIDs is FindTraces without the spans.
func (r *rpc) FindTraceIDs(ctx context.Context, req *storagepb.FindTraceIDsRequest) (*storagepb.FindTraceIDsResponse, error) {
	q, err := r.query(ctx, req.GetQuery())
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	out := &storagepb.FindTraceIDsResponse{}
	cut := ""
	for sum, err := range r.found(ctx, q, &cut) {
		if err != nil {
			return nil, r.fail(ctx, fmt.Errorf("find trace ids: %w", err))
		}
		out.TraceIds = append(out.TraceIds, &storagepb.FoundTraceID{
			TraceId: sum.TraceID[:], Start: timestamp(sum.Start), End: timestamp(sum.End),
		})
	}
	return out, nil
}

// FindTraceSummaries is FindTraces without the spans, and with what a list shows.
func (r *rpc) FindTraceSummaries(req *storagepb.FindTraceSummariesRequest, stream grpc.ServerStreamingServer[storagepb.FindTraceSummariesResponse]) error {
	ctx := stream.Context()
	q, err := r.query(ctx, req.GetQuery())
	if err != nil {
		return r.fail(ctx, err)
	}
	cut := ""
	for b, err := range r.traces(ctx, q, &cut) {
		if err != nil {
			return r.fail(ctx, fmt.Errorf("find trace summaries: %w", err))
		}
		s, sum := summarize(b), store.Summarize(b)
		row := &storagepb.TraceSummary{
			TraceId: sum.TraceID[:], RootServiceName: valid(s.RootService), RootOperationName: valid(s.RootOperation),
			MinStartTimeUnixNano: uint64(sum.Start), MaxEndTimeUnixNano: uint64(sum.End),
			SpanCount: int32(s.Spans), ErrorSpanCount: int32(s.Errors), OrphanSpanCount: int32(s.Orphans),
		}
		for _, svc := range s.Services {
			row.Services = append(row.Services, &storagepb.ServiceSummary{
				Name: valid(svc.Name), SpanCount: int32(svc.Spans), ErrorSpanCount: int32(svc.Errors),
			})
		}
		if err := stream.Send(&storagepb.FindTraceSummariesResponse{Summaries: []*storagepb.TraceSummary{row}}); err != nil {
			return err
		}
	}
	return nil
}

// GetServices lists services.
func (r *rpc) GetServices(ctx context.Context, _ *storagepb.GetServicesRequest) (*storagepb.GetServicesResponse, error) {
	names, err := r.list(ctx, store.NameQuery{Kind: store.ServiceNames})
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	out := &storagepb.GetServicesResponse{}
	for _, n := range names {
		out.Services = append(out.Services, valid(n.Text))
	}
	return out, nil
}

// GetOperations lists the span names of a service.
func (r *rpc) GetOperations(ctx context.Context, req *storagepb.GetOperationsRequest) (*storagepb.GetOperationsResponse, error) {
	q := store.NameQuery{Kind: store.OperationNames, Service: req.GetService()}
	if word := req.GetSpanKind(); word != "" {
		k, ok := kinds[strings.ToLower(word)]
		if !ok {
			return nil, r.fail(ctx, badRequest("span_kind %q: want internal, server, client, producer or consumer", word))
		}
		q.SpanKind = &k
	}
	names, err := r.list(ctx, q)
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	out := &storagepb.GetOperationsResponse{}
	for _, n := range names {
		out.Operations = append(out.Operations, &storagepb.Operation{Name: valid(n.Text), SpanKind: kindWord(n.Kind)})
	}
	return out, nil
}

func (r *rpc) list(ctx context.Context, q store.NameQuery) ([]store.Name, error) {
	tenant, err := r.Tenant(ctx)
	if err != nil {
		return nil, err
	}
	q.Tenant, q.Window, q.Limit = tenant, allTime, maxNames
	names, err := r.Reader.Names(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	return names, nil
}

// GetDependencies counts calls between services.
func (r *rpc) GetDependencies(ctx context.Context, req *storagepb.GetDependenciesRequest) (*storagepb.GetDependenciesResponse, error) {
	tenant, err := r.Tenant(ctx)
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	deps, err := r.Reader.Dependencies(ctx, tenant, between(req.GetStartTime(), req.GetEndTime()))
	if err != nil {
		return nil, r.fail(ctx, fmt.Errorf("dependencies: %w", err))
	}
	out := &storagepb.GetDependenciesResponse{}
	for _, d := range deps {
		out.Dependencies = append(out.Dependencies, &storagepb.Dependency{
			Parent: valid(d.Parent), Child: valid(d.Child), CallCount: uint64(d.Calls), Source: "weft",
		})
	}
	return out, nil
}

// GetCapabilities says what a search may ask for.
func (r *rpc) GetCapabilities(context.Context, *storagepb.GetCapabilitiesRequest) (*storagepb.GetCapabilitiesResponse, error) {
	return &storagepb.GetCapabilitiesResponse{Search: &storagepb.SearchCapabilities{
		WithoutServiceName: true, SameSpanConjunction: true,
		Filter: &storagepb.FilterCapabilities{Levels: filterLevels, Operators: filterOperators},
	}}, nil
}

// query reads the parameters of a search. Absent bounds are none.
func (r *rpc) query(ctx context.Context, p *storagepb.TraceQueryParameters) (store.Query, error) {
	tenant, err := r.Tenant(ctx)
	if err != nil {
		return store.Query{}, err
	}
	c := criteria{
		Service: p.GetServiceName(), Operation: p.GetOperationName(),
		DurationMin: p.GetDurationMin().AsDuration(), DurationMax: p.GetDurationMax().AsDuration(),
		Window: between(p.GetStartTimeMin(), p.GetStartTimeMax()), Limit: min(int(p.GetSearchDepth()), maxLimit),
	}
	if page := p.GetPagination(); page != nil {
		switch {
		case p.GetSearchDepth() != 0:
			return store.Query{}, badRequest("pagination and search_depth exclude each other")
		case page.GetPageSize() == 0:
			return store.Query{}, badRequest("pagination: page_size is zero")
		case page.GetPageToken() != "":
			return store.Query{}, badRequest("pagination: this storage gives no page tokens")
		}
		c.Limit = int(min(page.GetPageSize(), maxLimit))
	}
	for _, kv := range p.GetAttributes() {
		text, ok := anyText(kv.GetValue())
		if !ok {
			return store.Query{}, badRequest("attribute %q: lists, maps and bytes do not compare", kv.GetKey())
		}
		c.Tags = append(c.Tags, tag{kv.GetKey(), text})
	}
	if call := p.GetFilter(); call != nil {
		if c.Service != "" || c.Operation != "" || c.Tags != nil || c.DurationMin > 0 || c.DurationMax > 0 {
			return store.Query{}, badRequest("filter excludes the other conditions")
		}
		if c.Filter, err = filterOf(call, 0).expr(); err != nil {
			return store.Query{}, err
		}
	}
	return c.query(tenant)
}

func anyText(v *storagepb.AnyValue) (string, bool) {
	switch v := v.GetValue().(type) {
	case *storagepb.AnyValue_StringValue:
		return v.StringValue, true
	case *storagepb.AnyValue_BoolValue:
		return strconv.FormatBool(v.BoolValue), true
	case *storagepb.AnyValue_IntValue:
		return strconv.FormatInt(v.IntValue, 10), true
	case *storagepb.AnyValue_DoubleValue:
		return strconv.FormatFloat(v.DoubleValue, 'g', -1, 64), true
	}
	return "", false
}

// filterOf is a call as filter.go has it. Below the depth it refuses, nothing is copied.
func filterOf(c *storagepb.Call, depth int) *filterCall {
	out := &filterCall{Op: c.GetOp()}
	for _, e := range c.GetArgs() {
		var t filterTerm
		switch e := e.GetTerm().(type) {
		case *storagepb.Expression_Attr:
			t.Attr = &filterRef{Key: e.Attr.GetKey(), Level: e.Attr.GetLevel()}
		case *storagepb.Expression_Field:
			t.Field = &filterRef{Name: e.Field.GetName(), Level: e.Field.GetLevel()}
		case *storagepb.Expression_Nested:
			t.Nested = &filterRef{Level: e.Nested.GetLevel()}
		case *storagepb.Expression_Scalar:
			t.Scalar = &filterScalar{Value: e.Scalar.GetValue(), Type: e.Scalar.GetType()}
		case *storagepb.Expression_List:
			t.List = &filterList{Values: e.List.GetValues(), Type: e.List.GetType()}
		case *storagepb.Expression_Call:
			if depth <= maxFilterDepth {
				t.Call = filterOf(e.Call, depth+1)
			}
		}
		out.Args = append(out.Args, t)
	}
	return out
}

// between is the window of two optional times, the end excluded.
func between(from, to *timestamppb.Timestamp) store.Window {
	w := store.Window{Start: math.MinInt64, End: math.MaxInt64}
	if from.IsValid() {
		w.Start = nanos(from.AsTime())
	}
	if to.IsValid() {
		w.End = nanos(to.AsTime())
	}
	return w
}

// nanos is Unix nanoseconds, at the ends of what they can say for times beyond.
func nanos(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func timestamp(ns int64) *timestamppb.Timestamp { return timestamppb.New(time.Unix(0, ns)) }

// valid is s with U+FFFD for what is not UTF-8, which protobuf refuses.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
