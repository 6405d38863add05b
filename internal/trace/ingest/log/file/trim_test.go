package file

import (
	"bytes"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// A log whose records are all wanted no more shrinks to a header, and goes on behind them.
func TestTrimAtRest(t *testing.T) {
	fsys := vfs.NewMem()
	cfg := small("data/log", fsys)
	l := open(t, cfg)
	add := func(want log.Position) {
		t.Helper()
		pos, err := l.Append(t.Context(), log.Record{Tenant: "t", Arrival: time.Unix(1, 0), Payload: bytes.Repeat([]byte("x"), 100)})
		if err != nil || pos != want {
			t.Fatalf("position %d, %v; want %d", pos, err, want)
		}
	}
	trim := func(to log.Position) {
		t.Helper()
		if err := l.Trim(to); err != nil {
			t.Fatal(err)
		}
	}
	for n := range log.Position(5) {
		add(n + 1)
	}
	before := l.Size()
	trim(4) // the newest record is still wanted
	if l.Size() != before {
		t.Errorf("size %d after a trim that leaves a record, want %d", l.Size(), before)
	}
	trim(5)
	if l.Size() != headerLen || l.Last() != 5 {
		t.Errorf("size %d, last %d; want %d and 5", l.Size(), l.Last(), headerLen)
	}
	trim(5) // nothing to turn over
	if l.Size() != headerLen {
		t.Errorf("size %d after another trim", l.Size())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, cfg)
	if l.Last() != 5 {
		t.Errorf("last %d after a restart, want 5", l.Last())
	}
	add(6)
	trim(6)
	add(7)
	for rec, err := range l.Read(t.Context(), 1) {
		if err != nil || rec.Pos != 7 {
			t.Errorf("record %d, %v; want 7", rec.Pos, err)
		}
	}
}
