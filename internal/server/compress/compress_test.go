package compress_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/weft-dev/weft/internal/server/compress"
)

var long = strings.Repeat("the same words again and again; ", 200)

// answer is a response as it was on the wire.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// serve runs handler behind a real server.
func serve(t *testing.T, accept string, handler http.HandlerFunc) answer {
	t.Helper()
	srv := httptest.NewServer(compress.Handler(handler))
	defer srv.Close()
	req, err := http.NewRequest(http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", accept) // set by hand, so the client leaves the body alone
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

func (a answer) plain(t *testing.T) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(a.body)
	var err error
	switch a.header.Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// The encoding follows what the client accepts; the text arrives whole either way.
func TestEncoding(t *testing.T) {
	f := func(accept, want string) {
		t.Helper()
		a := serve(t, accept, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "6400") // of the plain text; must not survive
			_, _ = io.WriteString(w, long[:1000])
			_, _ = io.WriteString(w, long[1000:])
		})
		if got := a.header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: encoding %q, want %q", accept, got, want)
		}
		if got := a.plain(t); got != long {
			t.Errorf("%q: %d bytes arrived, want %d", accept, len(got), len(long))
		}
		if want != "" && len(a.body) > len(long)/4 {
			t.Errorf("%q: %d bytes on the wire", accept, len(a.body))
		}
		if !strings.Contains(a.header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%q: Vary %q", accept, a.header.Get("Vary"))
		}
	}
	f("identity", "")
	f("gzip", "gzip")
	f("gzip, zstd", "zstd")
	f("gzip;q=1.0, zstd;q=0.5", "gzip")
	f("zstd;q=0, gzip", "gzip")
	f("br", "")
	f("gzip;q=0", "")
	f("gzip;q=x", "")
}

// What must not be touched is not.
func TestUntouched(t *testing.T) {
	f := func(name string, handler http.HandlerFunc, want string) {
		t.Helper()
		a := serve(t, "gzip, zstd", handler)
		if enc := a.header.Get("Content-Encoding"); enc != "" && enc != "x" {
			t.Errorf("%s: encoding %q", name, enc)
		}
		if string(a.body) != want {
			t.Errorf("%s: %d bytes, want %d", name, len(a.body), len(want))
		}
	}
	f("short", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "short") }, "short")
	f("empty", func(http.ResponseWriter, *http.Request) {}, "")
	f("no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "")
	f("encoded already", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "x")
		_, _ = io.WriteString(w, long)
	}, long)
	f("events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, long)
	}, long)
}

// The status is the handler's.
func TestStatus(t *testing.T) {
	for _, body := range []string{"", "short", long} {
		a := serve(t, "gzip", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, body)
		})
		if a.status != http.StatusTeapot || a.plain(t) != body {
			t.Errorf("body of %d: status %d", len(body), a.status)
		}
	}
}

// A flushed part reaches the client while the handler still runs.
func TestFlush(t *testing.T) {
	for _, accept := range []string{"gzip", "zstd"} {
		seen := make(chan struct{})
		srv := httptest.NewServer(compress.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "first line\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			select {
			case <-seen:
			case <-r.Context().Done():
			}
			_, _ = io.WriteString(w, "second line\n")
		})))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", accept)
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader
		if accept == "gzip" {
			r, err = gzip.NewReader(resp.Body)
		} else {
			r, err = zstd.NewReader(resp.Body, zstd.WithDecoderConcurrency(1))
		}
		if err != nil {
			t.Fatal(err)
		}
		line := make([]byte, len("first line\n"))
		if _, err := io.ReadFull(r, line); err != nil || string(line) != "first line\n" {
			t.Errorf("%s: %q, %v", accept, line, err)
		}
		close(seen)
		rest, err := io.ReadAll(r)
		if err != nil || string(rest) != "second line\n" {
			t.Errorf("%s: rest %q, %v", accept, rest, err)
		}
		resp.Body.Close()
		srv.Close()
	}
}
