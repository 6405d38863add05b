// Package app puts the parts of the server together: configuration → components, started in
// order and stopped in reverse.
//
//	listen → state → tokens, kept traces, limits → store → log → pipeline (replay) → faces → serve
//
// Promise: Open returns when the server takes and answers requests, or with every reason
// why it cannot, having stopped what it had started. Close stops listening, finishes
// requests under way, and closes what Open opened, the last first; what was acknowledged is
// on disk whether or not Close runs.
//
// One folder holds everything: traces/ (the store), log/ (the ingest log), state.db, and
// server.json while a server runs. Components guard themselves; App has no lock.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/base/meta/all"
	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/audit"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/server/keep"
	"github.com/weft-dev/weft/internal/server/setting"
	"github.com/weft-dev/weft/internal/trace/ingest"
	"github.com/weft-dev/weft/internal/trace/ingest/log/file"
	"github.com/weft-dev/weft/internal/trace/query"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore"
)

// drainTime is how long requests under way may take when the server stops. Orchestrators
// kill after 30 seconds; this leaves time to close.
const drainTime = 10 * time.Second

// Options are what only the program knows, beside the configuration.
type Options struct {
	Version string    // of the program
	Log     io.Writer // where log lines go; nil: nowhere
	Clock   clock.Clock
	FS      vfs.FS // of the traces and their log; nil: the machine's
}

// App is a running server.
type App struct {
	cfg     Config
	version string
	fs      vfs.FS
	clock   clock.Clock
	logger  *slog.Logger
	started time.Time
	demo    atomic.Bool

	state    meta.DB
	access   *auth.Service
	marks    *keep.Marks
	tenants  *setting.Tenants
	store    *colstore.Store
	log      *file.Log
	pipeline *ingest.Pipeline
	engine   *query.Engine
	diskCap  int64

	main, native, otlp, pprof net.Listener // the last three nil where not listening
	listeners                 []api.Listener
	rpcNative, rpcMain        *grpc.Server
	url                       string
	secret                    string        // of server.json
	failed                    chan error    // a server that ended by itself
	draining                  chan struct{} // closed when Close begins

	closers []closer // in order of start
}

// closer undoes one step of the start.
type closer struct {
	name  string
	close func(ctx context.Context) error
}

func (a *App) onClose(name string, f func(ctx context.Context) error) {
	a.closers = append(a.closers, closer{name, f})
}

// Open starts a server.
func Open(ctx context.Context, cfg Config, o Options) (*App, error) {
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	a := &App{
		cfg: cfg, version: o.Version, fs: o.FS, clock: o.Clock, started: o.Clock.Now(),
		logger: newLogger(cfg, o.Log), failed: make(chan error, 4), draining: make(chan struct{}),
	}
	for _, step := range []func(context.Context) error{
		a.listen, a.openState, a.checkExposed, a.openTraces, a.serve,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, a.close(ctx))
		}
	}
	a.logger.Info("ready", "address", a.url, "data", cfg.Data, "took", a.clock.Now().Sub(a.started).Round(time.Microsecond))
	return a, nil
}

// listen takes the addresses. It comes first: a second server on the same port must touch
// no folder.
func (a *App) listen(context.Context) (err error) {
	if a.main, err = listen(a.cfg.Listen); err != nil {
		return err
	}
	a.onClose("main address", func(context.Context) error { return closeListener(a.main) })
	a.url = "http://" + reachable(a.main.Addr().String())
	a.noteListener("main", a.main.Addr().String(), nil, "ui", "api", "otlp/http", "otlp/grpc")
	if a.native, err = a.listenStandard("otlp/grpc", a.cfg.GRPC); err != nil {
		return err
	}
	if a.otlp, err = a.listenStandard("otlp/http", a.cfg.HTTP); err != nil {
		return err
	}
	if a.cfg.Pprof == off {
		return nil
	}
	if a.pprof, err = listen(a.cfg.Pprof); err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	a.onClose("profiles address", func(context.Context) error { return closeListener(a.pprof) })
	a.noteListener("profiles", a.pprof.Addr().String(), nil, "pprof", "metrics")
	return nil
}

// listenStandard takes the standard port of a protocol, which the main port serves too: a
// taken one is a warning.
func (a *App) listenStandard(name, address string) (net.Listener, error) {
	if address == off {
		return nil, nil
	}
	l, err := listen(address)
	var taken *InUseError
	if errors.As(err, &taken) {
		a.noteListener(name, address, taken, name)
		a.logger.Warn("a standard port is taken", "protocol", name, "address", address, "by", taken.Owner)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a.onClose(name+" address", func(context.Context) error { return closeListener(l) })
	a.noteListener(name, l.Addr().String(), nil, name)
	return l, nil
}

func (a *App) noteListener(name, address string, taken *InUseError, protocols ...string) {
	l := api.Listener{Name: name, Protocols: protocols, Address: address, Listening: taken == nil}
	if taken != nil {
		l.Detail = taken.reason()
	}
	a.listeners = append(a.listeners, l)
}

// closeListener closes a listener that its server may have closed already.
func closeListener(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// openState opens what is not spans, and with it takes the data folder.
func (a *App) openState(ctx context.Context) (err error) {
	if a.state, err = openState(ctx, a.cfg.Data, a.version); err != nil {
		return err
	}
	a.onClose("state", func(context.Context) error { return a.state.Close() })
	if a.secret, err = announce(a.cfg.Data, a.url); err != nil {
		return err
	}
	a.onClose("server file", func(context.Context) error { return retract(a.cfg.Data) })
	if a.marks, err = keep.Open(ctx, a.state, a.clock); err != nil {
		return err
	}
	base, err := a.cfg.tenantLimits()
	if err != nil {
		return err
	}
	if a.tenants, err = setting.OpenTenants(ctx, a.state, a.clock, base); err != nil {
		return err
	}
	if a.access, err = auth.Open(ctx, auth.Config{DB: a.state, Clock: a.clock, Logger: a.logger, Local: a.secret}); err != nil {
		return err
	}
	a.onClose("tokens", func(context.Context) error { return a.access.Close() })
	return nil
}

// openState opens the state database of a data folder.
func openState(ctx context.Context, data, version string) (meta.DB, error) {
	engines := all.Engines()
	i := slices.IndexFunc(engines, func(e all.Engine) bool { return e.Dialect == meta.SQLite })
	return engines[i].Open(ctx, data, meta.Config{
		Program: version,
		Domains: []meta.Domain{setting.Domain(), audit.Domain(), auth.Domain(), keep.Domain()},
	})
}

// ExposedError says that others could reach a server that asks for no token.
type ExposedError struct{ Address string }

func (e *ExposedError) Error() string {
	return fmt.Sprintf("address %s can be reached from other machines, and no tokens are configured", e.Address)
}

// checkExposed refuses to be open to the network.
func (a *App) checkExposed(context.Context) error {
	if a.access.Required() || a.cfg.Insecure {
		return nil
	}
	for _, l := range a.listeners {
		if !isLoopback(l.Address) {
			return &ExposedError{Address: l.Address}
		}
	}
	return nil
}

// openTraces opens store and log and brings the store up to the log.
func (a *App) openTraces(ctx context.Context) (err error) {
	a.diskCap, err = diskCap(a.fs, a.cfg)
	if err != nil {
		return err
	}
	a.store, err = colstore.Open(colstore.Config{
		FS: a.fs, Dir: tracesDir(a.cfg.Data), Clock: a.clock, Logger: a.logger,
		// Two heads have their requests in the log, and it is trimmed by eighths.
		HeadBytes: int(a.cfg.HeadCap), HeadRequests: int(a.cfg.LogCap) * 3 / 8, HeadAge: a.cfg.HeadAge,
		DiskCap: a.diskCap, Allowance: a.allowance, Kept: a.kept,
	})
	if err != nil {
		return err
	}
	a.onClose("store", func(context.Context) error { return a.store.Close() })
	a.log, err = file.Open(file.Config{
		FS: a.fs, Dir: logDir(a.cfg.Data), LimitBytes: int64(a.cfg.LogCap), ReserveBytes: diskReserve, After: a.store.LastPosition(),
	})
	if err != nil {
		return err
	}
	a.onClose("ingest log", func(context.Context) error { return a.log.Close() })
	a.pipeline, err = ingest.New(ingest.Config{
		Log: a.log, Store: a.store, Clock: a.clock, Logger: a.logger, Limits: a.limits(),
	})
	if err != nil {
		return err
	}
	a.onClose("pipeline", a.pipeline.Close)
	replayed, err := a.pipeline.Replay(ctx)
	if err != nil {
		return err
	}
	if replayed.Records > 0 {
		a.logger.Info("read the ingest log back", "records", replayed.Records, "spans", replayed.Spans, "took", replayed.Took)
	}
	a.engine, err = query.New(query.Config{
		Reader: a.store, PerTenant: a.queriesAtOnce,
		Budget: store.Budget{Time: a.cfg.QueryTime, Bytes: int64(a.cfg.QueryBytes), Memory: int64(a.cfg.QueryMemory)},
	})
	return err
}

func (a *App) limits() ingest.Limits {
	return ingest.Limits{
		RequestBytes: int64(a.cfg.MaxRequest), InFlightBytes: int64(a.cfg.MaxInFlight), Rate: a.rate,
		Spans: otlp.Limits{
			AttrsPerSpan: a.cfg.MaxAttrs, AttrsPerResource: a.cfg.MaxAttrs, AttrValueBytes: int(a.cfg.MaxValue),
			EventsPerSpan: a.cfg.MaxEvents, LinksPerSpan: a.cfg.MaxLinks, Depth: a.cfg.MaxDepth,
		},
	}
}

// kept is what retention must spare, as the store names it.
func (a *App) kept() []colstore.TraceKey {
	var out []colstore.TraceKey
	for tenant, id := range a.marks.All() {
		out = append(out, colstore.TraceKey{Tenant: tenant, ID: id})
	}
	return out
}

// URL is the address of the pages and the API.
func (a *App) URL() string { return a.url }

// Listeners are the addresses, those that were taken by others among them.
func (a *App) Listeners() []api.Listener { return a.listeners }

// Data is the data folder.
func (a *App) Data() string {
	if abs, err := filepath.Abs(a.cfg.Data); err == nil {
		return abs
	}
	return a.cfg.Data
}

// DiskCap is the most bytes of traces on disk, 0 for none.
func (a *App) DiskCap() int64 { return a.diskCap }

// TokensRequired reports whether requests need a token.
func (a *App) TokensRequired() bool { return a.access.Required() }

// SetDemo tells the pages whether the demo is sending.
func (a *App) SetDemo(on bool) { a.demo.Store(on) }

// LocalSecret is the token of programs that this one starts.
func (a *App) LocalSecret() string { return a.secret }

// Failed yields the error of a server that has ended by itself.
func (a *App) Failed() <-chan error { return a.failed }

// Close stops the server.
func (a *App) Close(ctx context.Context) error {
	close(a.draining)
	a.logger.Info("stopping: no new requests, those under way may finish", "within", drainTime)
	err := a.close(ctx)
	a.logger.Info("stopped", "ran", a.clock.Now().Sub(a.started).Round(time.Second))
	return err
}

func (a *App) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	var errs []error
	for _, c := range slices.Backward(a.closers) {
		if err := c.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", c.name, err))
		}
	}
	a.closers = nil
	return errors.Join(errs...)
}
