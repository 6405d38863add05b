package vfs

import (
	"errors"
	"io/fs"
	"path"
)

// MakeDir makes the folder and its missing parents, each of them durable. A folder that
// is there may have been made just before a crash, so its name is made durable too.
func MakeDir(fsys FS, name string) error {
	name = path.Clean(name)
	parent := path.Dir(name)
	if parent == name {
		return nil
	}
	_, err := fsys.Stat(name)
	switch {
	case err == nil:
		// Who may not read the parent has not made the folder.
		if err := fsys.SyncDir(parent); !errors.Is(err, fs.ErrPermission) {
			return err
		}
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := MakeDir(fsys, parent); err != nil {
		return err
	}
	if err := fsys.MkdirAll(name); err != nil {
		return err
	}
	return fsys.SyncDir(parent)
}
