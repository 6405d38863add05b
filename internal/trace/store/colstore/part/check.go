package part

import (
	"bytes"
	"context"
	"errors"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Check reads and decodes everything. It returns the number of blocks and pages read, what
// is damaged, and an error only if it could not go on.
func (p *Part) Check(ctx context.Context) (blocks int, corrupt []*store.CorruptError, err error) {
	c := &checker{p: p, ctx: ctx, scan: NewScan(All())}
	c.run()
	return c.blocks, c.corrupt, c.err
}

type checker struct {
	p       *Part
	ctx     context.Context
	blocks  int
	corrupt []*store.CorruptError
	err     error

	end     int64 // of what was read so far: blocks lie one behind the other
	entries int64 // of the index
	traces  int64 // in directories
	seen    map[indexKey]bool
	codes   []map[string]pageCode // of the services of each page of the group; nil: it did not read
	scan    *Scan
}

// indexKey is an entry of the index that a directory may need.
type indexKey struct {
	hash uint64
	page uint32
}

// ok takes in the result of reading a block; false if there is nothing to go on with.
func (c *checker) ok(err error) bool {
	if c.err != nil {
		return false
	}
	if err == nil {
		c.blocks++
		return true
	}
	var bad *store.CorruptError
	if errors.As(err, &bad) {
		c.corrupt = append(c.corrupt, bad)
	} else {
		c.err = err
	}
	return false
}

func (c *checker) wrong(off int64, reason string) {
	c.corrupt = append(c.corrupt, c.p.file.corrupt(off, reason))
}

// place demands that the next block begins where the one before ended: no byte of the file
// is outside the blocks.
func (c *checker) place(off, size int64) {
	if off != c.end {
		c.wrong(c.end, "bytes that belong to no block")
	}
	c.end = off + size
}

func (c *checker) run() {
	c.end = headerSize
	c.index()
	for i, g := range c.p.groups {
		if c.err != nil {
			return
		}
		c.group(g)
		if i == len(c.p.groups)-1 || c.p.groups[i+1].meta.schema != g.meta.schema {
			c.schema(c.p.schemas[g.meta.schema])
		}
	}
	if c.err != nil {
		return
	}
	_, err := c.p.Digests()
	c.ok(err)
	c.place(c.p.digests.off, c.p.digests.stored)
	for _, b := range c.p.index {
		c.place(b.off, int64(b.size))
	}
	c.place(c.p.indexRef.off, c.p.indexRef.stored)
	c.place(c.p.footerRef.off, c.p.footerRef.stored)
	c.place(c.p.file.size-trailerSize, trailerSize)
	if len(c.corrupt) > 0 {
		return // the counts follow
	}
	if c.traces != c.p.meta.Traces || c.entries != c.p.meta.Traces {
		c.wrong(c.p.footerRef.off, "traces of pages, index and footer differ in number")
	}
}

func (c *checker) index() {
	c.seen = map[indexKey]bool{}
	for _, b := range c.p.index {
		entries, err := c.p.indexBlock(b)
		if !c.ok(err) {
			continue
		}
		c.entries += int64(len(entries))
		for _, e := range entries {
			c.seen[indexKey{e.hash, e.page}] = true
		}
	}
}

func (c *checker) group(g *Group) {
	t, err := g.tables()
	haveTables := c.ok(err)
	pages, err := g.Pages()
	if !c.ok(err) || !haveTables {
		c.end = g.meta.off + g.meta.stats.Bytes // what lies where is not known
		return
	}
	c.codes = make([]map[string]pageCode, len(pages))
	for _, pg := range pages {
		c.place(pg.off, pg.table[pg.index].length)
		if c.err == nil {
			c.page(g, pg)
		}
	}
	for i := range t.columns {
		col := &t.columns[i]
		if !col.filter.isZero() {
			_, err := g.filters(col.id, col.filter)
			c.ok(err)
			c.place(col.filter.off, col.filter.stored)
		}
		if !col.patterns.isZero() {
			_, err := g.patterns(col.id, col.patterns)
			c.ok(err)
			c.place(col.patterns.off, col.patterns.stored)
		}
	}
	c.place(g.meta.tables.off, g.meta.tables.stored)
	if o, err := g.outline(); c.ok(err) {
		c.outline(g, t, o)
	}
	c.place(g.meta.outline.off, g.meta.outline.stored)
	c.place(g.meta.pageTable.off, g.meta.pageTable.stored)
}

func (c *checker) schema(refs schemaRefs) {
	for _, ref := range refs {
		if c.err == nil && !ref.isZero() {
			_, err := c.p.readSchema(ref)
			c.ok(err)
			c.place(ref.off, ref.stored)
		}
	}
}

func (c *checker) outline(g *Group, t *tables, o *outline) {
	want := newOutline(t, nil)
	want.services = o.services
	if !bytes.Equal(o.append(nil), want.append(nil)) {
		c.wrong(g.meta.outline.off, "outline does not fit the tables")
	}
	for i := range o.services {
		s := &o.services[i]
		for p, codes := range c.codes {
			if codes != nil && codes[s.name] != s.pages[p] {
				c.wrong(g.meta.outline.off, "outline does not fit the spans of service "+s.name)
				return
			}
		}
	}
}

// codesOf is the codes of the services of a page.
func codesOf(b *span.Batch) map[string]pageCode {
	out := map[string]pageCode{}
	for i := range b.Spans {
		s := &b.Spans[i]
		for _, a := range b.AttrsOf(b.Resources[b.Scopes[s.Scope].Resource].Attrs) {
			if a.Key == "service.name" && a.Value.Kind == span.ValueString {
				out[a.Value.Str] = out[a.Value.Str].and(s)
			}
		}
	}
	return out
}

func (c *checker) page(g *Group, pg Page) {
	if err := c.ctx.Err(); err != nil {
		c.err = err
		return
	}
	b, err := c.scan.read(c.ctx, pg, allTraces, true)
	if !c.ok(err) {
		return
	}
	c.codes[pg.index] = codesOf(b)
	st := pg.Stats()
	for i := range b.Spans {
		s := &b.Spans[i]
		if s.Start < st.MinStart || s.Start > st.MaxStart || s.Duration() < st.MinDuration || s.Duration() > st.MaxDuration {
			c.wrong(pg.off, "span outside the times of its page")
			break
		}
	}
	for _, e := range c.scan.dir {
		if e.Continued {
			continue
		}
		c.traces++
		if !c.seen[indexKey{indexHash(g.Tenant(), e.ID), uint32(g.firstPage + pg.index)}] {
			c.wrong(pg.off, "trace "+e.ID.String()+" is not in the index")
		}
	}
}
