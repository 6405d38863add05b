package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/audit"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/server/setting"
)

// limits asks for a tenant's limits, or sets them where body is not empty, and wants status.
func (w *world) limits(tenant, secret, body string, status int) api.TenantLimits {
	w.t.Helper()
	method, headers := "GET", []string{bearer(secret)}
	if body != "" {
		method, headers = "PUT", append(headers, "Content-Type: application/json")
	}
	code, text := w.do(method, "/api/v1/tenants/"+tenant+"/limits", []byte(body), headers...)
	if code != status {
		w.t.Errorf("%s limits of %s %s: %d %s, want %d", method, tenant, body, code, text, status)
	}
	var out api.TenantLimits
	if code == 200 {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			w.t.Fatal(err)
		}
	}
	return out
}

// Limits of a tenant hold at once where they bite, for that tenant alone, and after a
// restart. The tenant's own admin may narrow them, an admin of every tenant may do all.
func TestTenantLimits(t *testing.T) {
	flags := []string{"tenant.disk-share=50%", "disk-cap=1GB", "max-age=720h"}
	w := newWorld(t, flags...)
	every := w.token(auth.AllTenants, auth.Admin)
	acme, sends, globex := w.token("acme", auth.Admin), w.token("acme", auth.Ingest), w.token("globex", auth.Ingest)
	n := 0
	send := func(secret string, want int, retry bool) {
		t.Helper()
		n++
		code, body, header := w.answer("POST", "/v1/traces", encoded(t, request(traceID(n), "x")), protobufType, bearer(secret))
		if code != want || (header.Get("Retry-After") != "") != retry {
			t.Errorf("send: %d %q, Retry-After %q; want %d", code, body, header.Get("Retry-After"), want)
		}
	}
	send(sends, 200, false)
	if got := w.limits("acme", acme, "", 200); got.Own != (api.OwnLimits{}) || got.Effective.DiskShare != "50%" || got.Effective.MaxAge != "720h0m0s" || got.Effective.QueriesAtOnce != 8 {
		t.Errorf("nothing is set: %+v", got)
	}
	set := w.limits("acme", acme, `{"bytes_per_second": 1, "max_age": "48h", "disk_share": "250MB", "queries_at_once": 1}`, 200)
	if e := set.Effective; e.BytesPerSecond != 1 || e.MaxAge != "48h0m0s" || e.DiskShare != "250000000" || e.SpansPerSecond != 0 || set.Own.DiskShare != "250000000" {
		t.Errorf("set: %+v", set)
	}
	send(sends, 200, false) // the burst
	send(sends, http.StatusTooManyRequests, true)
	send(globex, 200, false)
	if a := w.allowance("acme"); a.Age != 48*time.Hour || a.Bytes != 250e6 {
		t.Errorf("the store keeps %+v of acme", a)
	}
	if a := w.allowance("globex"); a.Age != 720*time.Hour || a.Bytes != 500e6 {
		t.Errorf("the store keeps %+v of globex", a)
	}
	if a, b := w.queriesAtOnce("acme"), w.queriesAtOnce("globex"); a != 1 || b != 8 {
		t.Errorf("queries at once: %d of acme, %d of globex", a, b)
	}
	_, body := w.do("GET", "/metrics", nil, bearer(every))
	if !strings.Contains(body, `weft_ingest_refused_requests_total{reason="byte_rate",tenant="acme"} 1`) {
		t.Error("the refusal is not counted by its reason")
	}

	w.limits("acme", acme, `{}`, 403) // wider again
	w.limits("acme", acme, `{"bytes_per_second": 1, "max_age": "49h", "disk_share": "1%", "queries_at_once": 1}`, 403)
	w.limits("acme", acme, `{"bytes_per_second": 1, "max_age": "47h", "disk_share": "10%", "queries_at_once": 1}`, 200)
	w.limits("globex", acme, "", 404)
	w.limits("globex", acme, `{}`, 404)
	w.limits("acme", sends, "", 403)
	w.limits("a*b", every, "", 404)
	w.limits("acme", every, `{"max_age": "1m"}`, 400)
	w.limits("acme", every, `{"max_age": "soon"}`, 400)
	w.limits("acme", every, `{"disk_share": "much"}`, 400)
	w.limits("acme", every, `{"spans": 1}`, 400)
	w.limits("globex", every, `{"spans_per_second": 9}`, 200)

	w.stop()
	w.start(flags...)
	if got := w.limits("acme", acme, "", 200).Effective; got.MaxAge != "47h0m0s" || got.DiskShare != "10%" {
		t.Errorf("after a restart: %+v", got)
	}
	if got := w.limits("globex", every, "", 200); got.Effective.SpansPerSecond != 9 {
		t.Errorf("after a restart: %+v", got)
	}
	w.limits("acme", every, `{}`, 200)
	send(sends, 200, false)
	send(sends, 200, false)
	entries, err := audit.List(t.Context(), w.state, audit.Query{Tenant: "acme", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	changes := 0
	for _, e := range entries {
		if e.Action == "limits set" {
			changes++
		}
	}
	if changes != 3 {
		t.Errorf("the audit log has %d changes of acme's limits, want 3: %+v", changes, entries)
	}
	if err := w.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.limits("acme", acme, "", 200); got.StoredSpans != 4 || got.StoredBytes <= 0 {
		t.Errorf("acme holds %+v, want 4 spans", got)
	}
}

// laterClock is the machine's clock, set forward by a test.
type laterClock struct {
	clock.Real
	by atomic.Int64
}

func (c *laterClock) Now() time.Time { return c.Real.Now().Add(time.Duration(c.by.Load())) }

// The store goes by the age that was set last, of each tenant.
func TestTenantRetention(t *testing.T) {
	w := newWorld(t)
	w.stop()
	c := &laterClock{}
	a, err := Open(t.Context(), testConfig(t, w.data), Options{Version: "test", Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	w.App = a
	every := w.token(auth.AllTenants, auth.Admin)
	tenants := []string{"acme", "globex"}
	for _, tenant := range tenants {
		code, body := w.do("POST", "/v1/traces", encoded(t, request(traceID(1), "x")), protobufType, bearer(w.token(tenant, auth.Ingest)))
		if code != 200 {
			t.Fatal(code, body)
		}
	}
	if err := w.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := func(acme, globex int) {
		t.Helper()
		if err := w.store.Retain(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{acme, globex} {
			code, body := w.do("GET", "/api/v1/traces/"+hexOf(traceID(1)), nil, bearer(every), "X-Scope-OrgID: "+tenants[i])
			if code != want {
				t.Errorf("trace of %s: %d %.200s, want %d", tenants[i], code, body, want)
			}
		}
	}
	w.limits("acme", every, `{"max_age": "48h"}`, 200)
	f(200, 200)
	c.by.Store(int64(100 * time.Hour))
	f(404, 200)
	w.limits("globex", every, `{"max_age": "48h"}`, 200)
	f(404, 404)
}

// A share is a percentage or a size, and comes back as it can be read again.
func TestParseShare(t *testing.T) {
	f := func(text string, want setting.Share, ok bool) {
		t.Helper()
		got, err := ParseShare(text)
		if got != want || (err == nil) != ok {
			t.Errorf("ParseShare(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := ParseShare(shareText(got)); ok && (err != nil || again != got) {
			t.Errorf("%q is written as %q, which reads as %+v, %v", text, shareText(got), again, err)
		}
	}
	f("25%", setting.Share{Fraction: 0.25}, true)
	f("12.5 %", setting.Share{Fraction: 0.125}, true)
	f("10GB", setting.Share{Bytes: 10e9}, true)
	f("0", setting.Share{}, true)
	f("x%", setting.Share{}, false)
	f("half", setting.Share{}, false)
}

// Of the disk and the store, a token of one tenant sees that tenant's, its admin
// included; an admin of every tenant sees the server's.
func TestStatusOfTenant(t *testing.T) {
	w := newWorld(t, "disk-cap=1GB")
	every := w.token(auth.AllTenants, auth.Admin)
	noisy := w.token("globex", auth.Ingest)
	for n := range 20 {
		if code, body := w.do("POST", "/v1/traces", encoded(t, request(traceID(n+1), "x")), protobufType, bearer(noisy)); code != 200 {
			t.Fatalf("send: %d %s", code, body)
		}
	}
	status := func(secret string) api.Status {
		t.Helper()
		code, body := w.do("GET", "/api/v1/status", nil, bearer(secret))
		var out api.Status
		if err := json.Unmarshal([]byte(body), &out); code != 200 || err != nil {
			t.Fatalf("status: %d %s, %v", code, body, err)
		}
		return out
	}
	if s := status(w.token("globex", auth.Read)); s.Store.Spans != 20 || s.Disk.UsedBytes != 0 {
		t.Errorf("with all spans in memory the tenant sees %+v, %+v", s.Disk, s.Store)
	}
	if err := w.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	quiet := w.token("acme", auth.Read)
	for _, secret := range []string{quiet, w.token("acme", auth.Admin)} {
		if s := status(secret); s.Disk != (api.Disk{CapBytes: 1e9}) || s.Store != (api.StoreState{}) {
			t.Errorf("a tenant without spans sees %+v, %+v", s.Disk, s.Store)
		}
	}
	own := status(w.token("globex", auth.Read))
	if own.Disk.UsedBytes == 0 || own.Disk.FreeBytes != 0 || own.Store.Spans == 0 {
		t.Errorf("the tenant with spans sees %+v, %+v", own.Disk, own.Store)
	}
	if s := status(every); s.Disk.UsedBytes < own.Disk.UsedBytes || s.Disk.FreeBytes == 0 || s.Store.Spans != own.Store.Spans {
		t.Errorf("an admin of every tenant sees %+v, %+v", s.Disk, s.Store)
	}
	w.limits("acme", every, `{"disk_share": "25%"}`, 200)
	if s := status(quiet); s.Disk.CapBytes != 250e6 {
		t.Errorf("with a share the cap is %d", s.Disk.CapBytes)
	}
}
