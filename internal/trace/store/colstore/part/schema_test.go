package part

import (
	"fmt"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// schemaTraces makes one trace of one span for each value, in the order of the values.
func schemaTraces(tenant string, values ...span.Value) []Trace {
	b := &span.Batch{
		Resources: []span.Resource{{Present: true}},
		Scopes:    []span.Scope{{Present: true, Name: "lib"}},
	}
	out := make([]Trace, len(values))
	for i, v := range values {
		attrs := attrsIn(b, span.Attr{Key: "k", Value: v}, span.Attr{Key: "same", Value: span.Bool(true)})
		id := span.TraceID{byte(i >> 8), byte(i), 1}
		b.Spans = append(b.Spans, span.Span{TraceID: id, SpanID: span.SpanID{1}, Start: int64(1000 + i), End: int64(2000 + i), Name: "op", Attrs: attrs})
		out[i] = Trace{Tenant: tenant, ID: id, Spans: []Ref{{Batch: b, Index: i}}}
	}
	return out
}

func repeated(n int, v ...string) (out []span.Value) {
	for i := range n {
		out = append(out, span.String(v[i%len(v)]))
	}
	return out
}

// Groups of a tenant share one schema, which is there twice. A shape whose value varies in a
// later group gets another number then, and keeps it; before and after all spans read as written.
func TestSchema(t *testing.T) {
	values := append(append(append(repeated(10, "a"), repeated(10, "a", "b")...), repeated(10, "c")...), repeated(20, "a")...)
	list := append(schemaTraces("one", values...), schemaTraces("two", repeated(5, "a")...)...)
	p, _ := written(t, Options{GroupSpans: 10, PageSpans: 5}, list)
	checkTraces(t, p, list)
	checkClean(t, p)
	if len(p.schemas) != 2 || p.schemas[0][1].isZero() || !p.schemas[1][1].isZero() {
		t.Errorf("schemas are %+v: want one of the first tenant, with a copy, and one of the second, without", p.schemas)
	}
	f := func(group, shapes, inColumn, classes int) {
		t.Helper()
		tb, err := p.groups[group].tables()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i := firstAttr; int(i) < len(tb.columns); i++ {
			n += int(tb.columns[i].values)
		}
		if len(tb.shapes) != shapes || n != inColumn || len(tb.classes) != classes {
			t.Errorf("group %d: %d shapes, %d values in columns, classes %v; want %d, %d, %d", group, len(tb.shapes), n, tb.classes, shapes, inColumn, classes)
		}
	}
	f(0, 2, 0, 1)
	f(1, 2, 10, 1)
	f(2, 2, 10, 1)
	f(3, 2, 10, 1)
	f(4, 2, 10, 1)
	f(5, 1, 0, 1)
}

// A schema that is nearly full is the last of its kind: the next group begins another, so that
// one flood of names costs no later group its names.
func TestSchemaFull(t *testing.T) {
	b := &span.Batch{Resources: []span.Resource{{Present: true}}, Scopes: []span.Scope{{Present: true}}}
	var list []Trace
	for i := range 900 {
		tr := Trace{Tenant: "t", ID: span.TraceID{byte(i >> 8), byte(i), 1}}
		for k := range 10 {
			name := "op"
			if n := 10*i + k; n < 4000 {
				name = fmt.Sprint("op ", n)
			}
			b.Spans = append(b.Spans, span.Span{TraceID: tr.ID, SpanID: span.SpanID{byte(k), 1}, Start: int64(1000 + i), End: int64(2000 + i), Name: name})
			tr.Spans = append(tr.Spans, Ref{Batch: b, Index: len(b.Spans) - 1})
		}
		list = append(list, tr)
	}
	p, _ := written(t, Options{GroupSpans: 3000, PageSpans: 1000}, list)
	checkTraces(t, p, list)
	var got []int
	for _, g := range p.groups {
		s, err := g.schema()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, g.meta.schema, len(s.names))
	}
	if want := "[0 4001 0 4001 1 1]"; fmt.Sprint(got) != want {
		t.Errorf("schemas and their names, by group, are %v, want %s", got, want)
	}
}

// What a group has not is not its own because a group before it has it: its counts are of its
// spans, and a search for the rest passes it over.
func TestSchemaOfOtherGroups(t *testing.T) {
	b := &span.Batch{}
	var list []Trace
	wide := make([]span.Attr, defaultLimits.slots+1) // too many for a shape of the schema
	for i := range wide {
		wide[i] = span.Attr{Key: fmt.Sprint("k", i), Value: span.Int(int64(i))}
	}
	add := func(tenant, service string, spans int, attrs ...span.Attr) {
		n := len(list)
		b.Resources = append(b.Resources, span.Resource{Present: true, Attrs: attrsIn(b, span.Attr{Key: "service.name", Value: span.String(service)})})
		b.Scopes = append(b.Scopes, span.Scope{Present: true, Name: "lib " + service, Resource: uint32(n)})
		tr := Trace{Tenant: tenant, ID: span.TraceID{byte(n), 1}}
		for i := range spans {
			b.Spans = append(b.Spans, span.Span{
				TraceID: tr.ID, SpanID: span.SpanID{byte(i), 1}, Scope: uint32(n), Start: int64(1000 + n), End: int64(2000 + n),
				Name: "op", Kind: span.Kind(1 + n), Attrs: attrsIn(b, attrs...),
			})
			tr.Spans = append(tr.Spans, Ref{Batch: b, Index: len(b.Spans) - 1})
		}
		list = append(list, tr)
	}
	add("one", "a", 10, wide...) // larger than a page, so that its group ends with it
	add("one", "b", 10)
	add("one", "c", 10, wide...)
	add("two", "d", 10)
	p, _ := written(t, Options{GroupSpans: 10, PageSpans: 5}, list)
	checkTraces(t, p, list)
	checkClean(t, p)
	if len(p.groups) != 4 || len(p.schemas) != 2 {
		t.Fatalf("%d groups and %d schemas", len(p.groups), len(p.schemas))
	}
	for i, g := range p.groups {
		service := string(rune('a' + i))
		names, err := g.Names(t.Context(), store.NameQuery{Kind: store.ServiceNames})
		if err != nil || len(names) != 1 || names[0].Text != service || names[0].Count != 10 {
			t.Errorf("group %d: services %v, %v", i, names, err)
		}
		for k := range p.groups {
			f := func(term store.Term, want bool) {
				t.Helper()
				f, err := NewFilter([][]store.Term{{term}}).In(g)
				if err != nil || (f != nil) != want {
					t.Errorf("group %d may match %v: %v, %v", i, term, f != nil, err)
				}
			}
			other := string(rune('a' + k))
			f(store.Term{Field: store.Field{Intrinsic: store.ScopeName}, Value: store.Literal{Value: span.String("lib " + other)}}, i == k)
			f(store.Term{
				Field: store.Field{Scope: store.ScopeResource, Name: "service.name"}, Op: store.Ge,
				Value: store.Literal{Value: span.String(other)},
			}, i >= k)
			f(store.Term{Field: store.Field{Intrinsic: store.KindOf}, Value: store.Literal{Value: span.Int(int64(1 + k))}}, i == k || i%2 == 0)
		}
	}
}
