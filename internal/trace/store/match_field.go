package store

import (
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// visit puts the field's values on span i of b into k. false means that they cannot be
// known without the trace.
func (f *Field) visit(b *span.Batch, i int, t *TraceView, k *sink) bool {
	s := &b.Spans[i]
	switch f.Intrinsic {
	case NotIntrinsic:
		return f.visitAttr(b, i, t, k)
	case SpanName:
		k.addString(s.Name)
	case KindOf:
		k.addInt(int64(s.Kind))
	case StatusOf:
		k.addInt(int64(s.Status))
	case StatusMessage:
		k.addString(s.StatusMessage)
	case Duration:
		k.addInt(s.Duration())
	case TraceIDOf:
		k.addID(s.TraceID[:])
	case SpanIDOf:
		k.addID(s.SpanID[:])
	case ParentIDOf:
		if !s.Parent.IsZero() {
			k.addID(s.Parent[:])
		}
	case EventName:
		for _, e := range b.EventsOf(s) {
			k.addString(e.Name)
		}
	case EventTimeSinceStart:
		for _, e := range b.EventsOf(s) {
			k.addInt(e.Time - s.Start)
		}
	case LinkTraceID:
		links := b.LinksOf(s)
		for j := range links {
			k.addID(links[j].TraceID[:])
		}
	case LinkSpanID:
		links := b.LinksOf(s)
		for j := range links {
			k.addID(links[j].SpanID[:])
		}
	case ScopeName:
		k.addString(b.Scopes[s.Scope].Name)
	case ScopeVersion:
		k.addString(b.Scopes[s.Scope].Version)
	default:
		return f.visitTrace(i, t, k)
	}
	return true
}

func (f *Field) visitTrace(i int, t *TraceView, k *sink) bool {
	if t == nil {
		return false
	}
	switch f.Intrinsic {
	case TraceDuration:
		k.addInt(t.Duration())
	case RootName:
		k.addString(t.summary.RootName)
	case RootService:
		k.addString(t.summary.RootService)
	case ChildCount:
		k.addInt(t.ChildCount(i))
	case NestedSetParent:
		k.addInt(t.tree().parent[i])
	case NestedSetLeft:
		k.addInt(t.tree().left[i])
	case NestedSetRight:
		k.addInt(t.tree().right[i])
	}
	return true
}

func (f *Field) visitAttr(b *span.Batch, i int, t *TraceView, k *sink) bool {
	s := &b.Spans[i]
	switch f.Scope {
	case ScopeAny:
		f.visitSpan(b, s, k)
	case ScopeSpan:
		k.addAttrs(b, s.Attrs, f.Name)
	case ScopeResource:
		k.addAttrs(b, b.ResourceOf(s).Attrs, f.Name)
	case ScopeInstrumentation:
		k.addAttrs(b, b.Scopes[s.Scope].Attrs, f.Name)
	case ScopeEvent:
		for _, e := range b.EventsOf(s) {
			k.addAttrs(b, e.Attrs, f.Name)
		}
	case ScopeLink:
		for _, l := range b.LinksOf(s) {
			k.addAttrs(b, l.Attrs, f.Name)
		}
	case ScopeParent:
		if s.Parent.IsZero() {
			return true // no trace can give it one
		}
		if t == nil {
			return false
		}
		for j := t.first(s.Parent); j >= 0; j = t.next[j] {
			if int(j) != i {
				f.visitSpan(b, &b.Spans[j], k)
			}
		}
	}
	return true
}

// visitSpan takes the span's attribute, else its resource's.
func (f *Field) visitSpan(b *span.Batch, s *span.Span, k *sink) {
	if !k.addAttrs(b, s.Attrs, f.Name) {
		k.addAttrs(b, b.ResourceOf(s).Attrs, f.Name)
	}
}

// sink takes the values of a field: tests each as it comes, or gathers them if test is
// nil. It is one concrete type so that it stays on the stack.
type sink struct {
	test *test
	vals []span.Value

	present bool // the field is there
	typed   bool // some value has the type of the test's literal
	hit     bool // some value passed the test
}

// addAttrs adds the attributes named key; false if there is none.
func (k *sink) addAttrs(b *span.Batch, r span.Range, key string) bool {
	found := false
	for j := r.From; j < r.To; j++ {
		if a := &b.Attrs[j]; a.Key == key {
			found = true
			k.add(a.Value)
		}
	}
	return found
}

func (k *sink) addString(s string) { k.add(span.String(s)) }

func (k *sink) addInt(n int64) { k.add(span.Int(n)) }

// addID adds an id in hex, without making the text where the test knows the bytes.
func (k *sink) addID(id []byte) {
	if k.test != nil && k.test.byID {
		k.present, k.typed = true, true
		k.hit = k.hit || string(id) == k.test.id
		return
	}
	k.add(span.String(hexOf(id)))
}

func (k *sink) add(v span.Value) {
	k.present = true
	if v.Kind != span.ValueArray {
		k.addScalar(v)
		return
	}
	for e := range otlp.ArrayValues(v) {
		k.addScalar(e)
	}
}

func (k *sink) addScalar(v span.Value) {
	if k.test == nil {
		if isScalar(v.Kind) {
			k.vals = append(k.vals, v)
		}
		return
	}
	if k.hit || !sameType(v.Kind, k.test.lit.Kind) {
		return
	}
	k.typed = true
	k.hit = k.test.passes(v)
}
