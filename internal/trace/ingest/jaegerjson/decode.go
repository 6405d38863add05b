package jaegerjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/ingest/assemble"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// WarningsKey is the attribute in which Jaeger keeps the warnings of a span, an array of
// strings.
const WarningsKey = "@jaeger@warnings"

// The tags that OpenTelemetry fixed for what Jaeger has no field for.
const (
	tagKind        = "span.kind"
	tagStatus      = "otel.status_code"
	tagDescription = "otel.status_description"
	tagError       = "error"
	tagTraceState  = "w3c.tracestate"
	tagRefType     = "opentracing.ref_type"
	tagHTTPStatus  = "http.status_code"
	tagHTTPMessage = "http.status_message"
)

// noService is what OpenTelemetry's exporters name a process without a service.
const noService = "OTLPResourceNoServiceName"

type document struct {
	Data  json.RawMessage   `json:"data"`
	Spans []json.RawMessage `json:"spans"` // of a document that is one trace
}

type trace struct {
	Spans     []json.RawMessage  `json:"spans"`
	Processes map[string]process `json:"processes"`
}

type process struct {
	ServiceName string `json:"serviceName"`
	Tags        []tag  `json:"tags"`
}

type tag struct {
	Key   string          `json:"key"`
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

type jaegerSpan struct {
	TraceID       string      `json:"traceID"`
	SpanID        string      `json:"spanID"`
	ParentSpanID  string      `json:"parentSpanID"` // before there were references
	OperationName string      `json:"operationName"`
	References    []reference `json:"references"`
	Flags         json.Number `json:"flags"`
	StartTime     json.Number `json:"startTime"` // microseconds, as all times
	Duration      json.Number `json:"duration"`
	Tags          []tag       `json:"tags"`
	Logs          []struct {
		Timestamp json.Number `json:"timestamp"`
		Fields    []tag       `json:"fields"`
	} `json:"logs"`
	ProcessID string   `json:"processID"`
	Process   *process `json:"process"`
	Warnings  []string `json:"warnings"`
}

type reference struct {
	RefType string `json:"refType"`
	TraceID string `json:"traceID"`
	SpanID  string `json:"spanID"`
}

// Decode reads the document that Jaeger's UI saves and its query API answers,
// {"data":[trace, …]}, or one trace alone. It translates as OpenTelemetry's collector
// does: tags become status, kind, scope and trace state again, the first CHILD_OF reference
// into the same trace is the parent and all others are links, logs are events. Ids shorter
// than OpenTelemetry's are padded. A span that cannot be read is left out and counted.
//
// Limits are not applied; the admission that follows does that. Text that is not UTF-8 is
// not JSON; encoding/json puts U+FFFD in its place.
func Decode(buf []byte) (*span.Batch, otlp.Rejected, error) {
	var doc document
	if err := json.Unmarshal(buf, &doc); err != nil {
		return nil, otlp.Rejected{}, assemble.SyntaxError("Jaeger", err)
	}
	var traces []trace
	var err error
	switch data := bytes.TrimSpace(doc.Data); {
	case doc.Spans != nil:
		traces = make([]trace, 1)
		err = json.Unmarshal(buf, &traces[0])
	case len(data) > 0 && data[0] == '{':
		traces = make([]trace, 1)
		err = json.Unmarshal(data, &traces[0])
	case len(data) > 0:
		err = json.Unmarshal(data, &traces)
	default:
		err = errors.New(`neither "data" nor "spans" is there`)
	}
	if err != nil {
		return nil, otlp.Rejected{}, assemble.SyntaxError("Jaeger", err)
	}
	var a assemble.Assembler
	var rej otlp.Rejected
	for _, t := range traces {
		resources := map[string]assemble.Attrs{}
		for id, p := range t.Processes {
			resources[id] = p.resource()
		}
		for _, raw := range t.Spans {
			var js jaegerSpan
			if err := json.Unmarshal(raw, &js); err != nil {
				rej.Reject(assemble.Reason(err))
				continue
			}
			s, reason := js.span()
			if reason != "" {
				rej.Reject(reason)
				continue
			}
			s.Resource = resources[js.ProcessID]
			if js.Process != nil {
				s.Resource = js.Process.resource()
			}
			a.Add(s)
		}
	}
	return a.Batch(), rej, nil
}

func (p *process) resource() assemble.Attrs {
	var r assemble.Attrs
	if p.ServiceName != "" && p.ServiceName != noService {
		r.Add("service.name", span.String(p.ServiceName))
	}
	r = append(r, attrs(p.Tags)...)
	rename := func(from, to, prefix string) {
		if _, taken := r.Get(to); taken {
			return
		}
		if v, ok := r.Get(from); ok && v.Kind == span.ValueString {
			for i := range r {
				if r[i].Key == from {
					r[i] = span.Attr{Key: to, Value: span.String(prefix + v.Str)}
					return
				}
			}
		}
	}
	rename("hostname", "host.name", "")
	rename("jaeger.version", "opencensus.exporterversion", "Jaeger-")
	return r
}

// span is the span, or the reason why it is none.
func (js *jaegerSpan) span() (s *assemble.Span, reason string) {
	s = &assemble.Span{Span: span.Span{Name: js.OperationName}}
	flags, err := strconv.ParseUint(cmp.Or(string(js.Flags), "0"), 10, 32)
	if err != nil {
		return nil, "flags are not a number of 32 bits"
	}
	s.Flags = uint32(flags) & 1 // sampled; the other bits are Jaeger's own
	if s.TraceID, err = span.ParseTraceID(js.TraceID); err != nil || s.TraceID.IsZero() {
		return nil, "traceID is not a trace id"
	}
	if s.SpanID, err = span.ParseSpanID(js.SpanID); err != nil || s.SpanID.IsZero() {
		return nil, "spanID is not a span id"
	}
	start, ok := assemble.Micros(js.StartTime)
	if !ok {
		return nil, "startTime is not a time up to 2262"
	}
	duration, ok := assemble.Micros(js.Duration)
	if !ok || duration > math.MaxInt64-start {
		return nil, "duration does not end by 2262"
	}
	s.Start, s.End = start, start+duration
	if reason := js.references(s); reason != "" {
		return nil, reason
	}
	s.Attrs = attrs(js.Tags)
	s.Kind = kind(s.Attrs.TakeText(tagKind))
	setStatus(s)
	s.TraceState = s.Attrs.TakeText(tagTraceState)
	s.ScopeName, s.ScopeVersion = s.Attrs.TakeText("otel.scope.name"), s.Attrs.TakeText("otel.scope.version")
	if s.ScopeName == "" {
		s.ScopeName, s.ScopeVersion = s.Attrs.TakeText("otel.library.name"), s.Attrs.TakeText("otel.library.version")
	}
	if len(js.Warnings) > 0 {
		var list []span.Value
		for _, w := range js.Warnings {
			list = append(list, span.String(w))
		}
		s.Attrs.Add(WarningsKey, otlp.Array(list...))
	}
	for _, l := range js.Logs {
		at, ok := assemble.Micros(l.Timestamp)
		if !ok {
			return nil, "the timestamp of a log is not a time up to 2262"
		}
		e := assemble.Event{Event: span.Event{Time: at}, Attrs: attrs(l.Fields)}
		e.Name = e.Attrs.TakeText("event")
		s.Events = append(s.Events, e)
	}
	return s, ""
}

// references sets the parent and the links.
func (js *jaegerSpan) references(s *assemble.Span) (reason string) {
	for _, r := range js.References {
		trace, err := span.ParseTraceID(r.TraceID)
		id, err2 := span.ParseSpanID(r.SpanID)
		if err != nil || err2 != nil {
			return "a reference does not hold ids"
		}
		childOf := r.RefType == "CHILD_OF"
		if childOf && trace == s.TraceID && s.Parent.IsZero() {
			s.Parent = id
			continue
		}
		l := assemble.Link{Link: span.Link{TraceID: trace, SpanID: id}}
		refType := "follows_from"
		if childOf {
			refType = "child_of"
		}
		l.Attrs.Add(tagRefType, span.String(refType))
		s.Links = append(s.Links, l)
	}
	if s.Parent.IsZero() && js.ParentSpanID != "" {
		var err error
		if s.Parent, err = span.ParseSpanID(js.ParentSpanID); err != nil {
			return "parentSpanID is not a span id"
		}
	}
	return ""
}

// setStatus finds the status in the tags: an error tag that is true rules, then the status
// that OpenTelemetry wrote, then the HTTP status code.
func setStatus(s *assemble.Span) {
	code, hasCode := s.Attrs.Get(tagStatus)
	failed, _ := s.Attrs.Get(tagError)
	httpCode, hasHTTP := s.Attrs.Get(tagHTTPStatus)
	httpMessage, _ := s.Attrs.Get(tagHTTPMessage)
	switch {
	case failed == span.Bool(true) || failed == span.String("true"):
		s.Attrs.Take(tagError)
		s.Attrs.Take(tagStatus)
		s.Status, s.Presence = span.StatusError, span.HasStatus
		if s.StatusMessage = s.Attrs.TakeText(tagDescription); s.StatusMessage == "" && httpMessage.Kind == span.ValueString {
			s.StatusMessage = httpMessage.Str
		}
	case hasCode:
		s.Attrs.Take(tagStatus)
		switch strings.ToUpper(code.Str) {
		case "OK":
			s.Status = span.StatusOK
		case "ERROR":
			s.Status = span.StatusError
		}
		s.Presence = span.HasStatus
		s.StatusMessage = s.Attrs.TakeText(tagDescription)
	case hasHTTP:
		n, err := httpCode.Int(), error(nil)
		if httpCode.Kind == span.ValueString {
			n, err = strconv.ParseInt(httpCode.Str, 10, 64)
		} else if httpCode.Kind != span.ValueInt {
			return
		}
		if err == nil && assemble.HTTPStatus(n, s.Kind) == span.StatusError {
			s.Status, s.Presence = span.StatusError, span.HasStatus
			if httpMessage.Kind == span.ValueString {
				s.StatusMessage = httpMessage.Str
			}
		}
	}
}

func kind(text string) span.Kind {
	switch text {
	case "internal":
		return span.KindInternal
	case "server":
		return span.KindServer
	case "client":
		return span.KindClient
	case "producer":
		return span.KindProducer
	case "consumer":
		return span.KindConsumer
	}
	return span.KindUnspecified
}

func attrs(tags []tag) assemble.Attrs {
	var out assemble.Attrs
	for _, t := range tags {
		out.Add(t.Key, t.value())
	}
	return out
}

// value reads the value by its type; storages of Jaeger keep all of them as text. A value
// that does not fit its type stays what the JSON says.
func (t *tag) value() span.Value {
	v := assemble.Value(t.Value)
	if v.Kind == span.ValueEmpty {
		return v
	}
	text := assemble.Text(t.Value)
	switch strings.ToLower(t.Type) {
	case "string":
		return span.String(text)
	case "bool":
		if text == "true" || text == "false" {
			return span.Bool(text == "true")
		}
	case "int64":
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return span.Int(i)
		}
	case "float64":
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return span.Double(f)
		}
	case "binary":
		var b []byte
		if json.Unmarshal(t.Value, &b) == nil {
			return span.Value{Kind: span.ValueBytes, Str: string(b)}
		}
	}
	return v
}
