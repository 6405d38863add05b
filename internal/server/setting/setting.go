// Package setting remembers what an operator changes while the server runs and a restart
// must not forget: named values, of a tenant or of the whole server.
//
//	Update { setting.Set } → one commit with what belongs to it → Get
//
// What is set at start belongs to the configuration, not here. The package only writes
// rows inside the caller's transaction of the state database, and holds nothing.
package setting

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/weft-dev/weft/internal/base/meta"
)

// Server is the tenant of settings that hold for the whole server.
const Server = ""

// Domain is the table of this package.
func Domain() meta.Domain {
	return meta.Domain{Name: "setting", Migrations: []meta.Migration{{
		Name: "make settings",
		SQLite: `
CREATE TABLE setting_value (
	tenant TEXT NOT NULL,
	name   TEXT NOT NULL,
	value  TEXT NOT NULL,
	PRIMARY KEY (tenant, name)
);`,
	}}}
}

// Get is the value of a setting; ok is false where none is set.
func Get(tx meta.Tx, tenant, name string) (value string, ok bool, err error) {
	err = tx.QueryRow(`SELECT value FROM setting_value WHERE tenant = ? AND name = ?`, tenant, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read setting %s: %w", name, err)
	}
	return value, true, nil
}

// Set changes a setting.
func Set(tx meta.Tx, tenant, name, value string) error {
	_, err := tx.Exec(`INSERT INTO setting_value (tenant, name, value) VALUES (?, ?, ?)
		ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value`, tenant, name, value)
	if err != nil {
		return fmt.Errorf("change setting %s: %w", name, err)
	}
	return nil
}

// Unset removes a setting; none is no error.
func Unset(tx meta.Tx, tenant, name string) error {
	if _, err := tx.Exec(`DELETE FROM setting_value WHERE tenant = ? AND name = ?`, tenant, name); err != nil {
		return fmt.Errorf("remove setting %s: %w", name, err)
	}
	return nil
}
