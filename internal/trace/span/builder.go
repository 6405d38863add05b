package span

// Builder copies spans out of other batches into one. Scopes and resources that came
// from the same place in the same source, or that have equal content, are shared.
// The zero value is ready. Not safe for concurrent use.
type Builder struct {
	out    Batch
	scopes map[scopeRef]uint32
	byName map[string][]uint32 // scopes of out by name, to find equal ones
}

type scopeRef struct {
	b *Batch
	i uint32
}

// Append copies span i of src to the end of the batch being built.
func (w *Builder) Append(src *Batch, i int) {
	s := src.Spans[i]
	s.Scope = w.scope(src, s.Scope)
	s.Attrs = w.attrs(src, s.Attrs)
	events := src.Events[s.Events.From:s.Events.To]
	s.Events.From = uint32(len(w.out.Events))
	for _, e := range events {
		e.Attrs = w.attrs(src, e.Attrs)
		w.out.Events = append(w.out.Events, e)
	}
	s.Events.To = uint32(len(w.out.Events))
	links := src.Links[s.Links.From:s.Links.To]
	s.Links.From = uint32(len(w.out.Links))
	for _, l := range links {
		l.Attrs = w.attrs(src, l.Attrs)
		w.out.Links = append(w.out.Links, l)
	}
	s.Links.To = uint32(len(w.out.Links))
	w.out.Spans = append(w.out.Spans, s)
}

// Len is the number of spans appended.
func (w *Builder) Len() int { return len(w.out.Spans) }

// Batch hands over what was built and resets the builder.
func (w *Builder) Batch() *Batch {
	b := w.out
	*w = Builder{}
	return &b
}

func (w *Builder) attrs(src *Batch, r Range) Range {
	at := uint32(len(w.out.Attrs))
	w.out.Attrs = append(w.out.Attrs, src.Attrs[r.From:r.To]...)
	if src.AttrUnknown != nil {
		for k := r.From; k < r.To; k++ {
			if u, ok := src.AttrUnknown[k]; ok {
				if w.out.AttrUnknown == nil {
					w.out.AttrUnknown = map[uint32]string{}
				}
				w.out.AttrUnknown[at+k-r.From] = u
			}
		}
	}
	return Range{at, uint32(len(w.out.Attrs))}
}

func (w *Builder) scope(src *Batch, i uint32) uint32 {
	ref := scopeRef{src, i}
	if k, ok := w.scopes[ref]; ok {
		return k
	}
	if w.scopes == nil {
		w.scopes, w.byName = map[scopeRef]uint32{}, map[string][]uint32{}
	}
	for _, k := range w.byName[src.Scopes[i].Name] {
		if w.out.EqualScope(k, src, i) {
			w.scopes[ref] = k
			return k
		}
	}
	sc := src.Scopes[i]
	sc.Resource = w.resource(src, sc.Resource)
	sc.Attrs = w.attrs(src, sc.Attrs)
	k := uint32(len(w.out.Scopes))
	w.out.Scopes = append(w.out.Scopes, sc)
	w.scopes[ref] = k
	w.byName[sc.Name] = append(w.byName[sc.Name], k)
	return k
}

func (w *Builder) resource(src *Batch, i uint32) uint32 {
	for k := range w.out.Resources {
		if w.out.EqualResource(uint32(k), src, i) {
			return uint32(k)
		}
	}
	r := src.Resources[i]
	r.Attrs = w.attrs(src, r.Attrs)
	w.out.Resources = append(w.out.Resources, r)
	return uint32(len(w.out.Resources) - 1)
}
