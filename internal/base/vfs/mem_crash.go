package vfs

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// Crash is what a power cut now would leave: file content as of the last Sync, names as
// of the last SyncDir of their folder, no locks. The file system itself goes on, so a
// writer that has not noticed the crash changes nothing in the copy.
func (m *Mem) Crash() *Mem { return m.crash(nil) }

// CrashTorn is a power cut that also kept some of what was not synced, as disks do: of
// each folder the first few changes since its SyncDir, of each file some of the bytes
// since its Sync, perhaps with a hole of zeros, or what stood there before a truncation.
// The same seed keeps the same.
func (m *Mem) CrashTorn(seed uint64) *Mem {
	return m.crash(rand.New(rand.NewPCG(seed, 0)))
}

// Clone is the file system as it is, all of it durable: what a restart of the process
// without a crash of the machine leaves (kill -9).
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := crasher{seen: map[*inode]*inode{}, all: true}
	return c.finish(m)
}

func (m *Mem) crash(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := crasher{rng: rng, seen: map[*inode]*inode{}}
	return c.finish(m)
}

// crasher copies what survives. seen keeps hard links together.
type crasher struct {
	rng  *rand.Rand // nil: nothing unsynced survives
	all  bool       // everything survives
	seen map[*inode]*inode
	used int64
}

func (c *crasher) finish(m *Mem) *Mem {
	root := c.inode(m.root)
	return &Mem{root: root, locks: map[string]bool{}, capacity: m.capacity, used: c.used}
}

func (c *crasher) inode(n *inode) *inode {
	if o := c.seen[n]; o != nil {
		o.links++
		return o
	}
	o := &inode{links: 1, changed: time.Now()}
	c.seen[n] = o
	if !n.isDir() {
		o.data = slices.Clip(bytes.Clone(c.content(n)))
		o.synced = o.data
		c.used += int64(len(o.data))
		return o
	}
	o.children = map[string]*inode{}
	names := c.names(n)
	for _, k := range slices.Sorted(maps.Keys(names)) {
		o.children[k] = c.inode(names[k])
	}
	o.durable = maps.Clone(o.children)
	return o
}

func (c *crasher) names(n *inode) map[string]*inode {
	if c.all {
		return n.children
	}
	if c.rng == nil || len(n.pending) == 0 {
		return n.durable
	}
	names := maps.Clone(n.durable)
	for _, change := range n.pending[:c.rng.IntN(len(n.pending)+1)] {
		apply(names, change)
	}
	return names
}

func (c *crasher) content(n *inode) []byte {
	if c.all {
		return n.data
	}
	if c.rng == nil {
		return n.synced
	}
	if n.cut != nil { // truncated or made anew since
		return [][]byte{n.synced, n.data, n.cut, n.data[:c.rng.IntN(len(n.data)+1)]}[c.rng.IntN(4)]
	}
	fresh := len(n.data) - len(n.synced)
	if fresh == 0 {
		return n.data
	}
	keep := n.data[:len(n.synced)+c.rng.IntN(fresh+1)]
	if c.rng.IntN(3) == 0 && len(keep) > len(n.synced) {
		keep = bytes.Clone(keep) // the size reached the disk, some pages did not
		from := len(n.synced) + c.rng.IntN(len(keep)-len(n.synced))
		clear(keep[from:min(len(keep), from+1+c.rng.IntN(4096))])
	}
	return keep
}
