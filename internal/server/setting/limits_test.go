package setting_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/base/meta/sqlite"
	"github.com/weft-dev/weft/internal/server/audit"
	"github.com/weft-dev/weft/internal/server/setting"
)

var base = setting.Limits{MaxAge: 720 * time.Hour, DiskShare: setting.Share{Fraction: 0.5}, SpansPerSecond: 1000, QueriesAtOnce: 8, KeptTraces: 100}

// What is set for a tenant holds at once, for it alone, survives a restart, is in the audit
// log, and is undone by setting nothing. What is refused changes nothing.
func TestTenants(t *testing.T) {
	dir := t.TempDir()
	open := func() (meta.DB, *setting.Tenants) {
		db, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir, Config: meta.Config{Domains: []meta.Domain{setting.Domain(), audit.Domain()}}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := setting.OpenTenants(t.Context(), db, clock.Real{}, base)
		if err != nil {
			t.Fatal(err)
		}
		return db, l
	}
	db, l := open()
	f := func(tenant string, change func(*setting.Limits)) {
		t.Helper()
		want := base
		if change != nil {
			change(&want)
		}
		if got := l.Limits(tenant); got != want {
			t.Errorf("limits of %s are %+v, want %+v", tenant, got, want)
		}
	}
	set := func(tenant string, o setting.Own, permit func(from, to setting.Limits) error) error {
		return l.Set(t.Context(), tenant, o, "me", permit)
	}
	f("acme", nil)
	age, none := 24*time.Hour, int64(0)
	if err := set("acme", setting.Own{MaxAge: &age, SpansPerSecond: &none}, nil); err != nil {
		t.Fatal(err)
	}
	changed := func(l *setting.Limits) { l.MaxAge, l.SpansPerSecond = age, 0 }
	f("acme", changed)
	f("globex", nil)
	no := errors.New("no")
	if err := set("acme", setting.Own{}, func(from, to setting.Limits) error {
		if from.MaxAge != age || to != base {
			t.Errorf("asked to go from %+v to %+v", from, to)
		}
		return no
	}); !errors.Is(err, no) {
		t.Errorf("not permitted: %v", err)
	}
	short := time.Minute
	var wrong *setting.LimitsError
	if err := set("acme", setting.Own{MaxAge: &short}, nil); !errors.As(err, &wrong) {
		t.Errorf("an age of a minute: %v", err)
	}
	f("acme", changed)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, l = open()
	defer db.Close()
	f("acme", changed)
	if err := set("acme", setting.Own{}, nil); err != nil {
		t.Fatal(err)
	}
	f("acme", nil)
	entries, err := audit.List(t.Context(), db, audit.Query{Tenant: "acme", Limit: 10})
	if err != nil || len(entries) != 2 || entries[1].Actor != "me" || !strings.Contains(entries[1].Detail, `"max_age_ns":86400000000000`) {
		t.Errorf("audit log: %+v, %v", entries, err)
	}
}

// What makes no sense is named, all of it at once.
func TestCheck(t *testing.T) {
	f := func(change func(*setting.Limits), want ...string) {
		t.Helper()
		l := base
		change(&l)
		err := l.Check()
		if (err == nil) != (len(want) == 0) {
			t.Errorf("check of %+v: %v, want %q", l, err, want)
		}
		for _, w := range want {
			if err != nil && !strings.Contains(err.Error(), w) {
				t.Errorf("check of %+v: %v, want %q", l, err, w)
			}
		}
	}
	f(func(*setting.Limits) {})
	f(func(l *setting.Limits) { *l = setting.Limits{QueriesAtOnce: 1} })
	f(func(l *setting.Limits) { l.MaxAge, l.SpansPerSecond = time.Minute, -1 }, "max_age", "spans_per_second")
	f(func(l *setting.Limits) { l.MaxAge = -time.Hour }, "max_age")
	f(func(l *setting.Limits) { l.DiskShare = setting.Share{Fraction: 1.01} }, "disk_share")
	f(func(l *setting.Limits) { l.DiskShare = setting.Share{Fraction: math.NaN()} }, "disk_share")
	f(func(l *setting.Limits) { l.DiskShare = setting.Share{Bytes: 1 << 20} }, "disk_share")
	f(func(l *setting.Limits) { l.BytesPerSecond = -1 }, "bytes_per_second")
	f(func(l *setting.Limits) { l.QueriesAtOnce = 0 }, "queries_at_once")
	f(func(l *setting.Limits) { l.KeptTraces = -1 }, "kept_traces")
}

// Zero is the widest limit; every field counts.
func TestWithin(t *testing.T) {
	f := func(change func(*setting.Limits), want, back bool) {
		t.Helper()
		l := base
		change(&l)
		if got := l.Within(base, 1000); got != want {
			t.Errorf("%+v within %+v: %v", l, base, got)
		}
		if got := base.Within(l, 1000); got != back {
			t.Errorf("%+v within %+v: %v", base, l, got)
		}
	}
	f(func(*setting.Limits) {}, true, true)
	f(func(l *setting.Limits) { l.MaxAge-- }, true, false)
	f(func(l *setting.Limits) { l.MaxAge = 0 }, false, true)
	f(func(l *setting.Limits) { l.DiskShare = setting.Share{Bytes: 400} }, true, false)
	f(func(l *setting.Limits) { l.DiskShare = setting.Share{Bytes: 500} }, true, true)
	f(func(l *setting.Limits) { l.DiskShare = setting.Share{} }, false, true)
	f(func(l *setting.Limits) { l.SpansPerSecond++ }, false, true)
	f(func(l *setting.Limits) { l.BytesPerSecond = 1 }, true, false)
	f(func(l *setting.Limits) { l.QueriesAtOnce = 9 }, false, true)
	f(func(l *setting.Limits) { l.KeptTraces = 0 }, false, true)
	f(func(l *setting.Limits) { l.KeptTraces = 99 }, true, false)
}
