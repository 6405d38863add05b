package otlpgrpc

import (
	"context"
	"errors"
	"strings"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/weft-dev/weft/internal/trace/ingest"
)

// Method is the full name of the one method.
const Method = "/" + service + "/Export"

const service = "opentelemetry.proto.collector.trace.v1.TraceService"

// Server is TraceService over a pipeline.
type Server struct{ pipeline *ingest.Pipeline }

// New makes a server.
func New(p *ingest.Pipeline) *Server { return &Server{p} }

// Options are what a grpc.Server needs to carry this service: the codec, the limit on
// messages, and the notes about refused calls. Other services may be registered beside it.
func (s *Server) Options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec(s.pipeline)),
		grpc.MaxRecvMsgSize(int(s.pipeline.Limits().RequestBytes)),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.StatsHandler(&notes{s.pipeline}),
		grpc.UnknownServiceHandler(s.unknown),
	}
}

// maxStreams bounds the messages of one connection that are read before they are counted.
const maxStreams = 64

// Register adds the service to a server made with Options.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: coltrace.TraceService_ServiceDesc.ServiceName,
		HandlerType: (*exporter)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Export", Handler: handle}},
		Metadata:    coltrace.TraceService_ServiceDesc.Metadata,
	}, s)
}

// exporter is what handle needs of the registered server.
type exporter interface {
	export(ctx context.Context, f *frame) (*frame, error)
}

// handle stands where generated code does.
func handle(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	f := new(frame)
	if err := decode(f); err != nil {
		return nil, err
	}
	s := srv.(exporter)
	if interceptor == nil {
		return s.export(ctx, f)
	}
	return interceptor(ctx, f, &grpc.UnaryServerInfo{Server: srv, FullMethod: Method},
		func(ctx context.Context, req any) (any, error) { return s.export(ctx, req.(*frame)) })
}

func (s *Server) export(ctx context.Context, f *frame) (*frame, error) {
	res, err := s.pipeline.Submit(ctx, ingest.Request{Tenant: ingest.TenantFrom(ctx), Body: f.bytes, Lent: true})
	if err != nil {
		why := ingest.AsRefusal(err)
		note(ctx, s.pipeline, why, ingest.Refused{
			Tenant: ingest.TenantFrom(ctx), Status: int(codeOf(why.Reason)), Bytes: int64(len(f.bytes)),
		})
		return nil, statusOf(why)
	}
	return &frame{res.AppendResponse(nil)}, nil
}

// statusOf is the error a sender gets.
func statusOf(why *ingest.Refusal) error {
	text := why.Message()
	if why.Hint != "" {
		text += "; " + why.Hint
	}
	st := status.New(codeOf(why.Reason), strings.ToValidUTF8(text, "\ufffd"))
	if why.Retry > 0 {
		with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(why.Retry)})
		if err != nil { // not for a message of ours
			return errors.Join(st.Err(), err)
		}
		st = with
	}
	return st.Err()
}

func codeOf(reason ingest.Reason) codes.Code {
	switch reason {
	case ingest.WrongService, ingest.WrongPath, ingest.WrongMethod, ingest.BadEncoding:
		return codes.Unimplemented
	case ingest.BadBody, ingest.BadProtobuf, ingest.BadJSON, ingest.BadContentType:
		return codes.InvalidArgument
	case ingest.TooLarge, ingest.OutOfMemory, ingest.TooManySpans, ingest.TooManyBytes:
		return codes.ResourceExhausted
	case ingest.Unauthenticated:
		return codes.Unauthenticated
	case ingest.Forbidden:
		return codes.PermissionDenied
	case ingest.Gone:
		return codes.Canceled
	}
	return codes.Unavailable
}

// unknown answers calls of services that the server does not have.
func (s *Server) unknown(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	name := strings.TrimPrefix(method, "/")
	name, _, _ = strings.Cut(name, "/")
	why := &ingest.Refusal{Reason: ingest.WrongService, Detail: "unknown service " + name}
	if strings.HasPrefix(name, "opentelemetry.proto.collector.") {
		why.Hint = "Weft takes traces; set OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER to none"
	}
	note(stream.Context(), s.pipeline, why, ingest.Refused{Status: int(codes.Unimplemented)})
	return statusOf(why)
}
