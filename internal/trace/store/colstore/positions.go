package colstore

import (
	"slices"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// positions is a set of log positions as sorted, disjoint, non-adjacent closed intervals.
// Records are applied nearly in order, so it stays at a few intervals.
type positions [][2]log.Position

func (p positions) contains(x log.Position) bool {
	i, ok := slices.BinarySearchFunc(p, x, func(r [2]log.Position, x log.Position) int {
		switch {
		case r[1] < x:
			return -1
		case r[0] > x:
			return 1
		}
		return 0
	})
	_ = i
	return ok
}

// add returns p with the closed interval [from, to] added.
func (p positions) add(from, to log.Position) positions {
	if n := len(p); n > 0 && p[n-1][0] <= from && from <= p[n-1][1]+1 {
		p[n-1][1] = max(p[n-1][1], to) // the usual case: the next record
		return p
	}
	out := make(positions, 0, len(p)+1)
	placed := false
	for _, r := range p {
		switch {
		case r[1]+1 < from:
			out = append(out, r)
		case to+1 < r[0]:
			if !placed {
				out, placed = append(out, [2]log.Position{from, to}), true
			}
			out = append(out, r)
		default:
			from, to = min(from, r[0]), max(to, r[1])
		}
	}
	if !placed {
		out = append(out, [2]log.Position{from, to})
	}
	return out
}

func (p positions) union(o positions) positions {
	out := slices.Clone(p)
	for _, r := range o {
		out = out.add(r[0], r[1])
	}
	return out
}

// prefix is the highest x such that every position from 1 to x is in p.
func (p positions) prefix() log.Position {
	if len(p) == 0 || p[0][0] > 1 {
		return 0
	}
	return p[0][1]
}
