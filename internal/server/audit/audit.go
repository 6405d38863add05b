// Package audit records who changed what: a row is written in the transaction of the
// change itself, so that there is neither a change without its row nor a row without its
// change.
//
//	Update { change; audit.Write } → one commit → List
//
// Rows are never edited. They live in the state database.
package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/weft-dev/weft/internal/base/meta"
)

// Domain is the table of this package.
func Domain() meta.Domain {
	return meta.Domain{Name: "audit", Migrations: []meta.Migration{{
		Name: "make the audit log",
		SQLite: `
CREATE TABLE audit_entry (
	id           INTEGER PRIMARY KEY,
	at_unix_nano BIGINT NOT NULL,
	tenant       TEXT   NOT NULL,
	actor        TEXT   NOT NULL,
	action       TEXT   NOT NULL,
	object       TEXT   NOT NULL,
	detail       TEXT   NOT NULL
);
CREATE INDEX audit_entry_tenant ON audit_entry (tenant, id);`,
	}}}
}

// Entry is one change.
type Entry struct {
	ID     int64 // larger for later entries; set by List
	At     time.Time
	Tenant string // whose thing changed
	Actor  string // who did it
	Action string // verb and noun: "token create"
	Object string // id of the thing
	Detail string // what else a reader wants to know; never a secret
}

// Write adds an entry within the transaction of the change.
func Write(tx meta.Tx, e Entry) error {
	_, err := tx.Exec(`INSERT INTO audit_entry (at_unix_nano, tenant, actor, action, object, detail) VALUES (?, ?, ?, ?, ?, ?)`,
		e.At.UnixNano(), e.Tenant, e.Actor, e.Action, e.Object, e.Detail)
	return err
}

// AllTenants asks for the entries of every tenant.
const AllTenants = "*"

// Query chooses entries.
type Query struct {
	Tenant string // AllTenants: every one
	Before int64  // only entries with smaller ids, as the next page wants; 0: from the newest on
	Limit  int    // most entries; it must be more than 0
}

// List is the newest entries that q chooses, newest first.
func List(ctx context.Context, db meta.DB, q Query) ([]Entry, error) {
	where, args := "1 = 1", []any(nil)
	if q.Tenant != AllTenants {
		where, args = "tenant = ?", append(args, q.Tenant)
	}
	if q.Before > 0 {
		where, args = where+" AND id < ?", append(args, q.Before)
	}
	var out []Entry
	err := db.View(ctx, func(tx meta.Tx) error {
		out = nil
		rows, err := tx.Query(`SELECT id, at_unix_nano, tenant, actor, action, object, detail FROM audit_entry
			WHERE `+where+` ORDER BY id DESC LIMIT ?`, append(args, q.Limit)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e Entry
			var at int64
			if err := rows.Scan(&e.ID, &at, &e.Tenant, &e.Actor, &e.Action, &e.Object, &e.Detail); err != nil {
				return err
			}
			e.At = time.Unix(0, at)
			out = append(out, e)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return out, nil
}
