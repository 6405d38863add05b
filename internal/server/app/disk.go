package app

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/weft-dev/weft/internal/base/vfs"
)

// diskCap is the configured cap, or the smaller of 50 GB and half of what is free or held
// by traces already, so that it does not shrink as traces come in.
func diskCap(fsys vfs.FS, cfg Config) (int64, error) {
	if cfg.DiskCap > 0 {
		return int64(cfg.DiskCap), nil
	}
	free, _, err := fsys.Space(cfg.Data)
	if err != nil {
		return 0, err
	}
	used, err := folderBytes(tracesDir(cfg.Data))
	if err != nil {
		return 0, err
	}
	return min(50e9, (int64(free)+used)/2), nil
}

// folderBytes sums up the files below a folder that may not be there yet.
func folderBytes(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return sum, err
}
