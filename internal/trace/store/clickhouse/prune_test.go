package clickhouse

import (
	"math"
	"regexp"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// TestPrune shows which predicates become SQL, and that what SQL would say differently stays
// with the Matcher. Whether the SQL is right the suite shows, on a server.
func TestPrune(t *testing.T) {
	f := func(e store.Expr, want string) {
		t.Helper()
		if got := prune(store.NewMatcher(e)); got != want {
			t.Errorf("prune(%+v)\n got %q\nwant %q", e, got, want)
		}
	}
	is := func(i store.Intrinsic, op store.CompareOp, v span.Value) store.Expr {
		return store.Compare{Op: op, X: store.Field{Intrinsic: i}, Y: store.Literal{Value: v}}
	}
	has := func(s store.Scope, op store.CompareOp, v span.Value) store.Expr {
		return store.Compare{Op: op, X: store.Field{Scope: s, Name: "k"}, Y: store.Literal{Value: v}}
	}
	const name, kind = " AND (name = 'n')", " AND (kind = reinterpretAsInt64(toUInt64(2)))"
	isName, isKind := is(store.SpanName, store.Eq, span.String("n")), is(store.KindOf, store.Eq, span.Int(2))
	f(nil, "")
	f(isName, name)
	f(is(store.SpanName, store.Eq, span.String("it's\x00")), " AND (name = unhex('6974277300'))")
	f(store.And{X: isName, Y: isKind}, name+kind)
	f(store.Or{X: isName, Y: isKind}, " AND (name = 'n' OR kind = reinterpretAsInt64(toUInt64(2)))")
	f(store.Or{X: isName, Y: store.Not{X: isKind}}, "") // one side may hold for anything
	f(store.And{X: isName, Y: store.Not{X: isKind}}, name)
	f(store.Literal{Value: span.Bool(false)}, " AND (0)")
	f(is(store.SpanName, store.Ne, span.String("n")), "")
	f(store.Compare{Op: store.Match, X: store.Field{Intrinsic: store.SpanName}, Y: store.Literal{Value: span.String("n")}, Regexp: regexp.MustCompile("^n$")}, "")
	f(is(store.Duration, store.Ge, span.Int(5)), " AND ((greatest(end_ns, start_ns) - start_ns) >= reinterpretAsInt64(toUInt64(5)))")
	f(is(store.Duration, store.Ge, span.Double(5.5)), "")
	f(is(store.TraceDuration, store.Ge, span.Int(5)), "") // needs the trace
	f(is(store.SpanIDOf, store.Eq, span.String("00000000000000aB")), " AND (span_id = toFixedString(unhex('00000000000000ab'), 8))")
	f(is(store.SpanIDOf, store.Eq, span.String("ab")), "")
	f(is(store.SpanIDOf, store.Lt, span.String("00000000000000ab")), "")
	const attrs = "attr.scope, attr.key, attr.type, attr."
	f(has(store.ScopeSpan, store.Eq, span.String("v")), " AND (has(attr.text, 'v') AND arrayExists((s, k, t, v) -> s = 1 AND k = 'k' AND bitAnd(t, 127) = 2 AND v = 'v', "+attrs+"text))")
	f(has(store.ScopeAny, store.Lt, span.String("v")), " AND (arrayExists((s, k, t, v) -> s IN (1, 2) AND k = 'k' AND bitAnd(t, 127) = 2 AND v <= 'v', "+attrs+"text))")
	f(has(store.ScopeEvent, store.Eq, span.Bool(true)), " AND (arrayExists((s, k, t, v) -> s = 3 AND k = 'k' AND bitAnd(t, 127) = 3 AND v = 'true', "+attrs+"text))")
	f(has(store.ScopeLink, store.Gt, span.Double(1)), " AND (arrayExists((s, k, t, v) -> s = 4 AND k = 'k' AND (bitAnd(t, 127) = 4 OR bitAnd(t, 127) = 5) AND v >= reinterpretAsFloat64(toUInt64(4607182418800017408)), "+attrs+"number))")
	f(has(store.ScopeSpan, store.Eq, span.Double(math.NaN())), "")
	f(has(store.ScopeParent, store.Eq, span.String("v")), "")
	f(has(store.ScopeSpan, store.Eq, span.Value{Kind: span.ValueBytes, Str: "v"}), "")
	f(store.Compare{Op: store.Eq, X: store.Field{Scope: store.ScopeSpan, Name: "k"}, Y: store.Literal{Nil: true}}, "")
}
