package ingest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/weft-dev/weft/internal/trace/span"
)

// memory counts the bytes of requests in progress.
type memory struct {
	limit int64
	used  atomic.Int64

	mu      sync.Mutex
	tenants map[string]int64 // all that were ever seen; there are as many as tokens name. Guarded by mu.
}

// grow takes n bytes for a tenant that has own of them in the request at hand. One tenant's
// requests together leave a quarter of the memory to the others, where there are others.
func (m *memory) grow(tenant string, own, n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	had := m.tenants[tenant]
	m.tenants[tenant] = had
	alone := len(m.tenants) == 1 || had == own
	if !alone && had+n > m.limit-m.limit/4 || m.used.Load()+n > m.limit {
		return false
	}
	m.used.Add(n)
	m.tenants[tenant] = had + n
	return true
}

func (m *memory) shrink(tenant string, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used.Add(-n)
	m.tenants[tenant] -= n
}

// Reservation is the memory of one request. It grows as the request is read and decoded,
// so that a length a sender only claims reserves nothing. Not safe for concurrent use.
type Reservation struct {
	m      *memory
	tenant string
	bytes  int64
}

// Grow reserves n bytes more, or refuses.
func (r *Reservation) Grow(n int64) error {
	if r.bytes+n > r.m.limit {
		return &Refusal{
			Reason: TooLarge,
			Detail: fmt.Sprintf("the request needs more than %d bytes of memory", r.m.limit),
			Hint:   "send smaller batches",
		}
	}
	if !r.m.grow(r.tenant, r.bytes, n) {
		return &Refusal{
			Reason: OutOfMemory,
			Detail: "too many bytes of requests are in progress",
			Hint:   "the sender tries again by itself; if this stays, the disk or the store is too slow",
			Retry:  retryMemory,
		}
	}
	r.bytes += n
	return nil
}

// Shrink gives n of the bytes back.
func (r *Reservation) Shrink(n int64) {
	r.bytes -= n
	r.m.shrink(r.tenant, n)
}

// Release gives all of it back; it may be called again.
func (r *Reservation) Release() { r.Shrink(r.bytes) }

// batchBytes is the memory of a batch beside the bytes its strings point into.
func batchBytes(b *span.Batch) int64 {
	return int64(len(b.Spans))*sizeofSpan + int64(len(b.Attrs))*sizeofAttr + int64(len(b.Events))*sizeofEvent +
		int64(len(b.Links))*sizeofLink + int64(len(b.Scopes))*sizeofScope + int64(len(b.Resources))*sizeofResource
}

const (
	sizeofSpan     = int64(unsafe.Sizeof(span.Span{}))
	sizeofAttr     = int64(unsafe.Sizeof(span.Attr{}))
	sizeofEvent    = int64(unsafe.Sizeof(span.Event{}))
	sizeofLink     = int64(unsafe.Sizeof(span.Link{}))
	sizeofScope    = int64(unsafe.Sizeof(span.Scope{}))
	sizeofResource = int64(unsafe.Sizeof(span.Resource{}))
)
