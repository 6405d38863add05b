package zipkinjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/ingest/assemble"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

const (
	// SharedKey marks the server's half of a span that client and server both reported
	// under one id, as B3 propagation has it.
	SharedKey = "zipkin.shared"
	// NoStartKey marks a span that came without a timestamp. It starts with its first
	// annotation, or in 1970.
	NoStartKey = "otel.zipkin.absentField.startTime"
)

type zipkinSpan struct {
	TraceID        string          `json:"traceId"`
	ID             string          `json:"id"`
	ParentID       string          `json:"parentId"`
	Name           string          `json:"name"`
	Kind           string          `json:"kind"`
	Timestamp      json.Number     `json:"timestamp"` // microseconds, as all times
	Duration       json.Number     `json:"duration"`
	LocalEndpoint  *endpoint       `json:"localEndpoint"`
	RemoteEndpoint *endpoint       `json:"remoteEndpoint"`
	Annotations    []annotation    `json:"annotations"`
	Tags           assemble.Object `json:"tags"`
	Shared         bool            `json:"shared"`
}

type endpoint struct {
	ServiceName string `json:"serviceName"`
	IPv4        string `json:"ipv4"`
	IPv6        string `json:"ipv6"`
	Port        int64  `json:"port"`
}

type annotation struct {
	Timestamp json.Number `json:"timestamp"`
	Value     string      `json:"value"`
}

// Decode reads a list of spans, or a list of such lists. A span that cannot be read is
// left out and counted. Limits are not applied; the admission that follows does that.
func Decode(buf []byte) (*span.Batch, otlp.Rejected, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(buf, &list); err != nil {
		return nil, otlp.Rejected{}, assemble.SyntaxError("Zipkin", err)
	}
	if list == nil {
		return nil, otlp.Rejected{}, assemble.SyntaxError("Zipkin", errors.New("expected an array of spans"))
	}
	var a assemble.Assembler
	var rej otlp.Rejected
	for _, raw := range list {
		spans := []json.RawMessage{raw}
		if bytes.HasPrefix(raw, []byte("[")) {
			if err := json.Unmarshal(raw, &spans); err != nil {
				return nil, otlp.Rejected{}, assemble.SyntaxError("Zipkin", err)
			}
		}
		for _, raw := range spans {
			var zs zipkinSpan
			if err := json.Unmarshal(raw, &zs); err != nil {
				rej.Reject(assemble.Reason(err))
				continue
			}
			s, reason := zs.span()
			if reason != "" {
				rej.Reject(reason)
				continue
			}
			a.Add(s)
		}
	}
	return a.Batch(), rej, nil
}

// span is the span, or the reason why it is none.
func (zs *zipkinSpan) span() (s *assemble.Span, reason string) {
	s = &assemble.Span{Span: span.Span{Name: zs.Name}}
	var err error
	if s.TraceID, err = span.ParseTraceID(zs.TraceID); err != nil || s.TraceID.IsZero() {
		return nil, "traceId is not a trace id"
	}
	if s.SpanID, err = span.ParseSpanID(zs.ID); err != nil || s.SpanID.IsZero() {
		return nil, "id is not a span id"
	}
	if zs.ParentID != "" {
		if s.Parent, err = span.ParseSpanID(zs.ParentID); err != nil {
			return nil, "parentId is not a span id"
		}
		if s.Parent == s.SpanID {
			s.Parent = span.SpanID{} // the oldest Zipkin clients name themselves
		}
	}
	for _, t := range zs.Tags {
		s.Attrs.Add(t.Key, span.String(assemble.Text(t.Value)))
	}
	s.Kind = kind(zs.Kind, &s.Attrs)
	setStatus(s)
	links(s)
	s.TraceState = s.Attrs.TakeText("w3c.tracestate")
	s.ScopeName, s.ScopeVersion = s.Attrs.TakeText("otel.scope.name"), s.Attrs.TakeText("otel.scope.version")
	if s.ScopeName == "" {
		s.ScopeName, s.ScopeVersion = s.Attrs.TakeText("otel.library.name"), s.Attrs.TakeText("otel.library.version")
	}
	zs.resource(s)
	zs.endpoints(s)
	if reason := zs.times(s); reason != "" {
		return nil, reason
	}
	if zs.Shared {
		s.Attrs.Add(SharedKey, span.Bool(true))
	}
	return s, ""
}

// times sets start, end and events.
func (zs *zipkinSpan) times(s *assemble.Span) (reason string) {
	first := int64(math.MaxInt64)
	for _, a := range zs.Annotations {
		at, ok := assemble.Micros(a.Timestamp)
		if !ok {
			return "the timestamp of an annotation is not a time up to 2262"
		}
		first = min(first, at)
		s.Events = append(s.Events, event(at, a.Value))
	}
	var ok bool
	if s.Start, ok = assemble.Micros(zs.Timestamp); !ok {
		return "timestamp is not a time up to 2262"
	}
	if s.Start == 0 {
		if len(zs.Annotations) > 0 {
			s.Start = first
		}
		s.Attrs.Add(NoStartKey, span.Bool(true))
	}
	duration, ok := assemble.Micros(zs.Duration)
	if !ok || duration > math.MaxInt64-s.Start {
		return "duration does not end by 2262"
	}
	s.End = s.Start + duration
	return ""
}

func kind(text string, tags *assemble.Attrs) span.Kind {
	switch text {
	case "CLIENT":
		return span.KindClient
	case "SERVER":
		return span.KindServer
	case "PRODUCER":
		return span.KindProducer
	case "CONSUMER":
		return span.KindConsumer
	}
	if v, _ := tags.Get("span.kind"); v.Str == "internal" {
		tags.Take("span.kind")
		return span.KindInternal
	}
	return span.KindUnspecified
}

// setStatus finds the status in the tags. In Zipkin it is the error tag that says a span
// failed, whatever its value; only "false" is taken at its word.
func setStatus(s *assemble.Span) {
	if code, ok := s.Attrs.Take("otel.status_code"); ok {
		switch strings.TrimPrefix(strings.ToUpper(code.Str), "STATUS_CODE_") {
		case "OK":
			s.Status = span.StatusOK
		case "ERROR":
			s.Status = span.StatusError
		}
		s.Presence = span.HasStatus
		s.StatusMessage = s.Attrs.TakeText("otel.status_description")
	}
	failed, ok := s.Attrs.Get("error")
	if !ok || failed.Str == "false" {
		return
	}
	s.Status, s.Presence = span.StatusError, span.HasStatus
	if failed.Str == "true" || failed.Str == "" {
		s.Attrs.Take("error")
	} else if s.StatusMessage == "" {
		s.StatusMessage = failed.Str
	}
}

// links reads the tags otlp.link.0, 1, …: trace id, span id, trace state, attributes as
// JSON and dropped count, with bars between. A tag of that name that is something else
// stays a tag.
func links(s *assemble.Span) {
	type numbered struct {
		n int
		l assemble.Link
	}
	var found []numbered
	var rest assemble.Attrs
	for _, a := range s.Attrs {
		if number, ok := strings.CutPrefix(a.Key, "otlp.link."); ok {
			n, err := strconv.Atoi(number)
			if l, ok := link(a.Value.Str); ok && err == nil {
				found = append(found, numbered{n, l})
				continue
			}
		}
		rest = append(rest, a)
	}
	s.Attrs = rest
	slices.SortStableFunc(found, func(x, y numbered) int { return cmp.Compare(x.n, y.n) })
	for _, f := range found {
		s.Links = append(s.Links, f.l)
	}
}

func link(text string) (l assemble.Link, ok bool) {
	parts := strings.SplitN(text, "|", 4)
	if len(parts) < 4 {
		return l, false
	}
	var err, err2 error
	l.TraceID, err = span.ParseTraceID(parts[0])
	l.SpanID, err2 = span.ParseSpanID(parts[1])
	l.TraceState = parts[2]
	l.Attrs, l.Dropped, ok = attrsAndCount(parts[3])
	return l, ok && err == nil && err2 == nil
}

// event reads an annotation. OpenTelemetry's exporters write name, attributes as JSON and
// dropped count, with bars between; all else is the name.
func event(at int64, text string) assemble.Event {
	e := assemble.Event{Event: span.Event{Time: at, Name: text}}
	if name, rest, ok := strings.Cut(text, "|"); ok {
		if attrs, dropped, ok := attrsAndCount(rest); ok {
			e.Name, e.Attrs, e.Dropped = name, attrs, dropped
		}
	}
	return e
}

// attrsAndCount reads `{"key":"value"}|0`.
func attrsAndCount(text string) (attrs assemble.Attrs, dropped uint32, ok bool) {
	bar := strings.LastIndexByte(text, '|')
	if bar < 0 {
		return nil, 0, false
	}
	var members assemble.Object
	if json.Unmarshal([]byte(text[:bar]), &members) != nil || json.Unmarshal([]byte(text[bar+1:]), &dropped) != nil {
		return nil, 0, false
	}
	for _, m := range members {
		attrs.Add(m.Key, assemble.Value(m.Value))
	}
	return attrs, dropped, true
}

// resource moves what belongs to the process out of the tags.
func (zs *zipkinSpan) resource(s *assemble.Span) {
	source := s.Attrs.TakeText("otlp.service.name.source")
	if source == "" {
		source = "service.name"
	}
	if e := zs.LocalEndpoint; e != nil && e.ServiceName != "" {
		s.Resource.Add(source, span.String(e.ServiceName))
	}
	rest := s.Attrs[:0]
	for _, a := range s.Attrs {
		if isResourceKey(a.Key) {
			s.Resource = append(s.Resource, a)
		} else {
			rest = append(rest, a)
		}
	}
	s.Attrs = rest
}

// isResourceKey knows the attributes that OpenTelemetry's conventions give to resources,
// as far as SDKs and detectors set them.
func isResourceKey(key string) bool {
	switch key {
	case "service.version", "service.namespace", "service.instance.id",
		"deployment.environment", "deployment.environment.name",
		"telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version",
		"telemetry.auto.version", "telemetry.distro.name", "telemetry.distro.version",
		"host.id", "host.name", "host.type", "host.arch", "host.image.id", "host.image.name", "host.image.version",
		"os.type", "os.description", "os.name", "os.version",
		"process.pid", "process.parent_pid", "process.executable.name", "process.executable.path",
		"process.command", "process.command_line", "process.command_args", "process.owner",
		"process.runtime.name", "process.runtime.version", "process.runtime.description",
		"container.id", "container.name", "container.runtime", "container.image.name", "container.image.tag",
		"cloud.provider", "cloud.account.id", "cloud.region", "cloud.availability_zone", "cloud.platform", "cloud.resource_id",
		"k8s.cluster.name", "k8s.node.name", "k8s.node.uid", "k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.container.name",
		"k8s.deployment.name", "k8s.deployment.uid", "k8s.replicaset.name", "k8s.replicaset.uid",
		"k8s.statefulset.name", "k8s.statefulset.uid", "k8s.daemonset.name", "k8s.daemonset.uid",
		"k8s.job.name", "k8s.job.uid", "k8s.cronjob.name", "k8s.cronjob.uid",
		"opencensus.exporterversion", "opencensus.starttime", "opencensus.resourcetype":
		return true
	}
	return false
}

// endpoints adds where the span ran and whom it called.
func (zs *zipkinSpan) endpoints(s *assemble.Span) {
	add := func(e *endpoint, prefix string) {
		for _, ip := range []string{e.IPv4, e.IPv6} {
			if ip != "" {
				s.Attrs.Add(prefix+".ip", span.String(ip))
			}
		}
		if e.Port > 0 {
			s.Attrs.Add(prefix+".port", span.Int(e.Port))
		}
	}
	if e := zs.LocalEndpoint; e != nil {
		add(e, "net.host")
	}
	if e := zs.RemoteEndpoint; e != nil {
		if e.ServiceName != "" {
			s.Attrs.Add("peer.service", span.String(e.ServiceName))
		}
		add(e, "net.peer")
	}
}
