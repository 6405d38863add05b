// Package compress shortens HTTP answers with zstd or gzip, as the client allows.
//
//	handler → first kilobyte held back → encoder (or not) → client
//
// Promise: small answers, streams of events, answers that have an encoding already, and
// those without a body pass unchanged; Flush reaches the client, so a streamed answer
// stays one. Encoders are pooled by the Handler. Nothing is kept on disk.
package compress

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// minBytes is the shortest answer worth encoding.
const minBytes = 1024

// Handler wraps next. Safe for concurrent use, as next is.
func Handler(next http.Handler) http.Handler { return &handler{next: next} }

type handler struct {
	next http.Handler
	zstd sync.Pool // of *zstd.Encoder
	gzip sync.Pool // of *gzip.Writer
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Accept-Encoding")
	encoding := choose(r.Header.Values("Accept-Encoding"))
	if encoding == "" || r.Method == http.MethodHead {
		h.next.ServeHTTP(w, r)
		return
	}
	rw := &writer{ResponseWriter: w, h: h, encoding: encoding}
	defer rw.release()
	h.next.ServeHTTP(rw, r)
	rw.finish()
}

// choose picks what the client accepts: zstd, which is faster and smaller, then gzip.
func choose(accept []string) string {
	best, bestQ := "", 0.0
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				continue
			}
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "zstd" && name != "gzip" || q <= 0 {
			continue
		}
		if q > bestQ || q == bestQ && name == "zstd" {
			best, bestQ = name, q
		}
	}
	return best
}

// encoder is what gzip and zstd have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// writer holds back the first bytes until it is clear whether encoding pays.
type writer struct {
	http.ResponseWriter
	h        *handler
	encoding string
	status   int // given by the handler, 0: none yet
	held     []byte
	enc      encoder // nil until decided for
	decided  bool
}

func (w *writer) WriteHeader(status int) {
	if w.decided || w.status != 0 {
		return
	}
	if status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	if !w.eligible() {
		w.decide(false)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.decided {
		if len(w.held)+len(p) < minBytes {
			w.held = append(w.held, p...)
			return len(p), nil
		}
		w.decide(true)
	}
	if err := w.flushHeld(); err != nil {
		return 0, err
	}
	if w.enc != nil {
		return w.enc.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// Flush sends what there is; a handler that flushes streams, so encoding is decided now.
func (w *writer) Flush() {
	_ = w.FlushError()
}

// FlushError is Flush for http.ResponseController.
func (w *writer) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.decided {
		w.decide(true)
	}
	if err := w.flushHeld(); err != nil {
		return err
	}
	if w.enc != nil {
		if err := w.enc.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach deadlines.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) eligible() bool {
	h := w.Header()
	switch {
	case w.status == http.StatusNoContent || w.status == http.StatusNotModified || w.status == http.StatusPartialContent,
		h.Get("Content-Encoding") != "", h.Get("Content-Range") != "",
		strings.HasPrefix(h.Get("Content-Type"), "text/event-stream"),
		strings.HasPrefix(h.Get("Content-Type"), "image/"), strings.HasPrefix(h.Get("Content-Type"), "font/"):
		return false
	}
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	return err != nil || n >= minBytes
}

// decide fixes the encoding and sends the header.
func (w *writer) decide(encode bool) {
	w.decided = true
	if encode {
		h := w.Header()
		h.Set("Content-Encoding", w.encoding)
		h.Del("Content-Length")
		if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
			h.Set("ETag", "W/"+tag)
		}
		w.enc = w.h.encoder(w.encoding, w.ResponseWriter)
	}
	w.ResponseWriter.WriteHeader(w.status)
}

// flushHeld writes the bytes held back.
func (w *writer) flushHeld() error {
	if len(w.held) == 0 {
		return nil
	}
	held := w.held
	w.held = nil
	var err error
	if w.enc != nil {
		_, err = w.enc.Write(held)
	} else {
		_, err = w.ResponseWriter.Write(held)
	}
	return err
}

// finish ends the answer after the handler returned.
func (w *writer) finish() {
	if w.status == 0 {
		return // nothing was written: net/http answers 200 by itself
	}
	if !w.decided {
		w.decide(false)
	}
	if w.flushHeld() != nil {
		return
	}
	if w.enc != nil {
		_ = w.enc.Close() // the client is gone; there is nobody to tell
	}
}

// release gives the encoder back, also after a panic.
func (w *writer) release() {
	switch e := w.enc.(type) {
	case *zstd.Encoder:
		e.Reset(nil)
		w.h.zstd.Put(e)
	case *gzip.Writer:
		e.Reset(io.Discard)
		w.h.gzip.Put(e)
	}
	w.enc = nil
}

func (h *handler) encoder(encoding string, to io.Writer) encoder {
	if encoding == "zstd" {
		if e, ok := h.zstd.Get().(*zstd.Encoder); ok {
			e.Reset(to)
			return e
		}
		// One goroutine and a small window: many answers are written at once, and
		// browsers refuse windows above 8 MB.
		e, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
		if err != nil {
			panic("compress: constant zstd options refused: " + err.Error())
		}
		return e
	}
	if e, ok := h.gzip.Get().(*gzip.Writer); ok {
		e.Reset(to)
		return e
	}
	e, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		panic("compress: constant gzip level refused: " + err.Error())
	}
	return e
}
