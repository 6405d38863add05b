package colstore

import (
	"context"
	"iter"
	"maps"
	"math/bits"
	"slices"

	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
)

// A part has each span once, and so has a head. What arrived twice may be in two of them
// until a merge meets it. An answer made of whole traces drops such copies as it goes; one
// made of the tables of row groups has to know them. So they are looked for, once for each
// part and each larger part that has spans of the same time: parts do not change. A head
// grows; of it, what has come since the last time is looked for in the parts and the older
// heads.
//
// What is found is kept with the part or head that has the copies, the smaller one, as a
// bit for each span of the pages that have some: at most an eighth of a byte a span for
// each larger part that has them too. It goes with the part, or when the other part goes.

// rowSet is some spans of a part or head.
type rowSet map[rowsAt]bitSet

// rowsAt is a page of a group of a part, or, in group 0, a block of a head.
type rowsAt struct{ group, page int32 }

type bitSet []uint64

func (s rowSet) has(at rowsAt, row int) bool { return s[at].has(row) }

// add adds one of n rows.
func (s rowSet) add(at rowsAt, row, n int) {
	b := s[at]
	if b == nil {
		b = make(bitSet, (n+63)/64)
		s[at] = b
	}
	b[row/64] |= 1 << (row % 64)
}

// union adds o, whose bits stay its own.
func (s rowSet) union(o rowSet) {
	for at, b := range o {
		sum := s[at]
		if sum == nil {
			sum = make(bitSet, len(b))
			s[at] = sum
		}
		for i := range b {
			sum[i] |= b[i]
		}
	}
}

func (b bitSet) has(row int) bool { return row/64 < len(b) && b[row/64]>>(row%64)&1 != 0 }

func (b bitSet) count() int {
	n := 0
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// all yields the rows, in order.
func (b bitSet) all(yield func(int) bool) {
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			if !yield(64*i + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}

// lookedFor is how far a part or head has been looked for in another source, and what of
// it is there.
type lookedFor struct {
	upTo int // groups, or blocks of a head
	rows rowSet
}

// partCopies is the spans of p that of has too.
type partCopies struct {
	p, of *livePart
	rows  rowSet
}

// copies is what a view holds twice. Each span is in exactly one source of which it is not
// a copy.
type copies struct {
	parts []partCopies
	heads []rowSet // of each head
}

// copiesIn finds out what v holds twice, with the first n blocks of each head as given.
func (s *Store) copiesIn(ctx context.Context, v *view, blocks [][]*block) (copies, error) {
	select {
	case s.looking <- struct{}{}:
	case <-ctx.Done():
		return copies{}, ctx.Err()
	}
	defer func() { <-s.looking }()
	if v.copies.Load() == nil {
		found, err := s.copiesInParts(ctx, v)
		if err != nil {
			return copies{}, err
		}
		v.copies.Store(&found)
	}
	out := copies{parts: *v.copies.Load(), heads: make([]rowSet, len(v.heads))}
	for i, h := range v.heads {
		if len(blocks[i]) == 0 {
			continue
		}
		var err error
		if out.heads[i], err = s.copiesInHead(ctx, v, i, h, blocks[i]); err != nil {
			return copies{}, err
		}
	}
	return out, nil
}

// copiesInParts looks for each part in all that are larger, as far as that has not been
// done.
func (s *Store) copiesInParts(ctx context.Context, v *view) ([]partCopies, error) {
	live := v.partNames()
	var out []partCopies
	for _, p := range v.parts {
		maps.DeleteFunc(p.copies, func(name string, _ *lookedFor) bool { return !live[name] })
		for _, of := range v.parts {
			if !p.smaller(of) || !p.meets(of) {
				continue
			}
			l := p.copies[of.Name]
			if l == nil {
				l = &lookedFor{rows: rowSet{}}
				if p.copies == nil {
					p.copies = map[string]*lookedFor{}
				}
				p.copies[of.Name] = l
			}
			for l.upTo < len(p.Groups()) {
				run, upTo, err := s.runOfPart(ctx, p, of, l.upTo)
				if err != nil {
					return nil, err
				}
				if err := s.look(ctx, run, of, l.rows); err != nil {
					return nil, err
				}
				l.upTo = upTo
			}
			if len(l.rows) > 0 {
				out = append(out, partCopies{p, of, l.rows})
			}
		}
	}
	return out, nil
}

// copiesInHead is the spans among the blocks of head i that a part or an older head has.
func (s *Store) copiesInHead(ctx context.Context, v *view, i int, h *head, blocks []*block) (rowSet, error) {
	out := rowSet{}
	if h.copies == nil {
		h.copies, h.copiesOlder = map[string]*lookedFor{}, map[*head]*lookedFor{}
	}
	for _, of := range v.parts {
		l := h.copies[of.Name]
		if l == nil {
			l = &lookedFor{rows: rowSet{}}
			h.copies[of.Name] = l
		}
		for l.upTo < len(blocks) {
			run, upTo := s.runOfHead(blocks, of, l.upTo)
			if err := s.look(ctx, run, of, l.rows); err != nil {
				return nil, err
			}
			l.upTo = upTo
		}
		if !of.unread.Load() {
			out.union(l.rows)
		}
	}
	if len(h.copies) > len(v.parts) {
		live := v.partNames()
		maps.DeleteFunc(h.copies, func(name string, _ *lookedFor) bool { return !live[name] })
	}
	older := map[*head]*lookedFor{}
	for _, of := range v.heads[:i] {
		l := h.copiesOlder[of]
		if l == nil {
			l = &lookedFor{rows: rowSet{}}
		}
		older[of] = l
		for ; l.upTo < len(blocks); l.upTo++ {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			of.mark(blocks[l.upTo], l.upTo, l.rows)
		}
		out.union(l.rows)
	}
	h.copiesOlder = older
	return out, nil
}

// mark adds to rows the spans of a block of another head that h has too.
func (h *head) mark(b *block, number int, rows rowSet) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var theirs, mine pack.Reader
	batch := theirs.All(b.rows)
	for i := range batch.Spans {
		if h.index.has(h.blocks, b.tenant, batch, i, &mine) {
			rows.add(rowsAt{page: int32(number)}, i, len(batch.Spans))
		}
	}
}

func (v *view) partNames() map[string]bool {
	out := make(map[string]bool, len(v.parts))
	for _, p := range v.parts {
		out[p.Name] = true
	}
	return out
}

// smaller orders all parts, so that of two one is looked for in the other.
func (p *livePart) smaller(of *livePart) bool {
	if p.Meta().Spans != of.Meta().Spans {
		return p.Meta().Spans < of.Meta().Spans
	}
	return p.Name > of.Name
}

// meets reports whether two parts can have a span both.
func (p *livePart) meets(of *livePart) bool {
	m := p.Meta()
	if m.MaxStart < of.Meta().MinStart || of.Meta().MaxStart < m.MinStart {
		return false
	}
	for _, t := range m.Tenants {
		if _, ok := of.tenant(t.Tenant); ok {
			return true
		}
	}
	return false
}

// groupCopies is rows of a group, by page.
type groupCopies map[int]bitSet

// of is the copies in p by group, nil if there are none. What a part has that does not
// read is not held twice.
func (c copies) of(p *livePart) map[int]groupCopies {
	rows := rowSet{}
	for _, l := range c.parts {
		if l.p == p && !l.of.unread.Load() {
			rows.union(l.rows)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	out := map[int]groupCopies{}
	for at, b := range rows {
		g := out[int(at.group)]
		if g == nil {
			g = groupCopies{}
			out[int(at.group)] = g
		}
		g[int(at.page)] = b
	}
	return out
}

func (g groupCopies) count() int {
	n := 0
	for _, b := range g {
		n += b.count()
	}
	return n
}

// pages yields the pages and their rows, in order.
func (g groupCopies) pages(yield func(int, iter.Seq[int]) bool) {
	for _, page := range slices.Sorted(maps.Keys(g)) {
		if !yield(page, g[page].all) {
			return
		}
	}
}
