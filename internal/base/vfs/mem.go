package vfs

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is a file system in memory that knows what a power cut would leave of it: Crash
// returns that. It is as forgetful as the contract of FS allows: a name is durable only
// after SyncDir of its folder, content only after File.Sync, and neither implies the
// other. Every folder made must be made durable in its parent.
//
// Names are taken relative to one root; "a", "/a" and "./a" are the same.
type Mem struct {
	mu       sync.Mutex
	root     *inode
	locks    map[string]bool
	capacity int64 // bytes of file content, 0: no limit
	used     int64 // bytes of content of all files ever made and still named or not
}

var _ FS = (*Mem)(nil)

// NewMem is an empty file system without a size limit.
func NewMem() *Mem {
	return &Mem{root: newDir(), locks: map[string]bool{}}
}

// inode is a file or folder. Guarded by Mem.mu.
type inode struct {
	links   int
	changed time.Time

	// Of a file. data and synced may share memory: bytes below len(synced) are never
	// written in place. cut is what a truncation since the last sync took away with it;
	// the disk may have it already.
	data, synced, cut []byte

	// Of a folder; nil for a file. pending holds the changes since durable was taken, in
	// order, each atomic.
	children, durable map[string]*inode
	pending           []dirChange
}

// dirChange is one atomic change of a folder: names and what they mean after it, nil for
// a name that is gone.
type dirChange map[string]*inode

func newDir() *inode {
	return &inode{links: 1, changed: time.Now(), children: map[string]*inode{}, durable: map[string]*inode{}}
}

func (n *inode) isDir() bool { return n.children != nil }

func (n *inode) change(c dirChange) {
	apply(n.children, c)
	n.pending = append(n.pending, c)
	n.changed = time.Now()
}

func apply(names map[string]*inode, c dirChange) {
	for name, n := range c {
		if n == nil {
			delete(names, name)
		} else {
			names[name] = n
		}
	}
}

// SetCapacity limits the bytes of content all files hold together; a write over it keeps
// what fits and fails with ENOSPC. 0 takes the limit away.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// Create makes or truncates a file for writing.
func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("create", name)
	if err != nil {
		return nil, err
	}
	n := dir.children[base]
	switch {
	case n == nil:
		n = &inode{links: 1, changed: time.Now()}
		dir.change(dirChange{base: n})
	case n.isDir():
		return nil, pathError("create", name, syscall.EISDIR)
	default:
		m.truncate(n, 0)
	}
	return &memFile{fs: m, n: n, name: name, write: true}, nil
}

// Open opens a file for reading.
func (m *Mem) Open(name string) (File, error) { return m.open(name, false) }

// OpenWrite opens an existing file for reading and for appending at its end.
func (m *Mem) OpenWrite(name string) (File, error) { return m.open(name, true) }

func (m *Mem) open(name string, write bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.isDir() {
		return nil, pathError("open", name, syscall.EISDIR)
	}
	return &memFile{fs: m, n: n, name: name, write: write}, nil
}

// MkdirAll makes the folder and its missing parents.
func (m *Mem) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir := m.root
	for _, part := range split(name) {
		n := dir.children[part]
		if n == nil {
			n = newDir()
			dir.change(dirChange{part: n})
		} else if !n.isDir() {
			return pathError("mkdir", name, syscall.ENOTDIR)
		}
		dir = n
	}
	return nil
}

// ReadDir lists a folder, sorted by name.
func (m *Mem) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.isDir() {
		return nil, pathError("readdir", name, syscall.ENOTDIR)
	}
	var out []fs.DirEntry
	for _, k := range slices.Sorted(maps.Keys(n.children)) {
		out = append(out, fs.FileInfoToDirEntry(infoOf(k, n.children[k])))
	}
	return out, nil
}

// Stat describes a file or folder.
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("stat", name)
	if err != nil {
		return nil, err
	}
	return infoOf(path.Base(clean(name)), n), nil
}

// Rename replaces newName atomically. Within one folder a crash sees it whole or not at
// all; between two folders each forgets its half on its own.
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, fromBase, err := m.parent("rename", oldName)
	if err != nil {
		return err
	}
	to, toBase, err := m.parent("rename", newName)
	if err != nil {
		return err
	}
	n := from.children[fromBase]
	if n == nil {
		return pathError("rename", oldName, syscall.ENOENT)
	}
	if old := to.children[toBase]; old == n {
		return nil
	} else if old != nil {
		if old.isDir() && (!n.isDir() || len(old.children) > 0) {
			return pathError("rename", newName, syscall.EEXIST)
		}
		m.unlink(old)
	}
	if from == to {
		from.change(dirChange{fromBase: nil, toBase: n})
		return nil
	}
	to.change(dirChange{toBase: n})
	from.change(dirChange{fromBase: nil})
	return nil
}

// Remove removes a file or an empty folder.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("remove", name)
	if err != nil {
		return err
	}
	n := dir.children[base]
	if n == nil {
		return pathError("remove", name, syscall.ENOENT)
	}
	if len(n.children) > 0 {
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	m.unlink(n)
	dir.change(dirChange{base: nil})
	return nil
}

// RemoveAll removes a folder and what is in it; a missing one is no error.
func (m *Mem) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("remove", name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if n := dir.children[base]; n != nil {
		m.removeTree(n)
		dir.change(dirChange{base: nil})
	}
	return nil
}

func (m *Mem) removeTree(n *inode) {
	for _, k := range slices.Sorted(maps.Keys(n.children)) {
		m.removeTree(n.children[k])
		n.change(dirChange{k: nil})
	}
	m.unlink(n)
}

func (m *Mem) unlink(n *inode) {
	if n.links--; n.links == 0 {
		m.used -= int64(len(n.data))
	}
}

// Link makes newName a second name of the file oldName.
func (m *Mem) Link(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("link", oldName)
	if err != nil {
		return err
	}
	dir, base, err := m.parent("link", newName)
	if err != nil {
		return err
	}
	if n.isDir() {
		return pathError("link", oldName, syscall.EPERM)
	}
	if dir.children[base] != nil {
		return pathError("link", newName, syscall.EEXIST)
	}
	n.links++
	dir.change(dirChange{base: n})
	return nil
}

// SyncDir makes creations, renames and removals in the folder durable.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find("syncdir", name)
	if err != nil {
		return err
	}
	if !n.isDir() {
		return pathError("syncdir", name, syscall.ENOTDIR)
	}
	n.durable, n.pending = maps.Clone(n.children), nil
	return nil
}

// Lock takes the lock name until Close or a crash.
func (m *Mem) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, _, err := m.parent("lock", name); err != nil {
		return nil, err
	}
	name = clean(name)
	if m.locks[name] {
		return nil, &LockedError{Name: name}
	}
	m.locks[name] = true
	return &memLock{fs: m, name: name}, nil
}

type memLock struct {
	fs   *Mem
	name string
}

func (l *memLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	if !l.fs.locks[l.name] {
		return fs.ErrClosed
	}
	delete(l.fs.locks, l.name)
	return nil
}

// Space reports the capacity; without one, a disk of 1 TiB.
func (m *Mem) Space(string) (free, total uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size := m.capacity
	if size == 0 {
		size = 1 << 40
	}
	return uint64(max(0, size-m.used)), uint64(size), nil
}

func (m *Mem) find(op, name string) (*inode, error) {
	n := m.root
	for _, part := range split(name) {
		if !n.isDir() {
			return nil, pathError(op, name, syscall.ENOTDIR)
		}
		if n = n.children[part]; n == nil {
			return nil, pathError(op, name, syscall.ENOENT)
		}
	}
	return n, nil
}

func (m *Mem) parent(op, name string) (dir *inode, base string, err error) {
	name = clean(name)
	if name == "/" {
		return nil, "", pathError(op, name, syscall.EINVAL)
	}
	dir, err = m.find(op, path.Dir(name))
	if err == nil && !dir.isDir() {
		err = pathError(op, name, syscall.ENOTDIR)
	}
	return dir, path.Base(name), err
}

func clean(name string) string { return path.Clean("/" + name) }

func split(name string) []string {
	return strings.FieldsFunc(clean(name), func(r rune) bool { return r == '/' })
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
