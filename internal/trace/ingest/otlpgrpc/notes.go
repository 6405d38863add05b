package otlpgrpc

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/weft-dev/weft/internal/trace/ingest"
)

// notes notes the calls of Export that ended with an error before or after our handler:
// in gRPC's own checks, or in an interceptor.
type notes struct{ pipeline *ingest.Pipeline }

// call is what is known of one call.
type call struct {
	method string
	noted  atomic.Bool
}

type callKey struct{}

// TagRPC starts the record of a call.
func (n *notes) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, callKey{}, &call{method: info.FullMethodName})
}

// HandleRPC looks at how a call ended.
func (n *notes) HandleRPC(ctx context.Context, s stats.RPCStats) {
	end, ok := s.(*stats.End)
	c, _ := ctx.Value(callKey{}).(*call)
	if !ok || c == nil || end.Error == nil || c.method != Method || c.noted.Load() {
		return
	}
	st := status.Convert(end.Error)
	why := &ingest.Refusal{Reason: ingest.BadBody, Detail: st.Message()}
	switch st.Code() {
	case codes.Canceled, codes.DeadlineExceeded:
		return // the sender gave up
	case codes.Unauthenticated:
		why.Reason, why.Hint = ingest.Unauthenticated, "send the token as metadata: authorization: Bearer TOKEN"
	case codes.PermissionDenied:
		why.Reason, why.Hint = ingest.Forbidden, "the token needs scope ingest"
	case codes.ResourceExhausted:
		why.Reason, why.Hint = ingest.TooLarge, "send smaller batches"
	case codes.Unimplemented:
		why.Reason, why.Hint = ingest.BadEncoding, "send gzip, zstd, or no compression"
	}
	note(ctx, n.pipeline, why, ingest.Refused{Status: int(st.Code())})
}

// TagConn does nothing.
func (n *notes) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (n *notes) HandleConn(context.Context, stats.ConnStats) {}

// note puts a refused call on the pipeline's list, once. Without a tenant in r it is on
// the list of nobody in particular.
func note(ctx context.Context, p *ingest.Pipeline, why *ingest.Refusal, r ingest.Refused) {
	r.Protocol, r.Reason, r.Detail, r.Hint = "otlp/grpc", why.Reason, why.Message(), why.Hint
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		if c.noted.Swap(true) {
			return
		}
		r.Path = c.method
	} else if method, ok := grpc.Method(ctx); ok {
		r.Path = method
	}
	if from, ok := peer.FromContext(ctx); ok {
		r.Remote = from.Addr.String()
	}
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		r.UserAgent, r.ContentType = first(md, "user-agent"), first(md, "content-type")
	}
	p.NoteRefused(r)
}

func first(md metadata.MD, key string) string {
	if v := md.Get(key); len(v) > 0 {
		return v[0]
	}
	return ""
}
