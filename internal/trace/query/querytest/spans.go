package querytest

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
)

// base is when the traces start.
var base = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC).UnixNano()

// parseSpans reads spans, one a line. The indentation says whose child it is:
//
//	trace 1
//	a gateway "GET /" server 0s..120ms http.method="GET"
//	  b payment charge client 10ms..50ms error "boom" retry=true
//	    event exception +5ms exception.type="IOError"
//	    link 7 x why="batch"
//
// A span is its id, service, name, kind, start and end in the trace, then in any order a
// status, a message, and attributes; resource.k=v and instrumentation.k=v are of its
// resource and scope. Values are strings in quotes, numbers, true, false, or a list in
// brackets. Events and links stand below their span.
func parseSpans(text string) (*span.Batch, error) {
	p := &spanParser{trace: traceID(1)}
	for n, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("span line %d %q: %w", n+1, line, err)
		}
	}
	return &p.b, nil
}

type spanParser struct {
	b     span.Batch
	trace span.TraceID
	// open is the spans that may get children, by indentation.
	open []indented
}

type indented struct {
	depth int
	id    span.SpanID
}

func (p *spanParser) line(line string) error {
	depth := len(line) - len(strings.TrimLeft(line, " "))
	words, err := fields(line)
	if err != nil {
		return err
	}
	switch words[0] {
	case "trace":
		n, err := strconv.ParseUint(words[1], 10, 64)
		p.trace, p.open = traceID(n), nil
		return err
	case "event", "link":
		return p.detail(words)
	}
	if len(words) < 5 {
		return fmt.Errorf("want id, service, name, kind and times")
	}
	s := span.Span{TraceID: p.trace, SpanID: spanID(words[0]), Name: words[2], Scope: uint32(len(p.b.Scopes))}
	kinds := []string{"unspecified", "internal", "server", "client", "producer", "consumer"}
	for k, w := range kinds {
		if w == words[3] {
			s.Kind = span.Kind(k)
		}
	}
	start, end, _ := strings.Cut(words[4], "..")
	from, err := time.ParseDuration(start)
	if err != nil {
		return err
	}
	to, err := time.ParseDuration(end)
	if err != nil {
		return err
	}
	s.Start, s.End = base+int64(from), base+int64(to)

	for len(p.open) > 0 && p.open[len(p.open)-1].depth >= depth {
		p.open = p.open[:len(p.open)-1]
	}
	if len(p.open) > 0 {
		s.Parent = p.open[len(p.open)-1].id
	}
	p.open = append(p.open, indented{depth, s.SpanID})

	var attrs, resource, scope []span.Attr
	if words[1] != "-" {
		resource = append(resource, span.Attr{Key: "service.name", Value: span.String(words[1])})
	}
	for _, w := range words[5:] {
		key, value, isAttr := strings.Cut(w, "=")
		switch {
		case w == "error":
			s.Status = span.StatusError
		case w == "ok":
			s.Status = span.StatusOK
		case !isAttr:
			s.StatusMessage = w
		case key == "parent":
			s.Parent = spanID(value)
		default:
			v, err := parseValue(value)
			if err != nil {
				return err
			}
			if k, ok := strings.CutPrefix(key, "resource."); ok {
				resource = append(resource, span.Attr{Key: k, Value: v})
			} else if k, ok := strings.CutPrefix(key, "instrumentation."); ok {
				scope = append(scope, span.Attr{Key: k, Value: v})
			} else {
				attrs = append(attrs, span.Attr{Key: key, Value: v})
			}
		}
	}
	sc := span.Scope{Resource: uint32(len(p.b.Resources)), Name: "lib-" + words[1], Version: "1.0", Attrs: p.add(scope)}
	p.b.Resources = append(p.b.Resources, span.Resource{Attrs: p.add(resource)})
	p.b.Scopes = append(p.b.Scopes, sc)
	s.Attrs = p.add(attrs)
	s.Events = span.Range{From: uint32(len(p.b.Events)), To: uint32(len(p.b.Events))}
	s.Links = span.Range{From: uint32(len(p.b.Links)), To: uint32(len(p.b.Links))}
	p.b.Spans = append(p.b.Spans, s)
	return nil
}

// detail is an event or a link of the last span.
func (p *spanParser) detail(words []string) error {
	s := &p.b.Spans[len(p.b.Spans)-1]
	var attrs []span.Attr
	for _, w := range words[3:] {
		key, value, _ := strings.Cut(w, "=")
		v, err := parseValue(value)
		if err != nil {
			return err
		}
		attrs = append(attrs, span.Attr{Key: key, Value: v})
	}
	if words[0] == "event" {
		after, err := time.ParseDuration(strings.TrimPrefix(words[2], "+"))
		if err != nil {
			return err
		}
		p.b.Events = append(p.b.Events, span.Event{Time: s.Start + int64(after), Name: words[1], Attrs: p.add(attrs)})
		s.Events.To++
		return nil
	}
	n, err := strconv.ParseUint(words[1], 10, 64)
	if err != nil {
		return err
	}
	p.b.Links = append(p.b.Links, span.Link{TraceID: traceID(n), SpanID: spanID(words[2]), Attrs: p.add(attrs)})
	s.Links.To++
	return nil
}

func (p *spanParser) add(attrs []span.Attr) span.Range {
	from := uint32(len(p.b.Attrs))
	p.b.Attrs = append(p.b.Attrs, attrs...)
	return span.Range{From: from, To: uint32(len(p.b.Attrs))}
}

// fields cuts a line at spaces outside of quotes; a word that is all quoted loses them.
func fields(line string) ([]string, error) {
	var out []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		end, quoted := 0, false
		for end < len(line) && (quoted || line[end] != ' ') {
			switch line[end] {
			case '"':
				quoted = !quoted
			case '\\':
				end++
			}
			end++
		}
		w := line[:end]
		line = line[end:]
		if w[0] == '"' {
			s, err := strconv.Unquote(w)
			if err != nil {
				return nil, fmt.Errorf("word %s: %w", w, err)
			}
			w = s
		}
		out = append(out, w)
	}
	return out, nil
}

func parseValue(s string) (span.Value, error) {
	switch {
	case s == "true" || s == "false":
		return span.Bool(s == "true"), nil
	case strings.HasPrefix(s, "["):
		var enc []byte
		for w := range strings.SplitSeq(strings.Trim(s, "[]"), ",") {
			v, err := parseValue(w)
			if err != nil {
				return v, err
			}
			enc = appendElement(enc, v)
		}
		return span.Value{Kind: span.ValueArray, Str: string(enc)}, nil
	case strings.HasPrefix(s, `"`):
		t, err := strconv.Unquote(s)
		return span.String(t), err
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return span.Int(n), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	return span.Double(f), err
}

// appendElement appends a string or integer to an encoded ArrayValue.
func appendElement(dst []byte, v span.Value) []byte {
	element := append([]byte{1<<3 | 2, byte(len(v.Str))}, v.Str...)
	if v.Kind == span.ValueInt {
		element = binary.AppendUvarint([]byte{3 << 3}, v.Num)
	}
	return append(append(dst, 1<<3|2, byte(len(element))), element...)
}

func traceID(n uint64) (id span.TraceID) {
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// spanID is the name's bytes.
func spanID(name string) (id span.SpanID) {
	copy(id[:], name)
	return id
}
