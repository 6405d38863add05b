package clickhouse

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Config says which server a store uses. Zero fields take their default.
type Config struct {
	URL      string // of the HTTP interface. Default: http://localhost:8123
	User     string // default: the server's default user
	Password string
	Database string       // made if missing; no other process may write to it. Default: weft
	Client   *http.Client // default: one of the store's own
	Clock    clock.Clock  // default: the machine's
	Logger   *slog.Logger // default: discard

	// Allowance is how much of a tenant's data stays. It is asked in each round of
	// retention, so that a change takes effect without a restart. Default: no bounds.
	Allowance func(tenant string) store.Allowance
	// Kept lists the traces that retention must keep. Default: none.
	Kept func() []TraceKey
	// JanitorEvery is the time between rounds of retention. Default 1 minute.
	JanitorEvery time.Duration
	// FlushEvery is the time between notes of what is applied. Default 1 second.
	FlushEvery time.Duration
	// DigestAge is how long digests of requests are kept, for idempotent delivery.
	// Default 15 minutes.
	DigestAge time.Duration
	// OnApplied is called, from any goroutine, when Applied has advanced, so that the log
	// can be trimmed. Default: nothing.
	OnApplied func(log.Position)
}

// TraceKey names a trace of a tenant.
type TraceKey struct {
	Tenant string
	ID     span.TraceID
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (c Config) withDefaults() (Config, error) {
	def(&c.URL, "http://localhost:8123")
	def(&c.Database, "weft")
	def(&c.JanitorEvery, time.Minute)
	def(&c.FlushEvery, time.Second)
	def(&c.DigestAge, 15*time.Minute)
	if c.Client == nil {
		c.Client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Allowance == nil {
		c.Allowance = func(string) store.Allowance { return store.Allowance{} }
	}
	if c.Kept == nil {
		c.Kept = func() []TraceKey { return nil }
	}
	if c.OnApplied == nil {
		c.OnApplied = func(log.Position) {}
	}
	var errs []error
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, fmt.Errorf("URL %q is not that of an HTTP server", c.URL))
	}
	if !identifier.MatchString(c.Database) {
		errs = append(errs, fmt.Errorf("database %q: only letters, digits and _", c.Database))
	}
	if c.JanitorEvery < 0 || c.FlushEvery < 0 || c.DigestAge < 0 {
		errs = append(errs, errors.New("a time is negative"))
	}
	return c, errors.Join(errs...)
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
