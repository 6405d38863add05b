package colstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"syscall"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Progress is called as long work goes on: done of total, in bytes.
type Progress func(done, total int64)

// Backup makes dir a copy of the store as it is after a flush, while writes go on. Files
// are hard links where dir is on the same disk, so that it takes no time and no room;
// else they are copied. dir must be empty or missing.
func (s *Store) Backup(ctx context.Context, dir string, progress Progress) error {
	if entries, err := s.fs.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("back up to %s: the folder is not empty", dir)
	}
	if err := s.Flush(ctx); err != nil {
		return fmt.Errorf("back up to %s: %w", dir, err)
	}
	s.manMu.Lock()
	v := s.acquire()
	man := *s.man
	man.Parts, man.Flushed = slices.Clone(man.Parts), slices.Clone(man.Flushed)
	s.manMu.Unlock()
	defer s.release(v)

	var total, done int64
	for _, p := range v.parts {
		total += p.Meta().Bytes
	}
	if err := s.fs.MkdirAll(path.Join(dir, "parts")); err != nil {
		return fmt.Errorf("back up to %s: %w", dir, err)
	}
	for _, p := range v.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := linkFolder(s.fs, p.dir, path.Join(dir, "parts", p.Name)); err != nil {
			return fmt.Errorf("back up part %s to %s: %w", p.Name, dir, err)
		}
		done += p.Meta().Bytes
		if progress != nil {
			progress(done, total)
		}
	}
	if err := s.fs.SyncDir(path.Join(dir, "parts")); err != nil {
		return fmt.Errorf("back up to %s: %w", dir, err)
	}
	if err := writeManifest(s.fs, dir, &man); err != nil {
		return fmt.Errorf("back up to %s: %w", dir, err)
	}
	return nil
}

// linkFolder makes to a folder with the files of from.
func linkFolder(fsys vfs.FS, from, to string) error {
	if err := fsys.MkdirAll(to); err != nil {
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
			err = copyFile(fsys, src, dst)
		}
		if err != nil {
			return err
		}
	}
	return fsys.SyncDir(to)
}

func copyFile(fsys vfs.FS, from, to string) error {
	src, err := fsys.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	size, err := src.Size()
	if err != nil {
		return err
	}
	dst, err := fsys.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, io.NewSectionReader(src, 0, size)); err != nil {
		return errors.Join(err, dst.Close())
	}
	if err := dst.Sync(); err != nil {
		return errors.Join(err, dst.Close())
	}
	return dst.Close()
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
	if err := fsys.MkdirAll(path.Join(dir, "parts")); err != nil {
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
	// The log that the positions speak of is not part of a backup.
	man.Flushed = nil
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
