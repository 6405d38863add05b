package part

import (
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
)

// Ref names a span of a batch, so that spans reach a part without being copied first.
type Ref struct {
	Batch *span.Batch
	Index int
}

// Span is the span r names.
func (r Ref) Span() *span.Span { return &r.Batch.Spans[r.Index] }

// Trace is the spans of one trace that go into a part: free of copies, ordered by start,
// then span id.
type Trace struct {
	Tenant string
	ID     span.TraceID
	Spans  []Ref
}

// ArrivedDigest is the digest of a request whose spans a part holds.
type ArrivedDigest struct {
	Digest  log.Digest
	Arrival time.Time
}

// Meta describes a part as a whole.
type Meta struct {
	Version                int   // of the format
	Spans, Traces, Bytes   int64 // Bytes is the size of the part's files
	MinStart, MaxStart     int64 // of any span, Unix nanoseconds
	MinArrival, MaxArrival time.Time
	Positions              [][2]log.Position // log positions held, as closed intervals
	Tenants                []TenantMeta      // in order of name
}

// TenantMeta is a tenant's share of a part.
type TenantMeta struct {
	Tenant        string
	Spans, Traces int64
}

// TraceEntry sums up the spans of one trace in one page.
type TraceEntry struct {
	ID          span.TraceID
	First, Rows int   // rows of the page
	Start       int64 // of the earliest span
	End         int64 // max(start + duration)
	Errors      int   // spans with status error
	RootService string
	RootName    string
	RootStart   int64
	RootSpan    span.SpanID // where the trace takes several pages; else zero
	HasRoot     bool        // some span has no parent; else the "root" is the earliest span
	Continued   bool        // the trace begins on an earlier page
}

// MergeSummaries sums up two pieces of one trace: of consecutive pages, or of two parts
// that share no span. First and Rows are those of a, with the rows of b added.
func MergeSummaries(a, b TraceEntry) TraceEntry {
	out := a
	out.Rows += b.Rows
	out.Errors += b.Errors
	out.Start = min(a.Start, b.Start)
	out.End = max(a.End, b.End)
	if b.HasRoot && !a.HasRoot || b.HasRoot == a.HasRoot && b.startsBefore(&a) {
		out.RootService, out.RootName = b.RootService, b.RootName
		out.RootStart, out.RootSpan, out.HasRoot = b.RootStart, b.RootSpan, b.HasRoot
	}
	return out
}

// startsBefore orders the roots of two pieces as store.Summarize orders spans.
func (e *TraceEntry) startsBefore(o *TraceEntry) bool {
	if e.RootStart != o.RootStart {
		return e.RootStart < o.RootStart
	}
	return string(e.RootSpan[:]) < string(o.RootSpan[:])
}
