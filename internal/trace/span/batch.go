package span

import "slices"

// Batch is a set of spans with the resources and scopes they share. Variable-length
// parts lie in arenas that spans, events, links, scopes and resources point into.
// Several scopes may be equal; equality of scopes is by content, never by index.
type Batch struct {
	Resources []Resource
	Scopes    []Scope
	Spans     []Span
	Attrs     []Attr
	Events    []Event
	Links     []Link

	// AttrUnknown holds the raw protobuf fields of KeyValue messages that have more than
	// key and value, by index into Attrs. Nil for nearly every batch.
	AttrUnknown map[uint32]string
}

// AttrsOf is the attributes of r; the caller must not change them.
func (b *Batch) AttrsOf(r Range) []Attr { return b.Attrs[r.From:r.To:r.To] }

// EventsOf is the events of s; the caller must not change them.
func (b *Batch) EventsOf(s *Span) []Event { return b.Events[s.Events.From:s.Events.To:s.Events.To] }

// LinksOf is the links of s; the caller must not change them.
func (b *Batch) LinksOf(s *Span) []Link { return b.Links[s.Links.From:s.Links.To:s.Links.To] }

// ResourceOf is the resource that produced s.
func (b *Batch) ResourceOf(s *Span) *Resource { return &b.Resources[b.Scopes[s.Scope].Resource] }

// Get is the first attribute of r named key.
func (b *Batch) Get(r Range, key string) (Value, bool) {
	for _, a := range b.Attrs[r.From:r.To] {
		if a.Key == key {
			return a.Value, true
		}
	}
	return Value{}, false
}

// Service is the service.name of the resource that produced s, "" if it has none or it
// is not a string.
func (b *Batch) Service(s *Span) string {
	v, _ := b.Get(b.ResourceOf(s).Attrs, "service.name")
	if v.Kind != ValueString {
		return ""
	}
	return v.Str
}

// EqualSpan reports whether span i of b and span j of o have the same content: every
// field, attribute and event, their scope and their resource, in the same order. Marks
// do not count, they are ours.
func (b *Batch) EqualSpan(i int, o *Batch, j int) bool {
	s, t := &b.Spans[i], &o.Spans[j]
	if s.TraceID != t.TraceID || s.SpanID != t.SpanID || s.Parent != t.Parent ||
		s.Start != t.Start || s.End != t.End || s.Kind != t.Kind || s.Status != t.Status ||
		s.Flags != t.Flags || s.Presence != t.Presence || s.Name != t.Name ||
		s.TraceState != t.TraceState || s.StatusMessage != t.StatusMessage ||
		s.DroppedAttrs != t.DroppedAttrs || s.DroppedEvents != t.DroppedEvents ||
		s.DroppedLinks != t.DroppedLinks || s.Unknown != t.Unknown || s.StatusUnknown != t.StatusUnknown {
		return false
	}
	return b.equalAttrs(s.Attrs, o, t.Attrs) &&
		slices.EqualFunc(b.EventsOf(s), o.EventsOf(t), func(x, y Event) bool {
			return x.Time == y.Time && x.Name == y.Name && x.Dropped == y.Dropped &&
				x.Unknown == y.Unknown && b.equalAttrs(x.Attrs, o, y.Attrs)
		}) &&
		slices.EqualFunc(b.LinksOf(s), o.LinksOf(t), func(x, y Link) bool {
			return x.TraceID == y.TraceID && x.SpanID == y.SpanID && x.Flags == y.Flags &&
				x.TraceState == y.TraceState && x.Dropped == y.Dropped &&
				x.Unknown == y.Unknown && b.equalAttrs(x.Attrs, o, y.Attrs)
		}) &&
		b.EqualScope(s.Scope, o, t.Scope)
}

// EqualScope reports whether scope i of b and scope j of o, and their resources, have
// the same content.
func (b *Batch) EqualScope(i uint32, o *Batch, j uint32) bool {
	if b == o && i == j {
		return true
	}
	x, y := &b.Scopes[i], &o.Scopes[j]
	return x.Name == y.Name && x.Version == y.Version && x.Dropped == y.Dropped &&
		x.SchemaURL == y.SchemaURL && x.Present == y.Present && x.Unknown == y.Unknown &&
		x.GroupUnknown == y.GroupUnknown && b.equalAttrs(x.Attrs, o, y.Attrs) &&
		b.EqualResource(x.Resource, o, y.Resource)
}

// EqualResource reports whether resource i of b and resource j of o have the same content.
func (b *Batch) EqualResource(i uint32, o *Batch, j uint32) bool {
	if b == o && i == j {
		return true
	}
	x, y := &b.Resources[i], &o.Resources[j]
	return x.Dropped == y.Dropped && x.SchemaURL == y.SchemaURL && x.Present == y.Present &&
		x.Unknown == y.Unknown && x.GroupUnknown == y.GroupUnknown && b.equalAttrs(x.Attrs, o, y.Attrs)
}

func (b *Batch) equalAttrs(r Range, o *Batch, q Range) bool {
	if r.Len() != q.Len() {
		return false
	}
	for k := range uint32(r.Len()) {
		if b.Attrs[r.From+k] != o.Attrs[q.From+k] || b.AttrUnknown[r.From+k] != o.AttrUnknown[q.From+k] {
			return false
		}
	}
	return true
}
