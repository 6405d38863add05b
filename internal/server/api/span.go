package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/server/api/stack"
	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

const (
	incomingBefore = time.Hour
	incomingAfter  = 24 * time.Hour
	incomingTraces = 50
	incomingSpans  = 100
	// incomingTime bounds the search for links to a span: it is a courtesy of the panel,
	// which must open at once.
	incomingTime = 500 * time.Millisecond
)

// GetSpan answers one span with everything it carries.
func (s *server) GetSpan(w http.ResponseWriter, r *http.Request, trace TraceID, text string, p GetSpanParams) {
	id, err := span.ParseSpanID(text)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answerTrace(w, r, trace, func(b *span.Batch) ([]byte, error) {
		with := spansWith(b, id)
		if len(with) == 0 {
			return nil, fmt.Errorf("span %s of trace %s: %w", id, trace, store.ErrNotFound)
		}
		first := with[0]
		out := spanDetail(b, first)
		for _, i := range with[1:] {
			out.Alternates = append(out.Alternates, spanDetail(b, i))
		}
		if p.Incoming == nil || *p.Incoming {
			var err error
			if out.IncomingLinks, out.IncomingPartial, err = s.incoming(r, b, first); err != nil {
				return nil, fmt.Errorf("links to span %s: %w", id, err)
			}
		}
		return marshal(w, out)
	})
}

// spansWith is the spans that share an id, in the order of the trace's rows, so that the
// second of a page is the second here.
func spansWith(b *span.Batch, id span.SpanID) []int {
	var with []int
	for i := range b.Spans {
		if b.Spans[i].SpanID == id {
			with = append(with, i)
		}
	}
	if len(with) > 1 {
		t := tree.Build(b)
		slices.SortFunc(with, func(x, y int) int { return int(t.RowOf(int32(x)) - t.RowOf(int32(y))) })
	}
	return with
}

// incoming finds the spans that link to span i of b.
func (s *server) incoming(r *http.Request, b *span.Batch, i int) (links []IncomingLink, partial string, err error) {
	target := &b.Spans[i]
	links = []IncomingLink{}
	is := func(in store.Intrinsic, id string) store.Expr {
		return store.Compare{Op: store.Eq, X: store.Field{Intrinsic: in}, Y: store.Literal{Value: span.String(id)}}
	}
	q := store.Query{
		Tenant: s.tenant(r), Limit: incomingTraces, Budget: store.Budget{Time: incomingTime},
		Filter: store.And{X: is(store.LinkSpanID, target.SpanID.String()), Y: is(store.LinkTraceID, target.TraceID.String())},
		Window: store.Window{Start: target.Start - int64(incomingBefore), End: target.Start + int64(incomingAfter)},
	}
	for sum, err := range s.Queries.Search(r.Context(), q) {
		var cut *store.PartialError
		switch {
		case errors.As(err, &cut):
			return links, cut.Reason, nil
		case errors.Is(err, ErrBusy):
			return links, "too many queries at once", nil
		case err != nil:
			return nil, "", err
		}
		from := b
		if sum.TraceID != target.TraceID {
			from, err = s.Reader.Trace(r.Context(), q.Tenant, sum.TraceID)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, "", err
			}
		}
		for k := range from.Spans {
			if len(links) == incomingSpans {
				return links, fmt.Sprintf("the first %d links", incomingSpans), nil
			}
			if linksTo(from, &from.Spans[k], target) {
				f := &from.Spans[k]
				links = append(links, IncomingLink{
					TraceId: f.TraceID.String(), SpanId: f.SpanID.String(), Service: text(from.Service(f)), Name: text(f.Name),
					StartUnixNano: nano(f.Start),
				})
			}
		}
	}
	return links, "", nil
}

func linksTo(b *span.Batch, s, target *span.Span) bool {
	return slices.ContainsFunc(b.LinksOf(s), func(l span.Link) bool {
		return l.SpanID == target.SpanID && l.TraceID == target.TraceID
	})
}

func spanDetail(b *span.Batch, i int) SpanDetail {
	s := &b.Spans[i]
	scope := &b.Scopes[s.Scope]
	resource := b.ResourceOf(s)
	d := SpanDetail{
		TraceId: s.TraceID.String(), SpanId: s.SpanID.String(),
		Service: text(b.Service(s)), Name: text(s.Name), Kind: kindWord(s.Kind),
		Status: statusWord(s.Status), StatusMessage: text(s.StatusMessage),
		StartUnixNano: nano(s.Start), EndUnixNano: nano(s.End), DurationNs: nano(s.Duration()), Ended: s.End != 0,
		Flags: int64(s.Flags), TraceState: text(s.TraceState),
		Attributes:        groupAttributes(attributes(b, s.Attrs)),
		DroppedAttributes: int64(s.DroppedAttrs), DroppedEvents: int64(s.DroppedEvents), DroppedLinks: int64(s.DroppedLinks),
		Events: []SpanEvent{}, Links: []SpanLink{}, IncomingLinks: []IncomingLink{},
		Resource: ResourceDetail{
			Attributes: attributes(b, resource.Attrs), DroppedAttributes: int64(resource.Dropped), SchemaUrl: text(resource.SchemaURL),
		},
		Scope: ScopeDetail{
			Name: text(scope.Name), Version: text(scope.Version), Attributes: attributes(b, scope.Attrs),
			DroppedAttributes: int64(scope.Dropped), SchemaUrl: text(scope.SchemaURL),
		},
		Marks: []SpanDetailMarks{}, Alternates: []SpanDetail{},
	}
	if !s.Parent.IsZero() {
		d.ParentSpanId = s.Parent.String()
	}
	if s.Marks&span.MarkInvalidUTF8 != 0 {
		d.Marks = append(d.Marks, SpanDetailMarksInvalidUtf8)
	}
	if s.Marks&span.MarkTruncated != 0 {
		d.Marks = append(d.Marks, SpanDetailMarksTruncated)
	}
	for _, e := range b.EventsOf(s) {
		ev := SpanEvent{
			TimeUnixNano: nano(e.Time), OffsetNs: nano(e.Time - s.Start), Name: text(e.Name),
			Attributes: attributes(b, e.Attrs), DroppedAttributes: int64(e.Dropped),
		}
		if exc, ok := exceptionIn(b, e.Attrs); ok {
			ev.Exception = withFrames(exc)
		}
		d.Events = append(d.Events, ev)
	}
	if exc, ok := exceptionOf(b, s); ok {
		d.Exception = withFrames(exc)
	}
	for _, l := range b.LinksOf(s) {
		d.Links = append(d.Links, SpanLink{
			TraceId: l.TraceID.String(), SpanId: l.SpanID.String(), TraceState: text(l.TraceState), Flags: int64(l.Flags),
			Attributes: attributes(b, l.Attrs), DroppedAttributes: int64(l.Dropped),
		})
	}
	return d
}

func withFrames(e Exception) Exception {
	e.Frames = apiFrames(stack.Parse(e.Stacktrace))
	return e
}

func kindWord(k span.Kind) SpanKind {
	switch k {
	case span.KindInternal:
		return SpanKindInternal
	case span.KindServer:
		return SpanKindServer
	case span.KindClient:
		return SpanKindClient
	case span.KindProducer:
		return SpanKindProducer
	case span.KindConsumer:
		return SpanKindConsumer
	}
	return SpanKindUnspecified
}

func kindOf(word SpanKind) (span.Kind, bool) {
	for k := span.KindUnspecified; k <= span.KindConsumer; k++ {
		if kindWord(k) == word {
			return k, true
		}
	}
	return 0, false
}

func statusWord(c span.StatusCode) StatusWord {
	switch c {
	case span.StatusOK:
		return StatusWordOk
	case span.StatusError:
		return StatusWordError
	}
	return StatusWordUnset
}

// attributeGroups are the meanings a key can have, by the start of the key.
var attributeGroups = []struct {
	name, title string
	prefixes    []string
}{
	{"http", "HTTP", []string{"http.", "url.", "user_agent."}},
	{"rpc", "RPC", []string{"rpc.", "grpc.", "graphql."}},
	{"db", "Database", []string{"db.", "sql."}},
	{"messaging", "Messaging", []string{"messaging.", "kafka.", "amqp."}},
	{"exception", "Exception", []string{"exception.", "error."}},
	{"weft", "Weft", []string{"weft.", "global_trace_id", "client.version", "caller.", "customer", "provider"}},
	{"user", "User", []string{"user.", "enduser.", "session."}},
	{"network", "Network", []string{"net.", "network.", "server.", "client.", "peer.", "tls.", "source.", "destination."}},
	{"code", "Code", []string{"code.", "thread.", "process."}},
}

// groupAttributes sorts by meaning; what has none of these comes last as "other", which is
// often the user's own and therefore never hidden.
func groupAttributes(list []Attribute) []AttributeGroup {
	by := make([][]Attribute, len(attributeGroups)+1)
	for _, a := range list {
		by[groupOf(a.Key)] = append(by[groupOf(a.Key)], a)
	}
	out := []AttributeGroup{}
	for i, g := range by {
		if len(g) == 0 {
			continue
		}
		name, title := "other", "Other"
		if i < len(attributeGroups) {
			name, title = attributeGroups[i].name, attributeGroups[i].title
		}
		out = append(out, AttributeGroup{Name: name, Title: title, Attributes: g})
	}
	return out
}

func groupOf(key string) int {
	for i, g := range attributeGroups {
		for _, p := range g.prefixes {
			if key == strings.TrimSuffix(p, ".") || strings.HasPrefix(key, p) && strings.HasSuffix(p, ".") {
				return i
			}
		}
	}
	return len(attributeGroups)
}
