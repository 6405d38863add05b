package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/base/meta/metatest"
	"github.com/weft-dev/weft/internal/base/meta/sqlite"
	"github.com/weft-dev/weft/internal/base/vfs"
)

// writerDir names, in the environment of this test's own binary, the folder it writes to
// until it is killed.
const writerDir = "WEFT_TEST_WRITER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

func TestConformance(t *testing.T) {
	metatest.Run(t, func(t *testing.T) metatest.Opener {
		dir := t.TempDir()
		return func(cfg meta.Config) (meta.DB, error) {
			return sqlite.Open(t.Context(), sqlite.Config{Config: cfg, Dir: dir})
		}
	})
}

var numbers = meta.Config{Domains: []meta.Domain{{Name: "n", Migrations: []meta.Migration{
	{Name: "make", SQLite: `CREATE TABLE n_value (writer BIGINT, n BIGINT, PRIMARY KEY (writer, n))`},
}}}}

const writers = 8

// writeUntilKilled adds numbers from several goroutines and prints each when its Update has
// returned.
func writeUntilKilled(dir string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx := context.Background()
	db, err := sqlite.Open(ctx, sqlite.Config{Config: numbers, Dir: dir})
	if err != nil {
		fail(err)
	}
	var printing sync.Mutex
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for {
				var n int64
				err := db.Update(ctx, func(tx meta.Tx) error {
					if err := tx.QueryRow(`SELECT COALESCE(MAX(n), 0) + 1 FROM n_value WHERE writer = ?`, w).Scan(&n); err != nil {
						return err
					}
					_, err := tx.Exec(`INSERT INTO n_value (writer, n) VALUES (?, ?)`, w, n)
					return err
				})
				if err != nil {
					fail(err)
				}
				printing.Lock()
				fmt.Println(w, n)
				printing.Unlock()
			}
		})
	}
	wg.Wait()
}

// What Update acknowledged is there after kill -9: a child adds numbers and prints each
// acknowledged one; it is killed after a few hundred, and every printed number is in the
// database. Nothing is there that was not at least begun, in order and without gaps.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 5 {
		acknowledged := killAfter(t, dir, 50+round*75)
		db, err := sqlite.Open(t.Context(), sqlite.Config{Config: numbers, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for w, last := range acknowledged {
			var count, most int64
			err := db.View(t.Context(), func(tx meta.Tx) error {
				return tx.QueryRow(`SELECT COUNT(*), COALESCE(MAX(n), 0) FROM n_value WHERE writer = ?`, w).Scan(&count, &most)
			})
			if err != nil {
				t.Fatal(err)
			}
			if most < last || count != most {
				t.Errorf("round %d, writer %d: acknowledged up to %d, found %d numbers up to %d", round, w, last, count, most)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter runs the child until it has acknowledged so many numbers, and returns the last
// of each writer.
func killAfter(t *testing.T, dir string, lines int) map[int]int64 {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := map[int]int64{}
	scan := bufio.NewScanner(out)
	for n := 0; scan.Scan(); n++ {
		var w int
		var v int64
		if _, err := fmt.Sscan(scan.Text(), &w, &v); err != nil {
			t.Fatalf("the child printed %q", scan.Text())
		}
		last[w] = v
		if n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	if len(last) == 0 {
		t.Fatal("the child wrote nothing")
	}
	return last
}

// A folder in use is refused, with the pid that holds it.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	var locked *vfs.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("Open = %v, want a *LockedError of pid %d", err, os.Getpid())
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// Nobody but the owner reads the files, whatever the folder allows.
func TestPermissions(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), sqlite.Config{Config: numbers, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := filepath.Glob(filepath.Join(dir, sqlite.FileName+"*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files %v, %v; want the database, its -wal and -shm", files, err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has permissions %v, %v", name, info.Mode(), err)
		}
	}
}

// A backup taken while the database changes opens, and holds a state that was there: as many
// numbers as its highest says, and at least those acknowledged before it began.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), sqlite.Config{Config: numbers, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	add := func(n int) {
		err := db.Update(t.Context(), func(tx meta.Tx) error {
			_, err := tx.Exec(`INSERT INTO n_value (writer, n) VALUES (1, ?)`, n)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	for n := range 50 {
		add(n + 1)
	}
	done, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 51; ; n++ {
			select {
			case <-stop:
				return
			default:
				add(n)
			}
		}
	}()
	to := filepath.Join(t.TempDir(), "new", sqlite.FileName)
	if err := sqlite.Backup(t.Context(), filepath.Join(dir, sqlite.FileName), to); err != nil {
		t.Fatal(err)
	}
	close(stop)
	<-done
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Backup(t.Context(), filepath.Join(dir, sqlite.FileName), to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second backup to the same file = %v, want %v", err, fs.ErrExist)
	}
	db, err = sqlite.Open(t.Context(), sqlite.Config{Config: numbers, Dir: filepath.Dir(to)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var count, most int
	err = db.View(t.Context(), func(tx meta.Tx) error {
		return tx.QueryRow(`SELECT COUNT(*), MAX(n) FROM n_value`).Scan(&count, &most)
	})
	if err != nil || count != most || count < 50 {
		t.Errorf("the copy has %d numbers up to %d (%v), want all up to at least 50", count, most, err)
	}
}

// Updates that wait share commits; the cost of a commit is one fdatasync.
func BenchmarkUpdate(b *testing.B) {
	for _, parallel := range []int{1, 64} {
		b.Run(strconv.Itoa(parallel), func(b *testing.B) {
			db, err := sqlite.Open(b.Context(), sqlite.Config{Config: numbers, Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for w := range parallel {
				wg.Go(func() {
					for n := w; n < b.N; n += parallel {
						err := db.Update(b.Context(), func(tx meta.Tx) error {
							_, err := tx.Exec(`INSERT INTO n_value (writer, n) VALUES (?, ?)`, w, n)
							return err
						})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
