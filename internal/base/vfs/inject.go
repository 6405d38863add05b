package vfs

import (
	"io"
	"io/fs"
	"sync"
)

// OpKind says what an operation does.
type OpKind uint8

// The operations an Inject sees. Those from OpCreate on change the disk and are counted;
// the reading ones before it are shown to the hook with N = 0.
const (
	OpOpen OpKind = iota
	OpRead
	OpReadDir
	OpStat
	OpSpace
	OpCreate
	OpOpenWrite
	OpMkdir
	OpRename
	OpRemove
	OpRemoveAll
	OpLink
	OpSyncDir
	OpLock
	OpWrite
	OpSync
	OpTruncate
	OpClose // of a file open for writing
)

var opNames = [...]string{
	"open", "read", "readdir", "stat", "space", "create", "openwrite", "mkdir", "rename", "remove",
	"removeall", "link", "syncdir", "lock", "write", "sync", "truncate", "close",
}

// String is the name of the operation in lower case.
func (k OpKind) String() string { return opNames[k] }

// Op is one operation about to be done.
type Op struct {
	N     int // 1 for the first operation that changes the disk
	Kind  OpKind
	Name  string
	Bytes int // of a write
}

// Fault is what happens to an operation. The zero value lets it pass.
type Fault struct {
	Err  error // returned instead of the operation's own
	Done bool  // the operation is done all the same: "stored but reported failed"
	Keep int   // of a write that is not Done: the bytes that are written first
}

// Inject is a file system that counts what is done to another and fails what its hook
// says. The hook runs before the operation, in the goroutine that does it; it may take a
// snapshot (a crash point) or wait (a slow disk). It MUST be safe for concurrent use.
type Inject struct {
	fs FS

	mu   sync.Mutex
	n    int
	hook func(Op) Fault
}

var _ FS = (*Inject)(nil)

// NewInject wraps inner; nothing fails until a hook is set.
func NewInject(inner FS) *Inject { return &Inject{fs: inner} }

// Hook sets what is asked before every operation; nil lets all pass.
func (i *Inject) Hook(hook func(Op) Fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hook = hook
}

// Count is the number of operations so far that change the disk.
func (i *Inject) Count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.n
}

// FailAt fails the n-th changing operation.
func FailAt(n int, f Fault) func(Op) Fault {
	return FailIf(func(op Op) bool { return op.N == n }, f)
}

// FailFrom fails every changing operation from the n-th on.
func FailFrom(n int, f Fault) func(Op) Fault {
	return FailIf(func(op Op) bool { return op.N >= n }, f)
}

// FailIf fails the operations for which is reports true.
func FailIf(is func(Op) bool, f Fault) func(Op) Fault {
	return func(op Op) Fault {
		if is(op) {
			return f
		}
		return Fault{}
	}
}

func (i *Inject) ask(op Op) Fault {
	i.mu.Lock()
	if op.Kind >= OpCreate {
		i.n++
		op.N = i.n
	}
	hook := i.hook
	i.mu.Unlock()
	if hook == nil {
		return Fault{}
	}
	return hook(op)
}

// do runs the operation as its fault says.
func (i *Inject) do(kind OpKind, name string, run func() error) error {
	f := i.ask(Op{Kind: kind, Name: name})
	if f.Err == nil {
		return run()
	}
	if f.Done {
		if err := run(); err != nil {
			return err
		}
	}
	return pathError(kind.String(), name, f.Err)
}

func (i *Inject) file(kind OpKind, name string, open func(string) (File, error)) (File, error) {
	var f File
	err := i.do(kind, name, func() (err error) { f, err = open(name); return err })
	if err != nil {
		if f != nil {
			return nil, joinClose(err, f)
		}
		return nil, err
	}
	return &injectFile{File: f, i: i, name: name, write: kind != OpOpen}, nil
}

// joinClose closes what was opened by an operation that is reported as failed.
func joinClose(err error, c io.Closer) error {
	if cerr := c.Close(); cerr != nil {
		return cerr
	}
	return err
}

// Create makes or truncates a file for writing.
func (i *Inject) Create(name string) (File, error) { return i.file(OpCreate, name, i.fs.Create) }

// Open opens a file for reading.
func (i *Inject) Open(name string) (File, error) { return i.file(OpOpen, name, i.fs.Open) }

// OpenWrite opens an existing file for reading and for appending at its end.
func (i *Inject) OpenWrite(name string) (File, error) {
	return i.file(OpOpenWrite, name, i.fs.OpenWrite)
}

// MkdirAll makes the folder and its missing parents.
func (i *Inject) MkdirAll(name string) error {
	return i.do(OpMkdir, name, func() error { return i.fs.MkdirAll(name) })
}

// ReadDir lists a folder, sorted by name.
func (i *Inject) ReadDir(name string) (out []fs.DirEntry, err error) {
	err = i.do(OpReadDir, name, func() (err error) { out, err = i.fs.ReadDir(name); return err })
	return out, err
}

// Stat describes a file or folder.
func (i *Inject) Stat(name string) (out fs.FileInfo, err error) {
	err = i.do(OpStat, name, func() (err error) { out, err = i.fs.Stat(name); return err })
	return out, err
}

// Rename replaces newName atomically; the hook sees newName.
func (i *Inject) Rename(oldName, newName string) error {
	return i.do(OpRename, newName, func() error { return i.fs.Rename(oldName, newName) })
}

// Remove removes a file or an empty folder.
func (i *Inject) Remove(name string) error {
	return i.do(OpRemove, name, func() error { return i.fs.Remove(name) })
}

// RemoveAll removes a folder and what is in it.
func (i *Inject) RemoveAll(name string) error {
	return i.do(OpRemoveAll, name, func() error { return i.fs.RemoveAll(name) })
}

// Link makes newName a second name of oldName; the hook sees newName.
func (i *Inject) Link(oldName, newName string) error {
	return i.do(OpLink, newName, func() error { return i.fs.Link(oldName, newName) })
}

// SyncDir makes creations, renames and removals in the folder durable.
func (i *Inject) SyncDir(name string) error {
	return i.do(OpSyncDir, name, func() error { return i.fs.SyncDir(name) })
}

// Lock takes the lock file name.
func (i *Inject) Lock(name string) (c io.Closer, err error) {
	err = i.do(OpLock, name, func() (err error) { c, err = i.fs.Lock(name); return err })
	if err != nil && c != nil {
		return nil, joinClose(err, c)
	}
	return c, err
}

// Space reports the free and total bytes of the disk that holds name.
func (i *Inject) Space(name string) (free, total uint64, err error) {
	err = i.do(OpSpace, name, func() (err error) { free, total, err = i.fs.Space(name); return err })
	return free, total, err
}

type injectFile struct {
	File
	i     *Inject
	name  string
	write bool
}

func (f *injectFile) ReadAt(p []byte, off int64) (n int, err error) {
	if fault := f.i.ask(Op{Kind: OpRead, Name: f.name}); fault.Err != nil {
		return 0, pathError("read", f.name, fault.Err)
	}
	return f.File.ReadAt(p, off)
}

func (f *injectFile) Write(p []byte) (int, error) {
	fault := f.i.ask(Op{Kind: OpWrite, Name: f.name, Bytes: len(p)})
	if fault.Err == nil {
		return f.File.Write(p)
	}
	keep := min(fault.Keep, len(p))
	if fault.Done {
		keep = len(p)
	}
	n, err := f.File.Write(p[:keep])
	if err != nil {
		return n, err
	}
	return n, pathError("write", f.name, fault.Err)
}

func (f *injectFile) Truncate(size int64) error {
	return f.i.do(OpTruncate, f.name, func() error { return f.File.Truncate(size) })
}

func (f *injectFile) Sync() error { return f.i.do(OpSync, f.name, f.File.Sync) }

// Close always closes the file, also where it reports a failure.
func (f *injectFile) Close() error {
	if !f.write {
		return f.File.Close()
	}
	fault := f.i.ask(Op{Kind: OpClose, Name: f.name})
	if err := f.File.Close(); err != nil {
		return err
	}
	if fault.Err != nil {
		return pathError("close", f.name, fault.Err)
	}
	return nil
}
