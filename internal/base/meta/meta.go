// Package meta is the contract of the state seam: what Weft must remember beside spans, as
// rows that change together. sqlite is the embedded engine, metatest the suite that every
// engine passes.
//
//	domain (tables, SQL, migrations) → Open → Update (durable) · View (one snapshot)
//
// What every engine MUST hold:
//
//   - Durable: when Update has returned nil, its changes survive a crash of the process
//     and of the machine.
//   - Serialisable: concurrent Updates leave the state that some order of them, one after
//     the other, would have left.
//   - All or nothing: an Update that returned an error left no change, unless the error
//     is ErrUncertain.
//   - Snapshots: all statements of a View see the same state, and every Update that had
//     returned before the View began.
//
// A domain of the program keeps its tables and its SQL to itself: it declares a Domain,
// hands it to Open, and is the only one that names its tables.
package meta

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// DB is an open state database. Methods are safe for concurrent use.
type DB interface {
	// Update runs fn in a transaction and makes its changes durable. fn MUST have no
	// other effect than on tx and on variables it sets anew each time: it may run more
	// than once. It MUST NOT use the DB itself, keep tx, or wait for another Update. A
	// context that ends before fn has begun ends Update; later, the outcome is awaited.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// View runs fn on one snapshot. tx takes no changes.
	View(ctx context.Context, fn func(tx Tx) error) error
	Dialect() Dialect
	// Close waits for what runs and ends the DB.
	Close() error
}

// Tx is a transaction, for one goroutine, until fn has returned.
//
// Parameters are written "?" in every dialect, and a statement holds no other question
// mark. Parameters and results are integers, text, bytes and NULL; a time is Unix
// nanoseconds, a truth value 0 or 1: these are equal in all dialects. Rows are closed
// before the next statement.
type Tx interface {
	// Exec runs a statement, or several if there are no args, and returns the rows
	// changed by the last one.
	Exec(query string, args ...any) (rows int64, err error)
	Query(query string, args ...any) (*sql.Rows, error)
	// QueryRow is for at most one row; Scan returns sql.ErrNoRows if there is none.
	QueryRow(query string, args ...any) *sql.Row
}

// Dialect is the kind of SQL an engine speaks.
type Dialect string

// SQLite is the dialect of the embedded engine.
const SQLite Dialect = "sqlite"

// Config is what every engine needs to open a database.
type Config struct {
	// Domains are all that may live in the database.
	Domains []Domain
	// Program is the version of this program, for the record and for messages. Default
	// "unknown".
	Program string
	// Now is the time, for the record of migrations. Default time.Now.
	Now func() time.Time
}

// WithDefaults fills what is empty.
func (c Config) WithDefaults() Config {
	if c.Program == "" {
		c.Program = "unknown"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

var (
	// ErrBroken: a write to the disk failed. The database takes no more changes until it
	// is opened again, because what the kernel holds and what the disk holds may differ;
	// reading goes on.
	ErrBroken = errors.New("state database takes no changes until restart")
	// ErrUncertain: the change may or may not be durable.
	ErrUncertain = errors.New("state database cannot tell whether the change is durable")
	// ErrClosed: the database was closed.
	ErrClosed = errors.New("state database is closed")
	// ErrFull: there is no room for the change.
	ErrFull = errors.New("state database is full")
)
