package page

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/weft-dev/weft/web"
)

func newHandler(t *testing.T) http.Handler {
	t.Helper()
	h, err := New(Config{Base: "/pre fix/", Files: fstest.MapFS{
		"index.html":          {Data: []byte(`<base href="./"><script nonce="__CSP_NONCE__"></script><style nonce="__CSP_NONCE__">`)},
		"icon.svg":            {Data: []byte("<svg/>")},
		"assets/app-1.js":     {Data: []byte("plain")},
		"assets/app-1.js.br":  {Data: []byte("brotli")},
		"assets/app-1.js.gz":  {Data: []byte("gzip")},
		"assets/only-2.js":    {Data: []byte("plain")},
		"assets/only-2.js.gz": {Data: []byte("gzip")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, method, path, accept string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// Files come in the best encoding the browser takes and are cached for ever where their
// name says what they hold; what is no file is the page.
func TestFiles(t *testing.T) {
	h := newHandler(t)
	f := func(path, accept string, status int, wantBody, wantEncoding, wantCache string) {
		t.Helper()
		resp := get(h, http.MethodGet, path, accept)
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status || !strings.Contains(string(body), wantBody) || resp.Header.Get("Content-Encoding") != wantEncoding ||
			!strings.Contains(resp.Header.Get("Cache-Control"), wantCache) {
			t.Errorf("GET %s (%s): %s %q %v", path, accept, resp.Status, body, resp.Header)
		}
	}
	f("/assets/app-1.js", "gzip, deflate, br, zstd", 200, "brotli", "br", "immutable")
	f("/assets/app-1.js", "gzip", 200, "gzip", "gzip", "immutable")
	f("/assets/app-1.js", "br;q=0, gzip;q=0", 200, "plain", "", "immutable")
	f("/assets/app-1.js", "", 200, "plain", "", "immutable")
	f("/assets/only-2.js", "br", 200, "plain", "", "immutable")
	f("/icon.svg", "", 200, "<svg/>", "", "no-cache")
	f("/assets/gone-3.js", "", 404, "no such file", "", "")
	f("/assets/../../page.go", "", 200, "<base", "", "no-store")
	f("/", "", 200, "<base", "", "no-store")
	f("/trace/5b8efff798038103d269b633813fc60c", "br", 200, "<base", "", "no-store")
	f("/search?q=a.b", "", 200, "<base", "", "no-store")
	f("/service/shop.example", "", 200, "<base", "", "no-store") // a dot makes no file
	f("/index.html", "", 200, "<base", "", "no-store")
}

// The page has the base path and the nonce that its policy allows, another one each time.
func TestIndex(t *testing.T) {
	h := newHandler(t)
	seen := map[string]bool{}
	for range 3 {
		resp := get(h, http.MethodGet, "/trace/1", "")
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`script-src 'self' 'nonce-([A-Za-z0-9_-]{24})'`).FindStringSubmatch(resp.Header.Get("Content-Security-Policy"))
		if m == nil || seen[m[1]] || strings.Count(string(body), `nonce="`+m[1]+`"`) != 2 || strings.Contains(string(body), nonceMark) {
			t.Fatalf("policy %q, page %s", resp.Header.Get("Content-Security-Policy"), body)
		}
		seen[m[1]] = true
		if !strings.Contains(string(body), `<base href="/pre fix/">`) {
			t.Errorf("page without the base path: %s", body)
		}
	}
	if resp := get(h, http.MethodPost, "/search", ""); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "" {
		t.Errorf("POST to a page: %s %v", resp.Status, resp.Header)
	}
	if resp := get(h, http.MethodHead, "/", ""); resp.StatusCode != 200 || resp.ContentLength < 10 {
		t.Errorf("HEAD of a page: %s, %d bytes", resp.Status, resp.ContentLength)
	}
}

// The embedded app, built or not, has the marks that are filled in.
func TestEmbedded(t *testing.T) {
	h, err := New(Config{Files: web.FS(), Base: "/"})
	if err != nil {
		t.Fatal(err)
	}
	resp := get(h, http.MethodGet, "/", "")
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), `<base href="/">`) || strings.Contains(string(body), nonceMark) {
		t.Errorf("page: %s", body)
	}
	for _, inline := range regexp.MustCompile(`<(script|style)\b[^>]*>`).FindAllString(string(body), -1) {
		if !strings.Contains(inline, "nonce=") {
			t.Errorf("the policy stops %s", inline)
		}
	}
}
