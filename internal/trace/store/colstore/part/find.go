package part

import (
	"sort"

	"github.com/weft-dev/weft/internal/trace/span"
)

// HashTrace is the order of traces in the index of a part.
func HashTrace(tenant string, id span.TraceID) uint64 { return indexHash(tenant, id) }

// Finder looks up many traces in the order of HashTrace. It reads each block of the index
// once at most, and only those that may have one of them. Not safe for concurrent use.
type Finder struct {
	p       *Part
	block   int // whose entries are held; -1: none
	entries []indexEntry
}

// Finder starts a run of look-ups.
func (p *Part) Finder() *Finder { return &Finder{p: p, block: -1} }

// Find appends where traces of the tenant with that hash lie: none or one, more only by
// chance. It does not look at the pages: Loc.Entry is not filled in, and the trace at Loc
// may have another id.
func (f *Finder) Find(dst []Loc, tenant string, hash uint64) ([]Loc, error) {
	index := f.p.index
	from := sort.Search(len(index), func(i int) bool { return index[i].first >= hash })
	for i := max(0, from-1); i < len(index) && index[i].first <= hash; i++ {
		if f.block != i {
			entries, err := f.p.indexBlock(index[i])
			if err != nil {
				f.block = -1
				return dst, err
			}
			f.block, f.entries = i, entries
		}
		at := sort.Search(len(f.entries), func(i int) bool { return f.entries[i].hash >= hash })
		for ; at < len(f.entries) && f.entries[at].hash == hash; at++ {
			page := int(f.entries[at].page)
			pg, err := f.p.Page(page)
			if err != nil {
				return dst, err
			}
			if pg.group.Tenant() == tenant {
				dst = append(dst, Loc{Page: page, Pages: int(f.entries[at].pages)})
			}
		}
	}
	return dst, nil
}

// IndexWalk yields what the index of a part says, in the order of HashTrace. It holds one
// block of the index. Not safe for concurrent use.
type IndexWalk struct {
	p       *Part
	block   int // the next one to read
	entries []indexEntry
}

// WalkIndex starts at the lowest hash.
func (p *Part) WalkIndex() *IndexWalk { return &IndexWalk{p: p} }

// Next is the hash of a trace and where it lies, Loc.Entry not filled in; false after the
// last one.
func (w *IndexWalk) Next() (hash uint64, l Loc, ok bool, err error) {
	for len(w.entries) == 0 {
		if w.block == len(w.p.index) {
			return 0, Loc{}, false, nil
		}
		if w.entries, err = w.p.indexBlock(w.p.index[w.block]); err != nil {
			return 0, Loc{}, false, err
		}
		w.block++
	}
	e := w.entries[0]
	w.entries = w.entries[1:]
	return e.hash, Loc{Page: int(e.page), Pages: int(e.pages)}, true, nil
}
