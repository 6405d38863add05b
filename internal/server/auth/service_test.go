package auth_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/meta/sqlite"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/audit"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/trace/store"
)

func bearer(secret string) auth.Credentials {
	return auth.Credentials{Authorization: "Bearer " + secret}
}

// A server without tokens is open to everyone as tenant default; the first token closes it
// for good, also over restarts and after that token is revoked, until it is reset.
func TestRequired(t *testing.T) {
	w := newWorld(t)
	f := func(c auth.Credentials, tenant string, may int, wantErr error) {
		t.Helper()
		who, err := w.Identify(c)
		if !errors.Is(err, wantErr) || who.Tenant != tenant || len(who.Scopes) != may {
			t.Errorf("Identify(%+v) = %+v, %v; want tenant %q and %d scopes, %v", c, who, err, tenant, may, wantErr)
		}
	}
	f(auth.Credentials{}, "default", 4, nil)
	f(auth.Credentials{Tenant: "other"}, "default", 4, nil) // nobody may act for it
	f(bearer("weft_anything"), "default", 4, nil)

	created, secret, first, err := w.Create(t.Context(), auth.NewToken{Tenant: "acme", Scopes: []auth.Scope{auth.Ingest}}, "test")
	if err != nil || !first {
		t.Fatalf("Create: first is %v, %v", first, err)
	}
	for range 2 { // before and after a restart
		f(auth.Credentials{}, "", 0, nil)
		f(bearer(secret), "acme", 1, nil)
		f(auth.Credentials{Authorization: "bearer  " + secret + " "}, "acme", 1, nil)
		f(bearer(secret[:len(secret)-1]), "", 0, api.ErrUnauthorized)
		f(bearer(created.ID), "", 0, api.ErrUnauthorized)
		f(bearer(""), "", 0, api.ErrUnauthorized)
		f(bearer(strings.Repeat("weft_", 1000)), "", 0, api.ErrUnauthorized)
		f(auth.Credentials{Authorization: "Basic eDp5"}, "", 0, nil) // a proxy's, not ours
		w.reopen()
	}
	if err := w.Revoke(t.Context(), "acme", created.ID, "test"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f(bearer(secret), "", 0, api.ErrUnauthorized)
		f(auth.Credentials{}, "", 0, nil)
		w.reopen()
	}
	if err := w.Reset(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f(auth.Credentials{}, "default", 4, nil)
		w.reopen()
	}
}

// Who may read the data folder is an admin of every tenant, tokens or not.
func TestLocal(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		who, err := w.Identify(auth.Credentials{Authorization: "Bearer " + localSecret, Tenant: "acme"})
		if err != nil || who.Tenant != "acme" || !who.May(auth.Admin) || !who.Every {
			t.Errorf("the local secret is %+v, %v", who, err)
		}
		w.token("acme", auth.Read)
	}
}

// The secret is in no file of the database; its hash is.
func TestSecretNotStored(t *testing.T) {
	w := newWorld(t)
	secret := w.token("acme", auth.Read)
	cookie, _, _, err := w.SignIn(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	id := secret[:len("weft_")+8]
	found := false
	files, err := filepath.Glob(filepath.Join(w.dir, sqlite.FileName+"*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(secret[len(id):])) || bytes.Contains(text, []byte(cookie)) {
			t.Errorf("%s holds a secret", name)
		}
		found = found || bytes.Contains(text, []byte(id))
	}
	if !found {
		t.Error("no file holds the token's id: the test looks at the wrong files")
	}
}

// X-Scope-OrgID counts for a token of every tenant only.
func TestTenantHeader(t *testing.T) {
	w := newWorld(t)
	one, every := w.token("acme", auth.Read, auth.Admin), w.token(auth.AllTenants, auth.Admin)
	f := func(secret, header, want string) {
		t.Helper()
		who, err := w.Identify(auth.Credentials{Authorization: "Bearer " + secret, Tenant: header})
		if err != nil || who.Tenant != want {
			t.Errorf("tenant %q for header %q is %q, %v", want, header, who.Tenant, err)
		}
	}
	f(one, "", "acme")
	f(one, "globex", "acme")
	f(one, "*", "acme")
	f(every, "", "default")
	f(every, "globex", "globex")
	f(every, "*", "default") // no name of a tenant
	f(every, "a/../b", "default")
}

func TestScopes(t *testing.T) {
	f := func(has, may string) {
		t.Helper()
		i := auth.Identity{}
		for _, s := range strings.Fields(has) {
			i.Scopes = append(i.Scopes, auth.Scope(s))
		}
		var got []string
		for _, s := range auth.Scopes() {
			if i.May(s) {
				got = append(got, string(s))
			}
		}
		if strings.Join(got, " ") != may {
			t.Errorf("%q may %q, want %q", has, got, may)
		}
	}
	f("", "")
	f("ingest", "ingest")
	f("read", "read")
	f("operate", "read operate")
	f("admin", "read operate admin")
	f("ingest admin", "ingest read operate admin")
}

func TestNewTokenChecks(t *testing.T) {
	w := newWorld(t)
	f := func(n auth.NewToken, wantErr string) {
		t.Helper()
		_, secret, _, err := w.Create(t.Context(), n, "test")
		var wrong *auth.RequestError
		if secret != "" || !errors.As(err, &wrong) || !strings.Contains(wrong.Text, wantErr) {
			t.Errorf("Create(%+v) = %v, want %q", n, err, wantErr)
		}
	}
	read := []auth.Scope{auth.Read}
	f(auth.NewToken{Tenant: "a"}, "needs a scope")
	f(auth.NewToken{Tenant: "a", Scopes: []auth.Scope{"write"}}, `"write" is no scope`)
	f(auth.NewToken{Tenant: "", Scopes: read}, "no name of a tenant")
	f(auth.NewToken{Tenant: "a b", Scopes: read}, "no name of a tenant")
	f(auth.NewToken{Tenant: "../a", Scopes: read}, "no name of a tenant")
	f(auth.NewToken{Tenant: strings.Repeat("a", 65), Scopes: read}, "no name of a tenant")
	f(auth.NewToken{Tenant: auth.AllTenants, Scopes: read}, "only a token with scope admin")
	f(auth.NewToken{Tenant: "a", Scopes: read, Name: strings.Repeat("n", 201)}, "at most 200")
	f(auth.NewToken{Tenant: "a", Scopes: read, Expires: w.clock.Now()}, "expired already")
	if w.Required() {
		t.Error("what was refused has closed the server")
	}
	made, _, _, err := w.Create(t.Context(), auth.NewToken{Tenant: "a", Scopes: []auth.Scope{auth.Admin, auth.Ingest, auth.Admin}}, "test")
	if err != nil || !slices.Equal(made.Scopes, []auth.Scope{auth.Ingest, auth.Admin}) {
		t.Errorf("scopes %v, %v; want each once and in order", made.Scopes, err)
	}
}

// A token ends at its time, and with it the sessions of its sign-ins; a session ends after
// a month.
func TestExpiry(t *testing.T) {
	w := newWorld(t)
	_, short, _, err := w.Create(t.Context(), auth.NewToken{Tenant: "a", Scopes: []auth.Scope{auth.Read}, Expires: w.clock.Now().Add(time.Hour)}, "test")
	if err != nil {
		t.Fatal(err)
	}
	long := w.token("a", auth.Read)
	sign := func(secret string) string {
		t.Helper()
		cookie, _, _, err := w.SignIn(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		return cookie
	}
	shortCookie, longCookie := sign(short), sign(long)
	in := func(c auth.Credentials, want bool) {
		t.Helper()
		if who, _ := w.Identify(c); who.SignedIn() != want {
			t.Errorf("signed in is %v, want %v", who.SignedIn(), want)
		}
	}
	in(bearer(short), true)
	in(auth.Credentials{Session: shortCookie}, true)
	w.clock.advance(time.Hour)
	in(bearer(short), false)
	in(auth.Credentials{Session: shortCookie}, false)
	in(auth.Credentials{Session: longCookie}, true)
	w.reopen()
	in(auth.Credentials{Session: longCookie}, true) // a restart signs nobody out
	w.clock.advance(30 * 24 * time.Hour)
	in(auth.Credentials{Session: longCookie}, false)
	in(bearer(long), true)
}

// Signing in needs a token that may read; revoking a token ends its sessions; signing out
// ends one.
func TestSessions(t *testing.T) {
	w := newWorld(t)
	if _, _, _, err := w.SignIn(t.Context(), w.token("a", auth.Ingest)); !errors.Is(err, api.ErrForbidden) {
		t.Errorf("SignIn with scope ingest = %v, want %v", err, api.ErrForbidden)
	}
	if _, _, _, err := w.SignIn(t.Context(), "weft_nonsense"); !errors.Is(err, api.ErrUnauthorized) {
		t.Errorf("SignIn with an unknown token = %v, want %v", err, api.ErrUnauthorized)
	}
	secret := w.token("a", auth.Operate)
	var cookies []string
	for range 2 {
		cookie, _, who, err := w.SignIn(t.Context(), " "+secret+"\n")
		if err != nil || who.Tenant != "a" || !who.May(auth.Operate) {
			t.Fatalf("SignIn = %+v, %v", who, err)
		}
		cookies = append(cookies, cookie)
	}
	signedIn := func(cookie string) bool {
		who, err := w.Identify(auth.Credentials{Session: cookie})
		return err == nil && who.SignedIn()
	}
	if err := w.SignOut(t.Context(), cookies[0]); err != nil {
		t.Fatal(err)
	}
	if signedIn(cookies[0]) || !signedIn(cookies[1]) {
		t.Error("signing out has to end one session and no other")
	}
	if err := w.Revoke(t.Context(), "a", secret[:13], "test"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if signedIn(cookies[1]) || signedIn("") || signedIn(strings.Repeat("a", 10_000)) {
			t.Error("a session is good that should not be")
		}
		w.reopen()
	}
}

// Lists and revocation reach the tokens of one tenant, or all for AllTenants; the time of
// last use is kept over a restart.
func TestListAndRevoke(t *testing.T) {
	w := newWorld(t)
	a := w.token("a", auth.Read)
	w.clock.advance(time.Second)
	b := w.token("b", auth.Read)
	ids := func(tenant string) (out []string) {
		for _, tok := range w.List(tenant) {
			out = append(out, tok.ID)
		}
		return out
	}
	f := func(tenant string, want ...string) {
		t.Helper()
		if got := ids(tenant); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %v, want %v", tenant, got, want)
		}
	}
	idA, idB := a[:13], b[:13]
	f("a", idA)
	f(auth.AllTenants, idB, idA) // newest first
	f("none")
	if err := w.Revoke(t.Context(), "a", idB, "test"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Revoke of another tenant's token = %v, want %v", err, store.ErrNotFound)
	}
	w.clock.advance(time.Hour)
	if _, err := w.Identify(bearer(b)); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	if got := w.List("b")[0].LastUsed; !got.Equal(w.clock.Now()) {
		t.Errorf("last used %v, want %v", got, w.clock.Now())
	}
	if got := w.List("a")[0].LastUsed; !got.IsZero() {
		t.Errorf("last used %v, want never", got)
	}
	if err := w.Revoke(t.Context(), auth.AllTenants, idB, "test"); err != nil {
		t.Fatal(err)
	}
	f(auth.AllTenants, idA)
}

func TestTokenID(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := auth.TokenID(text); got != want {
			t.Errorf("TokenID(%q) = %q, want %q", text, got, want)
		}
	}
	w := newWorld(t)
	secret := w.token("a", auth.Read)
	id := w.List("a")[0].ID
	f(secret, id)
	f(id, id)
	f("nonsense", "nonsense")
	f("", "")
}

// Each change leaves a row that says who did it and holds no secret.
func TestAudit(t *testing.T) {
	w := newWorld(t)
	tok, secret, _, err := w.Create(t.Context(), auth.NewToken{Tenant: "a", Name: "ci", Scopes: []auth.Scope{auth.Read}}, "token weft_x (boss)")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Revoke(t.Context(), "a", tok.ID, "token weft_y"); err != nil {
		t.Fatal(err)
	}
	got, err := audit.List(context.Background(), w.db, audit.Query{Tenant: "a", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	want := []audit.Entry{
		{Tenant: "a", Actor: "token weft_y", Action: "token revoke", Object: tok.ID, Detail: "ci"},
		{Tenant: "a", Actor: "token weft_x (boss)", Action: "token create", Object: tok.ID, Detail: `name "ci", scopes [read], expires never`},
	}
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d: %+v", len(got), len(want), got)
	}
	for i, e := range got {
		if !e.At.Equal(w.clock.Now()) || strings.Contains(e.Detail, secret) {
			t.Errorf("entry %+v", e)
		}
		e.At, e.ID = time.Time{}, 0
		if e != want[i] {
			t.Errorf("entry %d is %+v, want %+v", i, e, want[i])
		}
	}
	if other, err := audit.List(context.Background(), w.db, audit.Query{Tenant: "b", Limit: 10}); err != nil || len(other) != 0 {
		t.Errorf("another tenant sees %v, %v", other, err)
	}
}
