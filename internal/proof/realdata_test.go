package proof

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// rounds is how many times the store is made to write a part. It merges twelve parts of a
// size into one: four stay four, fourteen become three.
const (
	rounds         = 14
	roundsUnmerged = 4
	partsMerged    = 3
)

// neverFlush keeps everything in the head.
var neverFlush = []string{"--head", "1GB", "--head-age", "24h", "--log-cap", "4GB"}

// Traces of two real systems, years old, and the same with all that OTLP allows, are
// imported by the command line. Each trace, read by its id, is what was sent, span for
// span and field for field: from the head, from parts, after merges, after a restart and
// after a kill. The export, the search and the counts say the same.
func TestRealData(t *testing.T) {
	if testing.Short() {
		t.Skip("drives the real binary, which -short leaves to the full run")
	}
	files := realLines(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		files[name+"-dressed"] = dressed(t, files[name][:min(len(files[name]), 100)])
	}

	t.Run("head", func(t *testing.T) {
		l := serve(t, neverFlush...)
		sent := spanSet{}
		l.load(files, sent)
		t.Logf("%d traces of %d spans", len(sent), sent.spans())
		all := func(when string) {
			t.Helper()
			if got := l.gauge("weft_store_head_spans"); got != sent.spans() {
				t.Fatalf("%s: the head has %d spans, want %d", when, got, sent.spans())
			}
			l.wantTraces(when, sent)
			l.wantExport(when, sent)
			l.wantCounts(when, sent)
		}
		all("after the import")
		l.crash(neverFlush...)
		all("after a kill")
		l.load(files, spanSet{}) // once more does no harm
		l.wantTraces("after the import once more", sent)
		l.wantCounts("after the import once more", sent)
	})

	t.Run("parts", func(t *testing.T) {
		const unmerged = "from parts"
		var piece [rounds]map[string][][]byte
		size := int64(0) // of the largest piece as JSON, which is more than it is in the log
		for i := range piece {
			piece[i] = map[string][][]byte{}
			n := int64(0)
			for name, lines := range files {
				piece[i][name] = lines[len(lines)*i/rounds : len(lines)*(i+1)/rounds]
				for _, line := range piece[i][name] {
					n += int64(len(line))
				}
			}
			size = max(size, n)
		}
		head := []string{"--head", fmt.Sprint(size), "--head-age", "24h", "--log-cap", "4GB"}
		l := serve(t, head...)
		sent := spanSet{}
		all := func(when string, parts int) {
			t.Helper()
			l.await("weft_store_parts", parts)
			l.await("weft_store_head_spans", 0)
			l.wantTraces(when, sent)
			l.wantExport(when, sent)
			l.wantCounts(when, sent)
			if when != unmerged { // which lasts some seconds only
				l.wantStat(when, parts, sent)
			}
		}
		for i := range rounds {
			l.load(piece[i], sent)
			l.flushed(i, size, sent)
			if i+1 == roundsUnmerged {
				all(unmerged, roundsUnmerged)
			}
		}
		all("after merges", partsMerged)
		l.restart(head...)
		all("after merges and a restart", partsMerged)
		l.crash(head...)
		all("after merges and a kill", partsMerged)
	})
}
