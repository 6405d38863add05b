package clients

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// The story every SDK tells: traces of ten steps, more spans than one export request
// takes. send_test.go, node/send.mjs and python/send.py tell it alike.
const (
	traces = 60
	steps  = 10

	scopeName    = "story"
	scopeVersion = "1.4.0"
	schemaURL    = "https://opentelemetry.io/schemas/1.37.0"

	text     = "Zoë said \"no\",\nthen 注文 🧵"
	declined = "card declined: no funds"
)

// newBase is the second in which the first trace of a story begins.
func newBase() int64 { return time.Now().Add(-traces*time.Second).Unix() - 1 }

// startOf is when a step of a trace begins, and how long it takes, in nanoseconds.
func startOf(base int64, trace, step int) int64 {
	return (base+int64(trace))*1e9 + int64(step)*1_000_003 + 7
}

func lengthOf(step int) int64 { return int64(step+1) * 2_000_001 }

// parentOf is the step a step is a part of; step 0 is the root.
func parentOf(step int) int { return (step - 1) / 3 }

func nameOf(step int) string {
	if step == 0 {
		return "GET /orders/{id}"
	}
	return fmt.Sprintf("step %d", step)
}

// ref names a span that was sent.
type ref struct{ trace, span []byte }

// refs are the ids of a whole story.
type refs [traces][steps]ref

// parseRefs reads what a client prints: "TRACE STEP TRACEID SPANID" for each span.
func parseRefs(t *testing.T, out []byte) *refs {
	t.Helper()
	var ids refs
	n := 0
	lines := bufio.NewScanner(bytes.NewReader(out))
	for ; lines.Scan(); n++ {
		var trace, step int
		var r ref
		if _, err := fmt.Sscanf(lines.Text(), "%d %d %x %x", &trace, &step, &r.trace, &r.span); err != nil || len(r.trace) != 16 || len(r.span) != 8 {
			t.Fatalf("the client printed %q, which is not a span (%v)", lines.Text(), err)
		}
		ids[trace][step] = r
	}
	if n != traces*steps {
		t.Fatalf("the client sent %d spans, the story has %d", n, traces*steps)
	}
	return &ids
}

func attr(key string, v *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: v}
}

func str(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func num(n int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: n}}
}

func dbl(f float64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: f}}
}

func yes(b bool) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: b}}
}

func list(v ...*commonpb.AnyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: v}}}
}

// want is a span of the story as OTLP has it.
func (ids *refs) want(base int64, trace, step int) *tracepb.Span {
	start := startOf(base, trace, step)
	s := &tracepb.Span{
		TraceId: ids[trace][step].trace, SpanId: ids[trace][step].span, Name: nameOf(step),
		Kind: []tracepb.Span_SpanKind{
			tracepb.Span_SPAN_KIND_SERVER, tracepb.Span_SPAN_KIND_CLIENT, tracepb.Span_SPAN_KIND_INTERNAL,
			tracepb.Span_SPAN_KIND_PRODUCER, tracepb.Span_SPAN_KIND_CONSUMER,
		}[step%5],
		StartTimeUnixNano: uint64(start), EndTimeUnixNano: uint64(start + lengthOf(step)),
		Status: &tracepb.Status{},
		Attributes: []*commonpb.KeyValue{
			attr("story.trace", num(int64(trace))),
			attr("story.step", num(int64(step))),
			attr("order.id", str(fmt.Sprintf("order-%d-%d", trace, step))),
			attr("text", str(text)),
			attr("empty", str("")),
			attr("big", num(1<<53-1)), // the largest that JavaScript has
			attr("negative", num(-42)),
			attr("ratio", dbl(2.5)),
			attr("even", yes(step%2 == 0)),
			attr("tags", list(str("a"), str("b"), str(""))),
			attr("sizes", list(num(1), num(2), num(-3))),
			attr("weights", list(dbl(0.5), dbl(1.5))),
			attr("bits", list(yes(true), yes(false))),
		},
	}
	if step > 0 {
		s.ParentSpanId = ids[trace][parentOf(step)].span
	}
	switch step {
	case 1:
		s.Events = []*tracepb.Span_Event{
			{TimeUnixNano: uint64(start + 1_000_000), Name: "retry", Attributes: []*commonpb.KeyValue{
				attr("attempt", num(1)), attr("reason", str("timeout")),
			}},
			{TimeUnixNano: uint64(start + 1_500_001), Name: "gave up"},
		}
	case 2:
		if trace > 0 {
			s.Links = []*tracepb.Span_Link{{
				TraceId: ids[trace-1][0].trace, SpanId: ids[trace-1][0].span,
				Attributes: []*commonpb.KeyValue{attr("why", str("caused by")), attr("weight", dbl(0.5))},
			}}
		}
	case 3:
		s.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_OK}
	case 5:
		s.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: declined}
	}
	return s
}

// checkStory shows that every span of a story arrived whole, by trace id and by search.
func checkStory(t *testing.T, ids *refs, base int64, service, language string) {
	t.Helper()
	whole := map[string]int{}
	for trace := range traces {
		id := ids[trace][0].trace
		whole[hex.EncodeToString(id)] = steps
		ids.checkTrace(t, weft.trace(t, id), base, trace, service, language, asSent)
	}

	// Each query with the traces it finds: every one, or those from one number to another.
	f := func(condition string, from, to int) {
		t.Helper()
		want := map[string]int{}
		for trace := from; trace < to; trace++ {
			want[hex.EncodeToString(ids[trace][0].trace)] = steps
		}
		got := weft.search(t, fmt.Sprintf("{ resource.service.name = %q && %s }", service, condition))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("search %s finds %d traces, want %d, of %d spans each:\n%v", condition, len(got), len(want), steps, got)
		}
	}
	f(`resource.deployment.environment.name = "test"`, 0, traces)
	f(`instrumentation:name = "story" && instrumentation:version = "1.4.0"`, 0, traces)
	f(`name = "GET /orders/{id}" && kind = server`, 0, traces)
	f(`kind = producer && status = ok && span.even = false`, 0, traces)
	f(`status = error && statusMessage = "`+declined+`"`, 0, traces)
	f(`span.order.id = "order-7-3"`, 7, 8)
	f(`span.story.trace = 11 && span.big = 9007199254740991 && span.negative = -42 && span.ratio = 2.5`, 11, 12)
	f(`span.story.step = 4 && span.story.trace >= 50`, 50, traces)
	f(`span.text =~ "Zoë (?s).*注文.*" && span.empty = "" && span.story.trace < 3`, 0, 3)
	f(`event:name = "gave up" && span.story.trace < 5`, 0, 5)
	f(`event.reason = "timeout" && span.story.trace = 5`, 5, 6)
	f(`link:traceID = "`+hex.EncodeToString(ids[3][0].trace)+`"`, 4, 5)
	f(`duration = 6000003ns && span.story.trace = 9`, 9, 10)
	f(`span.order.id = "order-7-30"`, 0, 0)
}

// checkTrace shows that data is one trace of a story, whole. reader is what its reader does
// to a span.
func (ids *refs) checkTrace(t *testing.T, data *tracepb.TracesData, base int64, trace int, service, language string, reader func(*tracepb.Span)) {
	t.Helper()
	seen := map[int]bool{}
	for _, rs := range data.GetResourceSpans() {
		checkResource(t, rs.GetResource(), service, language)
		for _, ss := range rs.GetScopeSpans() {
			if sc := ss.GetScope(); sc.GetName() != scopeName || sc.GetVersion() != scopeVersion || ss.GetSchemaUrl() != schemaURL {
				t.Errorf("scope %s %s, schema %q; want %s %s, %q", sc.GetName(), sc.GetVersion(), ss.GetSchemaUrl(), scopeName, scopeVersion, schemaURL)
			}
			for _, got := range ss.GetSpans() {
				step := slices.IndexFunc(ids[trace][:], func(r ref) bool { return bytes.Equal(r.span, got.GetSpanId()) })
				if step < 0 || seen[step] {
					t.Fatalf("trace %x has span %x, which was not sent or is there twice", ids[trace][0].trace, got.GetSpanId())
				}
				seen[step] = true
				want := ids.want(base, trace, step)
				want.Flags = flagsOf(language)
				for _, l := range want.Links {
					l.Flags = want.Flags
				}
				reader(want)
				sameSpan(t, got, want)
			}
		}
	}
	if len(seen) != steps {
		t.Fatalf("trace %x has %d spans, %d were sent", ids[trace][0].trace, len(seen), steps)
	}
}

// asSent: Weft changes nothing.
func asSent(*tracepb.Span) {}

func checkResource(t *testing.T, r *resourcepb.Resource, service, language string) {
	t.Helper()
	for key, want := range map[string]string{
		"service.name": service, "deployment.environment.name": "test", "telemetry.sdk.language": language,
	} {
		i := slices.IndexFunc(r.GetAttributes(), func(a *commonpb.KeyValue) bool { return a.GetKey() == key })
		if i < 0 || r.GetAttributes()[i].GetValue().GetStringValue() != want {
			t.Fatalf("the resource has no %s %q: %s", key, want, prototext.Format(r))
		}
	}
}

// flagsOf is what an SDK says in the flags of spans and links: that they are sampled (1) and
// that it knows whether the parent is remote (0x100).
func flagsOf(language string) uint32 {
	if language == "python" {
		return 0x100 // it leaves the trace flags out
	}
	return 0x101
}

// sameSpan compares every field.
func sameSpan(t *testing.T, got, want *tracepb.Span) {
	t.Helper()
	if got.Status == nil {
		got.Status = &tracepb.Status{} // as good as one with no code and no message
	}
	if !proto.Equal(got, want) {
		t.Fatalf("span %x differs\ngot  %s\nwant %s", want.GetSpanId(), oneLine(got), oneLine(want))
	}
}

func oneLine(s *tracepb.Span) string {
	return strings.Join(strings.Fields(prototext.MarshalOptions{}.Format(s)), " ")
}
