package vfs

import (
	"io"
	"io/fs"
	"syscall"
	"time"
)

// memFile is an open file of a Mem. It stays usable when its name is gone, and after a
// crash, without effect on what the crash left.
type memFile struct {
	fs     *Mem
	n      *inode
	name   string
	write  bool
	closed bool // guarded by fs.mu
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return 0, pathError("read", f.name, fs.ErrClosed)
	}
	if off < 0 {
		return 0, pathError("read", f.name, syscall.EINVAL)
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.writable("write"); err != nil {
		return 0, err
	}
	var err error
	if c := f.fs.capacity; c > 0 && int64(len(p)) > c-f.fs.used {
		p, err = p[:max(0, c-f.fs.used)], pathError("write", f.name, syscall.ENOSPC)
	}
	f.n.data = append(f.n.data, p...)
	f.n.changed = time.Now()
	f.fs.used += int64(len(p))
	return len(p), err
}

func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.writable("truncate"); err != nil {
		return err
	}
	if size < 0 {
		return pathError("truncate", f.name, syscall.EINVAL)
	}
	f.fs.truncate(f.n, size)
	return nil
}

// truncate copies what stays, because the synced bytes may share its memory.
func (m *Mem) truncate(n *inode, size int64) {
	m.used += size - int64(len(n.data))
	if len(n.data) > len(n.cut) {
		n.cut = n.data
	}
	data := make([]byte, size)
	copy(data, n.data)
	n.data = data
	n.changed = time.Now()
}

func (f *memFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return pathError("sync", f.name, fs.ErrClosed)
	}
	f.n.synced, f.n.cut = f.n.data, nil
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return 0, pathError("stat", f.name, fs.ErrClosed)
	}
	return int64(len(f.n.data)), nil
}

func (f *memFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	return nil
}

func (f *memFile) writable(op string) error {
	if f.closed {
		return pathError(op, f.name, fs.ErrClosed)
	}
	if !f.write {
		return pathError(op, f.name, syscall.EBADF)
	}
	return nil
}

type memInfo struct {
	name string
	size int64
	mode fs.FileMode
	mod  time.Time
}

func infoOf(name string, n *inode) memInfo {
	i := memInfo{name: name, size: int64(len(n.data)), mode: 0o640, mod: n.changed}
	if n.isDir() {
		i.mode = fs.ModeDir | 0o750
	}
	return i
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return i.mod }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return nil }
