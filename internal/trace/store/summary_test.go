package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
)

// TestSummarize shows whose name a trace bears and how long it is.
func TestSummarize(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		s := Summarize(family(lines...))
		if got := fmt.Sprintf("%s | %d-%d %d", s.RootName, s.Start, s.End, s.Spans); got != want {
			t.Errorf("%q: %s, want %s", lines, got, want)
		}
	}
	f(" | 0-0 0")
	f("1 0 5 9 | 3-20 2", "2 1 3 20", "1 0 5 9") // the root, though it starts later; the end, though it starts first
	f("1 0 4 9 | 4-9 2", "2 0 5 9", "1 0 4 9")   // the first of two roots
	f("1 0 4 9 | 4-9 2", "2 0 4 9", "1 0 4 9")   // at the same time: the lower id
	f("2 9 3 4 | 3-8 2", "1 9 4 8", "2 9 3 4")   // no root: the earliest
	f("1 0 7 0 | 7-7 1", "1 0 7 0")              // not ended
}

// TestDedup shows what counts as a copy and in which order spans come.
func TestDedup(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		b := family(lines...)
		b.Resources = append(b.Resources, span.Resource{})
		b.Scopes = append(b.Scopes, span.Scope{}) // an equal scope under another index
		for i := range b.Spans {
			b.Spans[i].Scope = uint32(i % 2)
		}
		var got []string
		for _, s := range Dedup(b).Spans {
			got = append(got, s.Name)
		}
		if g := strings.Join(got, ", "); g != want {
			t.Errorf("Dedup(%q) = %s, want %s", lines, g, want)
		}
	}
	f("")
	f("1 0 1 2, 2 1 1 2, 3 1 2 2", "3 1 2 2", "2 1 1 2", "1 0 1 2")
	f("1 0 1 2", "1 0 1 2", "1 0 1 2", "1 0 1 2")
	f("1 0 1 2, 1 0 1 3, 2 0 1 2", "1 0 1 2", "2 0 1 2", "1 0 1 3", "1 0 1 2", "1 0 1 3") // same id, other content
	b := family("1 0 1 2", "2 0 3 4")
	if Dedup(b) != b {
		t.Error("Dedup copies a batch that is in order and has no copies")
	}
}

// TestCursor shows the order of rows: highest key first, then lowest id.
func TestCursor(t *testing.T) {
	row := func(key int64, id byte) Summary { return Summary{Key: key, TraceID: span.TraceID{id}} }
	f := func(a, b Summary, want int) {
		t.Helper()
		if got := a.Cursor().Compare(b.Cursor()); got != want {
			t.Errorf("%v compared with %v = %d, want %d", a.Cursor(), b.Cursor(), got, want)
		}
		if got := b.Behind(CursorAfter(a)); got != (want < 0) {
			t.Errorf("%v behind %v: %v", b.Cursor(), a.Cursor(), got)
		}
	}
	f(row(2, 1), row(1, 0), -1)
	f(row(1, 0), row(2, 1), 1)
	f(row(1, 1), row(1, 2), -1)
	f(row(1, 1), row(1, 1), 0)
	first := row(9, 9)
	if !first.Behind(nil) {
		t.Error("a row is not behind the beginning")
	}
}
