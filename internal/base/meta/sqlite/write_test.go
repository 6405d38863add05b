package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/weft-dev/weft/internal/base/meta"
)

var blobs = meta.Config{Domains: []meta.Domain{{Name: "b", Migrations: []meta.Migration{
	{Name: "make", SQLite: `CREATE TABLE b_blob (id BIGINT PRIMARY KEY, data BLOB)`},
}}}}

func insert(id, size int) func(meta.Tx) error {
	return func(tx meta.Tx) error {
		_, err := tx.Exec(`INSERT INTO b_blob (id, data) VALUES (?, zeroblob(?))`, id, size)
		return err
	}
}

// An update for which there is no room takes the whole transaction with it in SQLite; its
// neighbours in the group must not notice. The group is made by hand, so that its members
// surely share a transaction.
func TestFullSparesNeighbours(t *testing.T) {
	db, err := Open(t.Context(), Config{Config: blobs, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(tx meta.Tx) error {
		_, err := tx.Exec(`PRAGMA max_page_count = 64`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var group []*update
	sizes := []int{10, 10 << 20, 10}
	for i, size := range sizes {
		group = append(group, &update{ctx: t.Context(), fn: insert(i, size), done: make(chan struct{})})
	}
	// The writer is idle and stays so: nothing is queued while the group runs in its place.
	db.stopWriter()
	conn, err := db.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), `PRAGMA max_page_count = 64`); err != nil {
		t.Fatal(err)
	}
	db.commit(conn, group)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	for i, u := range group {
		if full := errors.Is(u.err, meta.ErrFull); full != (sizes[i] > 1000) || !full && u.err != nil {
			t.Errorf("update %d of %d bytes: %v", i, sizes[i], u.err)
		}
	}
	err = db.View(t.Context(), func(tx meta.Tx) error {
		var n int
		err := tx.QueryRow(`SELECT COUNT(*) FROM b_blob`).Scan(&n)
		if err == nil && n != 2 {
			t.Errorf("%d rows, want the 2 small ones", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.closeFiles(); err != nil {
		t.Fatal(err)
	}
}

// After the disk refused a commit no further one is tried, and reading goes on. The disk is
// played by an error of SQLite that a damaged file gives.
func TestBroken(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(t.Context(), Config{Config: blobs, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(t.Context(), insert(1, 10)); err != nil {
		t.Fatal(err)
	}
	ioErr := corruptError(t)
	err = db.Update(t.Context(), func(meta.Tx) error {
		db.broken = db.judge(ioErr, nil) // in the writer's goroutine, as a failed commit
		return errors.New("the disk is gone")
	})
	if err == nil {
		t.Fatal("no error")
	}
	ran := false
	err = db.Update(t.Context(), func(meta.Tx) error { ran = true; return nil })
	if !errors.Is(err, meta.ErrBroken) || ran {
		t.Errorf("Update = %v (fn ran: %v), want %v", err, ran, meta.ErrBroken)
	}
	err = db.View(t.Context(), func(tx meta.Tx) error {
		var n int
		return tx.QueryRow(`SELECT COUNT(*) FROM b_blob`).Scan(&n)
	})
	if err != nil {
		t.Errorf("View after a broken write: %v", err)
	}
}

// corruptError is the error of SQLite for a file that is no database.
func corruptError(t *testing.T) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "none.db")
	if err := os.WriteFile(file, append([]byte("this is no database"), make([]byte, 4096)...), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := pool(file, "rw", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = p.ExecContext(context.Background(), `CREATE TABLE a (b)`)
	if err == nil {
		t.Fatal("a file that is no database was opened")
	}
	return err
}
