package colstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Progress is called as long work goes on: done of total, in parts.
type Progress func(done, total int64)

// Backup makes to a copy of the store in dir, which may be open in any process: it names
// what MANIFEST names at one moment. Files are hard links where to is on the same disk,
// so that it takes no time and no room; else they are copied. to must be empty or
// missing. Records that are only in the log yet are not part of it: copy the log first.
func Backup(ctx context.Context, fsys vfs.FS, dir, to string, progress Progress) error {
	if entries, err := fsys.ReadDir(to); err == nil && len(entries) > 0 {
		return fmt.Errorf("back up to %s: the folder is not empty", to)
	}
	for try := 0; ; try++ {
		err := backupOnce(ctx, fsys, dir, to, progress)
		if err == nil {
			return nil
		}
		// A merge may have replaced a part since MANIFEST was read; the next one names
		// what is there.
		if !errors.Is(err, fs.ErrNotExist) || try == 20 {
			return fmt.Errorf("back up %s to %s: %w", dir, to, err)
		}
		if err := fsys.RemoveAll(to); err != nil {
			return fmt.Errorf("back up %s to %s: %w", dir, to, err)
		}
	}
}

func backupOnce(ctx context.Context, fsys vfs.FS, dir, to string, progress Progress) error {
	man, err := readManifest(fsys, dir)
	if err != nil {
		return err
	}
	if err := vfs.MakeDir(fsys, path.Join(to, "parts")); err != nil {
		return err
	}
	for i, mp := range man.Parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := linkFolder(fsys, path.Join(dir, "parts", mp.Name), path.Join(to, "parts", mp.Name)); err != nil {
			return fmt.Errorf("part %s: %w", mp.Name, err)
		}
		if progress != nil {
			progress(int64(i+1), int64(len(man.Parts)))
		}
	}
	if err := fsys.SyncDir(path.Join(to, "parts")); err != nil {
		return err
	}
	return writeManifest(fsys, to, man)
}

// linkFolder makes to a folder with the files of from.
func linkFolder(fsys vfs.FS, from, to string) error {
	if err := vfs.MakeDir(fsys, to); err != nil {
		return err
	}
	entries, err := fsys.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		src, dst := path.Join(from, e.Name()), path.Join(to, e.Name())
		err := fsys.Link(src, dst)
		if errors.Is(err, syscall.EXDEV) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
			err = vfs.Copy(fsys, src, dst)
		}
		if err != nil {
			return err
		}
	}
	return fsys.SyncDir(to)
}

// Restore makes dir a store from a backup, after it has read every block of it. dir must
// be empty or missing, and no store may be open in it.
func Restore(ctx context.Context, fsys vfs.FS, backup, dir string, progress Progress) error {
	if entries, err := fsys.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("restore to %s: the folder is not empty", dir)
	}
	man, err := readManifest(fsys, backup)
	if err != nil {
		return fmt.Errorf("restore from %s: %w", backup, err)
	}
	report, err := checkFolder(ctx, fsys, backup, man, progress)
	if err != nil {
		return fmt.Errorf("restore from %s: %w", backup, err)
	}
	if len(report.Corrupt) > 0 {
		return fmt.Errorf("restore from %s: %d blocks do not read, the first: %w", backup, len(report.Corrupt), report.Corrupt[0])
	}
	if err := vfs.MakeDir(fsys, path.Join(dir, "parts")); err != nil {
		return fmt.Errorf("restore to %s: %w", dir, err)
	}
	for _, mp := range man.Parts {
		if err := linkFolder(fsys, path.Join(backup, "parts", mp.Name), path.Join(dir, "parts", mp.Name)); err != nil {
			return fmt.Errorf("restore part %s to %s: %w", mp.Name, dir, err)
		}
	}
	if err := fsys.SyncDir(path.Join(dir, "parts")); err != nil {
		return fmt.Errorf("restore to %s: %w", dir, err)
	}
	return writeManifest(fsys, dir, man)
}

// CheckReport says what a check of every block found.
type CheckReport struct {
	Parts, Blocks int
	Spans         int64
	Corrupt       []error // *store.CorruptError
}

// Check reads every block of a store's folder, which need not be open, or may be.
func Check(ctx context.Context, fsys vfs.FS, dir string, progress Progress) (CheckReport, error) {
	man, err := readManifest(fsys, dir)
	if err != nil {
		return CheckReport{}, fmt.Errorf("check store %s: %w", dir, err)
	}
	return checkFolder(ctx, fsys, dir, man, progress)
}

func checkFolder(ctx context.Context, fsys vfs.FS, dir string, man *manifest, progress Progress) (CheckReport, error) {
	var report CheckReport
	cache := part.NewCache(8 << 20)
	for i, mp := range man.Parts {
		p, err := part.Open(fsys, path.Join(dir, "parts", mp.Name), cache)
		var version *part.VersionError
		if errors.As(err, &version) { // it is not damaged
			return report, fmt.Errorf("check part %s: %w", mp.Name, err)
		}
		if err != nil {
			report.Corrupt = append(report.Corrupt, fmt.Errorf("open part %s: %w", mp.Name, err))
			continue
		}
		report.Parts++
		report.Spans += p.Meta().Spans
		blocks, corrupt, err := p.Check(ctx)
		err = errors.Join(err, p.Close())
		if err != nil {
			return report, fmt.Errorf("check part %s: %w", mp.Name, err)
		}
		report.Blocks += blocks
		for _, c := range corrupt {
			report.Corrupt = append(report.Corrupt, c)
		}
		if progress != nil {
			progress(int64(i+1), int64(len(man.Parts)))
		}
	}
	return report, nil
}
