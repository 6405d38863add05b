// Package arena lends memory that Go's collector neither scans nor counts, to owners who
// know when all of it may go.
//
// Promise: what an Arena hands out is its owner's alone until Release; then others get it,
// with whatever it holds. Nothing may point into an arena that its owner has released, so
// what leaves the owner is copied.
//
// Memory of an arena MUST NOT hold the only pointer to something in the collector's heap:
// the collector does not see it. Pointers into the same arena, and no others, are the rule.
//
// A Pool is safe for concurrent use, an Arena is not.
package arena

import (
	"math/bits"
	"slices"
	"sync"
	"unsafe"
)

// ChunkBytes is the least that an arena takes from its pool at a time. Chunks are a power of
// two in size.
const ChunkBytes = 1 << 20

// Pool holds the chunks that no arena has.
type Pool struct {
	keep    int // bytes
	guarded bool

	mu   sync.Mutex
	free map[int][][]byte // by size. Guarded by mu.
	held int              // bytes in free. Guarded by mu.
	lent int              // bytes that arenas have. Guarded by mu.
}

// NewPool makes a pool that keeps up to keepBytes of what is released, and gives the rest
// back to the system.
func NewPool(keepBytes int) *Pool { return &Pool{keep: keepBytes, free: map[int][][]byte{}} }

// NewGuardedPool makes a pool for tests: what is released is never lent again, and to read it
// ends the process.
func NewGuardedPool() *Pool { return &Pool{guarded: true, free: map[int][][]byte{}} }

// Bytes is what arenas have, and what the pool keeps for the next.
func (p *Pool) Bytes() (lent, kept int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lent, p.held
}

// Trim gives all that no arena has back to the system.
func (p *Pool) Trim() {
	p.mu.Lock()
	free := p.free
	p.free, p.held = map[int][][]byte{}, 0
	p.mu.Unlock()
	for _, chunks := range free {
		for _, c := range chunks {
			unmap(c)
		}
	}
}

// take is a chunk of at least n bytes.
func (p *Pool) take(n int) []byte {
	size := max(ChunkBytes, 1<<bits.Len(uint(n-1)))
	p.mu.Lock()
	p.lent += size
	list := p.free[size]
	if last := len(list) - 1; last >= 0 {
		c := list[last]
		p.free[size] = list[:last]
		p.held -= size
		p.mu.Unlock()
		return c
	}
	p.mu.Unlock()
	return mapped(size)
}

func (p *Pool) give(chunks [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range chunks {
		p.lent -= len(c)
		if p.guarded {
			guard(c)
			continue
		}
		if p.held+len(c) > p.keep {
			unmap(c)
			continue
		}
		p.free[len(c)] = append(p.free[len(c)], c)
		p.held += len(c)
	}
}

// Arena hands out pieces of chunks.
type Arena struct {
	pool   *Pool
	chunks [][]byte
	rest   []byte // of a chunk
	used   int
}

// New makes an arena that has nothing yet.
func (p *Pool) New() *Arena { return &Arena{pool: p} }

// Used is the bytes that the arena has handed out.
func (a *Arena) Used() int { return a.used }

// Owns reports whether s lies in a, or nowhere.
func (a *Arena) Owns(s string) bool {
	p := unsafe.StringData(s)
	return p == nil || slices.ContainsFunc(a.chunks, func(c []byte) bool {
		from := uintptr(unsafe.Pointer(&c[0]))
		at := uintptr(unsafe.Pointer(p))
		return from <= at && at+uintptr(len(s)) <= from+uintptr(len(c))
	})
}

// Text copies s.
func (a *Arena) Text(s string) string {
	if s == "" {
		return ""
	}
	b := a.bytes(len(s))
	copy(b, s)
	return unsafe.String(&b[0], len(b))
}

// Slice is n zero values. T must hold no pointers but such into a.
func Slice[T any](a *Arena, n int) []T {
	var zero T
	if n == 0 {
		return nil
	}
	if off := int(uintptr(unsafe.Pointer(unsafe.SliceData(a.rest))) % align); off > 0 {
		a.rest = a.rest[min(align-off, len(a.rest)):]
	}
	b := a.bytes(n * int(unsafe.Sizeof(zero)))
	// Writing a pointer shows the collector what was in its place, which must not look like
	// one.
	clear(b)
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
}

// align is what any type needs.
const align = 8

// bytes is n bytes, aligned if rest is.
func (a *Arena) bytes(n int) []byte {
	a.used += n
	if n <= len(a.rest) {
		b := a.rest[:n:n]
		a.rest = a.rest[n:]
		return b
	}
	c := a.pool.take(n)
	a.chunks = append(a.chunks, c)
	if len(c)-n > len(a.rest) {
		a.rest = c[n:]
	}
	return c[:n:n]
}

// Release gives everything back; the arena has nothing then, and may be used again.
func (a *Arena) Release() {
	a.pool.give(a.chunks)
	clear(a.chunks)
	a.chunks, a.rest, a.used = a.chunks[:0], nil, 0
}
