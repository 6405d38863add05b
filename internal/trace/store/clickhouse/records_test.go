package clickhouse

import (
	"testing"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// TestRecordsAfter shows that the position moves over an unbroken run only, whatever the
// order in which records come, and that those behind a gap are remembered.
func TestRecordsAfter(t *testing.T) {
	var k records
	f := func(want log.Position, behind int, positions ...log.Position) {
		t.Helper()
		list := make([]record, len(positions))
		for i, pos := range positions {
			list[i].pos = pos
		}
		if k.applied, k.beyond = k.after(list); k.applied != want || len(k.beyond) != behind {
			t.Errorf("after %v: applied %d and %d behind a gap, want %d and %d", positions, k.applied, len(k.beyond), want, behind)
		}
	}
	f(0, 0)
	f(0, 1, 2)
	f(0, 2, 3, 2) // 2 again
	f(3, 0, 1)
	f(3, 0, 3, 1, 2) // from the log, once more
	f(5, 1, 5, 7, 4)
	f(7, 0, 6)
}
