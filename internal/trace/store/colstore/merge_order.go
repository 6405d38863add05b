package colstore

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// piece is where the spans of a trace lie in one page of one part.
type piece struct {
	key         TraceKey
	start       int64 // of the trace, over all parts
	part, page  int32 // of the run; of the part
	first, rows int32 // of the page
}

func (p *piece) before(o *piece) bool { return comparePartOrder(p.key, p.start, o.key, o.start) < 0 }

// mergeOrder yields the traces of several parts in the order of a part, each with all its
// pieces. Each part has a cursor; another one has the traces that lie in several parts.
type mergeOrder struct {
	cursors []pieceCursor
	found   []piece
}

// order begins with the traces that lie in several parts. The indexes tell which those
// are, since all of them are sorted by the same hash.
func (m *mergeReader) order(ctx context.Context) (*mergeOrder, error) {
	shared, err := m.sharedTraces(ctx)
	if err != nil {
		return nil, err
	}
	pieces, err := m.piecesOf(ctx, shared)
	if err != nil {
		return nil, err
	}
	elsewhere := make([][]spot, len(m.parts))
	for i := range pieces {
		p := &pieces[i]
		elsewhere[p.part] = append(elsewhere[p.part], spot{p.page, p.first})
	}
	pieces = slices.DeleteFunc(pieces, func(p piece) bool { return m.drop(p.key) })
	for _, p := range pieces {
		m.pages.expect(pageKey{m.run[p.part], int(p.page)})
	}
	sortPieces(pieces)
	o := &mergeOrder{}
	for i := range m.parts {
		o.cursors = append(o.cursors, pieceCursor{more: m.rest(int32(i), elsewhere[i])})
	}
	o.cursors = append(o.cursors, pieceCursor{todo: pieces})
	return o, nil
}

// next is the pieces of the next trace, valid until it is called again; none after the
// last one.
func (o *mergeOrder) next() ([]piece, error) {
	var from *pieceCursor
	for i := range o.cursors {
		c := &o.cursors[i]
		if err := c.fill(); err != nil {
			return nil, err
		}
		if len(c.todo) > 0 && (from == nil || c.todo[0].before(&from.todo[0])) {
			from = c
		}
	}
	o.found = o.found[:0]
	if from == nil {
		return nil, nil
	}
	key := from.todo[0].key
	for len(from.todo) > 0 && from.todo[0].key == key {
		o.found = append(o.found, from.todo[0])
		from.todo = from.todo[1:]
		if err := from.fill(); err != nil {
			return nil, err
		}
	}
	return o.found, nil
}

// pieceCursor is a list of pieces in the order of a part, of which some are in memory.
type pieceCursor struct {
	todo []piece
	more func() ([]piece, error) // those of the next page that has some, none at the end
}

func (c *pieceCursor) fill() error {
	if len(c.todo) > 0 || c.more == nil {
		return nil
	}
	var err error
	if c.todo, err = c.more(); len(c.todo) == 0 {
		c.more = nil
	}
	return err
}

// spot is a piece among those of a part.
type spot struct{ page, first int32 }

// rest walks the pages of a part and leaves out what lies elsewhere too, in the order of
// the part, and what is dropped.
func (m *mergeReader) rest(number int32, elsewhere []spot) func() ([]piece, error) {
	var todo []piece
	page := int32(-1)
	return func() ([]piece, error) {
		todo = todo[:0]
		for len(todo) == 0 {
			if page++; int(page) == m.parts[number].NumPages() {
				return nil, nil
			}
			tenant, dir, err := m.directory(number, page)
			if err != nil {
				return nil, err
			}
			for i := range dir {
				p := pieceOf(tenant, &dir[i], number, page)
				if len(elsewhere) > 0 && elsewhere[0] == (spot{page, p.first}) {
					elsewhere = elsewhere[1:]
					continue
				}
				if !m.drop(p.key) {
					todo = append(todo, p)
					m.pages.expect(pageKey{m.run[number], int(page)})
				}
			}
		}
		return todo, nil
	}
}

func (m *mergeReader) directory(number, page int32) (tenant string, dir []part.TraceEntry, err error) {
	pg, err := m.parts[number].Page(int(page))
	if err == nil {
		dir, err = pg.Directory()
	}
	if err != nil {
		return "", nil, &sourceError{m.run[number], err}
	}
	return pg.Tenant(), dir, nil
}

func pieceOf(tenant string, e *part.TraceEntry, number, page int32) piece {
	return piece{TraceKey{tenant, e.ID}, e.Start, number, page, int32(e.First), int32(e.Rows)}
}

// indexed is what the index of a part of the run says about a trace.
type indexed struct {
	hash uint64
	part int32
	page int32
}

// sharedTraces is the entries that have the same hash in several indexes: nearly always
// the same trace.
func (m *mergeReader) sharedTraces(ctx context.Context) ([]indexed, error) {
	const end = math.MaxUint64 // a hash has fewer bits
	type walk struct {
		*part.IndexWalk
		hash uint64
		loc  part.Loc
	}
	walks := make([]walk, len(m.parts))
	next := func(i int) (err error) {
		w, ok := &walks[i], false
		if w.hash, w.loc, ok, err = w.Next(); err != nil {
			return &sourceError{m.run[i], err}
		}
		if !ok {
			w.hash = end
		}
		return nil
	}
	for i, p := range m.parts {
		walks[i].IndexWalk = p.WalkIndex()
		if err := next(i); err != nil {
			return nil, err
		}
	}
	var shared []indexed
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		least, with := uint64(end), 0
		for i := range walks {
			switch h := walks[i].hash; {
			case h < least:
				least, with = h, 1
			case h == least:
				with++
			}
		}
		if least == end {
			return shared, nil
		}
		for i := range walks {
			for walks[i].hash == least {
				for k := 0; with > 1 && k < walks[i].loc.Pages; k++ {
					shared = append(shared, indexed{least, int32(i), int32(walks[i].loc.Page + k)})
				}
				if err := next(i); err != nil {
					return nil, err
				}
			}
		}
	}
}

// piecesOf looks the traces up in the directories of their pages. The pieces come in the
// order of the run, its pages and their rows.
func (m *mergeReader) piecesOf(ctx context.Context, list []indexed) ([]piece, error) {
	slices.SortFunc(list, func(a, b indexed) int {
		return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.page, b.page), cmp.Compare(a.hash, b.hash))
	})
	pieces := make([]piece, 0, len(list))
	for len(list) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		number, page, n := list[0].part, list[0].page, 1
		for n < len(list) && list[n].part == number && list[n].page == page {
			n++
		}
		tenant, dir, err := m.directory(number, page)
		if err != nil {
			return nil, err
		}
		for i := range dir {
			hash := part.HashTrace(tenant, dir[i].ID)
			if _, ok := slices.BinarySearchFunc(list[:n], hash, func(l indexed, h uint64) int { return cmp.Compare(l.hash, h) }); !ok {
				continue
			}
			pieces = append(pieces, pieceOf(tenant, &dir[i], number, page))
		}
		list = list[n:]
	}
	return pieces, nil
}

// sortPieces puts them into the order of a part, by the earliest start of their trace.
func sortPieces(pieces []piece) {
	slices.SortStableFunc(pieces, func(a, b piece) int { return comparePartOrder(a.key, 0, b.key, 0) })
	for i := 0; i < len(pieces); {
		first, start := i, pieces[i].start
		for ; i < len(pieces) && pieces[i].key == pieces[first].key; i++ {
			start = min(start, pieces[i].start)
		}
		for k := first; k < i; k++ {
			pieces[k].start = start
		}
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return comparePartOrder(a.key, a.start, b.key, b.start) })
}
