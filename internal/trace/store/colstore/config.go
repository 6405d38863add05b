package colstore

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Config says where a store lives and how large its pieces are. Zero fields take their
// default.
type Config struct {
	FS     vfs.FS       // default: the machine's
	Dir    string       // folder of the store; made if missing
	Clock  clock.Clock  // default: the machine's
	Logger *slog.Logger // default: discard

	// HeadBytes of memory make a head ready for flushing. Default 40 MB, some 180,000 spans.
	HeadBytes int
	// HeadRequests of bytes of encoded requests make it ready too: the log keeps them until
	// then. Default 72 MiB.
	HeadRequests int
	// HeadAge after which a head is flushed however small, so that the log stays short.
	// Default 20 seconds.
	HeadAge time.Duration
	// MaxHeads full heads may wait for the flusher before Apply blocks, with one more that
	// is filled. Default 1.
	MaxHeads int

	// DiskCap is the most bytes the parts may take; tenants over their share pay first,
	// then the oldest arrivals go. 0: no cap.
	DiskCap int64
	// Allowance is how much of a tenant's data stays. It is asked in each round of
	// retention, so that a change takes effect without a restart. Default: no bounds.
	Allowance func(tenant string) store.Allowance
	// JanitorEvery is the time between rounds of retention and purge. Default 1 minute.
	JanitorEvery time.Duration
	// Kept lists the traces of a tenant that retention must keep. Default: none.
	Kept func() []TraceKey

	// GroupSpans and PageSpans size a part's row groups and pages; defaults of package part.
	GroupSpans, PageSpans int
	// MergeFanIn is how many parts of a size class are merged at once, or up to a third more
	// where they wait. Default 12.
	MergeFanIn int
	// MaxPartSpans: merges make no part larger. Default 6 million, so that a span is written
	// three times at most, however many there are.
	MaxPartSpans int64
	// IdleAge after the last flush, if nothing has arrived since, the small parts that are
	// left are merged too. Default 5 seconds.
	IdleAge time.Duration
	// CacheBytes bounds the memory for row-group metadata. Default 32 MiB.
	CacheBytes int64
	// DigestAge is how long digests of requests are kept with the parts, for idempotent
	// delivery. Default 15 minutes.
	DigestAge time.Duration

	// OnApplied is called, from a background goroutine, when Applied has advanced, so that
	// the log can be trimmed. Default: nothing.
	OnApplied func(log.Position)

	// For tests:
	guardHeads bool              // a read of a head that has gone ends the process
	vary       func() *rand.Rand // for each part written: encodings and limits at random
	pace       func()            // called between the pages of merges
}

// TraceKey names a trace of a tenant.
type TraceKey struct {
	Tenant string
	ID     span.TraceID
}

func (c Config) withDefaults() (Config, error) {
	if c.FS == nil {
		c.FS = vfs.OS{}
	}
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	def(&c.HeadBytes, 40_000_000)
	def(&c.HeadRequests, 72<<20)
	def(&c.HeadAge, 20*time.Second)
	def(&c.MaxHeads, 1)
	def(&c.JanitorEvery, time.Minute)
	def(&c.MergeFanIn, 12)
	def(&c.MaxPartSpans, 6_000_000)
	def(&c.IdleAge, 5*time.Second)
	def(&c.CacheBytes, 32<<20)
	def(&c.DigestAge, 15*time.Minute)
	if c.Kept == nil {
		c.Kept = func() []TraceKey { return nil }
	}
	if c.Allowance == nil {
		c.Allowance = func(string) store.Allowance { return store.Allowance{} }
	}
	if c.OnApplied == nil {
		c.OnApplied = func(log.Position) {}
	}
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("no folder given"))
	}
	if c.HeadBytes < 0 || c.HeadRequests < 0 || c.MaxHeads < 0 || c.MergeFanIn < 2 || c.MaxPartSpans < 1 {
		errs = append(errs, fmt.Errorf("sizes out of range: head %d bytes, %d heads, fan-in %d, part %d spans",
			c.HeadBytes, c.MaxHeads, c.MergeFanIn, c.MaxPartSpans))
	}
	return c, errors.Join(errs...)
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
