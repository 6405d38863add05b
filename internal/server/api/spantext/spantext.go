// Package spantext reads small traces written by hand, for tests:
//
//	a - gateway "POST /pay" 0 1240 server error resource.service.version=1.4 http.route=/pay
//	b a payment Charge 20 1200 client ok order.id=8841 @exception:900 exception.type=Timeout ->c/9
//
// A line is a span: id, parent ("-" for none), service, name, start and duration in
// milliseconds ("-" for a span that has not ended), then kinds, statuses and attributes in
// any order. "@name:ms" begins an event that takes the attributes behind it; "->trace/span"
// is a link, "->/span" one inside the trace; "resource." puts an attribute on the resource;
// "status=" sets the status message. Values are integers, doubles, true, false, else text;
// Go quotes keep spaces. Ids are hex, padded with zeros in front. "trace ID" on a line of
// its own begins another trace; the first is 1.
package spantext

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Epoch is the time a span of start 0 starts at.
var Epoch = time.Date(2026, 1, 31, 14, 59, 58, 0, time.UTC)

// Parse reads a trace. It panics on a mistake in the text, which is a mistake in the test.
func Parse(text string) *span.Batch {
	p := parser{b: &span.Batch{}, trace: span.TraceID{15: 1}, scopes: map[string]uint32{}}
	for line := range strings.Lines(text) {
		words := split(strings.TrimSpace(line))
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case words[0] == "trace":
			p.trace = must(span.ParseTraceID(words[1]))
		default:
			p.span(words)
		}
	}
	return p.b
}

type parser struct {
	b      *span.Batch
	trace  span.TraceID
	scopes map[string]uint32
}

var words = map[string]func(*span.Span){
	"internal": func(s *span.Span) { s.Kind = span.KindInternal },
	"server":   func(s *span.Span) { s.Kind = span.KindServer },
	"client":   func(s *span.Span) { s.Kind = span.KindClient },
	"producer": func(s *span.Span) { s.Kind = span.KindProducer },
	"consumer": func(s *span.Span) { s.Kind = span.KindConsumer },
	"ok":       func(s *span.Span) { s.Status, s.Presence = span.StatusOK, span.HasStatus },
	"error":    func(s *span.Span) { s.Status, s.Presence = span.StatusError, span.HasStatus },
}

func (p *parser) span(w []string) {
	s := span.Span{TraceID: p.trace, SpanID: must(span.ParseSpanID(w[0])), Name: unquote(w[3]), Start: ms(w[4])}
	if w[1] != "-" {
		s.Parent = must(span.ParseSpanID(w[1]))
	}
	if w[5] != "-" {
		s.End = s.Start + ms(w[5]) - Epoch.UnixNano()
	}
	resource := []span.Attr{{Key: "service.name", Value: span.String(unquote(w[2]))}}
	var attrs []span.Attr
	var events []span.Event
	var eventAttrs [][]span.Attr
	for _, word := range w[6:] {
		if set, ok := words[word]; ok {
			set(&s)
			continue
		}
		if name, ok := strings.CutPrefix(word, "@"); ok {
			name, at, _ := strings.Cut(name, ":")
			events = append(events, span.Event{Name: name, Time: ms(at)})
			eventAttrs = append(eventAttrs, nil)
			continue
		}
		if to, ok := strings.CutPrefix(word, "->"); ok {
			trace, id, _ := strings.Cut(to, "/")
			l := span.Link{TraceID: p.trace, SpanID: must(span.ParseSpanID(id))}
			if trace != "" {
				l.TraceID = must(span.ParseTraceID(trace))
			}
			if s.Links.Len() == 0 {
				s.Links.From = uint32(len(p.b.Links))
			}
			p.b.Links = append(p.b.Links, l)
			s.Links.To = uint32(len(p.b.Links))
			continue
		}
		key, text, ok := strings.Cut(word, "=")
		if !ok {
			panic(fmt.Sprintf("spantext: %q is neither a word nor key=value", word))
		}
		a := span.Attr{Key: key, Value: value(text)}
		switch {
		case key == "status":
			s.StatusMessage, s.Presence = a.Value.Str, span.HasStatus
		case strings.HasPrefix(key, "resource."):
			a.Key = strings.TrimPrefix(key, "resource.")
			resource = append(resource, a)
		case events != nil:
			eventAttrs[len(events)-1] = append(eventAttrs[len(events)-1], a)
		default:
			attrs = append(attrs, a)
		}
	}
	s.Scope = p.scope(resource)
	s.Attrs = p.attrs(attrs)
	s.Events.From = uint32(len(p.b.Events))
	for i := range events {
		events[i].Attrs = p.attrs(eventAttrs[i])
	}
	p.b.Events = append(p.b.Events, events...)
	s.Events.To = uint32(len(p.b.Events))
	p.b.Spans = append(p.b.Spans, s)
}

func (p *parser) scope(resource []span.Attr) uint32 {
	key := fmt.Sprint(resource)
	if i, ok := p.scopes[key]; ok {
		return i
	}
	p.b.Resources = append(p.b.Resources, span.Resource{Attrs: p.attrs(resource), Present: true})
	p.b.Scopes = append(p.b.Scopes, span.Scope{Resource: uint32(len(p.b.Resources) - 1), Name: "test", Version: "1", Present: true})
	i := uint32(len(p.b.Scopes) - 1)
	p.scopes[key] = i
	return i
}

func (p *parser) attrs(list []span.Attr) span.Range {
	from := uint32(len(p.b.Attrs))
	p.b.Attrs = append(p.b.Attrs, list...)
	return span.Range{From: from, To: uint32(len(p.b.Attrs))}
}

func value(text string) span.Value {
	if strings.HasPrefix(text, `"`) {
		return span.String(unquote(text))
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return span.Int(i)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return span.Double(f)
	}
	switch text {
	case "true", "false":
		return span.Bool(text == "true")
	}
	return span.String(text)
}

func ms(s string) int64 {
	f := must(strconv.ParseFloat(s, 64))
	return Epoch.UnixNano() + int64(f*1e6)
}

// split cuts at spaces outside quotes.
func split(line string) []string {
	quoted, escaped := false, false
	return strings.FieldsFunc(line, func(r rune) bool {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quoted:
			escaped = true
		case r == '"':
			quoted = !quoted
		}
		return !quoted && unicode.IsSpace(r)
	})
}

func unquote(s string) string {
	if strings.HasPrefix(s, `"`) {
		return must(strconv.Unquote(s))
	}
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		panic("spantext: " + err.Error())
	}
	return v
}
