package colstore

import (
	"maps"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/base/arena"
	"github.com/weft-dev/weft/internal/trace/span"
)

// headMemory is where a head keeps its records and their index. The records are in an
// arena: spans are full of pointers, which the collector would follow in each of its
// rounds, and what it holds it allows itself twice. A text that came shortly before is
// kept once; keys, names and most values are such.
//
// The last view that names a head gives its memory back. So no reader lets anything of it
// out: a trace is copied (head.trace), and so is a name (nameCounter.add).
type headMemory struct {
	arena *arena.Arena
	index headIndex
	known []string // by hash, the latest of those that have it
}

const (
	knownTexts = 1 << 12
	// maxKnown is the longest text that is looked for among the known ones.
	maxKnown = 64
)

// keep copies a batch.
func (m *headMemory) keep(b *span.Batch) *span.Batch {
	out := &span.Batch{
		Resources: kept(m, b.Resources), Scopes: kept(m, b.Scopes), Spans: kept(m, b.Spans),
		Attrs: kept(m, b.Attrs), Events: kept(m, b.Events), Links: kept(m, b.Links),
		AttrUnknown: maps.Clone(b.AttrUnknown),
	}
	out.MapTexts(m.text)
	return out
}

func kept[T any](m *headMemory, list []T) []T {
	out := arena.Slice[T](m.arena, len(list))
	copy(out, list)
	return out
}

func (m *headMemory) text(s string) string {
	if len(s) > maxKnown {
		return m.arena.Text(s)
	}
	k := &m.known[xxh3.HashString(s)%knownTexts]
	if *k != s {
		*k = m.arena.Text(s)
	}
	return *k
}

// headMemories lends heads their memory. Safe for concurrent use.
type headMemories struct {
	chunks *arena.Pool

	mu   sync.Mutex
	free []*headMemory // Guarded by mu.
}

func newHeadMemories(cfg Config) headMemories {
	if cfg.guardHeads {
		return headMemories{chunks: arena.NewGuardedPool()}
	}
	return headMemories{chunks: arena.NewPool((cfg.MaxHeads + 1) * cfg.HeadBytes)}
}

func (p *headMemories) take() *headMemory {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 {
		m := p.free[last]
		p.free = p.free[:last]
		return m
	}
	return &headMemory{arena: p.chunks.New(), index: newHeadIndex(), known: make([]string, knownTexts)}
}

func (p *headMemories) give(m *headMemory) {
	m.arena.Release()
	m.index.clear()
	clear(m.known)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, m)
}

// trim gives back to the system what no head uses.
func (p *headMemories) trim() {
	p.mu.Lock()
	p.free = nil
	p.mu.Unlock()
	p.chunks.Trim()
}
