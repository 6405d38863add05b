package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/weft-dev/weft/internal/base/meta"
)

// maxGroup is how many updates one commit takes, so that the first of them does not wait
// for a long queue.
const maxGroup = 256

// update is one call of Update. The writer sets err and panicked, then closes done.
type update struct {
	ctx      context.Context
	fn       func(meta.Tx) error
	err      error
	panicked any // what fn panicked with, to panic again where the caller sees it
	done     chan struct{}
}

// Update runs fn in a transaction and returns when its changes are durable.
func (db *DB) Update(ctx context.Context, fn func(meta.Tx) error) error {
	u := &update{ctx: ctx, fn: fn, done: make(chan struct{})}
	if err := db.enqueue(u); err != nil {
		return err
	}
	<-u.done // soon: the writer looks at ctx before it begins
	if u.panicked != nil {
		panic(u.panicked)
	}
	return u.err
}

func (db *DB) enqueue(u *update) error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closing {
		return meta.ErrClosed
	}
	select {
	case db.queue <- u:
		return nil
	case <-u.ctx.Done():
		return u.ctx.Err()
	}
}

// runWriter commits what is queued, until the queue is closed and empty.
func (db *DB) runWriter(conn *sql.Conn) {
	defer close(db.ended)
	defer conn.Close()
	for u := range db.queue {
		db.commit(conn, db.group(u))
	}
}

// group is the first update and those that wait behind it.
func (db *DB) group(first *update) []*update {
	group := []*update{first}
	for len(group) < maxGroup {
		select {
		case u, ok := <-db.queue:
			if !ok {
				return group
			}
			group = append(group, u)
		default:
			return group
		}
	}
	return group
}

// commit runs a group in one transaction. Where SQLite itself gave the transaction up, its
// members have lost what they did: they run again, each alone.
func (db *DB) commit(conn *sql.Conn, group []*update) {
	if err := db.run(conn, group); errors.Is(err, errLost) && len(group) > 1 {
		for _, u := range group {
			u.err, u.panicked = nil, nil
			db.finish([]*update{u}, db.run(conn, []*update{u}))
		}
		return
	} else {
		db.finish(group, err)
	}
}

// finish answers. err is the transaction's; an update's own goes before it.
func (db *DB) finish(group []*update, err error) {
	for _, u := range group {
		if u.err == nil && u.panicked == nil && err != nil {
			u.err = fmt.Errorf("change state database: %w", err)
		}
		close(u.done)
	}
}

// errLost: SQLite rolled the whole transaction back by itself, as it does when the disk is
// full or fails.
var errLost = errors.New("transaction was rolled back")

// run runs the updates in one transaction. Statements get no context: one that is
// interrupted would take the whole group's transaction with it.
func (db *DB) run(conn *sql.Conn, group []*update) error {
	if db.broken != nil {
		return fmt.Errorf("%w: %w", meta.ErrBroken, db.broken)
	}
	bg := context.Background()
	if _, err := conn.ExecContext(bg, "BEGIN IMMEDIATE"); err != nil {
		return db.judge(err, nil)
	}
	changed := false
	for _, u := range group {
		if u.err = u.ctx.Err(); u.err != nil {
			continue
		}
		if err := attempt(conn, u); err != nil {
			// Without effect if SQLite has rolled back already.
			_, _ = conn.ExecContext(bg, "ROLLBACK")
			return db.judge(err, nil)
		}
		changed = changed || u.err == nil && u.panicked == nil
	}
	if !changed {
		_, err := conn.ExecContext(bg, "ROLLBACK")
		return db.judge(err, nil)
	}
	if _, err := conn.ExecContext(bg, "COMMIT"); err != nil {
		_, _ = conn.ExecContext(bg, "ROLLBACK")
		return db.judge(err, meta.ErrUncertain)
	}
	return nil
}

// attempt runs one update in a savepoint. An error means that the transaction is lost; the
// update's own failure is in the update.
func attempt(conn *sql.Conn, u *update) error {
	bg := context.Background()
	if _, err := conn.ExecContext(bg, "SAVEPOINT one"); err != nil {
		return err
	}
	u.call(writing{conn})
	if u.err != nil || u.panicked != nil {
		if _, err := conn.ExecContext(bg, "ROLLBACK TO one"); err != nil {
			cause := u.err
			u.err = nil
			return fmt.Errorf("%w: %w", errLost, errors.Join(cause, err))
		}
	}
	if _, err := conn.ExecContext(bg, "RELEASE one"); err != nil {
		return fmt.Errorf("%w: %w", errLost, err) // fn went on after an error that ended it
	}
	return nil
}

func (u *update) call(tx meta.Tx) {
	defer func() { u.panicked = recover() }()
	u.err = u.fn(tx)
}

// judge gives an error of the engine its meaning, and ends writing after one that leaves
// the content of the disk unknown. uncertain is what such an error means for the caller.
func (db *DB) judge(err, uncertain error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", meta.ErrFull, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		db.broken = err
		return errors.Join(uncertain, fmt.Errorf("%w: %w", meta.ErrBroken, err))
	}
	return err
}
