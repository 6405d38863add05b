package part

import (
	"cmp"
	"context"
	"slices"
)

// Stat is where the bytes of a part go.
type Stat struct {
	Cause  string // a column ("span id", "span.http.method string"), a table or an index
	Bytes  int64  // on disk
	Values int64  // pages, for tables; 0 where that means nothing
}

// Stat lists where the part's bytes go, largest first. It reads the tables and the headers
// of the pages.
func (p *Part) Stat(ctx context.Context) ([]Stat, error) {
	sum := map[string]*Stat{}
	add := func(cause string, bytes, values int64) {
		if sum[cause] == nil {
			sum[cause] = &Stat{Cause: cause}
		}
		sum[cause].Bytes += bytes
		sum[cause].Values += values
	}
	for _, refs := range p.schemas {
		add("schemas", refs[0].stored+refs[1].stored, 0)
	}
	for _, g := range p.groups {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := g.stat(add); err != nil {
			return nil, err
		}
	}
	for _, b := range p.index {
		add("trace index", int64(b.size), 0)
	}
	add("trace index", p.indexRef.stored, p.meta.Traces)
	add("digests", p.digests.stored, 0)
	add("footer", headerSize+p.footerRef.stored+trailerSize, 0)
	var out []Stat
	for _, s := range sum {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Stat) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Cause, b.Cause))
	})
	return out, nil
}

func (g *Group) stat(add func(cause string, bytes, values int64)) error {
	t, err := g.tables()
	if err != nil {
		return err
	}
	pages, err := g.Pages()
	if err != nil {
		return err
	}
	add("tables of groups", g.meta.tables.stored, int64(len(pages)))
	add("outlines of groups", g.meta.outline.stored, int64(len(pages)))
	add("page tables", g.meta.pageTable.stored, int64(len(pages)))
	for i := range t.columns {
		if c := &t.columns[i]; c.values > 0 || !c.filter.isZero() {
			add(c.name(), 0, int64(c.values))
			if !c.filter.isZero() {
				add("filter of "+c.name(), c.filter.stored, 0)
			}
			if !c.patterns.isZero() {
				add("patterns of "+c.name(), c.patterns.stored, 0)
			}
		}
	}
	for _, pg := range pages {
		raw, err := pg.load(pg.table[pg.index].header)
		if err != nil {
			return err
		}
		add("headers of pages", pg.table[pg.index].header, 1)
		for _, c := range raw.columns {
			if int(c.id) < len(t.columns) {
				add(t.columns[c.id].name(), c.stored, 0)
			}
		}
	}
	return nil
}
