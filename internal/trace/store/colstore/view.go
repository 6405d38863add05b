package colstore

import (
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// view is what the store holds at one moment. Its lists never change; heads may still
// gain blocks, which a reader that wants a fixed set takes by head.snapshot.
type view struct {
	refs  atomic.Int32
	heads []*head // oldest first; the last one is active
	parts []*livePart
	// copies is what the parts hold twice, once that is known. Its target never changes.
	copies atomic.Pointer[[]partCopies]
}

// livePart is an open part that one or more views name. The last view to let go closes
// it, and removes its folder if it has been replaced.
type livePart struct {
	*part.Part
	manifestPart
	fs      vfs.FS
	dir     string
	refs    atomic.Int32
	doomed  atomic.Bool
	corrupt atomic.Bool // a block did not read since the part was opened
	unread  atomic.Bool // and one that says which names there are
	// copies is which spans larger parts have too, by the name of that part. Guarded by
	// Store.looking.
	copies map[string]*lookedFor
	// tenantBytes is each tenant's share of the part's bytes, as Meta().Tenants orders
	// them; they add up to Meta().Bytes.
	tenantBytes []int64
}

// measure fills tenantBytes: the bytes of a tenant's groups, and of what the part has
// once, as index and footer, as much as it has of the traces.
func (p *livePart) measure() {
	m := p.Meta()
	p.tenantBytes = make([]int64, len(m.Tenants))
	shared := m.Bytes
	for _, g := range p.Groups() {
		if i, ok := p.tenant(g.Tenant()); ok {
			p.tenantBytes[i] += g.Stats().Bytes
			shared -= g.Stats().Bytes
		}
	}
	traces := m.Traces
	for i, t := range m.Tenants {
		if traces > 0 {
			n := int64(float64(shared) * float64(t.Traces) / float64(traces))
			p.tenantBytes[i] += n
			shared, traces = shared-n, traces-t.Traces
		}
	}
}

// tenant is the index of a tenant in Meta().Tenants.
func (p *livePart) tenant(name string) (int, bool) {
	return slices.BinarySearchFunc(p.Meta().Tenants, name, func(t part.TenantMeta, name string) int {
		return strings.Compare(t.Tenant, name)
	})
}

func (p *livePart) release() error {
	if p.refs.Add(-1) > 0 {
		return nil
	}
	err := p.Close()
	if p.doomed.Load() {
		// A crash before this point leaves a folder that MANIFEST does not name; Open removes it.
		if rm := p.fs.RemoveAll(p.dir); err == nil {
			err = rm
		}
	}
	return err
}

// acquire returns the current view; the caller must release it.
func (s *Store) acquire() *view {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.view.refs.Add(1)
	return s.view
}

func (s *Store) release(v *view) {
	if v.refs.Add(-1) > 0 {
		return
	}
	for _, h := range v.heads {
		if h.refs.Add(-1) == 0 {
			s.memories.give(h.headMemory)
			h.headMemory, h.blocks = nil, nil // for whom a view was not enough
		}
	}
	for _, p := range v.parts {
		if err := p.release(); err != nil {
			s.log.Warn("close part", "part", p.Name, "error", err)
		}
	}
}

// publish makes the view of heads and parts current and returns the one before, which the
// caller, who holds s.mu, must release once it has let go of it.
func (s *Store) publish(heads []*head, parts []*livePart) *view {
	next := &view{heads: heads, parts: parts}
	next.refs.Store(1)
	for _, h := range heads {
		h.refs.Add(1)
	}
	for _, p := range parts {
		p.refs.Add(1)
	}
	old := s.view
	s.view = next
	return old
}

// edit is one atomic change of what exists.
type edit struct {
	add, remove []*livePart
	dropHead    *head
	flushed     positions                  // added to the manifest's
	deleted     func(*deleted) []tombstone // replaces the tombstones, if set
}

// commit makes an edit durable and then visible. After an error nothing has changed; if
// it cannot be told whether the change is on disk, the store refuses further writes.
func (s *Store) commit(e edit) error {
	s.manMu.Lock()
	defer s.manMu.Unlock()
	if err := s.broken(); err != nil {
		return err
	}
	next := *s.man
	next.Parts = nil
	gone := func(name string) bool {
		return slices.ContainsFunc(e.remove, func(p *livePart) bool { return p.Name == name })
	}
	for _, p := range s.man.Parts {
		if !gone(p.Name) {
			next.Parts = append(next.Parts, p)
		}
	}
	for _, p := range e.add {
		next.Parts = append(next.Parts, p.manifestPart)
	}
	next.Flushed = s.man.Flushed.union(e.flushed)
	if e.deleted != nil {
		next.Deleted = e.deleted(&s.deleted)
	}
	if err := writeManifest(s.fs, s.cfg.Dir, &next); err != nil {
		if isFull(err) {
			return err // the new manifest was not put in place
		}
		return s.breakWrites("write manifest", err)
	}
	s.man = &next
	s.release(s.show(e, gone))
	return nil
}

// show publishes the view after an edit that is durable.
func (s *Store) show(e edit, gone func(name string) bool) *view {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.deleted != nil {
		s.deleted.replace(s.man.Deleted)
	}
	var heads []*head
	for _, h := range s.view.heads {
		if h != e.dropHead {
			heads = append(heads, h)
		}
	}
	var parts []*livePart
	for _, p := range s.view.parts {
		if !gone(p.Name) {
			parts = append(parts, p)
		}
	}
	parts = append(parts, e.add...)
	slices.SortStableFunc(parts, func(a, b *livePart) int {
		return a.Meta().MinArrival.Compare(b.Meta().MinArrival)
	})
	for _, p := range e.remove {
		p.doomed.Store(true)
	}
	return s.publish(heads, parts)
}

func (s *Store) partDir(name string) string { return path.Join(s.cfg.Dir, "parts", name) }

var _ store.Store = (*Store)(nil)
