package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/server/jaeger"
	"github.com/weft-dev/weft/internal/server/page"
	"github.com/weft-dev/weft/internal/trace/ingest"
	"github.com/weft-dev/weft/internal/trace/ingest/otlphttp"
	"github.com/weft-dev/weft/web"
)

// serve begins to answer on all addresses.
func (a *App) serve(context.Context) error {
	registry := a.newRegistry()
	a.rpcMain = a.newRPC()
	a.onClose("gRPC on the main address", func(context.Context) error { a.rpcMain.Stop(); return nil })
	receiver := otlphttp.New(otlphttp.Config{Pipeline: a.pipeline})
	pages, err := page.New(page.Config{Files: a.webFiles(), Base: a.cfg.BasePath})
	if err != nil {
		return err
	}
	check := a.webCheck(receiver)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /metrics", check.Require(auth.Read, metrics(registry)))
	mux.Handle(otlphttp.Path, check.Require(auth.Ingest, withTenant(receiver)))
	mux.Handle(api.BasePath+"/", api.New(api.Config{
		Reader: a.store, Keeper: keeper{a.store, a.state, a.clock}, Queries: queries{a.engine}, Keeps: keeps{a.marks, a.mostKept},
		Access: a.apiAccess(), Tenants: tenants{a}, Host: host{a}, Log: a.logger, Clock: a.clock,
	}))
	mux.Handle(jaeger.BasePath+"/", jaeger.New(a.jaegerConfig()))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			pages.ServeHTTP(w, r)
			return
		}
		receiver.ServeHTTP(w, r) // a sender with a wrong path is told, and listed
	})
	a.start("main address", a.main, a.both(underBase(a.cfg.BasePath, check.Handler(a.endTails(mux)))))
	if a.otlp != nil {
		// Other paths are not asked for a token: a sender that is wrong twice is told where
		// to go first.
		own := http.NewServeMux()
		own.Handle("/", receiver)
		own.Handle(otlphttp.Path, check.Require(auth.Ingest, withTenant(receiver)))
		a.start("OTLP over HTTP", a.otlp, check.Handler(own))
	}
	if a.native != nil {
		a.startRPC()
	}
	if a.pprof != nil {
		a.start("profiles", a.pprof, a.profiles(registry, check))
	}
	return nil
}

func (a *App) webFiles() fs.FS {
	if a.cfg.WebDir != "" {
		return os.DirFS(a.cfg.WebDir)
	}
	return web.FS()
}

// webCheck is who may send what; senders of spans get refusals in the form they read.
func (a *App) webCheck(receiver *otlphttp.Handler) *auth.Web {
	isIngest := func(path string) bool { return path == otlphttp.Path }
	return &auth.Web{
		Service: a.access, Names: auth.Names{Hosts: a.cfg.Hosts}, CORS: a.cfg.Origins, Ingest: isIngest, Logger: a.logger,
		Answer: func(w http.ResponseWriter, r *http.Request, err error) bool {
			if !isIngest(r.URL.Path) {
				return false
			}
			f := api.Classify(err)
			why := &ingest.Refusal{Reason: ingest.Forbidden, Detail: f.Detail, Hint: f.Hint, Err: err}
			if errors.Is(err, api.ErrUnauthorized) {
				why.Reason, why.Detail = ingest.Unauthenticated, err.Error()
				why.Hint = "send Authorization: Bearer with a token of scope ingest, for instance in OTEL_EXPORTER_OTLP_HEADERS"
			}
			receiver.Refuse(w, withTenantOf(r), why)
			return true
		},
	}
}

// withTenant gives the receiver the tenant of the identity.
func withTenant(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, withTenantOf(r)) })
}

func withTenantOf(r *http.Request) *http.Request {
	return r.WithContext(ingest.WithTenant(r.Context(), auth.From(r.Context()).Tenant))
}

// both tells gRPC, which is always HTTP/2, from all else.
func (a *App) both(web http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			a.rpcMain.ServeHTTP(w, r)
			return
		}
		web.ServeHTTP(w, r)
	})
}

// underBase takes the base path off, where a proxy has left it on.
func underBase(base string, next http.Handler) http.Handler {
	prefix := strings.TrimSuffix(base, "/")
	if prefix == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, prefix); ok && (rest == "" || rest[0] == '/') {
			http.StripPrefix(prefix, next).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// endTails ends live tails when the server stops: they have no end of their own.
func (a *App) endTails(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		done := make(chan struct{})
		defer close(done)
		go func() {
			select {
			case <-a.draining:
				cancel()
			case <-done:
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// start serves HTTP/1 and HTTP/2 without TLS on a listener.
func (a *App) start(name string, l net.Listener, h http.Handler) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{
		Handler: h, Protocols: protocols,
		// A sender may take its time with a body, which the pipeline's memory bounds; one
		// that does not even send its headers holds a goroutine for nothing.
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(a.logger.Handler(), slog.LevelDebug),
	}
	go a.watch(name, func() error { return s.Serve(l) })
	a.onClose(name, func(ctx context.Context) error {
		err := s.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return errors.Join(fmt.Errorf("requests did not finish in time: %w", err), s.Close())
		}
		return err
	})
}

func (a *App) startRPC() {
	a.rpcNative = a.newRPC()
	go a.watch("OTLP over gRPC", func() error { return a.rpcNative.Serve(a.native) })
	a.onClose("OTLP over gRPC", func(ctx context.Context) error {
		done := make(chan struct{})
		go func() { a.rpcNative.GracefulStop(); close(done) }()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			a.rpcNative.Stop()
			<-done
			return fmt.Errorf("calls did not finish in time: %w", ctx.Err())
		}
	})
}

// watch reports a server that ends although nobody closed it.
func (a *App) watch(name string, serve func() error) {
	if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
		select {
		case a.failed <- fmt.Errorf("serve %s: %w", name, err):
		default: // one is enough
		}
	}
}

// profiles is for people on this machine: no token, but no page of another site either.
func (a *App) profiles(registry *prometheus.Registry, check *auth.Web) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	return check.Local(mux)
}
