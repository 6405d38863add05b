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

// List is the newest entries of a tenant, newest first.
func List(ctx context.Context, db meta.DB, tenant string, limit int) ([]Entry, error) {
	var out []Entry
	err := db.View(ctx, func(tx meta.Tx) error {
		out = nil
		rows, err := tx.Query(`SELECT at_unix_nano, tenant, actor, action, object, detail FROM audit_entry
			WHERE tenant = ? ORDER BY id DESC LIMIT ?`, tenant, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e Entry
			var at int64
			if err := rows.Scan(&at, &e.Tenant, &e.Actor, &e.Action, &e.Object, &e.Detail); err != nil {
				return err
			}
			e.At = time.Unix(0, at)
			out = append(out, e)
		}
		return rows.Err()
	})
	return out, err
}
