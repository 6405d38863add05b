package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: NTFS journals names by itself and folders cannot be flushed.
func syncDir(string) error { return nil }

func space(name string) (free, total uint64, err error) {
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, 0, err
	}
	if err := windows.GetDiskFreeSpaceEx(p, &free, &total, nil); err != nil {
		return 0, 0, &fs.PathError{Op: "space", Path: name, Err: err}
	}
	return free, total, nil
}

// lockFile locks one byte far behind the end, so that others may still read the file.
func lockFile(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	at := windows.Overlapped{OffsetHigh: 1}
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if err == nil {
		return f, nil
	}
	defer f.Close()
	if !errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	return nil, &LockedError{Name: name}
}
