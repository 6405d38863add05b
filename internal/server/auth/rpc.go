package auth

import (
	"context"
	"log/slog"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/weft-dev/weft/internal/server/api"
)

// RPC checks gRPC calls, as Web does requests. Its fields are set before the first call
// and not changed.
type RPC struct {
	Service *Service
	Names   Names
	// Scope is what a method needs; open ones need nothing.
	Scope func(method string) (need Scope, open bool)
	// Enter adds to the context of a call that was let through. Nil: nothing.
	Enter  func(ctx context.Context, who Identity) context.Context
	Logger *slog.Logger
}

// Unary checks calls with one request and one answer.
func (p *RPC) Unary() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		ctx, err := p.enter(ctx, info.FullMethod)
		if err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
}

// Stream checks calls that stream.
func (p *RPC) Stream() grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		ctx, err := p.enter(ss.Context(), info.FullMethod)
		if err != nil {
			return err
		}
		return next(srv, &stream{ss, ctx})
	}
}

// stream is a stream with an identity in its context.
type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *stream) Context() context.Context { return s.ctx }

func (p *RPC) enter(ctx context.Context, method string) (context.Context, error) {
	who, err := p.check(ctx, method)
	if err != nil {
		f, _ := api.Report(ctx, p.Logger, err, "method", method)
		return nil, status.Error(f.GRPC, strings.TrimSuffix(f.Title+": "+f.Detail, ": "))
	}
	ctx = With(ctx, who)
	if p.Enter != nil {
		ctx = p.Enter(ctx, who)
	}
	return ctx, nil
}

func (p *RPC) check(ctx context.Context, method string) (Identity, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	first := func(key string) string {
		if v := md.Get(key); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	sender, ok := peer.FromContext(ctx)
	if !ok {
		sender = &peer.Peer{}
	}
	if err := p.Names.CheckHost(first(":authority"), sender.LocalAddr); err != nil {
		return Identity{}, err
	}
	who, err := p.Service.Identify(Credentials{Authorization: first("authorization"), Tenant: first(strings.ToLower(TenantHeader))})
	if err != nil {
		return who, err
	}
	if need, open := p.Scope(method); !open {
		err = who.Allow(need)
	}
	return who, err
}
