package part

import (
	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// outline is what a group's schema, tables and filters are about, in a few kilobytes: enough to say
// of most groups that they do not have the text a needle asks for. The tables of all groups
// of a large store do not fit into memory, their outlines do. Immutable.
type outline struct {
	said     []byte // a filter of what the tables say by themselves
	columns  []filteredColumn
	services []servicePages // none: not known
}

// filteredColumn is a column whose texts only its filters know.
type filteredColumn struct {
	id       colID
	of       ownKey // place and key; of inline columns nothing
	filter   blockRef
	patterns blockRef // zero if it has none
}

// place says what a text belongs to, beside the owners of attributes.
type place = owner

const (
	inResource place = numOwners + iota
	inScope
	inSpanName
	inEventName
	nowhere
)

// hashSaid is the hash of a text with its key in a place.
func hashSaid(at place, key, text string) uint64 { return xxh3.HashStringSeed(text, hashOpen(at, key)) }

// hashOpen stands for a key some of whose texts nothing in the outline knows.
func hashOpen(at place, key string) uint64 { return xxh3.HashStringSeed(key, uint64(at)+1) }

// newOutline sums up tables and, for each page, what is known of the spans of each resource.
func newOutline(t *tables, pages [][]pageCode) *outline {
	var hashes []uint64
	open := func(at place, key string) { hashes = append(hashes, hashOpen(at, key)) }
	text := func(at place, key, s string) { hashes = append(hashes, hashSaid(at, key, s)) }
	value := func(at place, a *span.Attr) {
		switch a.Value.Kind {
		case span.ValueString:
			text(at, a.Key, a.Value.Str)
		case span.ValueArray: // it may hold any
			open(at, a.Key)
		}
	}
	for i := range t.resources {
		if !t.resourceUsed[i] {
			continue
		}
		for k := range t.resources[i].attrs {
			value(inResource, &t.resources[i].attrs[k])
		}
	}
	for i := range t.scopes {
		if t.scopeCount[i] == 0 {
			continue
		}
		for k := range t.scopes[i].attrs {
			value(inScope, &t.scopes[i].attrs[k])
		}
	}
	if t.hasInline(ownSpan) {
		open(inSpanName, "")
	}
	if t.hasInline(ownEvent) {
		open(inEventName, "")
	}
	t.eachConstant(value)
	for i := range t.shapes {
		s := &t.shapes[i]
		switch {
		case t.shapeCount[i] == 0 || s.mask&hasName != 0:
		case s.own == ownSpan:
			text(inSpanName, "", s.name)
		case s.own == ownEvent:
			text(inEventName, "", s.name)
		}
	}
	o := &outline{services: newServices(t, pages)}
	for i := range t.columns {
		c := &t.columns[i]
		if c.values == 0 && c.filter.isZero() {
			continue
		}
		of, texts := placeOf(c)
		switch {
		case texts && c.hasDict():
			for _, s := range c.texts {
				text(of.own, of.key, s)
			}
		case !c.filter.isZero():
			o.columns = append(o.columns, filteredColumn{c.id, of, c.filter, c.patterns})
		case texts || c.attr.kind == span.ValueArray:
			open(of.own, of.key)
		}
	}
	o.said = appendFilter(nil, hashes)
	return o
}

// placeOf is where the values of a column belong to, and whether they are strings that a term
// may be about.
func placeOf(c *columnInfo) (of ownKey, texts bool) {
	switch {
	case c.id == colName:
		return ownKey{inSpanName, ""}, true
	case c.id == colEventName:
		return ownKey{inEventName, ""}, true
	case c.id < firstAttr:
		return ownKey{own: nowhere}, false
	}
	return ownKey{c.attr.own, c.attr.key}, c.attr.kind == span.ValueString
}

// append appends
//
//	columns with filters: count; number, place, key, filters, patterns of each
//	the filter of what the tables say: bytes
//	services: count; name and a byte for each page of each
func (o *outline) append(dst []byte) []byte {
	dst = appendUvarint(dst, len(o.columns))
	for i := range o.columns {
		c := &o.columns[i]
		dst = appendUvarint(dst, uint32(c.id))
		dst = append(dst, byte(c.of.own))
		dst = appendText(dst, c.of.key)
		dst = c.filter.append(dst)
		dst = c.patterns.append(dst)
	}
	dst = appendUvarint(dst, len(o.said))
	dst = append(dst, o.said...)
	return appendServices(dst, o.services)
}

func readOutline(r *reader, pages int) *outline {
	o := &outline{columns: make([]filteredColumn, r.count(25))}
	for i := range o.columns {
		c := &o.columns[i]
		c.id = colID(r.uint32())
		c.of = ownKey{place(r.upTo(uint64(nowhere))), r.text()}
		c.filter = readBlockRef(r)
		c.patterns = readBlockRef(r)
	}
	o.said = r.bytes(r.count(1))
	o.services = readServices(r, pages)
	r.end()
	return o
}

// where is the places and keys that a term is about; nil if the outline knows too little to
// decide it.
func (t *term) where() []ownKey {
	if !t.text {
		return nil
	}
	switch f := t.Field; f.Intrinsic {
	case store.SpanName:
		return []ownKey{{inSpanName, ""}}
	case store.EventName:
		return []ownKey{{inEventName, ""}}
	case store.NotIntrinsic:
		switch f.Scope {
		case store.ScopeAny:
			return []ownKey{{inResource, f.Name}, {ownSpan, f.Name}}
		case store.ScopeSpan:
			return []ownKey{{ownSpan, f.Name}}
		case store.ScopeEvent:
			return []ownKey{{ownEvent, f.Name}}
		case store.ScopeLink:
			return []ownKey{{ownLink, f.Name}}
		case store.ScopeResource:
			return []ownKey{{inResource, f.Name}}
		case store.ScopeInstrumentation:
			return []ownKey{{inScope, f.Name}}
		}
	}
	return nil
}

// outlined decides a term by the group's outline. known is false if the tables can tell more.
func (p *planner) outlined() (known bool) {
	if len(p.places) == 0 {
		return false
	}
	o, err := p.g.outline()
	if err != nil {
		p.err = err
		return false
	}
	text := p.Value.Value.Str
	for _, k := range p.places {
		if filterHas(o.said, hashSaid(k.own, k.key, text)) || filterHas(o.said, hashOpen(k.own, k.key)) {
			// That of a resource or scope no table narrows down to pages.
			p.always = k.own == inResource || k.own == inScope
			return p.always
		}
	}
	for i := range o.columns {
		c := &o.columns[i]
		for _, k := range p.places {
			switch {
			case c.of == k:
				p.ask(c.id, c.filter, c, hashText(text))
			case k.own < numOwners && c.id == inlineColumns[k.own]:
				p.ask(c.id, c.filter, nil, hashInline(k.key, text), hashArray(k.key))
			}
		}
	}
	return p.err == nil
}
