package part

import (
	"strconv"
	"unsafe"
)

// Group is a row group: spans of one tenant that share dictionaries.
type Group struct {
	part      *Part
	index     int
	meta      *groupMeta
	firstPage int
}

// Stats sum up the spans of a page or a group.
type Stats struct {
	Spans                    int
	Traces                   int   // of a page: also those begun on an earlier page
	Bytes                    int64 // on disk
	MinStart, MaxStart       int64
	MinDuration, MaxDuration int64
	HasError                 bool // some span has status error
}

// Tenant is whose spans these are.
func (g *Group) Tenant() string { return g.meta.tenant }

// Stats are known without reading anything.
func (g *Group) Stats() Stats { return g.meta.stats }

// Pages is the pages in order.
func (g *Group) Pages() ([]Page, error) {
	return cachedIn(g.part.cache, cacheKey{g.part, g.index, cachedPages, 0}, func() ([]Page, int64, error) {
		f := g.part.file
		ref := g.meta.pageTable
		b, err := f.block(g.part.cache.dec, ref)
		if err != nil {
			return nil, 0, err
		}
		r := reader{b: b}
		table := readPageTable(&r, g.meta.pages)
		pages := make([]Page, len(table))
		off, spans := g.meta.off, 0
		for i := range table {
			pages[i] = Page{group: g, index: i, table: table, off: off}
			off += table[i].length
			spans += table[i].Spans
		}
		if spans != g.meta.stats.Spans {
			r.fail("spans of the pages do not add up")
		}
		if r.bad != "" {
			return nil, 0, f.corrupt(ref.off, "page table: "+r.bad)
		}
		return pages, int64(len(pages)) * 192, nil
	})
}

// WarmOutline puts into the cache what rules the group out of a search, some 15 kB.
func (g *Group) WarmOutline() {
	_, _ = g.Pages()
	_, _ = g.outline()
}

// Warm puts into the cache what every search that reads of the group needs.
func (g *Group) Warm() {
	_, _ = g.Pages()
	_, _ = g.tables()
}

// tables is what the spans of the group share.
func (g *Group) tables() (*tables, error) {
	// The schema is in use as long as tables are: were it dropped, the next tables would want
	// another copy of it.
	g.part.cache.get(cacheKey{g.part, g.meta.schema, cachedSchema, 0})
	return cachedIn(g.part.cache, cacheKey{g.part, g.index, cachedTables, 0}, func() (*tables, int64, error) {
		f := g.part.file
		b, err := f.block(g.part.cache.dec, g.meta.tables)
		if err != nil {
			return nil, 0, err
		}
		in, err := g.schema()
		if err != nil {
			return nil, 0, err
		}
		r := reader{b: b}
		t := readTables(&r, in)
		if r.bad != "" {
			return nil, 0, f.corrupt(g.meta.tables.off, "tables of a group: "+r.bad)
		}
		return t, t.size, nil
	})
}

// schema is what the group shares with other groups of the part.
func (g *Group) schema() (*schema, error) {
	return cachedIn(g.part.cache, cacheKey{g.part, g.meta.schema, cachedSchema, 0}, func() (*schema, int64, error) {
		refs := &g.part.schemas[g.meta.schema]
		s, err := g.part.readSchema(refs[0])
		if err != nil && !refs[1].isZero() {
			s, err = g.part.readSchema(refs[1])
		}
		if err != nil {
			return nil, 0, err
		}
		return s, s.size, nil
	})
}

// outline is what schema and tables are about.
func (g *Group) outline() (*outline, error) {
	return cachedIn(g.part.cache, cacheKey{g.part, g.index, cachedOutline, 0}, func() (*outline, int64, error) {
		f := g.part.file
		b, err := f.block(g.part.cache.dec, g.meta.outline)
		if err != nil {
			return nil, 0, err
		}
		r := reader{b: b}
		o := readOutline(&r, g.meta.pages)
		if r.bad != "" {
			return nil, 0, f.corrupt(g.meta.outline.off, "outline of a group: "+r.bad)
		}
		return o, int64(len(b)) + int64(len(o.columns))*int64(unsafe.Sizeof(filteredColumn{})) +
			int64(len(o.services))*int64(unsafe.Sizeof(servicePages{})), nil
	})
}

// filters is the filters of a column that has them, at ref.
func (g *Group) filters(id colID, ref blockRef) (pageFilters, error) {
	return cachedIn(g.part.cache, cacheKey{g.part, g.index, cachedFilters, int(id)}, func() (pageFilters, int64, error) {
		f := g.part.file
		b, err := f.block(g.part.cache.dec, ref)
		if err != nil {
			return nil, 0, err
		}
		r := reader{b: b}
		list := readPageFilters(&r, g.meta.pages)
		if r.bad != "" {
			return nil, 0, f.corrupt(ref.off, "filters: "+r.bad)
		}
		return list, int64(len(b)) + int64(len(list))*24, nil
	})
}

// patterns is the patterns of a column that has them, at ref.
func (g *Group) patterns(id colID, ref blockRef) (*patternTable, error) {
	return cachedIn(g.part.cache, cacheKey{g.part, g.index, cachedPatterns, int(id)}, func() (*patternTable, int64, error) {
		f := g.part.file
		if ref.isZero() {
			return nil, 0, f.corrupt(g.meta.tables.off, "column "+g.columnName(id)+" has no patterns")
		}
		b, err := f.block(g.part.cache.dec, ref)
		if err != nil {
			return nil, 0, err
		}
		r := reader{b: b}
		t := readPatterns(&r)
		if r.bad != "" {
			return nil, 0, f.corrupt(ref.off, "patterns: "+r.bad)
		}
		return t, t.size, nil
	})
}

// columnName is what messages call a column.
func (g *Group) columnName(id colID) string {
	if t, err := g.tables(); err == nil && int(id) < len(t.columns) && (id < numFixed || id >= firstAttr) {
		return t.columns[id].name()
	}
	return strconv.Itoa(int(id))
}
