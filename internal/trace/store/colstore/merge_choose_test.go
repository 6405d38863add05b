package colstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Which parts are merged next: four at a time, of up to 16,000, 64,000, 256,000 spans, and not
// beyond 300,000.
func TestChooseRun(t *testing.T) {
	s := &Store{cfg: Config{MergeFanIn: 4, MaxPartSpans: 300_000}}
	sizes := map[rune]int64{'.': 500, 's': 15_000, 'm': 50_000, 'l': 200_000, 'x': 290_000}
	// f marks the parts of the choice.
	f := func(parts, want string) {
		t.Helper()
		var list []*livePart
		for _, c := range parts {
			p := &livePart{Part: &part.Part{}}
			p.Meta().Spans = sizes[c]
			list = append(list, p)
		}
		got := []byte(strings.Repeat(" ", len(parts)))
		for _, p := range s.chooseRun(list) {
			for i := range list {
				if list[i] == p {
					got[i] = '^'
				}
			}
		}
		if strings.TrimRight(string(got), " ") != want {
			t.Errorf("of\n%s\nare chosen\n%s\nwant\n%s", parts, got, want)
		}
	}
	f("", "")
	f("sss", "")
	f("ssss", "^^^^")
	f("sssssssss", "^^^^^") // a third more
	f("ss.s", "^^^^")
	f("sslss", "")
	f("sslsss.", "   ^^^^")
	f("mmmm", "") // larger ones once there are eight
	f("mmmmmmmm", "^^^^^")
	f("mmmmmmmmssss", "        ^^^^") // the cheapest first
	f("m.mmm.mmmm", "^^^^^")          // a small one between large ones goes with them
	f(".mmm.m.mmmm.m.m", "^^^^^")
	f("mmxmmmm.mm", "   ^^^^^")
	f("xxxxxxxxx", "") // they would be too large
}

// The head that begins while another waits to be written is not written with it.
func TestFlushLeavesTheNewHead(t *testing.T) {
	s, err := openQuiet(Config{FS: vfs.NewMem(), Dir: "data/store", HeadRequests: 10_000, HeadAge: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	defer s.closeQuiet()
	for n, bytes := range []int{10_000, 500} {
		r := record(n)
		r.Bytes = bytes
		if err := s.Apply(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.flushDue(ctx); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Counts().Parts, s.active().empty()); got != "1 false" {
		t.Errorf("parts and whether the new head is empty: %s, want 1 false", got)
	}
	has(t, s, 2, all)
	h := s.active()
	h.mu.Lock()
	h.since = time.Unix(0, 0)
	h.mu.Unlock()
	if err := s.flushDue(ctx); err != nil {
		t.Fatal(err)
	}
	if got := s.Counts().Parts; got != 2 {
		t.Errorf("%d parts once the head is old, want 2", got)
	}
}
