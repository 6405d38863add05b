package part

import "github.com/weft-dev/weft/internal/trace/store"

// Columns is a set of span fields to decode. The zero value is trace ids and starts, and
// what comes with them for nothing: kind, status, the names of scopes, and that of the span
// unless the group has too many.
type Columns struct {
	all      bool
	fixed    uint64                     // a bit for each fixed column
	attrs    [numOwners]map[string]bool // keys
	resource map[string]bool            // keys of resource attributes
	scope    map[string]bool            // keys of scope attributes
}

// always is what every read decodes.
const always = 1<<colDirectory | 1<<colTraceID | 1<<colClass | 1<<colStart | 1<<colInlineSpan

// All is every column: spans come back as they were written.
func All() Columns { return Columns{all: true} }

// ColumnsOf is what it takes to evaluate predicates over the fields; fields that need the
// whole trace take nothing.
func ColumnsOf(fields []store.Field) Columns {
	c := Columns{fixed: always}
	for _, f := range fields {
		switch f.Intrinsic {
		case store.NotIntrinsic:
			c.addAttr(f)
		case store.SpanName:
			c.add(colName)
		case store.StatusMessage:
			c.add(colStatusMessage)
		case store.Duration:
			c.add(colDuration, colOddEnd)
		case store.SpanIDOf:
			c.add(colSpanID)
		case store.ParentIDOf:
			c.addParent()
		case store.EventName:
			c.addEvents()
			c.add(colEventName)
		case store.EventTimeSinceStart:
			c.addEvents()
			c.add(colEventTime)
		case store.LinkTraceID:
			c.addLinks()
			c.add(colLinkTraceID)
		case store.LinkSpanID:
			c.addLinks()
			c.add(colLinkSpanID)
		}
	}
	return c
}

func (c *Columns) addAttr(f store.Field) {
	switch f.Scope {
	case store.ScopeAny:
		c.addOwned(ownSpan, f.Name)
		addKey(&c.resource, f.Name)
	case store.ScopeSpan:
		c.addOwned(ownSpan, f.Name)
	case store.ScopeEvent:
		c.addOwned(ownEvent, f.Name)
		c.addEvents()
	case store.ScopeLink:
		c.addOwned(ownLink, f.Name)
		c.addLinks()
	case store.ScopeResource:
		addKey(&c.resource, f.Name)
	case store.ScopeInstrumentation:
		addKey(&c.scope, f.Name)
	case store.ScopeParent:
		c.addParent() // whether there is one
	}
}

func (c *Columns) addOwned(own owner, key string) {
	addKey(&c.attrs[own], key)
	c.add(overflowColumns[own])
}

func addKey(set *map[string]bool, key string) {
	if *set == nil {
		*set = map[string]bool{}
	}
	(*set)[key] = true
}

func (c *Columns) addParent() { c.add(colParent, colParentID, colSpanID) }
func (c *Columns) addEvents() { c.add(colEventCount, colEventShape, colInlineEvent) }
func (c *Columns) addLinks()  { c.add(colLinkCount, colLinkShape, colInlineLink) }

func (c *Columns) add(ids ...colID) {
	for _, id := range ids {
		c.fixed |= 1 << id
	}
}

// has reports whether a fixed column is in the set.
func (c *Columns) has(id colID) bool { return c.all || c.fixed>>id&1 != 0 }

// hasAttr reports whether attributes of a key are in the set.
func (c *Columns) hasAttr(own owner, key string) bool { return c.all || c.attrs[own][key] }

// slots is which slots of a schema are in the set, in the memory of dst: a bit for each owner of
// which they are.
func (c *Columns) slots(dst []uint8, s *schema) []uint8 {
	if c.all {
		return dst
	}
	dst = emptied(dst, len(s.slots))
	for own, keys := range c.attrs {
		for key := range keys {
			for _, id := range s.slotsOf(key) {
				dst[id] |= 1 << own
			}
		}
	}
	return dst
}

// wants reports whether a column of a group is in the set.
func (c *Columns) wants(info *columnInfo) bool {
	switch {
	case c.all:
		return true
	case info.id < firstAttr:
		return (c.fixed|always)>>info.id&1 != 0
	}
	return c.attrs[info.attr.own][info.attr.key]
}
