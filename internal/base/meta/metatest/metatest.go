// Package metatest is the conformance suite of the state seam: what every engine of
// meta.DB has to show. An engine's own test is a call of Run.
//
// The suite opens an engine on an empty place and opens it again there; it knows nothing
// else of it. It keeps no state between cases.
package metatest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/weft-dev/weft/internal/base/meta"
)

// Opener opens the same database again at every call; the one before is closed first.
type Opener func(cfg meta.Config) (meta.DB, error)

// Run shows the contract of meta.DB on an engine. newDB makes a place for one database,
// empty.
func Run(t *testing.T, newDB func(t *testing.T) Opener) {
	f := func(name string, test func(t *testing.T, open Opener)) {
		t.Run(name, func(t *testing.T) { test(t, newDB(t)) })
	}
	f("Update", update)
	f("Values", values)
	f("Error", failing)
	f("Panic", panicking)
	f("Neighbours", neighbours)
	f("Serialisable", serialisable)
	f("Snapshot", snapshot)
	f("ViewTakesNoChanges", viewTakesNoChanges)
	f("Cancel", cancel)
	f("Close", closed)
	f("Migrate", migrate)
	f("MigrateAllOrNothing", migrateAllOrNothing)
	f("Newer", newer)
	f("Changed", changed)
	f("BadDomains", badDomains)
}

// counter is a domain with one table of named numbers.
func counter(more ...meta.Migration) meta.Config {
	first := meta.Migration{Name: "make counters", SQLite: `CREATE TABLE counter_value (name TEXT PRIMARY KEY, value BIGINT NOT NULL)`}
	return meta.Config{Program: "1.0", Domains: []meta.Domain{{Name: "counter", Migrations: append([]meta.Migration{first}, more...)}}}
}

func mustOpen(t *testing.T, open Opener, cfg meta.Config) meta.DB {
	t.Helper()
	db, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

func set(name string, value int64) func(meta.Tx) error {
	return func(tx meta.Tx) error {
		_, err := tx.Exec(`INSERT INTO counter_value (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
		return err
	}
}

func mustSet(t *testing.T, db meta.DB, name string, value int64) {
	t.Helper()
	if err := db.Update(t.Context(), set(name, value)); err != nil {
		t.Fatal(err)
	}
}

const absent = int64(-1)

func read(tx meta.Tx, name string) (v int64, err error) {
	err = tx.QueryRow(`SELECT value FROM counter_value WHERE name = ?`, name).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return absent, nil
	}
	return v, err
}

func want(t *testing.T, db meta.DB, name string, want int64) {
	t.Helper()
	err := db.View(context.WithoutCancel(t.Context()), func(tx meta.Tx) error {
		got, err := read(tx, name)
		if err == nil && got != want {
			t.Errorf("%s = %d, want %d", name, got, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// update shows that a change is seen by the next View and by the database opened again.
func update(t *testing.T, open Opener) {
	db, err := open(counter())
	if err != nil {
		t.Fatal(err)
	}
	want(t, db, "a", absent)
	mustSet(t, db, "a", 1)
	want(t, db, "a", 1)
	mustSet(t, db, "a", 2)
	err = db.Update(t.Context(), func(tx meta.Tx) error {
		n, err := tx.Exec(`UPDATE counter_value SET value = value + 1`)
		if err == nil && n != 1 {
			t.Errorf("Exec changed %d rows, want 1", n)
		}
		if v, err := read(tx, "a"); err != nil || v != 3 {
			t.Errorf("inside the transaction a = %d, %v; want 3", v, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, mustOpen(t, open, counter()), "a", 3)
}

// values shows that what the contract allows in a column comes back as it was.
func values(t *testing.T, open Opener) {
	cfg := meta.Config{Domains: []meta.Domain{{Name: "v", Migrations: []meta.Migration{{
		Name:   "make",
		SQLite: `CREATE TABLE v_a (id BIGINT PRIMARY KEY, i BIGINT, s TEXT, b BLOB); CREATE TABLE v_b (id BIGINT PRIMARY KEY)`,
	}}}}}
	db := mustOpen(t, open, cfg)
	const most = int64(1<<63 - 1)
	text := "заказ \x00 'quoted' \U0001F680"
	blob := []byte{0, 1, 0xff, 0xfe}
	err := db.Update(t.Context(), func(tx meta.Tx) error {
		_, err := tx.Exec(`INSERT INTO v_a (id, i, s, b) VALUES (?, ?, ?, ?), (?, ?, ?, ?)`, 1, most, text, blob, 2, nil, nil, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(t.Context(), func(tx meta.Tx) error {
		var i int64
		var s string
		var b []byte
		if err := tx.QueryRow(`SELECT i, s, b FROM v_a WHERE id = ?`, 1).Scan(&i, &s, &b); err != nil {
			return err
		}
		if i != most || s != text || !slices.Equal(b, blob) {
			t.Errorf("got %d %q %x, want %d %q %x", i, s, b, most, text, blob)
		}
		var ni sql.NullInt64
		var ns sql.NullString
		if err := tx.QueryRow(`SELECT i, s, b FROM v_a WHERE id = ?`, 2).Scan(&ni, &ns, &b); err != nil {
			return err
		}
		if ni.Valid || ns.Valid || b != nil {
			t.Errorf("got %v %v %x, want three NULLs", ni, ns, b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// failing shows that an Update which returns an error leaves nothing, and that the error
// comes back.
func failing(t *testing.T, open Opener) {
	db := mustOpen(t, open, counter())
	boom := errors.New("boom")
	err := db.Update(t.Context(), func(tx meta.Tx) error {
		if err := set("a", 1)(tx); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("Update = %v, want %v", err, boom)
	}
	want(t, db, "a", absent)
	err = db.Update(t.Context(), func(tx meta.Tx) error {
		if err := set("a", 1)(tx); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO counter_value (name, value) VALUES (?, ?)`, "a", 2)
		return err
	})
	if err == nil {
		t.Error("a second row with the same primary key was accepted")
	}
	want(t, db, "a", absent)
	mustSet(t, db, "b", 1)
	want(t, db, "b", 1)
}

// panicking shows that a panic inside an Update reaches its caller, leaves nothing, and
// leaves the database usable.
func panicking(t *testing.T, open Opener) {
	db := mustOpen(t, open, counter())
	func() {
		defer func() {
			if got := recover(); got != "boom" {
				t.Errorf("recovered %v, want boom", got)
			}
		}()
		_ = db.Update(t.Context(), func(tx meta.Tx) error {
			if err := set("a", 1)(tx); err != nil {
				return err
			}
			panic("boom")
		})
	}()
	want(t, db, "a", absent)
	mustSet(t, db, "a", 2)
	want(t, db, "a", 2)
}

// neighbours shows that Updates which fail, at the same time as others that do not, take
// nothing from them.
func neighbours(t *testing.T, open Opener) {
	db := mustOpen(t, open, counter())
	boom := errors.New("boom")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			err := db.Update(t.Context(), func(tx meta.Tx) error {
				if err := set(fmt.Sprint(i), int64(i))(tx); err != nil || i%3 != 0 {
					return err
				}
				return boom
			})
			if (i%3 == 0) != errors.Is(err, boom) || (i%3 != 0) != (err == nil) {
				t.Errorf("update %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i := range 200 {
		if i%3 == 0 {
			want(t, db, fmt.Sprint(i), absent)
		} else {
			want(t, db, fmt.Sprint(i), int64(i))
		}
	}
}

// serialisable shows that concurrent read-modify-write Updates lose no increment.
func serialisable(t *testing.T, open Opener) {
	db := mustOpen(t, open, counter())
	mustSet(t, db, "n", 0)
	const goroutines, each = 16, 20
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				err := db.Update(t.Context(), func(tx meta.Tx) error {
					v, err := read(tx, "n")
					if err != nil {
						return err
					}
					return set("n", v+1)(tx)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want(t, db, "n", goroutines*each)
}

// snapshot shows that a View keeps seeing the state it began with while another goroutine
// changes it, and that it does not hold that goroutine up.
func snapshot(t *testing.T, open Opener) {
	db := mustOpen(t, open, counter())
	mustSet(t, db, "a", 1)
	err := db.View(t.Context(), func(tx meta.Tx) error {
		before, err := read(tx, "a")
		if err != nil {
			return err
		}
		done := make(chan error)
		go func() { done <- db.Update(t.Context(), set("a", 2)) }()
		if err := <-done; err != nil {
			return err
		}
		after, err := read(tx, "a")
		if before != 1 || after != 1 {
			t.Errorf("the view saw %d, then %d; want 1 twice", before, after)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, db, "a", 2)
}

func viewTakesNoChanges(t *testing.T, open Opener) {
	db := mustOpen(t, open, counter())
	if err := db.View(t.Context(), set("a", 1)); err == nil {
		t.Error("a view took a change")
	}
	want(t, db, "a", absent)
	// The connection that refused is as good as before.
	for range 10 {
		want(t, db, "a", absent)
	}
}

// cancel shows that a context which has ended keeps an Update from beginning.
func cancel(t *testing.T, open Opener) {
	db := mustOpen(t, open, counter())
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := db.Update(ctx, set("a", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want %v", err, context.Canceled)
	}
	if err := db.View(ctx, func(meta.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View = %v, want %v", err, context.Canceled)
	}
	want(t, db, "a", absent)
}

func closed(t *testing.T, open Opener) {
	db, err := open(counter())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // closing twice is fine
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Update(t.Context(), set("a", 1)); !errors.Is(err, meta.ErrClosed) {
		t.Errorf("Update = %v, want %v", err, meta.ErrClosed)
	}
	if err := db.View(t.Context(), func(meta.Tx) error { return nil }); !errors.Is(err, meta.ErrClosed) {
		t.Errorf("View = %v, want %v", err, meta.ErrClosed)
	}
}

var (
	addNote    = meta.Migration{Name: "add notes", SQLite: `ALTER TABLE counter_value ADD COLUMN note TEXT`}
	badComment = meta.Migration{Name: "break", SQLite: `CREATE TABLE counter_more (id BIGINT PRIMARY KEY); INSERT INTO counter_none VALUES (1)`}
)

// migrate shows that a database goes forward with its rows, also when a domain joins.
func migrate(t *testing.T, open Opener) {
	db, err := open(counter())
	if err != nil {
		t.Fatal(err)
	}
	mustSet(t, db, "a", 7)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := counter(addNote)
	cfg.Domains = append(cfg.Domains, meta.Domain{Name: "other", Migrations: []meta.Migration{{Name: "make", SQLite: `CREATE TABLE other_a (id BIGINT PRIMARY KEY)`}}})
	db = mustOpen(t, open, cfg)
	err = db.Update(t.Context(), func(tx meta.Tx) error {
		_, err := tx.Exec(`UPDATE counter_value SET note = ? WHERE name = ?`, "kept", "a")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, db, "a", 7)
}

// migrateAllOrNothing shows that steps before the one that fails are not left behind.
func migrateAllOrNothing(t *testing.T, open Opener) {
	if db, err := open(counter(addNote, badComment)); err == nil {
		db.Close()
		t.Fatal("a migration that cannot run was accepted")
	}
	db := mustOpen(t, open, counter(addNote))
	mustSet(t, db, "a", 1)
}

// newer shows that an older program refuses, by name and version, what a newer one wrote,
// and that the newer one still works.
func newer(t *testing.T, open Opener) {
	newCfg := counter(addNote)
	newCfg.Program = "2.0"
	db, err := open(newCfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(cfg meta.Config, wantErr meta.NewerError) {
		t.Helper()
		db, err := open(cfg)
		if err == nil {
			db.Close()
		}
		var e *meta.NewerError
		if !errors.As(err, &e) || *e != wantErr {
			t.Errorf("Open = %v, want %v", err, &wantErr)
		}
	}
	f(counter(), meta.NewerError{Domain: "counter", Version: 2, Known: 1, By: "2.0", Program: "1.0"})
	f(meta.Config{Program: "1.0"}, meta.NewerError{Domain: "counter", Version: 2, By: "2.0", Program: "1.0"})
	mustSet(t, mustOpen(t, open, newCfg), "a", 1)
}

// changed shows that a migration edited after it ran is refused.
func changed(t *testing.T, open Opener) {
	db, err := open(counter(addNote))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	edited := addNote
	edited.SQLite += " "
	db, err = open(counter(edited))
	if err == nil {
		db.Close()
	}
	var e *meta.ChangedError
	if !errors.As(err, &e) || *e != (meta.ChangedError{Domain: "counter", Version: 2, Name: "add notes"}) {
		t.Errorf("Open = %v, want a *ChangedError of counter 2", err)
	}
}

// badDomains shows that mistakes in the list of domains are found.
func badDomains(t *testing.T, open Opener) {
	f := func(domains ...meta.Domain) {
		t.Helper()
		if db, err := open(meta.Config{Domains: domains}); err == nil {
			db.Close()
			t.Errorf("Open accepted %v", domains)
		}
	}
	f(meta.Domain{Name: ""})
	f(meta.Domain{Name: "Upper"})
	f(meta.Domain{Name: "meta"}) // the record of migrations
	f(meta.Domain{Name: "a"}, meta.Domain{Name: "a"})
	f(meta.Domain{Name: "a", Migrations: []meta.Migration{{Name: "in no dialect"}}})
}
