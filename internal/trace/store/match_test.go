package store

import (
	"math"
	"regexp"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
)

// testBatch is one trace of four spans, a to d, with an attribute of every kind on b.
func testBatch() *span.Batch {
	b := &span.Batch{}
	attrs := func(kv ...span.Attr) span.Range {
		from := uint32(len(b.Attrs))
		b.Attrs = append(b.Attrs, kv...)
		return span.Range{From: from, To: uint32(len(b.Attrs))}
	}
	str := func(k, v string) span.Attr { return span.Attr{Key: k, Value: span.String(v)} }
	b.Resources = []span.Resource{
		{Attrs: attrs(str("service.name", "gateway"), str("zone", "eu"))},
		{Attrs: attrs(str("service.name", "payment"), str("shared", "resource"))},
	}
	b.Scopes = []span.Scope{
		{Resource: 0, Name: "http", Version: "1.2", Attrs: attrs(str("lib", "go"))},
		{Resource: 1},
	}
	// [1, "two", [3]] as an ArrayValue.
	array := "\x0a\x02\x18\x01" + "\x0a\x05\x0a\x03two" + "\x0a\x06\x2a\x04\x0a\x02\x18\x03"
	b.Spans = []span.Span{
		{SpanID: span.SpanID{1}, Name: "GET /", Kind: span.KindServer, Start: 100, End: 200},
		{
			SpanID: span.SpanID{2}, Parent: span.SpanID{1}, Name: "charge", Scope: 1, Kind: span.KindClient, Start: 110, End: 150,
			Status: span.StatusError, StatusMessage: "boom",
			Attrs: attrs(
				str("s", "text"), span.Attr{Key: "i", Value: span.Int(7)}, span.Attr{Key: "d", Value: span.Double(1.5)},
				span.Attr{Key: "t", Value: span.Bool(true)}, span.Attr{Key: "f", Value: span.Bool(false)},
				span.Attr{Key: "bytes", Value: span.Value{Kind: span.ValueBytes, Str: "raw"}},
				span.Attr{Key: "array", Value: span.Value{Kind: span.ValueArray, Str: array}},
				span.Attr{Key: "empty", Value: span.Value{Kind: span.ValueEmpty}},
				span.Attr{Key: "map", Value: span.Value{Kind: span.ValueMap, Str: "\x0a\x03\x0a\x01k"}},
				span.Attr{Key: "nan", Value: span.Double(math.NaN())},
				span.Attr{Key: "big", Value: span.Int(1<<53 + 1)},
				str("twice", "x"), str("twice", "y"), str("shared", "span"),
			),
		},
		{SpanID: span.SpanID{3}, Parent: span.SpanID{2}, Name: "SELECT", Scope: 1, Start: 120, End: 300},
		{SpanID: span.SpanID{4}, Parent: span.SpanID{9}, Name: "lost", Start: 130, End: 90},
	}
	for i := range b.Spans {
		b.Spans[i].TraceID = span.TraceID{15: 0xab}
	}
	b.Events = []span.Event{
		{Time: 115, Name: "exception", Attrs: attrs(str("exception.type", "IOError"))},
		{Time: 105, Name: "retry", Attrs: attrs(span.Attr{Key: "n", Value: span.Int(2)})},
	}
	b.Spans[1].Events = span.Range{From: 0, To: 2}
	b.Links = []span.Link{{TraceID: span.TraceID{7}, SpanID: span.SpanID{8}, Attrs: attrs(str("why", "batch"))}}
	b.Spans[1].Links = span.Range{From: 0, To: 1}
	return b
}

func attr(s Scope, name string) Field { return Field{Scope: s, Name: name} }
func intr(i Intrinsic) Field          { return Field{Intrinsic: i} }
func lit(v span.Value) Literal        { return Literal{Value: v} }
func text(s string) Literal           { return lit(span.String(s)) }
func number(n int64) Literal          { return lit(span.Int(n)) }
func is(x Expr, op CompareOp, y Expr) Compare {
	c := Compare{Op: op, X: x, Y: y}
	if l, ok := y.(Literal); ok && op >= Match {
		c.Regexp = regexp.MustCompile("^(?:" + l.Value.Str + ")$")
	}
	return c
}

// TestMatch shows what every node means, on one trace; the answer names the matching
// spans. Maybe must agree where the trace does not matter, and never rule out a match.
func TestMatch(t *testing.T) {
	b := testBatch()
	view := NewTraceView(b)
	f := func(e Expr, want string) {
		t.Helper()
		m := NewMatcher(e)
		got := ""
		for i := range b.Spans {
			match := m.Match(b, i, view)
			if match {
				got += string(rune('a' + i))
			}
			if maybe := m.Maybe(b, i); maybe != match && (match || !m.NeedsTrace()) {
				t.Errorf("Maybe(%+v, %d) = %v, Match says %v", e, i, maybe, match)
			}
		}
		if got != want {
			t.Errorf("%+v matches %q, want %q", e, got, want)
		}
	}
	null := Literal{Nil: true}
	yes, no := lit(span.Bool(true)), lit(span.Bool(false))
	f(nil, "abcd")
	f(yes, "abcd")
	f(no, "")
	f(Not{no}, "abcd")
	f(And{yes, no}, "")
	f(Or{no, yes}, "abcd")
	f(text("true"), "")

	f(is(intr(SpanName), Eq, text("charge")), "b")
	f(is(intr(SpanName), Ne, text("charge")), "acd")
	f(is(intr(SpanName), Match, text("[A-Z]+ /")), "a")
	f(is(intr(SpanName), Match, text("GE")), "") // anchored
	f(is(intr(SpanName), NoMatch, text("[A-Z].*")), "bd")
	f(is(intr(SpanName), Lt, text("b")), "ac")
	f(is(intr(SpanName), Gt, number(1)), "")
	f(is(intr(KindOf), Eq, number(2)), "a")
	f(is(intr(StatusOf), Eq, number(2)), "b")
	f(is(intr(StatusMessage), Eq, text("boom")), "b")
	f(is(intr(StatusMessage), Eq, null), "")
	f(is(intr(Duration), Ge, number(100)), "ac")
	f(is(intr(Duration), Eq, lit(span.Double(40))), "b")
	f(is(intr(Duration), Eq, number(0)), "d") // ends before it starts
	f(is(intr(TraceIDOf), Eq, text("000000000000000000000000000000ab")), "abcd")
	f(is(intr(TraceIDOf), Match, text("0+ab")), "abcd")
	f(is(intr(SpanIDOf), Eq, text("0300000000000000")), "c")
	f(is(intr(SpanIDOf), Ne, text("0300000000000000")), "abd")
	f(is(intr(SpanIDOf), Gt, text("02")), "bcd")
	f(is(intr(ParentIDOf), Eq, null), "a")
	f(is(intr(ParentIDOf), Ne, text("0100000000000000")), "cd")
	f(is(intr(EventName), Eq, text("retry")), "b")
	f(is(intr(EventName), Ne, text("retry")), "")
	f(is(intr(EventName), Ne, text("other")), "b")
	f(is(intr(EventName), Eq, null), "acd")
	f(is(intr(EventTimeSinceStart), Eq, number(5)), "b")
	f(is(intr(EventTimeSinceStart), Lt, number(0)), "b")
	f(is(intr(LinkTraceID), Eq, text("07000000000000000000000000000000")), "b")
	f(is(intr(LinkSpanID), Eq, text("0800000000000000")), "b")
	f(is(intr(LinkSpanID), Ne, null), "b")
	f(is(intr(ScopeName), Eq, text("http")), "ad")
	f(is(intr(ScopeVersion), Eq, text("1.2")), "ad")

	f(is(intr(TraceDuration), Eq, number(200)), "abcd")
	f(is(intr(RootName), Eq, text("GET /")), "abcd")
	f(is(intr(RootService), Ne, text("gateway")), "")
	f(is(intr(ChildCount), Eq, number(1)), "ab")
	f(is(intr(NestedSetParent), Lt, number(0)), "a")
	f(is(intr(NestedSetParent), Eq, number(0)), "d")
	f(is(intr(NestedSetLeft), Le, number(2)), "ab")
	f(is(intr(NestedSetRight), Eq, number(8)), "d")

	f(is(attr(ScopeSpan, "s"), Eq, text("text")), "b")
	f(is(attr(ScopeSpan, "s"), Ne, text("text")), "")
	f(is(attr(ScopeSpan, "s"), Ne, text("other")), "b") // a missing attribute is not unequal
	f(Not{is(attr(ScopeSpan, "s"), Eq, text("text"))}, "acd")
	f(is(attr(ScopeSpan, "s"), Ne, number(7)), "") // another type
	f(is(attr(ScopeSpan, "s"), Eq, null), "acd")
	f(is(null, Ne, attr(ScopeSpan, "s")), "b")
	f(is(attr(ScopeSpan, "i"), Gt, lit(span.Double(6.5))), "b")
	f(is(number(7), Gt, attr(ScopeSpan, "i")), "")
	f(is(number(8), Gt, attr(ScopeSpan, "i")), "b")
	f(is(attr(ScopeSpan, "d"), Lt, number(2)), "b")
	f(is(attr(ScopeSpan, "big"), Eq, lit(span.Double(1<<53))), "") // exact beyond 2^53
	f(is(attr(ScopeSpan, "big"), Gt, lit(span.Double(1<<53))), "b")
	f(is(attr(ScopeSpan, "nan"), Eq, lit(span.Double(math.NaN()))), "")
	f(is(attr(ScopeSpan, "nan"), Ne, number(1)), "b")
	f(is(attr(ScopeSpan, "nan"), Lt, number(1)), "")
	f(attr(ScopeSpan, "t"), "b")
	f(attr(ScopeSpan, "f"), "")
	f(attr(ScopeSpan, "s"), "")
	f(is(attr(ScopeSpan, "f"), Eq, no), "b")
	f(is(attr(ScopeSpan, "f"), Lt, yes), "")
	f(is(attr(ScopeSpan, "bytes"), Eq, text("raw")), "")
	f(is(attr(ScopeSpan, "bytes"), Eq, attr(ScopeSpan, "bytes")), "b")
	f(is(attr(ScopeSpan, "array"), Eq, number(1)), "b")
	f(is(attr(ScopeSpan, "array"), Eq, text("two")), "b")
	f(is(attr(ScopeSpan, "array"), Eq, number(3)), "") // inside an inner array
	f(is(attr(ScopeSpan, "array"), Ne, number(2)), "b")
	f(is(attr(ScopeSpan, "array"), Ne, number(1)), "")
	f(is(attr(ScopeSpan, "empty"), Eq, null), "acd")
	f(is(attr(ScopeSpan, "empty"), Ne, text("x")), "")
	f(is(attr(ScopeSpan, "map"), Ne, null), "b")
	f(is(attr(ScopeSpan, "twice"), Eq, text("y")), "b")
	f(is(attr(ScopeSpan, "twice"), Ne, text("y")), "")

	f(is(attr(ScopeResource, "service.name"), Eq, text("payment")), "bc")
	f(is(attr(ScopeResource, "service.name"), Match, text("p.*|g.*")), "abcd")
	f(is(attr(ScopeAny, "shared"), Eq, text("resource")), "c")
	f(is(attr(ScopeAny, "shared"), Eq, text("span")), "b")
	f(is(attr(ScopeAny, "zone"), Eq, text("eu")), "ad")
	f(is(attr(ScopeEvent, "exception.type"), Eq, text("IOError")), "b")
	f(is(attr(ScopeEvent, "n"), Gt, number(1)), "b")
	f(is(attr(ScopeLink, "why"), Eq, text("batch")), "b")
	f(is(attr(ScopeInstrumentation, "lib"), Eq, text("go")), "ad")
	f(is(attr(ScopeParent, "service.name"), Eq, text("payment")), "c")
	f(is(attr(ScopeParent, "shared"), Eq, text("span")), "c")
	f(is(attr(ScopeParent, "zone"), Eq, null), "acd")

	sum := Arith{'+', attr(ScopeSpan, "i"), attr(ScopeSpan, "d")}
	f(is(sum, Eq, lit(span.Double(8.5))), "b")
	f(is(sum, Eq, null), "acd")
	f(is(number(4), Lt, sum), "b")
	f(is(Arith{'/', intr(Duration), number(8)}, Eq, lit(span.Double(12.5))), "a")
	f(is(Arith{'/', intr(Duration), number(0)}, Ne, null), "")
	f(is(Arith{'-', intr(Duration), nil}, Eq, number(-40)), "b")
	f(is(Arith{'^', intr(KindOf), number(2)}, Eq, number(9)), "b")
	f(is(Arith{'%', intr(Duration), number(30)}, Eq, number(10)), "ab")
	f(is(Arith{'*', intr(SpanName), number(2)}, Ne, null), "")
	f(is(intr(TraceDuration), Eq, Arith{'*', number(2), intr(Duration)}), "a")
	f(is(attr(ScopeSpan, "s"), Eq, attr(ScopeSpan, "i")), "")
	f(is(attr(ScopeSpan, "twice"), Ne, attr(ScopeSpan, "shared")), "b")
	f(is(attr(ScopeSpan, "twice"), Ne, attr(ScopeSpan, "twice")), "") // some pair is equal
}

// TestMatchInvalidRegexp shows that a pattern that was never compiled matches nothing.
func TestMatchInvalidRegexp(t *testing.T) {
	b := testBatch()
	for _, op := range []CompareOp{Match, NoMatch} {
		if NewMatcher(Compare{Op: op, X: intr(SpanName), Y: text("(")}).Match(b, 0, nil) {
			t.Errorf("operator %d without a compiled pattern matches", op)
		}
	}
}

// TestMatchDoesNotAllocate holds the promise of Matcher for the usual comparisons.
func TestMatchDoesNotAllocate(t *testing.T) {
	b := testBatch()
	m := NewMatcher(And{
		Or{is(attr(ScopeResource, "service.name"), Eq, text("payment")), is(attr(ScopeAny, "zone"), Ne, text("x"))},
		And{
			is(intr(SpanIDOf), Eq, text("0200000000000000")),
			And{is(attr(ScopeSpan, "array"), Eq, text("two")), And{
				is(attr(ScopeSpan, "s"), Match, text("te.*")),
				And{is(intr(Duration), Gt, number(3)), is(attr(ScopeEvent, "n"), Eq, number(2))},
			}},
		},
	})
	if !m.Match(b, 1, nil) {
		t.Fatal("the predicate does not match its span")
	}
	if n := testing.AllocsPerRun(100, func() { m.Match(b, 1, nil) }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	batch := testBatch()
	m := NewMatcher(And{
		is(attr(ScopeResource, "service.name"), Eq, text("payment")),
		is(intr(Duration), Gt, number(3)),
	})
	b.ReportAllocs()
	for b.Loop() {
		for i := range batch.Spans {
			m.Match(batch, i, nil)
		}
	}
}
