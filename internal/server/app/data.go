package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store/colstore"
)

// The layout of a data folder.
func tracesDir(data string) string { return path.Join(data, "traces") } // colstore
func logDir(data string) string    { return path.Join(data, "log") }    // the ingest log
func stateFile(data string) string { return path.Join(data, "state.db") }

func dataExists(fsys vfs.FS, data string) error {
	if _, err := fsys.Stat(tracesDir(data)); err != nil {
		return fmt.Errorf("open data folder %s: %w", data, err)
	}
	return nil
}

// CheckData reads every block of a data folder, also while a server has it open.
func CheckData(ctx context.Context, data string, progress colstore.Progress) (colstore.CheckReport, error) {
	if err := dataExists(vfs.OS{}, data); err != nil {
		return colstore.CheckReport{}, err
	}
	return colstore.Check(ctx, vfs.OS{}, tracesDir(data), progress)
}

// StatData says where the bytes of a data folder go, also while a server has it open.
func StatData(ctx context.Context, data string) (colstore.FolderStat, error) {
	if err := dataExists(vfs.OS{}, data); err != nil {
		return colstore.FolderStat{}, err
	}
	return colstore.Stat(ctx, vfs.OS{}, tracesDir(data))
}

// Repair takes damaged parts out of a data folder that no server has open.
func Repair(ctx context.Context, data string) (colstore.RepairReport, error) {
	if err := dataExists(vfs.OS{}, data); err != nil {
		return colstore.RepairReport{}, err
	}
	return colstore.Repair(ctx, colstore.Config{FS: vfs.OS{}, Dir: tracesDir(data)})
}

// Backup makes to a copy of a data folder, also while a server writes to it. The log is
// copied first: what is trimmed from it later is in a part that is named later.
func Backup(ctx context.Context, data, to string, progress colstore.Progress) error {
	fsys := vfs.OS{}
	if err := dataExists(fsys, data); err != nil {
		return err
	}
	if entries, err := fsys.ReadDir(to); err == nil && len(entries) > 0 {
		return fmt.Errorf("back up to %s: the folder is not empty", to)
	}
	if err := copyLog(fsys, logDir(data), logDir(to)); err != nil {
		return fmt.Errorf("back up the log of %s: %w", data, err)
	}
	if err := colstore.Backup(ctx, fsys, tracesDir(data), tracesDir(to), progress); err != nil {
		return err
	}
	if err := backupState(ctx, stateFile(data), stateFile(to)); err != nil {
		return fmt.Errorf("back up the state of %s: %w", data, err)
	}
	return fsys.SyncDir(to)
}

// Restore makes data a data folder from a backup.
func Restore(ctx context.Context, backup, data string, progress colstore.Progress) error {
	fsys := vfs.OS{}
	if err := dataExists(fsys, backup); err != nil {
		return err
	}
	if entries, err := fsys.ReadDir(data); err == nil && len(entries) > 0 {
		return fmt.Errorf("restore to %s: the folder is not empty", data)
	}
	if err := colstore.Restore(ctx, fsys, tracesDir(backup), tracesDir(data), progress); err != nil {
		return err
	}
	if err := copyLog(fsys, logDir(backup), logDir(data)); err != nil {
		return fmt.Errorf("restore the log of %s: %w", backup, err)
	}
	if _, err := fsys.Stat(stateFile(backup)); err == nil {
		if err := vfs.Copy(fsys, stateFile(backup), stateFile(data)); err != nil {
			return fmt.Errorf("restore the state of %s: %w", backup, err)
		}
	}
	return fsys.SyncDir(data)
}

// copyLog copies the segments of a log that may be written to meanwhile: what is torn at
// the end was not acknowledged when the copy began. A segment that is trimmed away while
// it is copied is in the parts.
func copyLog(fsys vfs.FS, from, to string) error {
	entries, err := fsys.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := fsys.MkdirAll(to); err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || e.Name() == "LOCK" {
			continue
		}
		err := vfs.Copy(fsys, path.Join(from, e.Name()), path.Join(to, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fsys.SyncDir(to)
}
