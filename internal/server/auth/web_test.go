package auth_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/server/auth"
)

// Each path with each scope of each tenant: no token 401, an unknown one 401, the wrong
// scope 403, the right one the tenant's own answer.
func TestEndpointsScopesTenants(t *testing.T) {
	w := newWorld(t)
	s := w.site(auth.Web{})
	paths := map[string]auth.Scope{"/v1/traces": auth.Ingest, "/read": auth.Read, "/change": auth.Operate, "/admin": auth.Admin, "/open": ""}
	f := func(path, tenant, token string, want int) {
		t.Helper()
		var headers []string
		if token != "" {
			headers = append(headers, "Authorization: Bearer "+token)
		}
		status, body, h := send(t, s, http.MethodPost, path, headers...)
		if status != want || status == http.StatusOK && body != tenant {
			t.Errorf("POST %s with scope %s: %d %s, want %d", path, paths[path], status, body, want)
		}
		if status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
			t.Errorf("POST %s: 401 without WWW-Authenticate", path)
		}
	}
	for path := range paths {
		f(path, "default", "", http.StatusOK) // no tokens yet
	}
	for _, tenant := range []string{"acme", "globex"} {
		for _, scope := range auth.Scopes() {
			token := w.token(tenant, scope)
			for path, need := range paths {
				want := http.StatusOK
				if need != "" && !(auth.Identity{Scopes: []auth.Scope{scope}}).May(need) {
					want = http.StatusForbidden
				}
				f(path, tenant, token, want)
			}
		}
	}
	for path, need := range paths {
		want := http.StatusUnauthorized
		if need == "" {
			want = http.StatusOK
		}
		f(path, "", "", want)
		f(path, "", "weft_unknown", http.StatusUnauthorized)
	}
}

// A name made to resolve to this machine is not ours; those of this machine and the
// configured ones are.
func TestHost(t *testing.T) {
	w := newWorld(t)
	s := w.site(auth.Web{Names: auth.Names{Hosts: []string{"weft.example", "[2001:db8::7]", "tracing:8800"}}})
	f := func(host string, want int) {
		t.Helper()
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status, body, _ := send(t, s, method, "/open", "Host: "+host); status != want {
				t.Errorf("%s with Host %q: %d %s, want %d", method, host, status, body, want)
			}
		}
	}
	f("127.0.0.1", 200)
	f("127.0.0.1:8800", 200)
	f("127.9.9.9:1", 200)
	f("[::1]:8800", 200)
	f("localhost:8800", 200)
	f("LOCALHOST.", 200)
	f("weft.example", 200)
	f("Weft.Example:443", 200)
	f("[2001:db8::7]:8800", 200)
	f("tracing", 200)
	f("attacker.example", 403)
	f("attacker.example:8800", 403)
	f("weft.example.attacker.example", 403)
	f("localhost.attacker.example", 403)
	f("127.0.0.1.attacker.example", 403)
	f("0.0.0.0:8800", 403) // some systems take it for loopback, browsers should not
	f("10.1.2.3:8800", 403)
	status, body, _ := send(t, s, http.MethodGet, "/open", "Host: attacker.example")
	if status != 403 || !strings.Contains(body, "--hosts attacker.example") {
		t.Errorf("the refusal does not say what to do: %s", body)
	}
}

// The address a connection arrived at is one of the server's names.
func TestHostLocalAddress(t *testing.T) {
	f := func(host string, local net.Addr, want bool) {
		t.Helper()
		if err := (auth.Names{}).CheckHost(host, local); (err == nil) != want {
			t.Errorf("CheckHost(%q, %v) = %v", host, local, err)
		}
	}
	at := &net.TCPAddr{IP: net.ParseIP("10.1.2.3"), Port: 8800}
	f("10.1.2.3:8800", at, true)
	f("10.1.2.3", at, true)
	f("10.1.2.4:8800", at, false)
	f("[::ffff:10.1.2.3]:8800", at, true)
	f("10.1.2.3:8800", nil, false)
	f("", nil, true)
}

// Pages of other origins get nothing, whatever they send; programs and our own pages do.
func TestOrigin(t *testing.T) {
	w := newWorld(t)
	s := w.site(auth.Web{Names: auth.Names{Hosts: []string{"weft.example"}}})
	host := strings.TrimPrefix(s.URL, "http://")
	f := func(method, path string, want int, headers ...string) {
		t.Helper()
		if status, body, h := send(t, s, method, path, headers...); status != want || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s %q: %d %s %v, want %d", method, path, headers, status, body, h, want)
		}
	}
	for _, path := range []string{"/change", "/v1/traces"} {
		f("POST", path, 200) // a program
		f("POST", path, 200, "Origin: http://"+host)
		f("POST", path, 200, "Origin: https://weft.example", "Host: 127.0.0.1:8800") // through a proxy
		f("POST", path, 200, "Origin: https://weft.example", "Host: weft.example")
		f("POST", path, 200, "Sec-Fetch-Site: same-origin")
		f("POST", path, 200, "Sec-Fetch-Site: none")
		f("POST", path, 403, "Origin: http://attacker.example")
		f("POST", path, 403, "Origin: null")
		f("POST", path, 403, "Origin: http://localhost:1") // another program's page on this machine
		f("POST", path, 403, "Origin: http://"+host+".attacker.example")
		f("POST", path, 403, "Origin: file://"+host)
		f("POST", path, 403, "Sec-Fetch-Site: cross-site")
		f("POST", path, 403, "Sec-Fetch-Site: same-site")
		f("POST", path, 403, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document") // a form
		f("OPTIONS", path, 403, "Origin: http://attacker.example", "Access-Control-Request-Method: POST")
	}
	f("GET", "/read", 200, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document") // a link
	f("GET", "/read", 403, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe")
	f("GET", "/read", 403, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script")
	f("GET", "/read", 403, "Origin: http://attacker.example")
}

// Where pages of an origin may send spans they may do nothing else, and a cookie does not
// count.
func TestCORS(t *testing.T) {
	w := newWorld(t)
	w.token("acme", auth.Admin)
	secret := w.token("acme", auth.Ingest, auth.Read)
	cookie, _, _, err := w.SignIn(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	s := w.site(auth.Web{CORS: []string{"https://shop.example"}})
	f := func(method, path string, want int, wantAllow string, headers ...string) {
		t.Helper()
		status, body, h := send(t, s, method, path, headers...)
		if status != want || h.Get("Access-Control-Allow-Origin") != wantAllow || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s %s %q: %d %s %v", method, path, headers, status, body, h)
		}
	}
	shop, other, token := "Origin: https://shop.example", "Origin: https://other.example", "Authorization: Bearer "+secret
	ask := "Access-Control-Request-Method: POST"
	f("OPTIONS", "/v1/traces", 204, "https://shop.example", shop, ask)
	f("POST", "/v1/traces", 200, "https://shop.example", shop, token)
	f("POST", "/v1/traces", 401, "https://shop.example", shop, "Cookie: "+auth.CookieName+"="+cookie)
	f("OPTIONS", "/v1/traces", 403, "", other, ask)
	f("POST", "/v1/traces", 403, "", other, token)
	f("OPTIONS", "/change", 403, "", shop, ask)
	f("POST", "/read", 403, "", shop, token)
	f("GET", "/read", 403, "", shop, token)
}

// A session may read from anywhere the browser sends its cookie, and change something only
// where the browser says that one of our pages asks.
func TestCookie(t *testing.T) {
	w := newWorld(t)
	w.token("acme", auth.Admin)
	cookie, _, _, err := w.SignIn(t.Context(), w.token("acme", auth.Operate))
	if err != nil {
		t.Fatal(err)
	}
	s := w.site(auth.Web{})
	session := "Cookie: " + auth.CookieName + "=" + cookie
	f := func(method, path string, want int, headers ...string) {
		t.Helper()
		if status, body, _ := send(t, s, method, path, headers...); status != want {
			t.Errorf("%s %s %q: %d %s, want %d", method, path, headers, status, body, want)
		}
	}
	f("GET", "/read", 200, session)
	f("POST", "/change", 200, session, "Origin: "+s.URL)
	f("POST", "/change", 200, session, "Sec-Fetch-Site: same-origin")
	f("POST", "/change", 403, session)
	f("POST", "/change", 403, session, "Origin: http://attacker.example")
	f("POST", "/admin", 403, session, "Origin: "+s.URL)
	f("GET", "/read", 401, "Cookie: "+auth.CookieName+"="+cookie+"x")
	f("GET", "/open", 200, "Cookie: "+auth.CookieName+"="+cookie+"x") // the sign-in page
}

// Every answer tells the browser to trust it with nothing.
func TestSecurityHeaders(t *testing.T) {
	s := newWorld(t).site(auth.Web{})
	for _, headers := range [][]string{nil, {"Host: attacker.example"}} {
		_, _, h := send(t, s, http.MethodGet, "/open", headers...)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if h.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, h.Get(name), want)
			}
		}
	}
}
