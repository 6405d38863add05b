package api

import (
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// A token comes back as it went out, for the same search only.
func TestPageToken(t *testing.T) {
	w := store.Window{Start: -5, End: 1<<63 - 1}
	at := store.Cursor{Key: -9, TraceID: span.TraceID{1, 15: 2}}
	token := encodePage(w, "{ }", store.LongestFirst, at)
	gotW, gotAt, err := decodePage(token, "{ }", store.LongestFirst)
	if err != nil || gotW != w || *gotAt != at {
		t.Errorf("got %v, %v, %v", gotW, gotAt, err)
	}
	if _, _, err := decodePage(token, "{}", store.LongestFirst); err == nil {
		t.Error("another query takes the token")
	}
	if _, _, err := decodePage(token, "{ }", store.NewestFirst); err == nil {
		t.Error("another order takes the token")
	}
	for i := range token {
		broken := []byte(token)
		broken[i] ^= 1
		if _, _, err := decodePage(string(broken), "{ }", store.LongestFirst); err == nil {
			t.Errorf("a token broken at %d is taken: %s", i, broken)
		}
	}
}

// Any text is a token or an error.
func FuzzDecodePage(f *testing.F) {
	f.Add(encodePage(store.Window{End: 1}, "q", store.NewestFirst, store.Cursor{}), "q")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, token, query string) {
		w, at, err := decodePage(token, query, store.NewestFirst)
		if err == nil && encodePage(w, query, store.NewestFirst, *at) != token {
			t.Errorf("%q and what it decodes to are two tokens", token)
		}
	})
}
