package colstore

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// head holds records in memory, packed, until they are flushed. Spans it already holds with
// the same content are not added again, so that a head, like a part, has each span once.
type head struct {
	refs        atomic.Int32 // views that name it; the last to go gives the memory back
	mu          sync.RWMutex
	*headMemory // Guarded by mu; nil when given back.
	// blocks is append-only: a prefix of it may be read without the lock. Guarded by mu.
	blocks []*block
	pos    positions // Guarded by mu.
	bytes  int       // of requests. Guarded by mu.
	count  int       // spans. Guarded by mu.
	since  time.Time // arrival of the first record. Guarded by mu.

	minArrival, maxArrival time.Time            // Guarded by mu.
	digests                []part.ArrivedDigest // Guarded by mu.

	// copies is which spans a part, by its name, or an older head has too. Guarded by
	// Store.looking.
	copies      map[string]*lookedFor
	copiesOlder map[*head]*lookedFor
}

// block is the spans of one record that a head has. Immutable.
type block struct {
	tenant             string
	rows               *pack.Rows // in the head's memory
	minStart, maxStart int64
	maxDuration        int64
	hasError           bool
}

func newHead(m *headMemory) *head { return &head{headMemory: m} }

// add copies a record in. refused reports traces whose spans must not be stored. It
// returns the block it made, nil if no span of the record was new.
func (h *head) add(r store.Record, refused func(TraceKey) bool) *block {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.blocks) == 0 && h.since.IsZero() {
		h.since, h.minArrival = r.Arrival, r.Arrival
	}
	if r.Arrival.Before(h.minArrival) {
		h.minArrival = r.Arrival
	}
	if r.Arrival.After(h.maxArrival) {
		h.maxArrival = r.Arrival
	}
	if r.Pos != 0 {
		h.pos = h.pos.add(r.Pos, r.Pos)
	}
	if r.Digest != (log.Digest{}) {
		h.digests = append(h.digests, part.ArrivedDigest{Digest: r.Digest, Arrival: r.Arrival})
	}
	h.bytes += r.Bytes

	b := &block{tenant: r.Tenant, rows: h.table.Begin(), minStart: math.MaxInt64, maxStart: math.MinInt64}
	h.blocks = append(h.blocks, b)
	for i := range r.Batch.Spans {
		s := &r.Batch.Spans[i]
		if refused(TraceKey{r.Tenant, s.TraceID}) || !h.index.add(h.blocks, r.Batch, i, &h.reader) {
			continue
		}
		h.table.Append(r.Batch, i)
		b.minStart, b.maxStart = min(b.minStart, s.Start), max(b.maxStart, s.Start)
		b.maxDuration = max(b.maxDuration, s.Duration())
		b.hasError = b.hasError || s.Status == span.StatusError
	}
	rows, some := h.table.Finish()
	if !some {
		h.blocks = h.blocks[:len(h.blocks)-1]
		return nil
	}
	b.rows = rows
	h.count += rows.Len()
	return b
}

// full reports whether a head should be flushed: for what it takes, or for what the log keeps
// meanwhile.
func (s *Store) full(h *head) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	memory := h.arena.Used() + h.table.Bytes() + len(h.index.spans)*indexBytes
	return memory >= s.cfg.HeadBytes || h.bytes >= s.cfg.HeadRequests
}

// snapshot is the blocks added so far.
func (h *head) snapshot() []*block {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.blocks[:len(h.blocks):len(h.blocks)]
}

// trace is the spans of a trace, in order of arrival, copied: they outlive the head.
func (h *head) trace(k TraceKey) []part.Ref {
	h.mu.RLock()
	defer h.mu.RUnlock()
	n, ok := h.index.find(h.blocks, k)
	if !ok {
		return nil
	}
	var r pack.Reader
	held := h.index.read(h.blocks, n, &r)
	b := build(rows(held, 0, len(held.Spans)))
	b.CopyTexts()
	return rows(b, 0, len(b.Spans))
}

// has reports whether the head has spans of a trace.
func (h *head) has(k TraceKey) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	_, ok := h.index.find(h.blocks, k)
	return ok
}

// keys is the traces of a tenant.
func (h *head) keys(tenant string) []TraceKey {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var out []TraceKey
	for n := range h.index.traces {
		if k := h.index.key(h.blocks, int32(n)); k.Tenant == tenant {
			out = append(out, k)
		}
	}
	return out
}

// sortRefs orders the spans of a trace, in place, by start, then span id, and drops equal
// copies.
func sortRefs(refs []part.Ref) []part.Ref {
	slices.SortStableFunc(refs, func(x, y part.Ref) int { return compareSpans(x.Span(), y.Span()) })
	return dropCopies(refs)
}

func compareSpans(a, b *span.Span) int {
	switch {
	case a.Start != b.Start:
		if a.Start < b.Start {
			return -1
		}
		return 1
	default:
		return slices.Compare(a.SpanID[:], b.SpanID[:])
	}
}

// dropCopies removes spans equal to an earlier one. Copies have the same start and id, so
// they stand in one run of a sorted list.
func dropCopies(refs []part.Ref) []part.Ref {
	out := refs[:0]
	run := 0 // where the run of equal start and id begins in out
	for _, r := range refs {
		if len(out) > 0 && compareSpans(out[len(out)-1].Span(), r.Span()) != 0 {
			run = len(out)
		}
		copied := slices.ContainsFunc(out[run:], func(o part.Ref) bool {
			return o.Batch.EqualSpan(o.Index, r.Batch, r.Index)
		})
		if !copied {
			out = append(out, r)
		}
	}
	return out
}
