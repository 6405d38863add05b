package gen

import (
	"math"
	"regexp"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Query is a random question of a tenant, without budget. It is nil-filtered at times.
func (g *Gen) Query(tenant string) store.Query {
	q := store.Query{Tenant: tenant, Window: g.Window(), Limit: 1 + g.IntN(15), Order: store.Order(g.IntN(2))}
	if g.IntN(8) > 0 {
		q.Filter = g.Expr(3)
	}
	return q
}

// NameQuery is a random question for the names of a tenant.
func (g *Gen) NameQuery(tenant string) store.NameQuery {
	q := store.NameQuery{
		Tenant: tenant, Window: g.Window(), Kind: store.NameKind(g.IntN(4)), Scope: store.Scope(g.IntN(int(store.ScopeParent))),
		Key: pick(g, keys).name, Limit: g.IntN(6) * 3,
	}
	if q.Kind != store.ServiceNames && g.IntN(3) == 0 {
		q.Service = pick(g, services)
	}
	if g.IntN(3) == 0 {
		q.Prefix = []string{"o", "G", "з", "order-1", "nothing"}[g.IntN(5)]
	}
	if g.IntN(4) == 0 {
		kind := span.Kind(g.IntN(6))
		q.SpanKind = &kind
	}
	return q
}

// AggregateQuery is a random question for numbers over spans of a tenant, without budget.
func (g *Gen) AggregateQuery(tenant string) store.AggregateQuery {
	q := store.AggregateQuery{Tenant: tenant, Window: g.Window(), Limit: g.IntN(3) * g.IntN(20)}
	for range g.IntN(3) * g.IntN(3) {
		f := store.Field{Intrinsic: pick(g, store.GroupFields())}
		if g.IntN(3) > 0 {
			f = g.ownAttribute()
		}
		q.By = append(q.By, f)
	}
	if q.End < math.MaxInt64 && g.IntN(3) > 0 {
		width := q.End - q.Start
		q.Step = 1 + width/store.MaxBuckets + g.Int64N(1+2*width/int64(1+g.IntN(20)))
	}
	if g.IntN(2) == 0 {
		of := store.Field{Intrinsic: store.Duration}
		if g.IntN(2) == 0 {
			of = g.ownAttribute()
		}
		q.Of = &of
		for range g.IntN(4) {
			q.Quantiles = append(q.Quantiles, pick(g, []float64{0, 0.01, 0.5, 0.9, 0.99, 1}))
		}
	}
	if g.IntN(2) == 0 {
		if f := g.Expr(2); !store.NewMatcher(f).NeedsTrace() {
			q.Filter = f
		}
	}
	return q
}

// ownAttribute is an attribute that a span has once.
func (g *Gen) ownAttribute() store.Field {
	f := g.attribute().field
	if f.Scope > store.ScopeResource {
		f.Scope = store.ScopeInstrumentation
	}
	return f
}

// Window is all of time, or a part of the hour most spans are in; rarely empty.
func (g *Gen) Window() store.Window {
	if g.IntN(2) == 0 {
		return store.Window{Start: 0, End: math.MaxInt64}
	}
	step := int64(10 * time.Second)
	start := Base + int64(g.IntN(300))*step
	return store.Window{Start: start, End: start + int64(g.IntN(200))*step}
}

// Expr is a random predicate of at most that depth. Most compare a field with a value it
// may have.
func (g *Gen) Expr(depth int) store.Expr {
	if depth > 0 {
		switch g.IntN(8) {
		case 0, 1:
			return store.And{X: g.Expr(depth - 1), Y: g.Expr(depth - 1)}
		case 2, 3:
			return store.Or{X: g.Expr(depth - 1), Y: g.Expr(depth - 1)}
		case 4:
			return store.Not{X: g.Expr(depth - 1)}
		}
	}
	return g.Comparison()
}

// Comparison is a random predicate without And, Or and Not.
func (g *Gen) Comparison() store.Expr {
	switch g.IntN(16) {
	case 0: // two fields
		x, y := g.attribute(), g.attribute()
		return store.Compare{Op: g.op(), X: x.field, Y: y.field}
	case 1: // arithmetic
		return store.Compare{Op: g.op(), X: g.arith(), Y: store.Literal{Value: span.Int(pick(g, ints[:6]))}}
	case 2: // a boolean
		return store.Field{Scope: g.scopeOf(), Name: "retry"}
	case 3:
		return store.Compare{Op: store.CompareOp(g.IntN(2)), X: g.attribute().field, Y: store.Literal{Nil: true}}
	}
	o := g.attribute()
	if g.IntN(2) == 0 {
		o = g.intrinsic()
	}
	v := pick(g, o.values)
	if v.Value.Kind == span.ValueString && g.IntN(4) == 0 {
		op := store.Match + store.CompareOp(g.IntN(2))
		pattern := pick(g, patterns)
		return store.Compare{
			Op: op, X: o.field, Y: store.Literal{Value: span.String(pattern)},
			Regexp: regexp.MustCompile("^(?:" + pattern + ")$"),
		}
	}
	op := g.op()
	if v.Value.Kind == span.ValueBool || v.Unit == store.UnitStatus || v.Unit == store.UnitKind {
		op %= 2 // they know = and != only
	}
	return store.Compare{Op: op, X: o.field, Y: v}
}

// patterns are regular expressions; an engine may rewrite some to a prefix or a list.
var patterns = []string{".*", ".+", "GET|POST", "order-.*", "order-1", ".*e.*", "(?i)get.*", "[a-z]+", "", "p?ayment"}

// operand is a field with values it may have.
type operand struct {
	field  store.Field
	values []store.Literal
}

func (g *Gen) attribute() operand {
	if g.IntN(4) == 0 {
		return operand{
			store.Field{Scope: store.ScopeResource, Name: "service.name"},
			literals(store.UnitNone, strings(services...)...),
		}
	}
	k := pick(g, keys)
	values := literals(store.UnitNone, scalars(k.values)...)
	return operand{store.Field{Scope: g.scopeOf(), Name: k.name}, values}
}

func (g *Gen) scopeOf() store.Scope {
	return store.Scope(g.IntN(int(store.ScopeParent) + 1))
}

func (g *Gen) intrinsic() operand {
	in := store.Intrinsic(1 + g.IntN(int(store.NestedSetRight)))
	var values []store.Literal
	switch in {
	case store.SpanName, store.RootName:
		values = literals(store.UnitNone, strings(names...)...)
	case store.KindOf:
		values = literals(store.UnitKind, span.Int(int64(g.IntN(6))))
	case store.StatusOf:
		values = literals(store.UnitStatus, span.Int(int64(g.IntN(3))))
	case store.StatusMessage:
		values = literals(store.UnitNone, strings(messages...)...)
	case store.Duration, store.TraceDuration, store.EventTimeSinceStart:
		values = literals(store.UnitDuration, span.Int(int64(pick(g, durations))))
	case store.TraceIDOf, store.LinkTraceID:
		values = literals(store.UnitNone, span.String(g.TraceID().String()))
	case store.SpanIDOf, store.ParentIDOf, store.LinkSpanID:
		values = literals(store.UnitNone, span.String(g.spanID().String()))
	case store.EventName:
		values = literals(store.UnitNone, strings(events...)...)
	case store.ScopeName:
		values = literals(store.UnitNone, strings(scopes...)...)
	case store.ScopeVersion:
		values = literals(store.UnitNone, strings(versions...)...)
	case store.RootService:
		values = literals(store.UnitNone, strings(services...)...)
	default:
		values = literals(store.UnitNone, span.Int(int64(g.IntN(9)-1)))
	}
	return operand{store.Field{Intrinsic: in}, values}
}

func (g *Gen) arith() store.Expr {
	x := pick(g, []store.Field{
		{Intrinsic: store.Duration},
		{Intrinsic: store.ChildCount},
		{Scope: store.ScopeSpan, Name: "http.status_code"},
		{Scope: store.ScopeAny, Name: "load"},
	})
	if g.IntN(5) == 0 {
		return store.Arith{Op: '-', X: x}
	}
	return store.Arith{Op: pick(g, []byte("+-*/%^")), X: x, Y: store.Literal{Value: span.Int(int64(g.IntN(4)))}}
}

func (g *Gen) op() store.CompareOp {
	return store.CompareOp(g.IntN(int(store.Match)))
}

func literals(u store.LiteralUnit, values ...span.Value) []store.Literal {
	var out []store.Literal
	for _, v := range values {
		out = append(out, store.Literal{Value: v, Unit: u})
	}
	return out
}

// scalars is what can be written as a literal, of these and of the elements of arrays.
func scalars(values []span.Value) []span.Value {
	var out []span.Value
	for _, v := range values {
		switch {
		case v.Kind == span.ValueArray:
			out = append(out, span.String("a"), span.Int(3))
		case v.Kind == span.ValueDouble && math.IsNaN(v.Double()):
		default:
			out = append(out, v)
		}
	}
	return out
}
