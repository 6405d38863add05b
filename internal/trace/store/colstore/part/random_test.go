package part

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// source makes random traces for tests: what gen makes (odd senders, a small vocabulary so
// that things meet), plus columns of every character, so that every encoding is used.
type source struct {
	*rand.Rand
	gen *gen.Gen
}

func newSource(seed uint64) *source {
	return &source{rand.New(rand.NewPCG(seed, 0x70617274)), gen.New(seed)}
}

// traces is about n spans in the order of a part.
func (r *source) traces(n int) []Trace {
	type key struct {
		tenant string
		id     span.TraceID
	}
	byKey := map[key]*Trace{}
	add := func(tenant string, b *span.Batch) {
		for i := range b.Spans {
			k := key{tenant, b.Spans[i].TraceID}
			if byKey[k] == nil {
				byKey[k] = &Trace{Tenant: tenant, ID: k.id}
			}
			byKey[k].Spans = append(byKey[k].Spans, Ref{b, i})
		}
	}
	tenants := []string{"", "acme", "acme\x00", "zebra"}[:1+r.IntN(4)]
	for left := n; left > 0; {
		tenant := tenants[r.IntN(len(tenants))]
		size := 1 + r.IntN(60)
		left -= size
		if r.IntN(2) == 0 {
			add(tenant, r.gen.Batch(size))
		} else {
			add(tenant, r.batch(size))
		}
	}
	var out []Trace
	for _, t := range byKey {
		out = append(out, *t)
	}
	return inOrder(out)
}

// small is about n spans of one tenant in traces of at most 60.
func (r *source) small(n int) []Trace {
	var out []Trace
	for n > 0 {
		b := r.batch(1 + r.IntN(60))
		n -= len(b.Spans)
		t := Trace{Tenant: "t", ID: b.Spans[0].TraceID}
		for i := range b.Spans {
			t.Spans = append(t.Spans, Ref{b, i})
		}
		out = append(out, t)
	}
	return inOrder(out)
}

// inOrder sorts spans and traces as Write wants them, and drops copies of spans.
func inOrder(list []Trace) []Trace {
	for i := range list {
		t := &list[i]
		slices.SortStableFunc(t.Spans, func(a, b Ref) int { return compareRefs(a, b) })
		t.Spans = slices.CompactFunc(t.Spans, func(a, b Ref) bool { return a.Batch.EqualSpan(a.Index, b.Batch, b.Index) })
	}
	slices.SortFunc(list, func(a, b Trace) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant),
			cmp.Compare(a.Spans[0].Span().Start, b.Spans[0].Span().Start), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return list
}

// batch is one trace of n spans as a well-behaved service sends it, with attributes that
// are constant, few, many, unique, sorted, decimal, random.
func (r *source) batch(n int) *span.Batch {
	b := &span.Batch{}
	var id span.TraceID
	binary.BigEndian.PutUint64(id[8:], uint64(r.IntN(1<<20)+1)) // some are zero in front
	if r.IntN(2) == 0 {
		binary.BigEndian.PutUint64(id[:], r.Uint64())
	}
	attrs := func(list ...span.Attr) span.Range {
		from := uint32(len(b.Attrs))
		b.Attrs = append(b.Attrs, list...)
		return span.Range{From: from, To: uint32(len(b.Attrs))}
	}
	str := func(k, v string) span.Attr { return span.Attr{Key: k, Value: span.String(v)} }
	for range 1 + r.IntN(3) {
		service := fmt.Sprintf("service-%d", r.IntN(5))
		b.Resources = append(b.Resources, span.Resource{Present: true, Attrs: attrs(
			str("service.name", service), str("k8s.pod.name", fmt.Sprintf("%s-%d", service, r.IntN(20))))})
		b.Scopes = append(b.Scopes, span.Scope{Resource: uint32(len(b.Resources) - 1), Present: true, Name: "lib", Version: "1.0"})
	}
	start := gen.Base + r.Int64N(1e12)
	for i := range n {
		s := span.Span{
			TraceID: id, SpanID: r.spanID(), Scope: uint32(r.IntN(len(b.Scopes))), Start: start, End: start + r.Int64N(1e9),
			Kind: span.Kind(r.IntN(6)), Name: fmt.Sprintf("op %d", r.IntN(12)), Flags: 0x101,
		}
		if r.IntN(10) == 0 {
			s.Name = fmt.Sprintf("GET /user/%d", r.IntN(1000)) // ids in names
		}
		if i > 0 {
			s.Parent = b.Spans[r.IntN(i)].SpanID
		}
		if r.IntN(20) == 0 {
			s.Marks = span.MarkTruncated
		}
		start += r.Int64N(1e6)
		list := []span.Attr{
			str("constant", "always the same"),
			str("few", fmt.Sprintf("value %d", r.IntN(6))),
			str("many", fmt.Sprintf("user-%d", r.IntN(400))),
			{Key: "status", Value: span.Int(int64(200 + 100*r.IntN(4)))},
			{Key: "offset", Value: span.Int(1e12 + int64(i)*17)},
			{Key: "size", Value: span.Int(r.Int64N(1 << r.IntN(63)))},
			{Key: "price", Value: span.Double(float64(r.IntN(100_000)) / 100)},
			{Key: "load", Value: span.Double(r.NormFloat64())},
			{Key: "flag", Value: span.Bool(r.IntN(2) == 0)},
			{Key: "roles", Value: gen.Array(span.String(fmt.Sprintf("role-%d", r.IntN(1000))), span.Int(int64(i)))},
		}
		if r.IntN(3) == 0 {
			list = append(list, str("unique", fmt.Sprintf("%016x", r.Uint64())))
		}
		if r.IntN(6) == 0 {
			list = append(list, str(fmt.Sprintf("key-%d", r.IntN(60)), "x"), str("few", "again"))
		}
		if r.IntN(20) == 0 {
			list = append(list, span.Attr{Key: "raw", Value: r.gen.Value(3)})
		}
		s.Attrs = attrs(list...)
		if r.IntN(10) == 0 {
			if b.AttrUnknown == nil {
				b.AttrUnknown = map[uint32]string{}
			}
			b.AttrUnknown[s.Attrs.From+uint32(r.IntN(len(list)))] = "\xa0\x06\x01"
		}
		if r.IntN(8) == 0 {
			s.Presence, s.Status, s.StatusMessage = span.HasStatus, span.StatusError, fmt.Sprintf("error %d", r.IntN(3))
			s.Events.From = uint32(len(b.Events))
			for range 1 + r.IntN(2) {
				b.Events = append(b.Events, span.Event{Time: s.Start + r.Int64N(1e6), Name: "exception", Attrs: attrs(
					str("exception.type", "IOError"), str("exception.message", fmt.Sprintf("row %d", r.IntN(1000))))})
			}
			s.Events.To = uint32(len(b.Events))
			if r.IntN(4) == 0 {
				if b.AttrUnknown == nil {
					b.AttrUnknown = map[uint32]string{}
				}
				b.AttrUnknown[b.Events[s.Events.From].Attrs.From] = "\xa0\x06\x02"
			}
		}
		if r.IntN(12) == 0 {
			s.Links.From = uint32(len(b.Links))
			b.Links = append(b.Links, span.Link{TraceID: r.gen.TraceID(), SpanID: r.spanID(), Flags: r.Uint32(), Attrs: attrs(str("why", "batch"))})
			s.Links.To = uint32(len(b.Links))
		}
		b.Spans = append(b.Spans, s)
	}
	return b
}

func (r *source) spanID() (id span.SpanID) {
	binary.BigEndian.PutUint64(id[:], r.Uint64()|1)
	return id
}

// options are random sizes and, mostly, random encodings.
func (r *source) options() Options {
	opt := Options{GroupSpans: 1 + r.IntN(600), PageSpans: 1 + r.IntN(100), Level: r.IntN(5)}
	if r.IntN(4) > 0 {
		opt.Vary = r.Rand
	}
	return opt
}

// term is a random comparison of a field with a value that some span may have.
func (r *source) term(list []Trace) store.Term {
	if r.IntN(3) == 0 {
		if c, ok := r.gen.Comparison().(store.Compare); ok {
			f, isField := c.X.(store.Field)
			l, isLiteral := c.Y.(store.Literal)
			if isField && isLiteral {
				return store.Term{Field: f, Op: c.Op, Value: l, Regexp: c.Regexp}
			}
		}
	}
	ref := list[r.IntN(len(list))].Spans[0]
	b, s := ref.Batch, ref.Span()
	t := store.Term{Op: store.CompareOp(r.IntN(int(store.Match)))}
	switch attrs := b.AttrsOf(s.Attrs); {
	case r.IntN(8) == 0:
		t.Field, t.Value = store.Field{Intrinsic: store.Duration}, store.Literal{Value: span.Int(s.Duration() + int64(r.IntN(3)-1))}
	case r.IntN(8) == 0:
		t.Field, t.Value = store.Field{Intrinsic: store.SpanName}, store.Literal{Value: span.String(s.Name)}
	case len(attrs) > 0:
		a := attrs[r.IntN(len(attrs))]
		t.Field = store.Field{Scope: store.Scope(r.IntN(int(store.ScopeLink) + 1)), Name: a.Key}
		t.Value.Value = a.Value
		if a.Key == "roles" && a.Value.Kind == span.ValueArray {
			t.Value.Value = span.String(a.Value.Str[4 : 4+a.Value.Str[3]]) // its first element
		}
		if a.Value.Kind == span.ValueInt && r.IntN(2) == 0 {
			t.Value.Value = span.Double(float64(a.Value.Int()))
		}
		if a.Value.Kind == span.ValueDouble && a.Value.Double() == math.Trunc(a.Value.Double()) && r.IntN(2) == 0 {
			t.Value.Value = span.Int(int64(a.Value.Double()))
		}
	default:
		t.Field = store.Field{Scope: store.ScopeResource, Name: "service.name"}
		t.Value.Value = span.String(b.Service(s))
	}
	return t
}
