package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/server/auth"
)

// dependency is one thing the server needs to answer.
type dependency struct {
	name  string
	check func(ctx context.Context) error
}

func (a *App) dependencies() []dependency {
	return []dependency{
		{"state", func(ctx context.Context) error {
			return a.state.View(ctx, func(meta.Tx) error { return nil })
		}},
		{"ingest log", func(context.Context) error { return a.log.Broken() }},
		{"store", func(context.Context) error { return a.store.Healthy() }},
		{"running", func(context.Context) error {
			select {
			case <-a.draining:
				return errors.New("the server is stopping")
			default:
				return nil
			}
		}},
	}
}

// ready answers 200 if everything works, else 503 with what does not; with ?verbose, every
// dependency with a mark, and the disk. The cause of a fault is for the log: anyone may ask here.
func (a *App) ready(w http.ResponseWriter, r *http.Request) {
	var lines []string
	status, verbose := http.StatusOK, r.URL.Query().Has("verbose")
	for _, d := range a.dependencies() {
		err := d.check(r.Context())
		switch {
		case err != nil:
			status = http.StatusServiceUnavailable
			a.logger.Warn("not ready", "dependency", d.name, "err", err)
			lines = append(lines, "[-] "+d.name+" failed")
		case verbose:
			lines = append(lines, "[+] "+d.name+" ok")
		}
	}
	if verbose {
		lines = append(lines, a.diskLine(operates(auth.From(r.Context()))))
	}
	if status == http.StatusOK {
		lines = append(lines, "ready")
	}
	plainText(w, status, strings.Join(lines, "\n"))
}

// diskLine is the state of the disk. A full one is no reason to be called unready: queries
// go on, and senders are told themselves. Sizes are for who runs the server.
func (a *App) diskLine(operator bool) string {
	d, err := a.diskUse()
	switch {
	case err != nil:
		a.logger.Warn("not ready", "dependency", "disk", "err", err)
		return "[!] disk unknown"
	case d.warning() == "":
		return "[+] disk ok"
	case operator:
		return "[!] disk: " + d.warning()
	case d.full():
		return "[!] disk full: spans are refused"
	case d.low():
		return "[!] disk nearly full"
	}
	return "[!] disk: the oldest traces go"
}

// healthy answers 200 as long as the process answers at all.
func healthy(w http.ResponseWriter, _ *http.Request) { plainText(w, http.StatusOK, "ok") }

func plainText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
