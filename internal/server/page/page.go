// Package page serves the web app: its files, and its one page for every other path, since
// the app does its own routing.
//
//	GET /assets/…   the file, compressed when it was built, cacheable for ever: its name is
//	                made from its content
//	GET anything    index.html with the base path and a new nonce filled in, never cached
//
// Promise: the page runs only scripts and styles of this build, and talks only to this
// server; a Content-Security-Policy says so to the browser. The package keeps index.html in
// memory, reads nothing but the file system it is given, and is safe for concurrent use.
package page

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// What index.html holds in the place of values that only the server knows.
const (
	nonceMark = "__CSP_NONCE__"
	baseMark  = `<base href="./">`
)

// Config says what is served.
type Config struct {
	// Files has index.html at its root. It is asked for files at every request, so that a
	// folder under development shows its newest build.
	Files fs.FS
	// Base is the path under which browsers see the server, "/" or "/some/prefix/".
	Base string
}

// New is the handler of everything that nothing else handles. Its paths begin behind the
// base path.
func New(cfg Config) (http.Handler, error) {
	if _, err := fs.Stat(cfg.Files, "index.html"); err != nil {
		return nil, fmt.Errorf("serve the web app: %w", err)
	}
	return &handler{cfg}, nil
}

type handler struct{ Config }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this path is a page: GET it", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if path.Ext(name) != "" && name != "index.html" && !strings.HasSuffix(name, ".br") && !strings.HasSuffix(name, ".gz") {
		if h.file(w, r, name) {
			return
		}
	}
	if strings.HasPrefix(name, "assets/") {
		// An old page asks for a script of its build: an answer with HTML would only
		// confuse it.
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	h.index(w, r)
}

// file serves a file of the app, in the best encoding it was built in, and reports whether
// there is one.
func (h *handler) file(w http.ResponseWriter, r *http.Request, name string) bool {
	head := w.Header()
	encoding, suffix := h.encoding(r, name)
	f, err := h.Files.Open(name + suffix)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return false
	}
	head.Set("Content-Type", contentType(name))
	head.Add("Vary", "Accept-Encoding")
	if encoding != "" {
		head.Set("Content-Encoding", encoding)
	}
	if strings.HasPrefix(name, "assets/") {
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		head.Set("Cache-Control", "no-cache")
	}
	if seeker, ok := f.(io.ReadSeeker); ok && encoding == "" {
		http.ServeContent(w, r, "", time.Time{}, seeker)
		return true
	}
	head.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = io.Copy(w, f) // the browser is gone; there is nobody to tell
	}
	return true
}

// encoding picks a compressed copy that exists and the browser takes.
func (h *handler) encoding(r *http.Request, name string) (encoding, suffix string) {
	accepted := map[string]bool{}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		e, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := strings.ReplaceAll(params, " ", "")
		accepted[strings.ToLower(strings.TrimSpace(e))] = q != "q=0" && q != "q=0.0"
	}
	for _, c := range [][2]string{{"br", ".br"}, {"gzip", ".gz"}} {
		if _, err := fs.Stat(h.Files, name+c[1]); err == nil && accepted[c[0]] {
			return c[0], c[1]
		}
	}
	return "", ""
}

// contentType does not ask the machine's tables, which differ and are sometimes wrong.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".json", ".map":
		return "application/json"
	case ".png":
		return "image/png"
	case ".wasm":
		return "application/wasm"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// index serves the page, with a nonce that only this answer knows.
func (h *handler) index(w http.ResponseWriter, r *http.Request) {
	text, err := fs.ReadFile(h.Files, "index.html")
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, fs.ErrNotExist) {
			status = http.StatusNotFound // a build is under way in a folder under development
		}
		http.Error(w, "the web app cannot be read", status)
		return
	}
	var b [18]byte
	_, _ = rand.Read(b[:]) // never fails: it aborts the program instead
	nonce := base64.RawURLEncoding.EncodeToString(b[:])
	text = bytes.ReplaceAll(text, []byte(nonceMark), []byte(nonce))
	text = bytes.Replace(text, []byte(baseMark), []byte(`<base href="`+html.EscapeString(h.Base)+`">`), 1)
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Cache-Control", "no-store") // the nonce is good for one answer
	head.Set("Content-Security-Policy", policy(nonce))
	head.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	head.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(text)
	}
}

// policy lets the page run and load what this server sends, and nothing else. Scripts need
// the nonce or come from this server; what an attribute value smuggles in has neither.
func policy(nonce string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self' 'nonce-" + nonce + "'",
		"style-src 'self' 'nonce-" + nonce + "'",
		"img-src 'self' data: blob:",
		"font-src 'self'",
		"connect-src 'self'",
		"worker-src 'self'",
		"manifest-src 'self'",
		"base-uri 'self'",
		"form-action 'self'",
		"frame-ancestors 'none'",
		"object-src 'none'",
		"require-trusted-types-for 'script'",
	}, "; ")
}
