package colstore

import (
	"sync"

	"github.com/weft-dev/weft/internal/base/arena"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
)

// headMemory is where a head keeps its records and their index. The records are in an
// arena: the collector would go through them in each of its rounds, and what it holds it
// allows itself twice.
//
// The last view that names a head gives its memory back. So no reader lets anything of it
// out: a trace is copied (head.trace), and so is a name (nameCounter.add).
type headMemory struct {
	arena  *arena.Arena
	table  *pack.Table
	index  headIndex
	reader pack.Reader // for who holds head.mu
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
	a := p.chunks.New()
	return &headMemory{arena: a, table: pack.NewTable(a), index: newHeadIndex()}
}

func (p *headMemories) give(m *headMemory) {
	m.table.Reset()
	m.reader = pack.Reader{}
	m.arena.Release()
	m.index.clear()
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
