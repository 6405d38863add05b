// Package store is the contract of a trace store. An engine keeps spans, answers trace
// reads and searches, and forgets by age and by order. colstore is the embedded engine;
// storetest is the suite that every engine passes.
//
// What every engine MUST hold:
//
//   - Visible at once: when Apply has returned, every method of Reader sees the record.
//   - Durable: what Applied reports survives a crash without the log; everything later is
//     applied again from the log. Applying a record twice changes no answer.
//   - One span once: spans of a tenant with the same trace id, span id and content are one
//     span in every answer and count. The same ids with other content are several spans.
//   - Isolation: a tenant's answers depend on that tenant's records only.
//   - Lossless: a span read back equals the span applied (span.Batch.EqualSpan).
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
)

// Record is one durable record of the ingest log, decoded.
type Record struct {
	Pos     log.Position
	Tenant  string
	Arrival time.Time
	Digest  log.Digest
	// Batch says what OTLP can say: a message that is not present has no fields.
	Batch *span.Batch
	Bytes int // size of the encoded request, for the store's memory accounting
	// Replayed: a start reads the record back from the log. The log is as long as it may
	// be, so the store takes it without pushing back.
	Replayed bool
}

// Writer is how ingest hands durable records to an engine. Safe for concurrent use;
// records may arrive in any order of position.
type Writer interface {
	// Apply makes the record's spans visible. It MAY block to push back while the
	// engine writes out what it holds. ErrRefused where the engine takes no writes. When it
	// returns, the batch and the bytes it points into are the caller's again, to be
	// overwritten: the engine has copied what it keeps.
	Apply(ctx context.Context, r Record) error
	// Applied is the position up to which every record is durable in the engine itself;
	// the log may be trimmed to it. Records above it are read from the log at a start.
	Applied() log.Position
	// Digests yields the digests, with arrival times, of records the engine holds that
	// arrived at or after since and are no longer in the log.
	Digests(since time.Time) iter.Seq2[log.Digest, time.Time]
}

// Reader answers questions about one tenant at a time. Safe for concurrent use. A done
// context stops the work at once. What it returns stays as it is for as long as the caller
// has it.
type Reader interface {
	// Trace is every span of a trace, ordered by start, then span id. ErrNotFound if
	// there is none, *CorruptError if there is none that reads.
	Trace(ctx context.Context, tenant string, id span.TraceID) (*span.Batch, error)
	// Search yields the traces with a span that matches, in the query's order, each
	// once. An answer cut by the budget ends with a *PartialError; the rows before it are
	// right but later ones may be missing.
	Search(ctx context.Context, q Query) iter.Seq2[Summary, error]
	// Names lists values by a prefix, for completion and menus.
	Names(ctx context.Context, q NameQuery) ([]Name, error)
	// Dependencies counts calls between services over spans that start in the window.
	Dependencies(ctx context.Context, tenant string, w Window) ([]Dependency, error)
	// Aggregate counts the spans of the window that match, each once, by group and over time,
	// with sums and quantiles of a number. An answer cut by the budget comes with a
	// *PartialError and counts no more than there is; with any other error there is none.
	Aggregate(ctx context.Context, q AggregateQuery) (Aggregates, error)
	// Scan yields every trace of the tenant with a span in the window, whole, in no
	// particular order; for export.
	Scan(ctx context.Context, tenant string, w Window) iter.Seq2[*span.Batch, error]
	// Tail yields batches of spans as they are applied, from the call (not the first
	// iteration) until ctx is done or the store closes. It is ranged over once.
	// A reader that falls behind loses batches and is told by a *LagError in the
	// sequence, which then goes on.
	Tail(ctx context.Context, tenant string) iter.Seq2[*span.Batch, error]
}

// Keeper deletes and keeps single traces.
type Keeper interface {
	// Delete is durable when it returns: no answer shows the trace from then on, and
	// spans of that id are refused for RefuseDeleted. Its bytes leave the disk within an
	// hour, or before Delete returns if now is set.
	Delete(ctx context.Context, tenant string, id span.TraceID, now bool) error
}

// RefuseDeleted is how long the spans of a deleted trace are refused.
const RefuseDeleted = 24 * time.Hour

// Store is a whole engine.
type Store interface {
	Writer
	Reader
	Keeper
	// Flush makes all applied records durable in the engine and returns.
	Flush(ctx context.Context) error
	Close() error
}

// Allowance is how much of a tenant's data an engine keeps. A zero field sets no bound.
//
// Spans stay until they arrived Age ago, unless the tenant holds more than Bytes or all
// tenants more than the engine's disk: then the oldest arrivals go first. A round of
// retention leaves no flushed span that arrived more than Age and a quarter of it ago.
// Kept traces stay. What one tenant sends costs another nothing that lies within its
// Bytes, as long as the Bytes of all fit the disk.
type Allowance struct {
	Age   time.Duration
	Bytes int64
}

// Window is the half-open interval [Start, End) of span start times, Unix nanoseconds.
type Window struct{ Start, End int64 }

// Contains reports whether t lies in the window.
func (w Window) Contains(t int64) bool { return w.Start <= t && t < w.End }

// Order is the order of search results.
type Order uint8

const (
	// NewestFirst orders by the start of the trace's newest matching span in the window,
	// latest first, then by trace id, lowest first.
	NewestFirst Order = iota
	// LongestFirst orders by the duration of the whole trace, longest first, then by
	// trace id, lowest first.
	LongestFirst
)

// Query asks for traces.
type Query struct {
	Tenant string
	Filter Expr // nil: every span
	Window
	Order  Order
	Limit  int     // results wanted, > 0
	After  *Cursor // only results behind this one
	Budget Budget
}

// Cursor is the position of a result in a query's order; the next page starts behind it.
type Cursor struct {
	Key     int64 // Summary.Key of the last result
	TraceID span.TraceID
}

// Budget limits one query. Zero fields mean no limit.
type Budget struct {
	Time   time.Duration
	Bytes  int64 // read from disk or head
	Memory int64 // held at once, about
}

// Summary is one search result: the trace as a whole, and what matched.
type Summary struct {
	TraceID     span.TraceID
	RootService string // of the span without parent that starts first; else of the earliest span
	RootName    string
	Start       int64 // of the earliest span, Unix nanoseconds
	End         int64 // max(start + duration) over all spans
	Spans       int
	Errors      int // spans with status error
	Matched     int // matching spans in the window found so far, at least 1
	Key         int64
}

// NameKind says what Names lists.
type NameKind uint8

// What Names can list.
const (
	ServiceNames    NameKind = iota // values of resource service.name
	OperationNames                  // span names, of Service if set, of SpanKind if set
	AttributeKeys                   // attribute keys of scope Scope
	AttributeValues                 // values of Key in scope Scope
)

// NameQuery asks for names that start with Prefix, most frequent first, then by text.
type NameQuery struct {
	Tenant   string
	Kind     NameKind
	Service  string     // OperationNames, AttributeKeys, AttributeValues: only in this service
	SpanKind *span.Kind // OperationNames: only this kind
	Scope    Scope
	Key      string
	Prefix   string
	Window   // a hint: names outside it may be included, none inside may be missing
	Limit    int
}

// Name is one value. For operations Kind is the span kind; for attribute keys Type is the
// kind of the values. Count is how many spans have it, or how many attributes, each span
// once however often it was sent; spans outside the window may be among them.
type Name struct {
	Text  string
	Kind  span.Kind
	Type  span.ValueKind
	Scope Scope
	Count int64
}

// Dependency counts calls from a span of one service to a child span of another, each
// child once.
type Dependency struct {
	Parent, Child string
	Calls, Errors int64
}

var (
	// ErrNotFound: no such trace for this tenant.
	ErrNotFound = errors.New("not found")
	// ErrRefused: the store takes no writes; the text says why.
	ErrRefused = errors.New("store refuses writes")
	// ErrUnsupported: the engine cannot answer this kind of question.
	ErrUnsupported = errors.New("not supported by this trace store")
)

// CorruptError names a block that failed its checksum or does not decode. The block is
// quarantined; the rest stays readable.
type CorruptError struct {
	File   string
	Offset int64
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("read %s: %s at offset %d", e.File, e.Reason, e.Offset)
}

// PartialError ends an answer that a limit cut short.
type PartialError struct{ Reason string }

func (e *PartialError) Error() string { return "partial answer: " + e.Reason }

// LagError says that a tail lost spans because its reader was too slow.
type LagError struct{ Spans int }

func (e *LagError) Error() string { return fmt.Sprintf("tail fell behind and lost %d spans", e.Spans) }
