package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/weft-dev/weft/internal/server/auth"
)

// Every change of a tenant is in the audit log with who did it; a tenant's admin reads the
// tenant's entries, one of every tenant reads all, page by page.
func TestAuditTenants(t *testing.T) {
	w := newWorld(t)
	every := w.token(auth.AllTenants, auth.Admin)
	admins := map[string]string{"acme": w.token("acme", auth.Admin), "globex": w.token("globex", auth.Admin)}
	for tenant := range admins {
		id := hexOf(traceID(len(tenant)))
		sender, operator := w.token(tenant, auth.Ingest), w.token(tenant, auth.Operate)
		if status, body := w.do("POST", "/v1/traces", encoded(t, request(traceID(len(tenant)), "x")), protobufType, bearer(sender)); status != 200 {
			t.Fatal(status, body)
		}
		for _, change := range []struct{ method, path, body string }{
			{"PUT", "/keep", `{"note":"for ` + tenant + `"}`}, {"DELETE", "/keep", ""}, {"DELETE", "", ""},
		} {
			status, body := w.do(change.method, "/api/v1/traces/"+id+change.path, []byte(change.body), "Content-Type: application/json", bearer(operator))
			if status/100 != 2 {
				t.Fatal(change, status, body)
			}
		}
	}
	read := func(secret, query string) (lines []string, next string) {
		t.Helper()
		status, body := w.do("GET", "/api/v1/audit"+query, nil, bearer(secret))
		var answer struct {
			Entries []struct {
				Tenant, Actor, Action, Object, Detail string
				At                                    string `json:"at_unix_nano"`
			}
			NextPage string `json:"next_page"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
			t.Fatal(status, body, err)
		}
		for _, e := range answer.Entries {
			if e.At == "" || e.Actor == "" || e.Object == "" {
				t.Errorf("entry %+v", e)
			}
			lines = append(lines, e.Tenant+" "+e.Action)
		}
		return lines, answer.NextPage
	}
	all, _ := read(every, "")
	if len(all) != 13 {
		t.Errorf("an admin of every tenant reads %d entries, want 13: %q", len(all), all)
	}
	for tenant, secret := range admins {
		want := []string{tenant + " trace delete", tenant + " trace release", tenant + " trace keep", tenant + " token create", tenant + " token create", tenant + " token create"}
		if got, next := read(secret, ""); !slices.Equal(got, want) || next != "" {
			t.Errorf("the admin of %s reads %q, next %q, want %q", tenant, got, next, want)
		}
	}
	var joined []string
	for page, more := "", true; more; more = page != "" {
		query := "?limit=4"
		if page != "" {
			query += "&page=" + page
		}
		var lines []string
		lines, page = read(every, query)
		joined = append(joined, lines...)
	}
	if fmt.Sprint(joined) != fmt.Sprint(all) {
		t.Errorf("pages %q, want %q", joined, all)
	}
}

// The eleventh bad sign-in of an address is told to wait.
func TestSignInLimit(t *testing.T) {
	w := newWorld(t)
	secret := w.token("acme", auth.Read)
	for i := range 11 {
		status, body, h := w.answer("POST", "/api/v1/session", []byte(`{"token":"weft_wrong"}`), "Content-Type: application/json")
		want := 401
		if i == 10 {
			want = 429
		}
		if status != want || (h.Get("Retry-After") != "") != (want == 429) {
			t.Errorf("attempt %d: %d %s, Retry-After %q", i, status, body, h.Get("Retry-After"))
		}
	}
	// A token in a header is not a sign-in: programs go on.
	if status, body := w.do("GET", "/api/v1/services", nil, bearer(secret)); status != 200 {
		t.Errorf("with a token: %d %s", status, body)
	}
}
