package layout

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/span"
)

// choose sets the rows to send of [from, to): all, or from the root down the levels that
// fit, and of the first level that does not fit as many children of each parent as have
// room. Of siblings the failed ones come first, then the longest, because these are what
// one looks for; they keep their order on screen.
func (e *encoder) choose(from, to int32, limit int) {
	t := e.t
	e.first, e.end = math.MaxInt64, math.MinInt64
	for r := from; r < to; r++ {
		e.first, e.end = min(e.first, t.Rows[r].Start), max(e.end, t.Rows[r].End)
		if s := t.SpanOf(r); s != nil {
			e.spans++
			if s.Status == span.StatusError {
				e.errors++
			}
		}
	}
	total := int(to - from)
	if total <= limit {
		e.rows = make([]int32, total)
		for i := range e.rows {
			e.rows[i] = from + int32(i)
		}
		return
	}
	level := e.roots(from, to)
	if len(level) > limit {
		level = e.best(level, limit)
	}
	for len(level) > 0 {
		e.rows = append(e.rows, level...)
		room := limit - len(e.rows)
		below, widest := e.below(level)
		if below > room {
			level = e.fair(level, room, widest)
			e.rows = append(e.rows, level...)
			break
		}
		next := make([]int32, 0, below)
		for _, r := range level {
			for c := range t.Children(r) {
				next = append(next, c)
			}
		}
		level = next
	}
	slices.Sort(e.rows)
	e.cut = &cutNote{
		Spans:  e.spans,
		Reason: fmt.Sprintf("%d of %d rows, from the root down", len(e.rows), total),
	}
}

func (e *encoder) roots(from, to int32) []int32 {
	var roots []int32
	for r := from; r < to; r += e.t.Rows[r].Subtree {
		roots = append(roots, r)
	}
	return roots
}

// below counts the children of the rows, and those of the row that has most.
func (e *encoder) below(level []int32) (total, widest int) {
	for _, r := range level {
		n := 0
		for range e.t.Children(r) {
			n++
		}
		total, widest = total+n, max(widest, n)
	}
	return total, widest
}

// fair takes up to the same number of children from each row, the largest number for
// which room suffices.
func (e *encoder) fair(level []int32, room, widest int) []int32 {
	counts := make([]int, len(level))
	for i, r := range level {
		for range e.t.Children(r) {
			counts[i]++
		}
	}
	lo, hi := 0, widest
	for lo < hi {
		share := (lo + hi + 1) / 2
		need := 0
		for _, n := range counts {
			need += min(n, share)
		}
		if need <= room {
			lo = share
		} else {
			hi = share - 1
		}
	}
	if lo == 0 {
		return nil
	}
	var out []int32
	for i, r := range level {
		kids := make([]int32, 0, counts[i])
		for c := range e.t.Children(r) {
			kids = append(kids, c)
		}
		out = append(out, e.best(kids, lo)...)
	}
	return out
}

// best is n of the rows.
func (e *encoder) best(rows []int32, n int) []int32 {
	if len(rows) <= n {
		return rows
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(x, y int32) int {
		return cmp.Or(
			cmp.Compare(e.rank(y), e.rank(x)),
			cmp.Compare(duration(&e.t.Rows[y]), duration(&e.t.Rows[x])),
		)
	})
	return rows[:n]
}

func (e *encoder) rank(r int32) int {
	if s := e.t.SpanOf(r); s != nil && s.Status == span.StatusError {
		return 1
	}
	return 0
}

func duration(r *tree.Row) int64 { return r.End - r.Start }
