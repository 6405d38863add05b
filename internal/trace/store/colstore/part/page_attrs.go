package part

import "github.com/weft-dev/weft/internal/trace/span"

// fill says that the value of attribute pos comes from a column.
type fill struct {
	pos uint32
	col colID
}

// choice is the wanted attributes of a shape, as ranges of decoder.wanted.
type choice struct {
	made  bool
	attrs span.Range
	fill  span.Range
}

// chosen is the attributes of a shape of the table that are wanted.
func (d *decoder) chosen(sh *shape) ([]span.Attr, []fill) {
	c, w := &d.choices[sh.id], &d.wanted
	if c.made {
		return w.attrs[c.attrs.From:c.attrs.To], w.fill[c.fill.From:c.fill.To]
	}
	c.made = true
	c.attrs.From, c.fill.From = uint32(len(w.attrs)), uint32(len(w.fill))
	for _, id := range sh.slots {
		if !d.want.all && d.wanted.slots[id]>>sh.own&1 == 0 {
			continue
		}
		s := &d.t.slots[id]
		if s.col != 0 {
			w.fill = append(w.fill, fill{uint32(len(w.attrs)) - c.attrs.From, s.col})
		}
		w.attrs = append(w.attrs, s.Attr)
	}
	c.attrs.To, c.fill.To = uint32(len(w.attrs)), uint32(len(w.fill))
	return w.attrs[c.attrs.From:], w.fill[c.fill.From:]
}

// attrs decodes the attributes of a span, event or link of that shape.
func (d *decoder) attrs(sh *shape, overflow colID) span.Range {
	from := len(d.out.Attrs)
	if sh.overflow {
		if d.want.has(overflow) && d.spend(len(sh.attrs)) {
			d.overflow(sh, &d.cursor(overflow).reader)
		}
		return span.Range{From: uint32(from), To: uint32(len(d.out.Attrs))}
	}
	attrs, fill := d.chosen(sh)
	if len(attrs) == 0 || !d.spend(len(attrs)) {
		return span.Range{From: uint32(from), To: uint32(from)}
	}
	d.out.Attrs = append(d.out.Attrs, attrs...)
	for _, f := range fill {
		v := &d.out.Attrs[from+int(f.pos)].Value
		if c := &d.cur[d.at[f.col]]; d.t.columns[f.col].phys == physText {
			v.Str = c.nextText()
		} else {
			v.Num = c.nextNum()
		}
	}
	return span.Range{From: uint32(from), To: uint32(len(d.out.Attrs))}
}

func (d *decoder) overflow(sh *shape, r *reader) {
	for _, a := range sh.attrs {
		a.Value = readValue(r, a.Value.Kind)
		if d.want.hasAttr(sh.own, a.Key) {
			d.out.Attrs = append(d.out.Attrs, a)
		}
	}
}

// scope is the number in the batch of a scope of the group.
func (d *decoder) scope(id uint32) uint32 {
	if n := d.scopes[id]; n > 0 {
		return n - 1
	}
	in := &d.t.scopes[id]
	sc := in.Scope
	if n := d.resources[in.Resource]; n > 0 {
		sc.Resource = n - 1
	} else {
		from := &d.t.resources[in.Resource]
		res := from.Resource
		res.Attrs = d.shared(from.attrs, from.unknown, d.want.resource)
		sc.Resource = uint32(len(d.out.Resources))
		d.out.Resources = append(d.out.Resources, res)
		d.resources[in.Resource] = sc.Resource + 1
	}
	sc.Attrs = d.shared(in.attrs, in.unknown, d.want.scope)
	d.out.Scopes = append(d.out.Scopes, sc)
	d.scopes[id] = uint32(len(d.out.Scopes))
	return d.scopes[id] - 1
}

// shared adds the attributes of a resource or scope, those with wanted keys only.
func (d *decoder) shared(attrs []span.Attr, unknown []attrUnknown, keys map[string]bool) span.Range {
	if d.want.all {
		return addAttrs(d.out, attrs, unknown)
	}
	from := uint32(len(d.out.Attrs))
	if len(keys) > 0 {
		for _, a := range attrs {
			if keys[a.Key] {
				d.out.Attrs = append(d.out.Attrs, a)
			}
		}
	}
	return span.Range{From: from, To: uint32(len(d.out.Attrs))}
}
