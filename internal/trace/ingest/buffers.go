package ingest

import (
	"math/bits"
	"sync"

	"github.com/weft-dev/weft/internal/trace/span"
)

// buffers lends requests the memory of earlier ones. A store copies what it keeps, so that
// a request's is free when it has been taken. Safe for concurrent use.
type buffers struct {
	bodies  [maxBody - minBody + 1]sync.Pool // *[]byte, by the power of two of their size
	batches sync.Pool                        // *span.Batch
}

// Powers of two: of what is lent, bodies are at least 4 KiB and at most 8 MiB.
const (
	minBody = 12
	maxBody = 23
	// maxBatch is the largest batch that is kept for the next request, in bytes.
	maxBatch = 16 << 20
)

// body is an empty buffer for at least n bytes.
func (l *buffers) body(n int64) []byte {
	power := max(minBody, bits.Len64(uint64(max(n, 1)-1)))
	if power > maxBody {
		return make([]byte, 0, n)
	}
	if b, ok := l.bodies[power-minBody].Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 0, 1<<power)
}

// giveBody takes back what body has lent.
func (l *buffers) giveBody(b []byte) {
	power := bits.Len(uint(cap(b))) - 1
	if power < minBody || power > maxBody || cap(b) != 1<<power {
		return
	}
	b = b[:0]
	l.bodies[power-minBody].Put(&b)
}

func (l *buffers) batch() *span.Batch {
	if b, ok := l.batches.Get().(*span.Batch); ok {
		return b
	}
	return &span.Batch{}
}

func (l *buffers) giveBatch(b *span.Batch) {
	if batchBytes(b) <= maxBatch {
		l.batches.Put(b)
	}
}
