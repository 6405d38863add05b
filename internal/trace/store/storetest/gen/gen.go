// Package gen makes random traces, predicates and queries for tests: the same seed, the
// same data. The vocabulary is small, so that predicates match, ids meet and times tie;
// beside the usual it has what senders get wrong: repeated ids and keys, missing parents,
// cycles, ends before starts, text that is not UTF-8, fields nobody knows.
package gen

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Base is when most generated spans start, Unix nanoseconds.
var Base = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC).UnixNano()

// Gen is a source of random data. Not safe for concurrent use.
type Gen struct {
	*rand.Rand
	traces []span.TraceID
	sent   []sent
}

type sent struct {
	b *span.Batch
	i int
}

// New makes a source of data about a dozen traces.
func New(seed uint64) *Gen {
	g := &Gen{Rand: rand.New(rand.NewPCG(seed, 0x77656674))}
	for range 12 {
		var id span.TraceID
		binary.BigEndian.PutUint64(id[8:], g.Uint64()|1)
		if g.IntN(4) > 0 { // some senders have 64-bit ids
			binary.BigEndian.PutUint64(id[:], g.Uint64())
		}
		g.traces = append(g.traces, id)
	}
	return g
}

// TraceID is the id of one of the traces.
func (g *Gen) TraceID() span.TraceID { return pick(g, g.traces) }

// Batch is n random spans of these traces. One in ten is a copy of one generated before.
func (g *Gen) Batch(n int) *span.Batch {
	b := &span.Batch{}
	for range 1 + g.IntN(3) {
		b.Resources = append(b.Resources, g.resource(b))
	}
	for range len(b.Resources) + g.IntN(3) {
		b.Scopes = append(b.Scopes, g.scope(b))
	}
	var w span.Builder
	for range n {
		if len(g.sent) > 0 && g.IntN(10) == 0 {
			s := pick(g, g.sent)
			w.Append(s.b, s.i)
			continue
		}
		b.Spans = append(b.Spans, g.span(b))
		i := len(b.Spans) - 1
		w.Append(b, i)
		if g.IntN(4) == 0 {
			g.sent = append(g.sent, sent{b, i})
		}
	}
	return w.Batch()
}

func (g *Gen) resource(b *span.Batch) span.Resource {
	r := span.Resource{Present: true}
	var attrs []span.Attr
	if g.IntN(8) > 0 {
		attrs = append(attrs, span.Attr{Key: "service.name", Value: span.String(pick(g, services))})
	}
	attrs = append(attrs, g.attrs(2)...)
	r.Attrs = add(b, attrs)
	if g.IntN(4) == 0 {
		r.SchemaURL, r.Dropped = "https://opentelemetry.io/schemas/1.26.0", uint32(g.IntN(3))
		r.Unknown, r.GroupUnknown = g.unknown(), g.unknown()
	}
	return r
}

func (g *Gen) scope(b *span.Batch) span.Scope {
	s := span.Scope{Resource: uint32(g.IntN(len(b.Resources)))}
	if g.IntN(3) > 0 {
		s.Present, s.Name, s.Version = true, pick(g, scopes), pick(g, versions)
		s.Attrs = add(b, g.attrs(1))
	}
	if g.IntN(6) == 0 {
		unknown, group := g.unknown(), g.unknown()
		s.SchemaURL, s.GroupUnknown = "schema", group
		if s.Present { // what is not there has no fields
			s.Dropped, s.Unknown = 1, unknown
		}
	}
	return s
}

func (g *Gen) span(b *span.Batch) span.Span {
	s := span.Span{
		TraceID: g.TraceID(), SpanID: g.spanID(), Scope: uint32(g.IntN(len(b.Scopes))),
		Name: pick(g, names), Kind: span.Kind(g.IntN(6)), Attrs: add(b, g.attrs(4)),
	}
	s.Start, s.End = g.times()
	if g.IntN(4) > 0 {
		s.Parent = g.spanID()
	}
	if g.IntN(3) == 0 {
		s.Presence, s.Status = span.HasStatus, span.StatusCode(g.IntN(3))
		if s.Status == span.StatusError {
			s.StatusMessage = pick(g, messages)
		}
	}
	if g.IntN(8) == 0 {
		s.TraceState, s.Flags = "weft=1,ot=th:8", uint32(g.IntN(0x400))
		s.DroppedAttrs, s.DroppedEvents, s.DroppedLinks = uint32(g.IntN(3)), uint32(g.IntN(3)), g.Uint32()
		s.Unknown = g.unknown()
		if unknown := g.unknown(); s.Presence&span.HasStatus != 0 {
			s.StatusUnknown = unknown
		}
	}
	if g.IntN(30) == 0 {
		s.Presence |= span.HasStatus
		s.Kind, s.Status = math.MinInt32, math.MaxInt32 // enums of a later version
	}
	s.Events.From = uint32(len(b.Events))
	for range max(0, g.IntN(6)-3) {
		e := span.Event{Time: s.Start, Name: pick(g, events), Attrs: add(b, g.attrs(2)), Dropped: uint32(g.IntN(2))}
		if s.Start < Base+int64(time.Hour) {
			e.Time += g.Int64N(1e9)
		}
		e.Unknown = g.unknown()
		b.Events = append(b.Events, e)
	}
	s.Events.To = uint32(len(b.Events))
	s.Links.From = uint32(len(b.Links))
	for range max(0, g.IntN(6)-4) {
		b.Links = append(b.Links, span.Link{
			TraceID: g.TraceID(), SpanID: g.spanID(), Flags: uint32(g.IntN(2)), TraceState: pick(g, []string{"", "a=b"}),
			Attrs: add(b, g.attrs(1)), Dropped: uint32(g.IntN(2)), Unknown: g.unknown(),
		})
	}
	s.Links.To = uint32(len(b.Links))
	return s
}

// spanID is one of sixteen, so that parents are often there and ids often taken.
func (g *Gen) spanID() span.SpanID {
	n := byte(1 + g.IntN(16))
	return span.SpanID{n, 0xa0, 7: n * 17}
}

// times are mostly within an hour, in few steps so that they tie; some are anywhere from
// 1970 to 2262.
func (g *Gen) times() (start, end int64) {
	start = Base + int64(g.IntN(360))*int64(10*time.Second)
	end = start + int64(pick(g, durations))
	switch g.IntN(30) {
	case 0:
		start = pick(g, []int64{0, 1, 1e18, math.MaxInt64 - 1, math.MaxInt64})
		end = start
		if g.IntN(2) == 0 {
			end = math.MaxInt64
		}
	case 1:
		end = 0
	case 2:
		end = start - 1
	}
	return start, end
}

func (g *Gen) attrs(most int) []span.Attr {
	var out []span.Attr
	for range g.IntN(most + 1) {
		k := pick(g, keys)
		v := pick(g, k.values)
		if g.IntN(12) == 0 {
			v = g.Value(2) // a sender that cannot decide on a type
		}
		out = append(out, span.Attr{Key: k.name, Value: v})
	}
	return out
}

// Value is a random value of any kind, nested up to depth.
func (g *Gen) Value(depth int) span.Value {
	kinds := 10
	if depth == 0 {
		kinds = 7
	}
	switch k := span.ValueKind(g.IntN(kinds)); k {
	case span.ValueString:
		return span.String(pick(g, texts))
	case span.ValueBool:
		return span.Bool(g.IntN(2) == 0)
	case span.ValueInt:
		return span.Int(pick(g, ints))
	case span.ValueDouble:
		return span.Double(pick(g, doubles))
	case span.ValueBytes:
		return span.Value{Kind: k, Str: pick(g, texts)}
	case span.ValueArray:
		var elements []span.Value
		for range g.IntN(4) {
			elements = append(elements, g.Value(depth-1))
		}
		return Array(elements...)
	case span.ValueMap:
		var enc []byte
		for range g.IntN(3) {
			kv := appendBytes(nil, 1, pick(g, texts))
			if v := g.Value(depth - 1); v.Kind != span.ValueAbsent {
				kv = appendBytes(kv, 2, string(encode(v)))
			}
			enc = appendBytes(enc, 1, string(kv))
		}
		return span.Value{Kind: k, Str: string(enc)}
	case span.ValueOpaque:
		return span.Value{Kind: k, Str: "\xf2\x06\x03new"}
	default: // absent, empty
		return span.Value{Kind: k}
	}
}

// unknown is raw protobuf fields, rarely.
func (g *Gen) unknown() string {
	if g.IntN(20) > 0 {
		return ""
	}
	return pick(g, []string{"\xa0\x06\x01", "\xaa\x06\x02hi"})
}

// Array is an array value of these elements.
func Array(elements ...span.Value) span.Value {
	var enc []byte
	for _, e := range elements {
		enc = appendBytes(enc, 1, string(encode(e)))
	}
	return span.Value{Kind: span.ValueArray, Str: string(enc)}
}

// encode is v as an AnyValue.
func encode(v span.Value) []byte {
	switch v.Kind {
	case span.ValueString:
		return appendBytes(nil, 1, v.Str)
	case span.ValueBool:
		return binary.AppendUvarint([]byte{2 << 3}, v.Num)
	case span.ValueInt:
		return binary.AppendUvarint([]byte{3 << 3}, v.Num)
	case span.ValueDouble:
		return binary.LittleEndian.AppendUint64([]byte{4<<3 | 1}, v.Num)
	case span.ValueArray:
		return appendBytes(nil, 5, v.Str)
	case span.ValueMap:
		return appendBytes(nil, 6, v.Str)
	case span.ValueBytes:
		return appendBytes(nil, 7, v.Str)
	case span.ValueOpaque:
		return []byte(v.Str)
	}
	return nil
}

func appendBytes(dst []byte, field byte, s string) []byte {
	dst = binary.AppendUvarint(append(dst, field<<3|2), uint64(len(s)))
	return append(dst, s...)
}

// add puts attributes into the arena of b.
func add(b *span.Batch, attrs []span.Attr) span.Range {
	from := uint32(len(b.Attrs))
	b.Attrs = append(b.Attrs, attrs...)
	return span.Range{From: from, To: uint32(len(b.Attrs))}
}

func pick[T any](g *Gen, from []T) T { return from[g.IntN(len(from))] }
