// Package sqlite is the embedded engine of the state seam: one SQLite database in a folder.
//
//	Update → queue → writer: BEGIN … SAVEPOINT each … COMMIT, one fdatasync → answers
//	View   → one of a few reading connections, on a snapshot
//
// A change is durable when Update returns: the write-ahead log of SQLite is synced at each
// commit (synchronous=FULL). Updates that wait while a commit runs share the next one, each
// in a savepoint of its own, so that one that fails takes nothing from the others.
//
// One goroutine, the writer, owns the one writing connection; readers never block it nor
// wait for it. A commit that the disk refuses ends writing until the database is opened
// again: the kernel may have dropped what it could not write. Reading goes on.
//
// The folder holds state.db, its -wal and -shm, and state.lock, which names the process;
// the database belongs to one process at a time, because what runs above keeps parts of it
// in memory.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/base/vfs"
)

// FileName is the database in its folder.
const FileName = "state.db"

const lockName = "state.lock"

// Config says where the database lives.
type Config struct {
	meta.Config
	// Dir is the folder; it is made if missing. Others may keep files of other names in it.
	Dir string
	// Readers is how many Views run at once. Default 4: they are short, and each keeps a
	// page cache.
	Readers int
}

// DB is an open database. The package comment says how it works.
type DB struct {
	lock  io.Closer
	write *sql.DB // one connection, the writer's
	read  *sql.DB
	queue chan *update
	ended chan struct{} // closed when the writer has ended

	mu      sync.RWMutex // held for reading while an update is put into the queue
	closing bool

	broken error // the writer's own
}

var _ meta.DB = (*DB)(nil)

// Open opens or makes the database of a folder and brings it to what the domains need.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db, err := open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open state database %s: %w", filepath.Join(cfg.Dir, FileName), err)
	}
	return db, nil
}

func open(ctx context.Context, cfg Config) (_ *DB, err error) {
	if cfg.Dir == "" {
		return nil, errors.New("no folder given")
	}
	if cfg.Readers <= 0 {
		cfg.Readers = 4
	}
	if err := vfs.MakeDir(vfs.OS{}, filepath.ToSlash(cfg.Dir)); err != nil {
		return nil, err
	}
	lock, err := vfs.OS{}.Lock(filepath.Join(cfg.Dir, lockName))
	if err != nil {
		return nil, err
	}
	db := &DB{lock: lock, queue: make(chan *update, maxGroup), ended: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.closeFiles())
		}
	}()
	file := filepath.Join(cfg.Dir, FileName)
	if err := makePrivate(file); err != nil {
		return nil, err
	}
	if db.write, err = pool(file, "rwc", 1); err != nil {
		return nil, err
	}
	// The first use makes the file, so the writer comes before any reader.
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkModes(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if db.read, err = pool(file, "ro", cfg.Readers); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go db.runWriter(conn)
	if err := meta.Migrate(ctx, db, cfg.Config); err != nil {
		db.stopWriter()
		return nil, err
	}
	return db, nil
}

// makePrivate makes the file for this user only, before SQLite would for everyone; the -wal
// and -shm take its permissions. An empty file is an empty database.
func makePrivate(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// pool opens connections with the settings that make the promises of the package.
func pool(file, mode string, connections int) (*sql.DB, error) {
	q := url.Values{"mode": {mode}, "_pragma": {
		"busy_timeout(5000)", // a backup tool may hold the file for a moment
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"fullfsync(1)", // macOS: fsync alone does not reach the disk
		"checkpoint_fullfsync(1)",
		"foreign_keys(1)",
		"trusted_schema(0)",
		"journal_size_limit(4194304)",
	}}
	if mode == "ro" {
		q.Set("_pragma", "busy_timeout(5000)")
		q.Add("_pragma", "query_only(1)")
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: q.Encode()}
	connector, err := sqlite.NewConnector(u.String())
	if err != nil {
		return nil, err
	}
	p := sql.OpenDB(connector)
	p.SetMaxOpenConns(connections)
	p.SetMaxIdleConns(connections)
	return p, nil
}

// checkModes makes sure that the file system took what durability needs: SQLite answers a
// pragma it cannot follow with what it does instead.
func checkModes(ctx context.Context, conn *sql.Conn) error {
	var journal string
	var synchronous int
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous); err != nil {
		return err
	}
	if journal != "wal" || synchronous < 2 {
		return fmt.Errorf("journal mode is %s and synchronous %d, want wal and at least 2", journal, synchronous)
	}
	return nil
}

// Dialect is SQLite.
func (db *DB) Dialect() meta.Dialect { return meta.SQLite }

// View runs fn on one snapshot.
func (db *DB) View(ctx context.Context, fn func(meta.Tx) error) error {
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		if db.isClosing() {
			return meta.ErrClosed
		}
		return fmt.Errorf("read state database: %w", err)
	}
	defer tx.Rollback() // a read transaction leaves nothing behind
	return fn(snapshot{ctx, tx})
}

// Close waits for what runs and closes the files.
func (db *DB) Close() error {
	if !db.stopWriter() {
		return nil
	}
	return db.closeFiles()
}

func (db *DB) stopWriter() (first bool) {
	db.mu.Lock()
	first = !db.closing
	if first {
		db.closing = true
		close(db.queue)
	}
	db.mu.Unlock()
	<-db.ended
	return first
}

func (db *DB) isClosing() bool {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.closing
}

func (db *DB) closeFiles() error {
	var errs []error
	// Readers first: the last connection to close folds the write-ahead log into the file.
	for _, p := range []*sql.DB{db.read, db.write} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(append(errs, db.lock.Close())...)
}
