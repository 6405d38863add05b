package auth

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/base/meta"
)

// Domain is the tables of this package.
func Domain() meta.Domain {
	return meta.Domain{Name: "auth", Migrations: []meta.Migration{{
		Name: "make tokens and sessions",
		SQLite: `
CREATE TABLE auth_token (
	id                  TEXT   PRIMARY KEY,
	hash                TEXT   NOT NULL UNIQUE,
	name                TEXT   NOT NULL,
	tenant              TEXT   NOT NULL,
	scopes              TEXT   NOT NULL,
	created_unix_nano   BIGINT NOT NULL,
	expires_unix_nano   BIGINT NOT NULL,
	last_used_unix_nano BIGINT NOT NULL
);
CREATE TABLE auth_session (
	hash              TEXT   PRIMARY KEY,
	token             TEXT   NOT NULL REFERENCES auth_token (id) ON DELETE CASCADE,
	expires_unix_nano BIGINT NOT NULL
);
CREATE INDEX auth_session_token ON auth_session (token);`,
	}}}
}

func readTokens(tx meta.Tx) ([]*entry, error) {
	rows, err := tx.Query(`SELECT id, hash, name, tenant, scopes, created_unix_nano, expires_unix_nano, last_used_unix_nano FROM auth_token`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*entry
	for rows.Next() {
		e := &entry{}
		var sum, scopes string
		var created, expires, used int64
		if err := rows.Scan(&e.ID, &sum, &e.Name, &e.Tenant, &scopes, &created, &expires, &used); err != nil {
			return nil, err
		}
		if e.hash, err = parseHash(sum); err != nil {
			return nil, fmt.Errorf("token %s: %w", e.ID, err)
		}
		for s := range strings.SplitSeq(scopes, ",") {
			e.Scopes = append(e.Scopes, Scope(s))
		}
		e.Created, e.Expires = fromNano(created), fromNano(expires)
		e.used.Store(used)
		out = append(out, e)
	}
	return out, rows.Err()
}

func insertToken(tx meta.Tx, e *entry) error {
	scopes := make([]string, len(e.Scopes))
	for i, s := range e.Scopes {
		scopes[i] = string(s)
	}
	_, err := tx.Exec(`INSERT INTO auth_token (id, hash, name, tenant, scopes, created_unix_nano, expires_unix_nano, last_used_unix_nano)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0)`,
		e.ID, e.hash.String(), e.Name, e.Tenant, strings.Join(scopes, ","), toNano(e.Created), toNano(e.Expires))
	return err
}

type session struct {
	hash    hash
	token   string
	expires time.Time
}

func readSessions(tx meta.Tx) ([]session, error) {
	rows, err := tx.Query(`SELECT hash, token, expires_unix_nano FROM auth_session`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []session
	for rows.Next() {
		var s session
		var sum string
		var expires int64
		if err := rows.Scan(&sum, &s.token, &expires); err != nil {
			return nil, err
		}
		if s.hash, err = parseHash(sum); err != nil {
			return nil, err
		}
		s.expires = fromNano(expires)
		out = append(out, s)
	}
	return out, rows.Err()
}

func (h hash) String() string { return hex.EncodeToString(h[:]) }

func parseHash(s string) (h hash, err error) {
	b, err := hex.DecodeString(s)
	if err == nil && copy(h[:], b) != len(h) {
		err = fmt.Errorf("hash of %d bytes", len(b))
	}
	return h, err
}

// A time is Unix nanoseconds in the database, the zero time 0.
func toNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNano(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
