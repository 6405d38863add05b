package part

import (
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// tallyField is a field of an aggregate over one row group. Its values have codes; a value
// may have several, where it comes from a shape and from a column.
type tallyField struct {
	store.Field
	values []span.Value // by code; 0 is nil
	codes  map[span.Value]uint32
	last   uint32   // the code asked for last
	fixed  []uint32 // by class: the code of what its scope and shape say
	// columns are what have the values of other rows; none if each class tells.
	columns []tallyColumn
}

// tallyColumn is a column that has values of a field.
type tallyColumn struct {
	info *columnInfo
	base uint32 // code of the first entry of the dictionary
	// uses is, by class, twice how many values a row has in the column; odd: the first of them
	// is the field's.
	uses  []uint16
	texts map[string]uint32 // codes of values without dictionary
	nums  map[uint64]uint32
}

// fromScope as a shape's code means that the scope tells.
const fromScope = ^uint32(0)

// newTallyField looks at a field in the tables. numbers: its columns are summed up and need
// no codes.
func newTallyField(f store.Field, t *tables, numbers bool) *tallyField {
	out := &tallyField{Field: f, values: []span.Value{{}}, codes: map[span.Value]uint32{{}: 0}}
	scopes := make([]uint32, len(t.scopes))
	for i := range t.scopes {
		if t.scopeCount[i] == 0 {
			continue
		}
		scopes[i] = out.code(out.ofScope(t, &t.scopes[i]))
	}
	shapes := make([]uint32, len(t.shapes))
	takes := make([]colID, len(t.shapes))
	for i := range t.shapes {
		if t.shapeCount[i] > 0 && t.shapes[i].own == ownSpan {
			shapes[i], takes[i] = out.ofShape(t, &t.shapes[i])
		}
	}
	out.fixed = make([]uint32, len(t.classes)+1)
	for i := range t.classes {
		c := &t.classes[i]
		if out.fixed[i+1] = shapes[c.shape]; shapes[c.shape] == fromScope {
			out.fixed[i+1] = scopes[c.scope]
		}
	}
	for _, id := range out.sources(t, takes) {
		out.addColumn(t, id, takes, numbers)
	}
	return out
}

// code is the code of a value that the tables keep.
func (f *tallyField) code(v span.Value) uint32 {
	if v = store.OrNil(v); v == f.values[f.last] {
		return f.last
	}
	n, ok := f.codes[v]
	if !ok {
		n = uint32(len(f.values))
		f.codes[v] = n
		f.values = append(f.values, v)
	}
	f.last = n
	return n
}

// ofScope is the value that a scope tells, if the shape does not.
func (f *tallyField) ofScope(t *tables, s *scopeInfo) span.Value {
	switch f.Intrinsic {
	case store.ScopeName:
		return span.String(s.Name)
	case store.ScopeVersion:
		return span.String(s.Version)
	case store.NotIntrinsic:
		attrs := t.resources[s.Resource].attrs
		if f.Scope == store.ScopeInstrumentation {
			attrs = s.attrs
		}
		for i := range attrs {
			if attrs[i].Key == f.Name {
				return attrs[i].Value
			}
		}
	}
	return span.Value{}
}

// ofShape is the code of the value that a shape tells, or fromScope, and the column, if there
// is one, that has the value instead.
func (f *tallyField) ofShape(t *tables, s *shape) (uint32, colID) {
	rare := func(bit mask, column colID, text string) (uint32, colID) {
		if s.mask&bit != 0 {
			return 0, column
		}
		return f.code(span.String(text)), 0
	}
	switch f.Intrinsic {
	case store.KindOf:
		return f.code(span.Int(int64(s.kind))), 0
	case store.StatusOf:
		return f.code(span.Int(int64(s.status))), 0
	case store.SpanName:
		return rare(hasName, colName, s.name)
	case store.StatusMessage:
		return rare(hasStatusMessage, colStatusMessage, "")
	case store.Duration:
		if s.mask&hasOddEnd != 0 {
			return f.code(span.Int(0)), 0
		}
		return 0, colDuration
	case store.NotIntrinsic:
	default:
		return fromScope, 0
	}
	if f.Scope == store.ScopeResource || f.Scope == store.ScopeInstrumentation {
		return fromScope, 0
	}
	for _, id := range s.slots {
		switch in := &t.slots[id]; {
		case in.Key != f.Name:
		case in.col != 0:
			return 0, in.col
		default:
			return f.code(in.Value), 0
		}
	}
	if f.Scope == store.ScopeAny {
		return fromScope, 0
	}
	return 0, 0
}

// sources is the columns that have the field of some shape, each once.
func (f *tallyField) sources(t *tables, takes []colID) []colID {
	seen := map[colID]bool{}
	var out []colID
	for i := range t.classes {
		if id := takes[t.classes[i].shape]; id != 0 && !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

func (f *tallyField) addColumn(t *tables, id colID, takes []colID, numbers bool) {
	c := tallyColumn{info: &t.columns[id], uses: make([]uint16, len(t.classes)+1), base: uint32(len(f.values))}
	uses := make([]uint16, len(t.shapes))
	for i := range t.shapes {
		s := &t.shapes[i]
		for _, slot := range s.slots {
			if t.slots[slot].col == id {
				uses[i] += 2
			}
		}
		if takes[i] == id {
			if id < firstAttr {
				uses[i] = 2
			}
			uses[i]++
		}
	}
	for i := range t.classes {
		c.uses[i+1] = uses[t.classes[i].shape]
	}
	if !numbers {
		kind := c.kind()
		for _, s := range c.info.texts {
			f.values = append(f.values, span.Value{Kind: kind, Str: s})
		}
		for _, n := range c.info.nums {
			f.values = append(f.values, span.Value{Kind: kind, Num: n})
		}
	}
	f.columns = append(f.columns, c)
}

// kind is that of the column's values.
func (c *tallyColumn) kind() span.ValueKind {
	switch {
	case c.info.id >= firstAttr:
		return c.info.attr.kind
	case c.info.phys == physText:
		return span.ValueString
	}
	return span.ValueInt
}

// text is the code of a text that the page forgets.
func (f *tallyField) text(c *tallyColumn, s string) uint32 {
	n, ok := c.texts[s]
	if !ok {
		if c.texts == nil {
			c.texts = map[string]uint32{}
		}
		s = strings.Clone(s)
		n = uint32(len(f.values))
		c.texts[s] = n
		f.values = append(f.values, span.Value{Kind: c.kind(), Str: s})
	}
	return n
}

// num is the code of a number.
func (f *tallyField) num(c *tallyColumn, num uint64) uint32 {
	n, ok := c.nums[num]
	if !ok {
		if c.nums == nil {
			c.nums = map[uint64]uint32{}
		}
		n = uint32(len(f.values))
		c.nums[num] = n
		f.values = append(f.values, span.Value{Kind: c.kind(), Num: num})
	}
	return n
}
