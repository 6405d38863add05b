package colstore

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/arena"
	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store"
)

// A reader that began before a head was written has the head for as long as it reads, and
// then the memory goes back. Chunks are guarded: a read too late would end the test.
func TestReaderKeepsHead(t *testing.T) {
	s, err := openQuiet(Config{FS: vfs.NewMem(), Dir: "data/store", guardHeads: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.closeQuiet()
	for n := range 20 {
		if err := s.Apply(ctx, record(n)); err != nil {
			t.Fatal(err)
		}
	}
	next, stop := iter.Pull2(s.Search(ctx, store.Query{Tenant: "default", Window: store.Window{End: 1 << 62}, Limit: 100}))
	if _, err, ok := next(); !ok || err != nil {
		t.Fatalf("first row: %v, %v", ok, err)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if lent, _ := s.memories.chunks.Bytes(); lent == 0 {
		t.Error("the head's memory was taken from its reader")
	}
	rows := 1
	for {
		_, err, ok := next()
		if !ok {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows++
	}
	stop()
	if rows != 20 {
		t.Errorf("%d rows, want 20", rows)
	}
	if lent, _ := s.memories.chunks.Bytes(); lent != 0 {
		t.Errorf("%d bytes of the head are still lent", lent)
	}
}

// While the flusher does not get on, heads take what they may and no more: then senders wait.
func TestHeadsAreBounded(t *testing.T) {
	const headBytes = 3 * arena.ChunkBytes
	s, err := openQuiet(Config{FS: vfs.NewMem(), Dir: "data/store", HeadBytes: headBytes, MaxHeads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.closeQuiet()
	sent := 0
	for {
		soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		err := s.Apply(soon, record(sent))
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if sent++; sent > 1_000_000 {
			t.Fatal("the heads take all there is")
		}
	}
	if got, want := s.frozen(), 2; got != want {
		t.Errorf("%d heads wait, want %d", got, want)
	}
	if lent, _ := s.memories.chunks.Bytes(); lent > 3*headBytes {
		t.Errorf("heads take %d bytes, more than 3 times %d", lent, headBytes)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(ctx, record(sent)); err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		sent = min(sent, 500)
	}
	has(t, s, sent+1, all)
}

// A head is written, however little memory it takes, before the log is full of its requests.
func TestHeadRequests(t *testing.T) {
	s, err := openQuiet(Config{FS: vfs.NewMem(), Dir: "data/store", HeadRequests: 10_000, HeadAge: 1 << 62})
	if err != nil {
		t.Fatal(err)
	}
	defer s.closeQuiet()
	f := func(n, bytes int, full bool) {
		t.Helper()
		r := record(n)
		r.Bytes = bytes
		if err := s.Apply(ctx, r); err != nil {
			t.Fatal(err)
		}
		if got := s.frozen()+s.Counts().Parts > 0; got != full {
			t.Errorf("after request %d of %d bytes the head is due: %v, want %v", n, bytes, got, full)
		}
	}
	f(0, 5_000, false)
	f(1, 4_999, false)
	f(2, 1, true)
}
