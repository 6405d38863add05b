package part

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"sort"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/span"
)

// Part is an open part.
type Part struct {
	file      *file
	cache     *Cache
	meta      Meta
	groups    []*Group
	schemas   []schemaRefs
	pages     int
	index     []indexBlock
	indexRef  blockRef
	footerRef blockRef
	digests   blockRef
}

// Open opens the part in dir. Tables of row groups go through cache. Errors:
// *store.CorruptError if the footer does not read, *VersionError if another Weft wrote it.
func Open(fs vfs.FS, dir string, cache *Cache) (*Part, error) {
	name := path.Join(dir, fileName)
	f, err := fs.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open part: %w", err)
	}
	return openFile(&file{File: f, name: name}, cache)
}

// openFile takes over f.
func openFile(f *file, cache *Cache) (*Part, error) {
	p := &Part{file: f, cache: cache}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

func (p *Part) open() error {
	f := p.file
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("open part: %w", err)
	}
	if f.size = size; size < headerSize+trailerSize {
		return f.corrupt(0, "file too short")
	}
	head, err := f.read(nil, 0, headerSize)
	if err != nil {
		return err
	}
	if string(head[:len(fileMagic)]) != fileMagic || binary.LittleEndian.Uint32(head[12:]) != 0 {
		return f.corrupt(0, "not a part")
	}
	version := int(binary.LittleEndian.Uint32(head[8:]))
	if version < firstVersion || version > Version {
		return &VersionError{f.name, version, Version}
	}
	tail, err := f.read(nil, size-trailerSize, trailerSize)
	if err != nil {
		return err
	}
	ref, reason := readTrailer(tail, f.unchecked)
	if reason != "" {
		return f.corrupt(size-trailerSize, reason)
	}
	b, err := f.block(p.cache.dec, ref)
	if err != nil {
		return err
	}
	r := reader{b: b}
	foot := readFooter(&r)
	if r.bad != "" {
		return f.corrupt(ref.off, "footer: "+r.bad)
	}
	p.footerRef, p.indexRef, p.digests = ref, foot.index, foot.digests
	p.meta, p.schemas = foot.Meta, foot.schemas
	p.meta.Version, p.meta.Bytes = version, size
	for i := range foot.groups {
		p.groups = append(p.groups, &Group{part: p, index: i, meta: &foot.groups[i], firstPage: p.pages})
		p.pages += foot.groups[i].pages
	}
	return p.openIndex()
}

func (p *Part) readSchema(ref blockRef) (*schema, error) {
	b, err := p.file.block(p.cache.dec, ref)
	if err != nil {
		return nil, err
	}
	r := reader{b: b}
	s := readSchema(&r)
	if r.bad != "" {
		return nil, p.file.corrupt(ref.off, "schema: "+r.bad)
	}
	return s, nil
}

func (p *Part) openIndex() error {
	b, err := p.file.block(p.cache.dec, p.indexRef)
	if err != nil {
		return err
	}
	r := reader{b: b}
	p.index = readIndexRoot(&r)
	if r.bad != "" {
		return p.file.corrupt(p.indexRef.off, "trace index: "+r.bad)
	}
	return nil
}

// Close closes the file.
func (p *Part) Close() error {
	p.cache.drop(p)
	if err := p.file.Close(); err != nil {
		return fmt.Errorf("close part: %w", err)
	}
	return nil
}

// Through is the part with another cache, for a reader that would push out what others use
// again. Only p is closed, and not before the last read through either.
func (p *Part) Through(c *Cache) *Part {
	out := *p
	out.cache, out.groups = c, make([]*Group, len(p.groups))
	for i, g := range p.groups {
		out.groups[i] = &Group{part: &out, index: g.index, meta: g.meta, firstPage: g.firstPage}
	}
	return &out
}

// Meta describes the part; the caller must not change it.
func (p *Part) Meta() *Meta { return &p.meta }

// Digests is what Options.Digests was.
func (p *Part) Digests() ([]ArrivedDigest, error) {
	b, err := p.file.block(p.cache.dec, p.digests)
	if err != nil {
		return nil, err
	}
	r := reader{b: b}
	out := readDigests(&r)
	if r.bad != "" {
		return nil, p.file.corrupt(p.digests.off, "digests: "+r.bad)
	}
	return out, nil
}

// Groups is the row groups in order: by tenant, then by start of their traces.
func (p *Part) Groups() []*Group { return p.groups }

// NumPages is how many pages the part has.
func (p *Part) NumPages() int { return p.pages }

// Page is the page with that number in the part; Loc.Page is one.
func (p *Part) Page(n int) (Page, error) {
	i := sort.Search(len(p.groups), func(i int) bool { return p.groups[i].firstPage > n }) - 1
	pages, err := p.groups[i].Pages()
	if err != nil {
		return Page{}, err
	}
	return pages[n-p.groups[i].firstPage], nil
}

// Loc is where a trace lies in a part.
type Loc struct {
	Page  int // counted through the part
	Entry int // index in that page's directory
	Pages int // pages the trace takes, 1 for nearly all
}

// Lookup finds a trace; false if the part has none of its spans. An unknown id costs one
// read of the index at most, and in one of a million cases that of a directory.
func (p *Part) Lookup(tenant string, id span.TraceID) (Loc, bool, error) {
	hash := indexHash(tenant, id)
	var some [4]indexEntry
	for _, blk := range indexBlocksOf(p.index, hash) {
		entries, err := p.indexEntries(some[:0], blk, hash)
		if err != nil {
			return Loc{}, false, err
		}
		for _, e := range entries {
			pg, err := p.Page(int(e.page))
			if err != nil {
				return Loc{}, false, err
			}
			if pg.group.Tenant() != tenant {
				continue
			}
			if i, err := pg.find(id); err != nil || i >= 0 {
				return Loc{Page: int(e.page), Entry: i, Pages: int(e.pages)}, err == nil, err
			}
		}
	}
	return Loc{}, false, nil
}

// indexMemory is of *buffers that blocks of indexes are read into.
var indexMemory = sync.Pool{New: func() any { return &buffers{} }}

// indexEntries appends the entries of a block that have the hash.
func (p *Part) indexEntries(dst []indexEntry, blk indexBlock, hash uint64) ([]indexEntry, error) {
	m := indexMemory.Get().(*buffers)
	defer indexMemory.Put(m)
	m.used = 0
	r, err := p.readIndexBlock(m, blk)
	if err != nil {
		return nil, err
	}
	dst = findInIndexBlock(dst, &r, blk.first, hash, p.pages)
	return dst, p.indexError(&r, blk)
}

func (p *Part) indexBlock(blk indexBlock) ([]indexEntry, error) {
	r, err := p.readIndexBlock(nil, blk)
	if err != nil {
		return nil, err
	}
	entries := readIndexBlock(&r, blk.first, p.pages)
	return entries, p.indexError(&r, blk)
}

func (p *Part) readIndexBlock(m *buffers, blk indexBlock) (reader, error) {
	b, err := p.file.read(m, blk.off, int64(blk.size))
	if err == nil && uint32(xxh3.Hash(b)) != blk.sum && !p.file.unchecked {
		err = p.file.corrupt(blk.off, "checksum mismatch in the trace index")
	}
	return reader{b: b}, err
}

func (p *Part) indexError(r *reader, blk indexBlock) error {
	if r.bad == "" {
		return nil
	}
	return p.file.corrupt(blk.off, "trace index: "+r.bad)
}

// piece is a page of the trace at l and the trace's entry there.
func (p *Part) piece(l Loc, n int) (pg Page, entry int, err error) {
	pg, err = p.Page(l.Page + n)
	if n == 0 {
		entry = l.Entry
	}
	return pg, entry, err
}

// Entry sums up the trace at l, over all its pages.
func (p *Part) Entry(l Loc) (TraceEntry, error) {
	var sum TraceEntry
	for n := range l.Pages {
		pg, entry, err := p.piece(l, n)
		if err != nil {
			return TraceEntry{}, err
		}
		dir, err := pg.Directory()
		if err != nil {
			return TraceEntry{}, err
		}
		if err := pg.checkPiece(dir, entry, n, sum.ID); err != nil {
			return TraceEntry{}, err
		}
		if n == 0 {
			sum = dir[entry]
		} else {
			sum = MergeSummaries(sum, dir[entry])
		}
	}
	return sum, nil
}

// ReadTrace is the spans of the trace at l, in the order they were written.
func (p *Part) ReadTrace(ctx context.Context, l Loc) (*span.Batch, error) {
	var w span.Builder
	var id span.TraceID
	for n := range l.Pages {
		pg, entry, err := p.piece(l, n)
		if err != nil {
			return nil, err
		}
		b, dir, err := pg.readOnce(ctx, All(), entry)
		if err != nil {
			return nil, err
		}
		if err := pg.checkPiece(dir, entry, n, id); err != nil {
			return nil, err
		}
		if l.Pages == 1 {
			return b, nil
		}
		id = dir[entry].ID
		for k := range b.Spans {
			w.Append(b, k)
		}
	}
	return w.Batch(), nil
}
