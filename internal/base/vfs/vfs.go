// Package vfs is the file system as an interface, so that tests can own it: the real one
// (OS), one in memory that forgets unsynced data at a crash (Mem), and a wrapper that
// fails chosen operations (Inject).
//
// Everything durable that Weft writes goes through an FS; a test of package tidy bans
// os file calls elsewhere. Names are slash-separated paths as for package os.
package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"time"
)

// FS is a file system. Methods are safe for concurrent use. Errors satisfy errors.Is with
// fs.ErrNotExist, fs.ErrExist, and syscall.ENOSPC for a full disk.
type FS interface {
	// Create makes or truncates a file for writing. The name is durable only after
	// SyncDir of its folder, the content only after File.Sync.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenWrite opens an existing file for reading and for appending at its end.
	OpenWrite(name string) (File, error)
	MkdirAll(name string) error
	// ReadDir lists a folder, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// Rename replaces newName atomically; durable after SyncDir of both folders.
	Rename(oldName, newName string) error
	Remove(name string) error
	RemoveAll(name string) error
	// Link makes newName a second name of the file oldName (a hard link).
	Link(oldName, newName string) error
	// SyncDir makes creations, renames and removals in the folder durable.
	SyncDir(name string) error
	// Lock takes the lock file name for this process until Close. Where another process
	// holds it, the error is a *LockedError.
	Lock(name string) (io.Closer, error)
	// Space reports the free and total bytes of the disk that holds name.
	Space(name string) (free, total uint64, err error)
}

// File is an open file. ReadAt may be called concurrently; writes need one owner.
type File interface {
	io.ReaderAt
	io.Writer // appends
	io.Closer
	// Sync makes all written bytes durable (fdatasync). After an error the file must not
	// be written again: the kernel may have dropped the pages it could not write.
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
}

// LockedError says who holds a lock.
type LockedError struct {
	Name  string
	PID   int // 0 if unknown
	Since time.Time
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return "lock " + e.Name + ": in use by another process"
	}
	return fmt.Sprintf("lock %s: in use by pid %d", e.Name, e.PID)
}
