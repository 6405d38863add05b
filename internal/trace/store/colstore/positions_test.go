package colstore

import (
	"math/rand/v2"
	"testing"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// The interval set agrees with a plain set of numbers for random additions.
func TestPositions(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var p positions
		ref := map[log.Position]bool{}
		for range 30 {
			from := log.Position(1 + r.IntN(60))
			to := from + log.Position(r.IntN(4))
			p = p.add(from, to)
			for x := from; x <= to; x++ {
				ref[x] = true
			}
		}
		var prefix log.Position
		for ref[prefix+1] {
			prefix++
		}
		if p.prefix() != prefix {
			t.Fatalf("seed %d: prefix %d, want %d of %v", seed, p.prefix(), prefix, p)
		}
		for x := log.Position(0); x < 70; x++ {
			if p.contains(x) != ref[x] {
				t.Fatalf("seed %d: contains(%d) = %v of %v", seed, x, p.contains(x), p)
			}
		}
		for i := 1; i < len(p); i++ {
			if p[i][0] <= p[i-1][1]+1 {
				t.Fatalf("seed %d: %v is not disjoint and apart", seed, p)
			}
		}
	}
}
