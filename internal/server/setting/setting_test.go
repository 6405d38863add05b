package setting_test

import (
	"testing"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/base/meta/sqlite"
	"github.com/weft-dev/weft/internal/server/setting"
)

// A setting belongs to one tenant or to the server, is replaced by setting it again, and is
// gone when unset.
func TestSetting(t *testing.T) {
	db, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Config: meta.Config{Domains: []meta.Domain{setting.Domain()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	change := func(f func(meta.Tx) error) {
		t.Helper()
		if err := db.Update(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	f := func(tenant, name, want string, wantOK bool) {
		t.Helper()
		err := db.View(t.Context(), func(tx meta.Tx) error {
			got, ok, err := setting.Get(tx, tenant, name)
			if got != want || ok != wantOK {
				t.Errorf("Get(%q, %q) = %q, %v; want %q, %v", tenant, name, got, ok, want, wantOK)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	f(setting.Server, "x", "", false)
	change(func(tx meta.Tx) error { return setting.Set(tx, setting.Server, "x", "1") })
	change(func(tx meta.Tx) error { return setting.Set(tx, "a", "x", "") })
	change(func(tx meta.Tx) error { return setting.Set(tx, setting.Server, "x", "2") })
	f(setting.Server, "x", "2", true)
	f("a", "x", "", true) // set to nothing is set
	f("b", "x", "", false)
	change(func(tx meta.Tx) error { return setting.Unset(tx, setting.Server, "x") })
	change(func(tx meta.Tx) error { return setting.Unset(tx, setting.Server, "x") })
	f(setting.Server, "x", "", false)
	f("a", "x", "", true)
}
