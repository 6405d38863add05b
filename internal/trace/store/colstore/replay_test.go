package colstore

import (
	"context"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// A start does not wait for parts to be written: records that are read back are taken
// though nothing flushes, all are found, and a flush later writes them.
func TestReplayedDoNotWait(t *testing.T) {
	s, err := openQuiet(Config{FS: vfs.NewMem(), Dir: "data/store", HeadBytes: 1, MaxHeads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.closeQuiet()
	apply := func(ctx context.Context, n int, replayed bool) error {
		r := record(n)
		r.Pos, r.Replayed = log.Position(n+1), replayed
		r.Bytes = 100
		return s.Apply(ctx, r)
	}
	for n := range 20 {
		if err := apply(ctx, n, true); err != nil {
			t.Fatal(err)
		}
	}
	has(t, s, 20, func(int) bool { return true })
	s.freeze()
	for n := range 2 { // fills the head that may be frozen next
		if err := apply(ctx, 20+n, true); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := apply(short, 22, false); err == nil {
		t.Error("a new record does not wait for the flusher")
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if s.Applied() != 22 {
		t.Errorf("applied up to %d, want 22", s.Applied())
	}
	has(t, s, 22, func(int) bool { return true })
}
