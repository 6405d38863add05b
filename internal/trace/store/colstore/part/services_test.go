package part

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// A longer duration never has a smaller code, and twice the duration has a larger one.
func TestDurationCode(t *testing.T) {
	list := []int64{math.MinInt64, -1, 0}
	for d := int64(1); d > 0; d <<= 1 {
		list = append(list, d, d+d>>1-1, d+d>>1, d+d-1)
	}
	for i, d := range list {
		c := durationCode(d)
		if c < 0 || c > 126 {
			t.Errorf("the code of %d ns is %d", d, c)
		}
		if i > 0 && c < durationCode(max(list[i-1], 0)) && list[i-1] <= d {
			t.Errorf("the code of %d ns is %d, that of %d ns is %d", d, c, list[i-1], durationCode(list[i-1]))
		}
		if d > 0 && d < math.MaxInt64/2 && durationCode(2*d) <= c {
			t.Errorf("%d ns and %d ns have the codes %d and %d", d, 2*d, c, durationCode(2*d))
		}
	}
}

func serviceIs(name string) []store.Term {
	return []store.Term{{Field: store.Field{Scope: store.ScopeResource, Name: "service.name"}, Value: store.Literal{Value: span.String(name)}}}
}

func longerThan(op store.CompareOp, d int64) []store.Term {
	return []store.Term{{Field: store.Field{Intrinsic: store.Duration}, Op: op, Value: store.Literal{Value: span.Int(d)}}}
}

func failed() []store.Term {
	return []store.Term{{Field: store.Field{Intrinsic: store.StatusOf}, Value: store.Literal{Value: span.Int(int64(span.StatusError))}}}
}

// No span of a service is ruled out with its duration and status, and pages without such a
// span of the service are, whatever other services have.
func TestServicePages(t *testing.T) {
	const services, pages = 5, 40
	var list []Trace
	for n := range 50 * pages {
		id, start := span.TraceID{byte(n >> 8), byte(n), 1}, gen.Base+int64(n)*1000
		service := n % services
		b := &span.Batch{
			Resources: []span.Resource{{Present: true, Attrs: span.Range{To: 1}}}, Scopes: make([]span.Scope, 1),
			Attrs: []span.Attr{{Key: "service.name", Value: span.String(fmt.Sprint("service-", service))}},
			Spans: []span.Span{{TraceID: id, SpanID: span.SpanID{1}, Start: start, End: start + int64(n/50+1)*100<<(4*service), Name: "op"}},
		}
		if n%77 == 0 {
			b.Spans[0].Status = span.StatusError
		}
		list = append(list, Trace{Tenant: "t", ID: id, Spans: []Ref{{Batch: b}}})
	}
	p, _ := written(t, Options{GroupSpans: 500, PageSpans: 50}, list)
	ruledOut := 0
	for _, g := range p.Groups() {
		all, err := g.Pages()
		if err != nil {
			t.Fatal(err)
		}
		for _, pg := range all {
			b, err := pg.Read(context.Background(), All())
			if err != nil {
				t.Fatal(err)
			}
			p.cache.drop(p)
			f := func(may bool, clauses ...[]store.Term) {
				t.Helper()
				in, err := NewFilter(clauses).In(g)
				if err != nil {
					t.Fatal(err)
				}
				switch got := in != nil && in.MayMatch(pg); {
				case may && !got:
					t.Errorf("page %d is ruled out: %+v", pg.index, clauses)
				case !may && got:
					t.Errorf("page %d is not ruled out: %+v", pg.index, clauses)
				case !may:
					ruledOut++
				}
			}
			longest := map[string]int64{}
			errors := map[string]bool{}
			for i := range b.Spans {
				s := &b.Spans[i]
				name := b.Service(s)
				f(true, serviceIs(name), longerThan(store.Ge, s.Duration()))
				f(true, serviceIs(name), longerThan(store.Gt, s.Duration()-1))
				if s.Status == span.StatusError {
					f(true, serviceIs(name), failed())
					f(true, serviceIs(name), longerThan(store.Ge, s.Duration()), failed())
				}
				longest[name] = max(longest[name], s.Duration())
				errors[name] = errors[name] || s.Status == span.StatusError
			}
			for name, d := range longest {
				f(false, serviceIs(name), longerThan(store.Ge, 2*d+1))
				if !errors[name] {
					f(false, serviceIs(name), failed())
				}
				either := append(longerThan(store.Ge, 2*d+1), failed()...)
				f(errors[name] || st(pg).HasError || st(pg).MaxDuration > 2*d, serviceIs(name), either)
			}
			f(false, serviceIs("service-9"))
		}
	}
	if ruledOut < pages*services {
		t.Errorf("%d pages were ruled out", ruledOut)
	}
}

func st(pg Page) Stats { return pg.Stats() }

// A service that spans may have in other ways than by one text rules nothing out.
func TestServicesNotKnown(t *testing.T) {
	f := func(what string, known bool, attrs ...span.Attr) {
		t.Helper()
		id := span.TraceID{1}
		b := &span.Batch{
			Resources: []span.Resource{{Present: true, Attrs: span.Range{To: uint32(len(attrs))}}}, Scopes: make([]span.Scope, 1), Attrs: attrs,
			Spans: []span.Span{{TraceID: id, SpanID: span.SpanID{1}, Start: gen.Base, End: gen.Base + 1, Name: "op"}},
		}
		p, _ := written(t, Options{}, []Trace{{Tenant: "t", ID: id, Spans: []Ref{{Batch: b}}}})
		o, err := p.Groups()[0].outline()
		if err != nil {
			t.Fatal(err)
		}
		if got := len(o.services) > 0; got != known {
			t.Errorf("%s: services %v", what, o.services)
		}
	}
	name := func(v span.Value) span.Attr { return span.Attr{Key: "service.name", Value: v} }
	f("none", false)
	f("text", true, name(span.String("a")))
	f("two texts", true, name(span.String("a")), name(span.String("b")))
	f("array", false, name(span.String("a")), name(gen.Array(span.String("b"))))
	f("number", false, name(span.Int(1)))
}
