package auth

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/server/api"
)

const (
	// freeAttempts is how often an address may fail to sign in before it has to wait:
	// enough for a person who pastes the wrong thing.
	freeAttempts = 10
	// attemptEvery is how often it may fail after that. Secrets cannot be guessed at any
	// rate; this keeps the work and the log of somebody who tries small.
	attemptEvery = 6 * time.Second
	// maxAddresses bounds the memory of attempts.
	maxAddresses = 10_000
)

// attempts counts failed sign-ins by address. Behind a proxy all people have one; a
// success costs nothing, so that many may sign in there. The zero value is ready.
type attempts struct {
	mu sync.Mutex
	// full is when all free attempts of an address are there again; each failure moves it
	// attemptEvery on. Times that have passed are dropped when there are too many. Guarded
	// by mu.
	full map[netip.Addr]time.Time
}

// begin counts an attempt, as a failure until it succeeded, or refuses it.
func (a *attempts) begin(from netip.Addr, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.full == nil {
		a.full = map[netip.Addr]time.Time{}
	}
	full, known := a.full[from]
	if !known && len(a.full) >= maxAddresses {
		a.forget(now)
		if len(a.full) >= maxAddresses {
			return &api.LaterError{Detail: "sign in: too many addresses try at once", After: attemptEvery}
		}
	}
	if full.Before(now) {
		full = now
	}
	if wait := full.Add(attemptEvery).Sub(now) - freeAttempts*attemptEvery; wait > 0 {
		return &api.LaterError{Detail: "sign in: too many attempts from " + from.String(), After: wait}
	}
	a.full[from] = full.Add(attemptEvery)
	return nil
}

// succeeded takes the attempt that began back.
func (a *attempts) succeeded(from netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if full, ok := a.full[from]; ok {
		a.full[from] = full.Add(-attemptEvery)
	}
}

// forget drops addresses that have all their attempts. The caller holds mu.
func (a *attempts) forget(now time.Time) {
	for from, full := range a.full {
		if !now.Before(full) {
			delete(a.full, from)
		}
	}
}

// addressOfRequest is who is counted: the address of the connection, because anybody can
// write a header; for IPv6 its network of 64 bits, of which a client has all addresses.
func addressOfRequest(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := at.Addr().Unmap().WithZone("")
	if from.Is6() {
		if net, err := from.Prefix(64); err == nil {
			return net.Addr()
		}
	}
	return from
}
