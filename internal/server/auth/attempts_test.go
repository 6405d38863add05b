package auth_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/auth"
)

// An address that fails to sign in ten times has to wait, with a good token as well; others
// do not, six seconds give it one more attempt, and what succeeds costs nothing.
func TestSignInAttempts(t *testing.T) {
	w := newWorld(t)
	good := w.token("acme", auth.Read)
	a := auth.Access{Service: w.Service}
	f := func(from, token string, want error) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "/api/v1/session", nil)
		r.RemoteAddr = from
		if _, err := a.SignIn(httptest.NewRecorder(), r, token); !errors.Is(err, want) {
			t.Fatalf("sign in from %s: %v, want %v", from, err, want)
		}
	}
	refused := func(from string, wait int) {
		t.Helper()
		rec, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/api/v1/session", nil)
		r.RemoteAddr = from
		_, err := a.SignIn(rec, r, good)
		var later *api.LaterError
		if !errors.As(err, &later) {
			t.Fatalf("sign in from %s: %v, want a refusal", from, err)
		}
		api.WriteError(rec, r, slog.New(slog.DiscardHandler), err)
		if got := rec.Header().Get("Retry-After"); rec.Code != http.StatusTooManyRequests || got != fmt.Sprint(wait) || !strings.Contains(rec.Body.String(), "too many attempts") {
			t.Errorf("from %s: %d, Retry-After %q, want %d: %s", from, rec.Code, got, wait, rec.Body)
		}
	}
	for range 30 {
		f("192.0.2.1:1", good, nil)
	}
	for i := range 10 {
		f(fmt.Sprintf("192.0.2.1:%d", i+1), "weft_wrong", api.ErrUnauthorized)
		f(fmt.Sprintf("[2001:db8::%d]:1", i+1), "weft_wrong", api.ErrUnauthorized) // one network of 64 bits
	}
	refused("192.0.2.1:99", 6)
	refused("[::ffff:192.0.2.1]:99", 6)
	refused("[2001:db8::ffff]:1", 6)
	f("192.0.2.2:1", good, nil)
	f("[2001:db8:0:1::1]:1", good, nil)

	w.clock.advance(4 * time.Second)
	refused("192.0.2.1:99", 2)
	w.clock.advance(2 * time.Second)
	f("192.0.2.1:1", "weft_wrong", api.ErrUnauthorized)
	refused("192.0.2.1:1", 6)
	w.clock.advance(6 * time.Second)
	f("192.0.2.1:1", good, nil)
	f("192.0.2.1:1", good, nil)
}

// Memory for addresses is bounded: when it is full of failures new addresses wait, and it
// empties by itself.
func TestSignInAddresses(t *testing.T) {
	w := newWorld(t)
	good := w.token("acme", auth.Read)
	a := auth.Access{Service: w.Service}
	try := func(n int, token string) error {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/session", nil)
		r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1", n/256, n%256)
		_, err := a.SignIn(httptest.NewRecorder(), r, token)
		return err
	}
	for n := range 10_000 {
		if err := try(n, "weft_wrong"); !errors.Is(err, api.ErrUnauthorized) {
			t.Fatal(n, err)
		}
	}
	var later *api.LaterError
	if err := try(10_000, good); !errors.As(err, &later) {
		t.Errorf("a new address: %v, want a refusal", err)
	}
	if err := try(1, good); err != nil {
		t.Errorf("a known address: %v", err)
	}
	w.clock.advance(6 * time.Second)
	if err := try(10_000, good); err != nil {
		t.Errorf("later: %v", err)
	}
}
