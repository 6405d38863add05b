// Package assemble builds a span.Batch from formats whose spans name their process and
// their library one by one, as Jaeger's and Zipkin's do. Spans keep their order; equal
// resources and scopes become one. Nothing touches the network or the disk.
package assemble

import (
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// Assembler collects spans. The zero value is ready; it is not safe for concurrent use.
type Assembler struct {
	out       span.Batch
	resources map[string]uint32 // by the encoding of their attributes
	scopes    map[scope]uint32
}

type scope struct {
	resource      uint32
	name, version string
}

// Span is a span with its parts in lists of their own. The ranges and the scope inside
// span.Span are set by Add.
type Span struct {
	span.Span
	Resource     Attrs
	ScopeName    string
	ScopeVersion string
	Attrs        Attrs
	Events       []Event
	Links        []Link
}

// Event is an event with its attributes.
type Event struct {
	span.Event
	Attrs Attrs
}

// Link is a link with its attributes.
type Link struct {
	span.Link
	Attrs Attrs
}

// Add appends a span.
func (a *Assembler) Add(s *Span) {
	out := s.Span
	out.Scope = a.scope(scope{a.resource(s.Resource), s.ScopeName, s.ScopeVersion})
	out.Attrs = a.attrs(s.Attrs)
	out.Events.From = uint32(len(a.out.Events))
	for _, e := range s.Events {
		e.Event.Attrs = a.attrs(e.Attrs)
		a.out.Events = append(a.out.Events, e.Event)
	}
	out.Events.To = uint32(len(a.out.Events))
	out.Links.From = uint32(len(a.out.Links))
	for _, l := range s.Links {
		l.Link.Attrs = a.attrs(l.Attrs)
		a.out.Links = append(a.out.Links, l.Link)
	}
	out.Links.To = uint32(len(a.out.Links))
	a.out.Spans = append(a.out.Spans, out)
}

// Batch hands over what was added and resets the assembler.
func (a *Assembler) Batch() *span.Batch {
	b := a.out
	*a = Assembler{}
	return &b
}

func (a *Assembler) attrs(list Attrs) span.Range {
	from := uint32(len(a.out.Attrs))
	a.out.Attrs = append(a.out.Attrs, list...)
	return span.Range{From: from, To: uint32(len(a.out.Attrs))}
}

func (a *Assembler) resource(list Attrs) uint32 {
	key := otlp.Map(list...).Str
	if i, ok := a.resources[key]; ok {
		return i
	}
	if a.resources == nil {
		a.resources, a.scopes = map[string]uint32{}, map[scope]uint32{}
	}
	i := uint32(len(a.out.Resources))
	a.out.Resources = append(a.out.Resources, span.Resource{Attrs: a.attrs(list), Present: len(list) > 0})
	a.resources[key] = i
	return i
}

func (a *Assembler) scope(s scope) uint32 {
	if i, ok := a.scopes[s]; ok {
		return i
	}
	i := uint32(len(a.out.Scopes))
	a.out.Scopes = append(a.out.Scopes, span.Scope{
		Resource: s.resource, Name: s.name, Version: s.version, Present: s.name != "" || s.version != "",
	})
	a.scopes[s] = i
	return i
}

// Attrs is a list of attributes while a span is put together.
type Attrs []span.Attr

// Add appends an attribute.
func (l *Attrs) Add(key string, v span.Value) { *l = append(*l, span.Attr{Key: key, Value: v}) }

// Get is the first attribute named key.
func (l Attrs) Get(key string) (span.Value, bool) {
	for _, a := range l {
		if a.Key == key {
			return a.Value, true
		}
	}
	return span.Value{}, false
}

// Take is Get that removes the attribute.
func (l *Attrs) Take(key string) (span.Value, bool) {
	for i, a := range *l {
		if a.Key == key {
			*l = append((*l)[:i:i], (*l)[i+1:]...)
			return a.Value, true
		}
	}
	return span.Value{}, false
}

// TakeText is the text of the attribute named key, removed; "" if there is none. A value
// of another kind is left where it is.
func (l *Attrs) TakeText(key string) string {
	if v, ok := l.Get(key); !ok || v.Kind != span.ValueString {
		return ""
	}
	v, _ := l.Take(key)
	return v.Str
}

// HTTPStatus is the span status that OpenTelemetry gives to an HTTP status code, for
// formats that have no status of their own. A server is not at fault for what a client got
// wrong.
func HTTPStatus(code int64, kind span.Kind) span.StatusCode {
	if code >= 100 && code < 400 || code >= 400 && code < 500 && kind == span.KindServer {
		return span.StatusUnset
	}
	return span.StatusError
}
