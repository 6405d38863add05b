package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/weft-dev/weft/internal/base/vfs"
)

// Backup writes a consistent copy of a database file to a new file, also while a process
// has the database open and changes it. The copy is durable when Backup returns.
func Backup(ctx context.Context, from, to string) error {
	if err := backup(ctx, from, to); err != nil {
		return fmt.Errorf("copy state database %s to %s: %w", from, to, err)
	}
	return nil
}

func backup(ctx context.Context, from, to string) (err error) {
	if _, err := os.Stat(from); err != nil {
		return err
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, err)
	}
	if err := vfs.MakeDir(vfs.OS{}, filepath.ToSlash(filepath.Dir(to))); err != nil {
		return err
	}
	if err := makePrivate(to); err != nil { // VACUUM takes an empty file
		return err
	}
	db, err := pool(from, "rw", 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return errors.Join(err, vfs.OS{}.RemoveAll(to))
	}
	f, err := vfs.OS{}.OpenWrite(to)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return vfs.OS{}.SyncDir(filepath.Dir(to))
}
