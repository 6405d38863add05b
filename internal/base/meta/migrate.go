package meta

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
)

// Domain is a set of tables with one owner.
type Domain struct {
	// Name is lower case; the domain's tables start with it and "_".
	Name string
	// Migrations lead from nothing to what this program needs, in order. One that was in
	// a release is never edited or removed: the next one corrects it.
	Migrations []Migration
}

// Migration is one step, the same in effect in every dialect.
type Migration struct {
	Name   string // what it does, for the record
	SQLite string
}

func (m Migration) sql(d Dialect) (string, error) {
	if d == SQLite && m.SQLite != "" {
		return m.SQLite, nil
	}
	return "", fmt.Errorf("no statements for dialect %s", d)
}

func (m Migration) checksum(sql string) string {
	sum := sha256.Sum256([]byte(m.Name + "\x00" + sql))
	return hex.EncodeToString(sum[:16])
}

// NewerError says that the database was written by a newer program.
type NewerError struct {
	Domain  string
	Version int    // of the domain in the database
	Known   int    // the last this program knows; 0: it does not know the domain
	By      string // version of the program that wrote it
	Program string // version of this one
}

func (e *NewerError) Error() string {
	known := fmt.Sprintf("knows up to %d", e.Known)
	if e.Known == 0 {
		known = "does not know it"
	}
	return fmt.Sprintf("state database is newer: %s is at version %d, written by weft %s; this is weft %s, which %s",
		e.Domain, e.Version, e.By, e.Program, known)
}

// ChangedError says that a migration in the database is not the one of this program.
type ChangedError struct {
	Domain  string
	Version int
	Name    string // as the database has it
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("state database: migration %d (%s) of %s differs from this program's; the database belongs to another line of versions",
		e.Version, e.Name, e.Domain)
}

// record of what was applied; the same text in every dialect.
const migrationTable = `
CREATE TABLE IF NOT EXISTS meta_migration (
	domain            TEXT   NOT NULL,
	version           BIGINT NOT NULL,
	name              TEXT   NOT NULL,
	checksum          TEXT   NOT NULL,
	program           TEXT   NOT NULL,
	applied_unix_nano BIGINT NOT NULL,
	PRIMARY KEY (domain, version)
)`

// Migrate brings db to what cfg's domains need, in one transaction. Engines call it at the
// end of Open. A database that a newer program wrote is left alone: *NewerError.
func Migrate(ctx context.Context, db DB, cfg Config) error {
	cfg = cfg.WithDefaults()
	if err := checkDomains(cfg.Domains, db.Dialect()); err != nil {
		return err
	}
	return db.Update(ctx, func(tx Tx) error {
		if _, err := tx.Exec(migrationTable); err != nil {
			return err
		}
		has, err := applied(tx)
		if err != nil {
			return fmt.Errorf("read the record of migrations: %w", err)
		}
		if err := compatible(has, cfg, db.Dialect()); err != nil {
			return err
		}
		for _, d := range cfg.Domains {
			for i := len(has[d.Name]); i < len(d.Migrations); i++ {
				if err := apply(tx, d, i, cfg, db.Dialect()); err != nil {
					return fmt.Errorf("migrate %s to version %d (%s): %w", d.Name, i+1, d.Migrations[i].Name, err)
				}
			}
		}
		return nil
	})
}

var domainName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

func checkDomains(domains []Domain, dialect Dialect) error {
	var errs []error
	seen := map[string]bool{"meta": true}
	for _, d := range domains {
		if !domainName.MatchString(d.Name) || seen[d.Name] {
			errs = append(errs, fmt.Errorf("state domain %q: the name is not a lower-case word of its own", d.Name))
		}
		seen[d.Name] = true
		for i, m := range d.Migrations {
			if _, err := m.sql(dialect); err != nil {
				errs = append(errs, fmt.Errorf("state domain %s: migration %d (%s): %w", d.Name, i+1, m.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

type step struct{ name, checksum, program string }

// applied is what the database has, by domain, in order of version.
func applied(tx Tx) (map[string][]step, error) {
	rows, err := tx.Query(`SELECT domain, version, name, checksum, program FROM meta_migration ORDER BY domain, version`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	has := map[string][]step{}
	for rows.Next() {
		var domain string
		var version int
		var s step
		if err := rows.Scan(&domain, &version, &s.name, &s.checksum, &s.program); err != nil {
			return nil, err
		}
		if version != len(has[domain])+1 {
			return nil, fmt.Errorf("%s jumps from version %d to %d", domain, len(has[domain]), version)
		}
		has[domain] = append(has[domain], s)
	}
	return has, rows.Err()
}

func compatible(has map[string][]step, cfg Config, dialect Dialect) error {
	known := map[string][]Migration{}
	for _, d := range cfg.Domains {
		known[d.Name] = d.Migrations
	}
	for domain, steps := range has {
		migrations := known[domain]
		if len(steps) > len(migrations) {
			last := steps[len(steps)-1]
			return &NewerError{Domain: domain, Version: len(steps), Known: len(migrations), By: last.program, Program: cfg.Program}
		}
		for i, s := range steps {
			sql, err := migrations[i].sql(dialect)
			if err != nil {
				return err
			}
			if s.checksum != migrations[i].checksum(sql) {
				return &ChangedError{Domain: domain, Version: i + 1, Name: s.name}
			}
		}
	}
	return nil
}

func apply(tx Tx, d Domain, i int, cfg Config, dialect Dialect) error {
	m := d.Migrations[i]
	sql, err := m.sql(dialect)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(sql); err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO meta_migration (domain, version, name, checksum, program, applied_unix_nano) VALUES (?, ?, ?, ?, ?, ?)`,
		d.Name, i+1, m.Name, m.checksum(sql), cfg.Program, cfg.Now().UnixNano())
	return err
}
