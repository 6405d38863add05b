package vfs

import (
	"io"
	"io/fs"
	"os"
)

// OS is the machine's file system. The zero value is ready.
type OS struct{}

var _ FS = OS{}

// Create makes or truncates a file for writing.
func (OS) Create(name string) (File, error) {
	// O_APPEND, so that a write after Truncate goes to the new end and leaves no hole.
	return openOS(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND)
}

// Open opens a file for reading.
func (OS) Open(name string) (File, error) { return openOS(name, os.O_RDONLY) }

// OpenWrite opens an existing file for reading and for appending at its end.
func (OS) OpenWrite(name string) (File, error) { return openOS(name, os.O_RDWR|os.O_APPEND) }

func openOS(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o640)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// MkdirAll makes the folder and its missing parents.
func (OS) MkdirAll(name string) error { return os.MkdirAll(name, 0o750) }

// ReadDir lists a folder, sorted by name.
func (OS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// Stat describes a file or folder.
func (OS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Rename replaces newName atomically.
func (OS) Rename(oldName, newName string) error { return os.Rename(oldName, newName) }

// Remove removes a file or an empty folder.
func (OS) Remove(name string) error { return os.Remove(name) }

// RemoveAll removes a folder and what is in it; a missing one is no error.
func (OS) RemoveAll(name string) error { return os.RemoveAll(name) }

// Link makes newName a second name of the file oldName.
func (OS) Link(oldName, newName string) error { return os.Link(oldName, newName) }

// SyncDir makes creations, renames and removals in the folder durable.
func (OS) SyncDir(name string) error { return syncDir(name) }

// Lock takes the lock file name for this process until Close. The file holds the pid and
// stays behind; the lock itself is the kernel's and ends with the process.
func (OS) Lock(name string) (io.Closer, error) { return lockFile(name) }

// Space reports the free (to this user) and total bytes of the disk that holds name.
func (OS) Space(name string) (free, total uint64, err error) { return space(name) }

type osFile struct{ *os.File }

func (f osFile) Sync() error { return fdatasync(f.File) }

func (f osFile) Size() (int64, error) {
	i, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return i.Size(), nil
}
