package part

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// traceOf is one trace of n spans that edit changes.
func traceOf(n int, edit func(b *span.Batch, i int, s *span.Span)) Trace {
	b := &span.Batch{Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1)}
	t := Trace{Tenant: "t", ID: span.TraceID{15: 1}}
	for i := range n {
		s := span.Span{TraceID: t.ID, Start: int64(i), End: int64(i) + 5, Name: "op"}
		binary.BigEndian.PutUint64(s.SpanID[:], uint64(i)+1)
		edit(b, i, &s)
		b.Spans = append(b.Spans, s)
		t.Spans = append(t.Spans, Ref{b, i})
	}
	return t
}

func attrsIn(b *span.Batch, list ...span.Attr) span.Range { return addAttrs(b, list, nil) }

// What is at the edge of what the model allows, or far beyond what senders send, comes
// back as it was.
func TestExtremes(t *testing.T) {
	f := func(what string, opt Options, list ...Trace) *Part {
		t.Helper()
		t.Log(what)
		p, _ := written(t, opt, inOrder(list))
		checkTraces(t, p, list)
		checkPages(t, p, list)
		checkClean(t, p)
		return p
	}
	root := func(b *span.Batch, i int, s *span.Span) {
		if i > 0 {
			s.Parent = span.SpanID{7: 1}
		}
	}
	p := f("a trace over several pages and groups", Options{GroupSpans: 2000, PageSpans: 512}, traceOf(10_000, root))
	loc, _, err := p.Lookup("t", span.TraceID{15: 1})
	if err != nil || loc.Pages != 20 || len(p.Groups()) < 5 {
		t.Errorf("10,000 spans lie at %+v in %d groups, %v", loc, len(p.Groups()), err)
	}
	f("a chain, and its reverse", Options{PageSpans: 100}, traceOf(250, func(_ *span.Batch, i int, s *span.Span) {
		binary.BigEndian.PutUint64(s.Parent[:], uint64((i+1)%250+1)) // a cycle of all
	}))
	f("its own parent, one id for all", Options{}, traceOf(9, func(_ *span.Batch, i int, s *span.Span) {
		s.SpanID, s.Parent = span.SpanID{1}, span.SpanID{1}
	}))
	times := []int64{0, 1, math.MaxInt64 - 1, math.MaxInt64, -1, math.MinInt64}
	f("all times with all", Options{}, traceOf(len(times)*len(times), func(_ *span.Batch, i int, s *span.Span) {
		s.Start, s.End = times[i/len(times)], times[i%len(times)]
	}))
	f("enums and flags of a later version", Options{}, traceOf(50, func(_ *span.Batch, i int, s *span.Span) {
		s.Kind, s.Status, s.Flags = span.Kind(math.MaxInt32-i), span.StatusCode(math.MinInt32+i), math.MaxUint32-uint32(i)
		s.Marks, s.Presence = 255, 255
		s.DroppedAttrs, s.DroppedEvents, s.DroppedLinks = math.MaxUint32, 1, uint32(i)
	}))
	f("shapes that differ in one thing", Options{}, traceOf(40, func(b *span.Batch, i int, s *span.Span) {
		s.Name, s.Attrs = "n", attrsIn(b, span.Attr{Key: "k", Value: span.Int(1)})
		switch i % 8 {
		case 1:
			s.Flags = 1
		case 2:
			s.Kind = span.KindServer
		case 3:
			s.Status = span.StatusError
		case 4:
			s.Presence = span.HasStatus
		case 5:
			s.Name = "m"
		case 6:
			b.Attrs[s.Attrs.From].Key = "l"
		case 7:
			b.Attrs[s.Attrs.From].Value = span.Double(1)
		}
	}))
	f("100,000 attributes of different keys", Options{}, traceOf(3, func(b *span.Batch, i int, s *span.Span) {
		s.Attrs.From = uint32(len(b.Attrs))
		for k := range upTo(100_000) {
			b.Attrs = append(b.Attrs, span.Attr{Key: fmt.Sprint("key ", k), Value: span.Int(int64(k * i))})
		}
		s.Attrs.To = uint32(len(b.Attrs))
	}))
	f("more than a page may hold, in one span among others", Options{}, traceOf(5, func(b *span.Batch, i int, s *span.Span) {
		if i != 2 {
			return
		}
		s.Events.From = uint32(len(b.Events))
		for range maxPageSlots {
			b.Events = append(b.Events, span.Event{Name: "tick"})
		}
		s.Events.To = uint32(len(b.Events))
		s.Links.To = 3
		b.Links = make([]span.Link, 3)
	}))
	f("values of a megabyte", Options{}, traceOf(12, func(b *span.Batch, i int, s *span.Span) {
		s.Attrs = attrsIn(b, span.Attr{Key: "body", Value: span.String(strings.Repeat(fmt.Sprint(i, " "), 1<<19))},
			span.Attr{Key: "zeros", Value: span.Value{Kind: span.ValueBytes, Str: strings.Repeat("\x00", 1<<20)}})
		s.Name = strings.Repeat("n", 1<<16)
		s.StatusMessage = strings.Repeat("m", 1<<20)
	}))
	f("as many names as spans", Options{}, traceOf(3*defaultLimits.names, func(_ *span.Batch, i int, s *span.Span) {
		s.Name = fmt.Sprint("/order/", i)
	}))
	f("as many shapes as spans", Options{}, traceOf(2*defaultLimits.shapes, func(b *span.Batch, i int, s *span.Span) {
		s.Attrs = attrsIn(b, span.Attr{Key: fmt.Sprint("k", i%200), Value: span.Int(1)}, span.Attr{Key: fmt.Sprint("k", i/200), Value: span.Int(2)})
	}))
	f("as many resources as spans", Options{}, traceOf(3000, func(b *span.Batch, i int, s *span.Span) {
		b.Resources = append(b.Resources, span.Resource{Attrs: attrsIn(b, span.Attr{Key: "pid", Value: span.Int(int64(i))})})
		b.Scopes = append(b.Scopes, span.Scope{Resource: uint32(len(b.Resources) - 1)})
		s.Scope = uint32(len(b.Scopes) - 1)
	}))
	f("text that is not text", Options{}, traceOf(40, func(b *span.Batch, i int, s *span.Span) {
		s.Name, s.TraceState, s.Unknown = "\xff\xfe\x00", string(rune(i)), "\xa0\x06\x01"
		s.Attrs = attrsIn(b, span.Attr{Key: "\xff", Value: span.String("\x80")}, span.Attr{}, span.Attr{Key: "", Value: span.String("")},
			span.Attr{Key: "k", Value: span.Value{Kind: span.ValueEmpty}}, span.Attr{Key: "k", Value: span.Value{Kind: span.ValueAbsent}})
	}))
	var many []Trace
	for i := range 700 {
		one := traceOf(1, root)
		one.Tenant = fmt.Sprint("tenant ", i)
		many = append(many, one)
	}
	if p := f("a trace id in many tenants", Options{}, many...); len(p.Groups()) != len(many) {
		t.Errorf("%d tenants share %d groups", len(many), len(p.Groups()))
	}
	many = nil
	for i := range upTo(5_000) {
		one := traceOf(1, root)
		binary.BigEndian.PutUint64(one.ID[8:], uint64(i)) // zero in front, counted
		one.Spans[0].Batch.Spans[0].TraceID = one.ID
		many = append(many, one)
	}
	f("traces of one span", Options{}, many...)
}

// Numbers of every character survive every encoding.
func TestNumbers(t *testing.T) {
	r := newSource(11)
	columns := map[string]func(i int) uint64{
		"zeros": func(int) uint64 { return 0 }, "small": func(int) uint64 { return uint64(r.IntN(9)) },
		"negative": func(int) uint64 { return uint64(-r.Int64N(1e6)) }, "random": func(int) uint64 { return r.Uint64() },
		"rising":  func(i int) uint64 { return 1e15 + uint64(i)*3 },
		"falling": func(i int) uint64 { return 1<<63 - uint64(i) },
		"whole":   func(int) uint64 { return math.Float64bits(float64(r.IntN(1e6))) },
		"money":   func(int) uint64 { return math.Float64bits(float64(r.IntN(1e6)) / 100) },
		"minus 0": func(int) uint64 { return math.Float64bits(math.Copysign(0, -1)) },
		"specials": func(i int) uint64 {
			return math.Float64bits([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 5e-324}[i%5])
		},
		"odd NaN": func(i int) uint64 { return 0x7ff8000000000000 | uint64(i) },
	}
	used := map[encoding]bool{}
	for name, at := range columns {
		for _, n := range []int{1, 2, 500} {
			for _, double := range []bool{false, true} {
				v := make([]uint64, n)
				ids := make([]uint32, n)
				for i := range v {
					v[i], ids[i] = at(i), uint32(i)
				}
				for range 20 {
					b, enc := encodeNums(nil, v, ids, double, r.Rand)
					used[enc] = true
					info := columnInfo{phys: physNum, nums: v}
					if double {
						info.phys = physDouble
					}
					all := newCursor(&info, enc, b)
					at := r.IntN(n + 1)
					all.skipNums(at)
					rest := make([]uint64, n-at)
					if all.takeNums(rest); !slices.Equal(rest, v[at:]) {
						t.Fatalf("%s: numbers from %d of %d in encoding %s are %x, want %x", name, at, n, encodingNames[enc], rest, v[at:])
					}
					c := newCursor(&info, enc, b)
					for i := range v {
						if got := c.nextNum(); got != v[i] {
							t.Fatalf("%s: number %d of %d in encoding %s is %x, want %x", name, i, n, encodingNames[enc], got, v[i])
						}
					}
					if c.finish(); c.bad != "" {
						t.Fatalf("%s in encoding %s: %s", name, encodingNames[enc], c.bad)
					}
					if enc != encConst {
						if c.nextNum(); c.bad == "" {
							t.Fatalf("%s in encoding %s: a number too many", name, encodingNames[enc])
						}
					}
				}
			}
		}
	}
	for enc := encConst; enc < numEncodings; enc++ {
		if !used[enc] && enc != encPlain && enc != encPattern {
			t.Errorf("encoding %s was never chosen", encodingNames[enc])
		}
	}
}

// The filters never deny a value they have and seldom admit one they have not.
func TestFilter(t *testing.T) {
	r := newSource(12)
	for _, n := range []int{0, 1, 2, 10, 5000} {
		var have []uint64
		for range n {
			have = append(have, r.Uint64())
		}
		f := appendFilter([]byte("before"), have)[len("before"):]
		for _, h := range have {
			if !filterHas(f, h) {
				t.Fatalf("a filter of %d denies what it has", n)
			}
		}
		wrong := 0
		for range 10_000 {
			if filterHas(f, r.Uint64()) {
				wrong++
			}
		}
		if n == 0 && wrong > 0 || n == 5000 && wrong > 200 {
			t.Errorf("a filter of %d admits %d of 10,000 it has not", n, wrong)
		}
	}
}

// A needle is found in one page of many, and in none if it is not there: by filters,
// ranges and dictionaries. An array is not ruled out by what it is as a whole.
func TestNeedle(t *testing.T) {
	var p *Part
	f := func(key string, value span.Value, least, most int) {
		t.Helper()
		term := store.Term{Field: store.Field{Scope: store.ScopeAny, Name: key}, Value: store.Literal{Value: value}}
		pages := 0
		for _, g := range p.Groups() {
			filter, err := NewFilter([][]store.Term{{term}}).In(g)
			if err != nil {
				t.Fatal(err)
			}
			list, err := g.Pages()
			if err != nil {
				t.Fatal(err)
			}
			for _, pg := range list {
				if filter != nil && filter.MayMatch(pg) {
					pages++
				}
			}
		}
		if pages < least || pages > most {
			t.Errorf("%s = %v may be in %d pages, want %d to %d", key, value, pages, least, most)
		}
	}
	p, _ = written(t, Options{PageSpans: 200}, []Trace{traceOf(4000, func(b *span.Batch, i int, s *span.Span) {
		s.Attrs = attrsIn(b,
			span.Attr{Key: "id", Value: span.String(fmt.Sprint("id-", i))},
			span.Attr{Key: "n", Value: span.Int(int64(i))}, span.Attr{Key: "x", Value: span.Double(float64(i) + 0.5)},
			span.Attr{Key: "few", Value: span.String(fmt.Sprint(i % 5))},
			span.Attr{Key: "roles", Value: gen.Array(span.String(fmt.Sprint("role-", i)))})
	})})
	f("id", span.String("id-1234"), 1, 2)
	f("id", span.String("id-4000"), 0, 1)
	f("id", span.Int(1234), 0, 0)
	f("n", span.Int(1234), 1, 20)
	f("n", span.Double(1234), 1, 20)
	f("n", span.Int(4000), 0, 0)
	f("n", span.Double(-0.5), 0, 0)
	f("x", span.Double(1234.5), 1, 20)
	f("x", span.Int(5000), 0, 0)
	f("few", span.String("3"), 20, 20)
	f("few", span.String("5"), 0, 0)
	f("roles", span.String("role-1234"), 1, 20)
	f("no such key", span.String("id-1234"), 0, 0)

	// So many shapes that some spans are inline.
	list := newSource(13).small(20_000)
	p, _ = written(t, Options{PageSpans: 512}, list)
	var needle string
	for _, a := range list[len(list)/2].Spans[0].Batch.Attrs {
		if a.Key == "unique" {
			needle = a.Value.Str
		}
	}
	f("unique", span.String(needle), 1, 3)
	f("unique", span.String("no such value"), 0, 2)
	f("no such key", span.String(needle), 0, 2)
}

// Readers share a part, also while its tables fall out of a cache that is too small.
func TestConcurrentReaders(t *testing.T) {
	list := newSource(14).traces(3000)
	_, fs := written(t, Options{GroupSpans: 200, PageSpans: 50}, list)
	p, err := Open(fs, "p", NewCache(1))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	done := make(chan error)
	for w := range 4 {
		go func() {
			done <- func() error {
				for i := w; i < len(list); i += 2 {
					loc, ok, err := p.Lookup(list[i].Tenant, list[i].ID)
					if err != nil || !ok {
						return fmt.Errorf("Lookup = %v, %w", ok, err)
					}
					b, err := p.ReadTrace(context.Background(), loc)
					if err != nil {
						return err
					}
					if len(b.Spans) != len(list[i].Spans) {
						return fmt.Errorf("trace has %d spans, want %d", len(b.Spans), len(list[i].Spans))
					}
				}
				return nil
			}()
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if c := p.cache; c.order.Len() > 1 || len(c.items) != c.order.Len() {
		t.Errorf("a cache of one byte holds %d tables", c.order.Len())
	}
}
