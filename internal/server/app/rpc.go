package app

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/server/jaeger"
	"github.com/weft-dev/weft/internal/trace/ingest"
	"github.com/weft-dev/weft/internal/trace/ingest/otlpgrpc"
)

// newRPC makes a gRPC server with every service. There are two: one on its own transport
// for 4317, and one behind the HTTP server of the main port, which cannot be drained and is
// stopped after that server.
func (a *App) newRPC() *grpc.Server {
	check := &auth.RPC{
		Service: a.access, Names: auth.Names{Hosts: a.cfg.Hosts}, Scope: scopeOfMethod, Logger: a.logger,
		Enter: func(ctx context.Context, who auth.Identity) context.Context {
			return ingest.WithTenant(ctx, who.Tenant)
		},
	}
	receiver := otlpgrpc.New(a.pipeline)
	s := grpc.NewServer(append(receiver.Options(),
		grpc.ChainUnaryInterceptor(check.Unary()), grpc.ChainStreamInterceptor(check.Stream()),
		// Senders keep connections open through quiet hours; a ping each 10 s is not abuse.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.ConnectionTimeout(20*time.Second),
	)...)
	receiver.Register(s)
	jaeger.RegisterGRPC(s, a.jaegerConfig())
	return s
}

// scopeOfMethod: sending spans needs ingest, everything else reads.
func scopeOfMethod(method string) (need auth.Scope, open bool) {
	if strings.HasPrefix(method, "/opentelemetry.proto.collector.") {
		return auth.Ingest, false
	}
	return auth.Read, false
}

func (a *App) jaegerConfig() jaeger.Config {
	return jaeger.Config{
		Reader: a.store, Queries: queries{a.engine}, Keeps: keeps{a.marks, a.mostKept}, Access: a.apiAccess(), Log: a.logger, Clock: a.clock,
		Tenant: func(ctx context.Context) (string, error) {
			who := auth.From(ctx)
			return who.Tenant, who.Allow(auth.Read)
		},
	}
}

func (a *App) apiAccess() auth.Access { return auth.Access{Service: a.access, Path: a.cfg.BasePath} }
