package jaegerjson

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// NoService is the service of spans whose resource does not name one; Jaeger has no
// process without a name.
const NoService = "unknown_service"

// AppendTraces appends traces as the document Jaeger's UI saves and loads,
// {"data":[…]}.
func AppendTraces(dst []byte, traces ...*span.Batch) []byte {
	dst = append(dst, `{"data":[`...)
	for i, b := range traces {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendTrace(dst, b)
	}
	return append(dst, "]}"...)
}

// AppendTrace appends one trace in Jaeger's JSON. What Jaeger has no place for travels as
// the tags OpenTelemetry fixed for it: status, kind, scope, trace state; the parent is a
// CHILD_OF reference and a link a FOLLOWS_FROM one. Times are cut to microseconds.
func AppendTrace(dst []byte, b *span.Batch) []byte {
	dst = append(dst, `{"traceID":"`...)
	if len(b.Spans) > 0 {
		dst = append(dst, b.Spans[0].TraceID.String()...)
	}
	dst = append(dst, `","spans":[`...)
	p := processes{b: b, of: map[uint32]int{}, byText: map[string]int{}}
	for i := range b.Spans {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendSpan(dst, b, &b.Spans[i], p.id(b.Scopes[b.Spans[i].Scope].Resource))
	}
	dst = append(dst, `],"processes":{`...)
	for i, text := range p.list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fmt.Appendf(dst, `"p%d":%s`, i+1, text)
	}
	return append(dst, `},"warnings":null}`...)
}

// processes numbers resources by their content, as p1, p2, ….
type processes struct {
	b      *span.Batch
	of     map[uint32]int // by resource
	byText map[string]int
	list   []string
}

func (p *processes) id(resource uint32) int {
	if i, ok := p.of[resource]; ok {
		return i
	}
	text := string(appendProcess(nil, p.b, &p.b.Resources[resource]))
	i, ok := p.byText[text]
	if !ok {
		p.list = append(p.list, text)
		i = len(p.list)
		p.byText[text] = i
	}
	p.of[resource] = i
	return i
}

func appendProcess(dst []byte, b *span.Batch, r *span.Resource) []byte {
	service := NoService
	var rest tags
	for _, a := range b.AttrsOf(r.Attrs) {
		if a.Key == "service.name" && a.Value.Kind == span.ValueString && a.Value.Str != "" {
			service = a.Value.Str
			continue
		}
		rest.add(a.Key, a.Value)
	}
	dst = append(dst, `{"serviceName":`...)
	dst = otlp.AppendQuoted(dst, service)
	dst = append(dst, `,"tags":`...)
	return append(rest.append(dst), '}')
}

func appendSpan(dst []byte, b *span.Batch, s *span.Span, process int) []byte {
	dst = fmt.Appendf(dst, `{"traceID":"%s","spanID":"%s"`, s.TraceID, s.SpanID)
	if f := s.Flags & 0xff; f != 0 {
		dst = fmt.Appendf(dst, `,"flags":%d`, f)
	}
	dst = append(dst, `,"operationName":`...)
	dst = otlp.AppendQuoted(dst, s.Name)
	dst = append(dst, `,"references":[`...)
	if !s.Parent.IsZero() {
		dst = appendReference(dst, "CHILD_OF", s.TraceID, s.Parent)
	}
	for i, l := range b.LinksOf(s) {
		if i > 0 || !s.Parent.IsZero() {
			dst = append(dst, ',')
		}
		kind := "FOLLOWS_FROM"
		if v, ok := b.Get(l.Attrs, "opentracing.ref_type"); ok && v == span.String("child_of") {
			kind = "CHILD_OF"
		}
		dst = appendReference(dst, kind, l.TraceID, l.SpanID)
	}
	dst = fmt.Appendf(dst, `],"startTime":%d,"duration":%d,"tags":`, s.Start/1000, s.Duration()/1000)
	dst = spanTags(b, s).append(dst)
	dst = append(dst, `,"logs":[`...)
	for i, e := range b.EventsOf(s) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fmt.Appendf(dst, `{"timestamp":%d,"fields":`, e.Time/1000)
		var fields tags
		if e.Name != "" {
			fields.add("event", span.String(e.Name))
		}
		for _, a := range b.AttrsOf(e.Attrs) {
			fields.add(a.Key, a.Value)
		}
		dst = append(fields.append(dst), '}')
	}
	return fmt.Appendf(dst, `],"processID":"p%d","warnings":%s}`, process, warnings(b, s))
}

func appendReference(dst []byte, kind string, trace span.TraceID, id span.SpanID) []byte {
	return fmt.Appendf(dst, `{"refType":"%s","traceID":"%s","spanID":"%s"}`, kind, trace, id)
}

// warnings are what Jaeger shows at the span: those it came with, and what the store knows
// to be odd about it.
func warnings(b *span.Batch, s *span.Span) string {
	var list []string
	if came, ok := b.Get(s.Attrs, WarningsKey); ok {
		for w := range otlp.ArrayValues(came) {
			list = append(list, string(otlp.AppendQuoted(nil, w.Str)))
		}
	}
	if s.End == 0 {
		list = append(list, `"the span has not ended"`)
	}
	if s.Marks&span.MarkTruncated != 0 {
		list = append(list, `"values were cut to the limit"`)
	}
	if s.Marks&span.MarkInvalidUTF8 != 0 {
		list = append(list, `"text is not UTF-8"`)
	}
	if list == nil {
		return "null"
	}
	return "[" + strings.Join(list, ",") + "]"
}

var kindTags = map[span.Kind]string{
	span.KindInternal: "internal", span.KindServer: "server", span.KindClient: "client",
	span.KindProducer: "producer", span.KindConsumer: "consumer",
}

// spanTags are the attributes and what became a tag.
func spanTags(b *span.Batch, s *span.Span) *tags {
	var t tags
	for _, a := range b.AttrsOf(s.Attrs) {
		if a.Key == WarningsKey && a.Value.Kind == span.ValueArray {
			continue
		}
		t.add(a.Key, a.Value)
	}
	if kind, ok := kindTags[s.Kind]; ok {
		t.addNew("span.kind", span.String(kind))
	}
	switch s.Status {
	case span.StatusOK:
		t.addNew("otel.status_code", span.String("OK"))
	case span.StatusError:
		t.addNew("otel.status_code", span.String("ERROR"))
		t.addNew("error", span.Bool(true))
	}
	if s.StatusMessage != "" {
		t.addNew("otel.status_description", span.String(s.StatusMessage))
	}
	scope := &b.Scopes[s.Scope]
	if scope.Name != "" {
		t.addNew("otel.scope.name", span.String(scope.Name))
	}
	if scope.Version != "" {
		t.addNew("otel.scope.version", span.String(scope.Version))
	}
	if s.TraceState != "" {
		t.addNew("w3c.tracestate", span.String(s.TraceState))
	}
	return &t
}

// tags writes a list of Jaeger's key-values.
type tags struct {
	text []byte
	keys map[string]bool
}

// addNew adds a tag of ours unless the sender has one of that name.
func (t *tags) addNew(key string, v span.Value) {
	if !t.keys[key] {
		t.add(key, v)
	}
}

func (t *tags) add(key string, v span.Value) {
	if t.keys == nil {
		t.keys = map[string]bool{}
	}
	t.keys[key] = true
	if len(t.text) > 0 {
		t.text = append(t.text, ',')
	}
	t.text = append(t.text, `{"key":`...)
	t.text = otlp.AppendQuoted(t.text, key)
	kind, value := jaegerValue(v)
	t.text = fmt.Appendf(t.text, `,"type":"%s","value":`, kind)
	t.text = append(append(t.text, value...), '}')
}

func (t *tags) append(dst []byte) []byte {
	dst = append(dst, '[')
	dst = append(dst, t.text...)
	return append(dst, ']')
}

// maxSafe is the largest integer a JavaScript number holds; Jaeger writes larger ones as
// text.
const maxSafe = 1<<53 - 1

// jaegerValue is v as Jaeger's type and JSON. Nested values are text, in JSON; Jaeger has
// no type for them.
func jaegerValue(v span.Value) (kind string, value []byte) {
	switch v.Kind {
	case span.ValueString:
		return "string", otlp.AppendQuoted(nil, v.Str)
	case span.ValueBool:
		return "bool", strconv.AppendBool(nil, v.Bool())
	case span.ValueInt:
		value = strconv.AppendInt(nil, v.Int(), 10)
		if n := v.Int(); n > maxSafe || n < -maxSafe {
			value = otlp.AppendQuoted(nil, string(value))
		}
		return "int64", value
	case span.ValueDouble:
		return "float64", otlp.AppendPlainJSON(nil, v)
	case span.ValueBytes, span.ValueOpaque:
		return "binary", otlp.AppendQuoted(nil, base64.StdEncoding.EncodeToString([]byte(v.Str)))
	case span.ValueArray, span.ValueMap:
		return "string", otlp.AppendQuoted(nil, string(otlp.AppendPlainJSON(nil, v)))
	}
	return "string", []byte(`""`)
}
