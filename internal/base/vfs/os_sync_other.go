//go:build !linux

package vfs

import "os"

// fdatasync is fsync where there is no lighter call; on macOS Go asks for F_FULLFSYNC.
func fdatasync(f *os.File) error { return f.Sync() }
