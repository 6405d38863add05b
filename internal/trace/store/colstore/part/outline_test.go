package part

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// A text that a span has, anywhere, is ruled out neither by the outline of its group nor by
// the look into the column; and texts that no span has are, without the tables.
func TestOutline(t *testing.T) {
	decided := 0
	for seed := range uint64(upTo(12)) {
		r := newSource(seed)
		p, _ := written(t, r.options(), r.traces(300))
		for _, g := range p.Groups() {
			pages, err := g.Pages()
			if err != nil {
				t.Fatal(err)
			}
			for _, pg := range pages {
				b, err := pg.Read(context.Background(), All())
				if err != nil {
					t.Fatal(err)
				}
				for i := range b.Spans {
					eachText(b, i, func(f store.Field, text string) {
						if r.IntN(40) > 0 {
							return
						}
						for _, missing := range []bool{false, true} {
							if missing {
								text += "?"
							}
							p.cache.drop(p)
							filter := NewFilter([][]store.Term{{{Field: f, Value: store.Literal{Value: span.String(text)}}}})
							in, err := filter.In(g)
							if err != nil {
								t.Fatal(err)
							}
							if missing && !g.tablesCached() {
								decided++
							}
							if may := in != nil && in.MayMatch(pg) && NewScan(All()).Confirm(in, pg); !may && !missing {
								t.Fatalf("seed %d: %+v = %q is ruled out", seed, f, text)
							}
						}
					})
				}
			}
		}
	}
	if decided < 100 {
		t.Errorf("%d texts were ruled out by outlines", decided)
	}
}

// Confirm finds every text of a column that only filters know, and no other, in each
// encoding.
func TestConfirm(t *testing.T) {
	r := newSource(1)
	word := func() string {
		b := make([]byte, 3+r.IntN(20))
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		return string(b)
	}
	var list []Trace
	for n := range 1200 {
		id, start := span.TraceID{byte(n >> 8), byte(n), 1}, gen.Base+int64(n)
		b := &span.Batch{
			Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1),
			Spans: []span.Span{{TraceID: id, SpanID: r.spanID(), Start: start, End: start + 1, Name: "op", Attrs: span.Range{To: 4}}},
			Attrs: []span.Attr{
				{Key: "pattern", Value: span.String(fmt.Sprintf("order-%d-%08x", n, r.Uint32()))},
				{Key: "plain", Value: span.String(word())},
				{Key: "constant", Value: span.String(fmt.Sprint("group-", n/600))},
				{Key: "roles", Value: gen.Array(span.String(word()))},
			},
		}
		list = append(list, Trace{Tenant: "t", ID: id, Spans: []Ref{{Batch: b}}})
	}
	p, _ := written(t, Options{GroupSpans: 600, PageSpans: 150}, list)
	met := map[encoding]bool{}
	for _, g := range p.Groups() {
		pages, err := g.Pages()
		if err != nil {
			t.Fatal(err)
		}
		for _, pg := range pages {
			b, err := pg.Read(context.Background(), All())
			if err != nil {
				t.Fatal(err)
			}
			o, err := g.outline()
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Spans {
				eachText(b, i, func(f store.Field, text string) {
					p.cache.drop(p)
					in, err := NewFilter([][]store.Term{{{Field: f, Value: store.Literal{Value: span.String(text)}}}}).In(g)
					if err != nil || in == nil || !in.MayMatch(pg) || !NewScan(All()).Confirm(in, pg) {
						t.Fatalf("%+v = %q is ruled out", f, text)
					}
					for k := range o.columns {
						if c := &o.columns[k]; c.of == (ownKey{ownSpan, f.Name}) {
							s := NewScan(All())
							if !s.contains(pg, c, text) || s.contains(pg, c, text+"?") || s.contains(pg, c, text[1:]) {
								t.Fatalf("%+v = %q is not told from others", f, text)
							}
							// A filter that says maybe to everything.
							full := slices.Repeat(pageFilters{{0xff}}, len(pages))
							no := newTerm(store.Term{Field: f, Value: store.Literal{Value: span.String(text + "?")}})
							p.cache.drop(p)
							wrong := &GroupFilter{clauses: [][]pageTerm{{{no, []filterCheck{{full, []uint64{1}, c}}}}}}
							if !wrong.MayMatch(pg) || s.Confirm(wrong, pg) {
								t.Fatalf("%+v = %q is confirmed", f, text+"?")
							}
							for _, column := range s.raw.columns {
								met[column.enc] = met[column.enc] || column.id == c.id
							}
						}
					}
				})
			}
		}
	}
	if !met[encPlain] || !met[encPattern] {
		t.Errorf("encodings of columns: %v", met)
	}
}

// eachText yields the texts of a span, with the fields they are values of.
func eachText(b *span.Batch, i int, yield func(store.Field, string)) {
	s := &b.Spans[i]
	list := func(attrs []span.Attr, scopes ...store.Scope) {
		for _, a := range attrs {
			for _, scope := range scopes {
				f := store.Field{Scope: scope, Name: a.Key}
				switch {
				case a.Value.Kind == span.ValueString:
					yield(f, a.Value.Str)
				case a.Value.Kind == span.ValueArray && a.Key == "roles":
					yield(f, a.Value.Str[4:4+a.Value.Str[3]]) // its first element
				}
			}
		}
	}
	scope := &b.Scopes[s.Scope]
	list(b.AttrsOf(s.Attrs), store.ScopeSpan, store.ScopeAny)
	list(b.AttrsOf(scope.Attrs), store.ScopeInstrumentation)
	list(b.AttrsOf(b.Resources[scope.Resource].Attrs), store.ScopeResource, store.ScopeAny)
	yield(store.Field{Intrinsic: store.SpanName}, s.Name)
	for _, e := range b.Events[s.Events.From:s.Events.To] {
		yield(store.Field{Intrinsic: store.EventName}, e.Name)
		list(b.AttrsOf(e.Attrs), store.ScopeEvent)
	}
	for _, l := range b.Links[s.Links.From:s.Links.To] {
		list(b.AttrsOf(l.Attrs), store.ScopeLink)
	}
}

// tablesCached reports whether tables costs nothing.
func (g *Group) tablesCached() bool {
	_, ok := g.part.cache.get(cacheKey{g.part, g.index, cachedTables, 0})
	return ok
}
