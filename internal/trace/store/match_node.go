package store

import (
	"sync"

	"github.com/weft-dev/weft/internal/trace/span"
)

// truth is three-valued: unknown is what depends on a trace that is not at hand. The
// order makes And the minimum and Or the maximum.
type truth uint8

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// node is a compiled predicate. Arguments are passed one by one, not in a struct, because
// a struct would be moved to the heap for every span.
type node interface {
	eval(b *span.Batch, i int, t *TraceView) truth
}

func compile(e Expr) node {
	switch e := e.(type) {
	case And:
		return andNode{compile(e.X), compile(e.Y)}
	case Or:
		return orNode{compile(e.X), compile(e.Y)}
	case Not:
		return notNode{compile(e.X)}
	case Compare:
		if f, ok := e.X.(Field); ok {
			if l, ok := e.Y.(Literal); ok {
				return &fieldNode{f, newTest(e.Op, l, e.Regexp)}
			}
		}
		if l, ok := e.X.(Literal); ok {
			if f, ok := e.Y.(Field); ok && e.Op < Match {
				return &fieldNode{f, newTest(e.Op.flip(), l, nil)}
			}
		}
		return &pairNode{e}
	case Field:
		return &fieldNode{e, newTest(Eq, Literal{Value: span.Bool(true)}, nil)}
	case Literal:
		return constNode(truthOf(e.Value.Kind == span.ValueBool && e.Value.Bool()))
	}
	return constNode(no)
}

// flip is the operator that holds for (y, x) where op holds for (x, y).
func (op CompareOp) flip() CompareOp {
	switch op {
	case Lt:
		return Gt
	case Le:
		return Ge
	case Gt:
		return Lt
	case Ge:
		return Le
	}
	return op
}

type constNode truth

func (n constNode) eval(*span.Batch, int, *TraceView) truth { return truth(n) }

type andNode struct{ x, y node }

func (n andNode) eval(b *span.Batch, i int, t *TraceView) truth {
	x := n.x.eval(b, i, t)
	if x == no {
		return no
	}
	return min(x, n.y.eval(b, i, t))
}

type orNode struct{ x, y node }

func (n orNode) eval(b *span.Batch, i int, t *TraceView) truth {
	x := n.x.eval(b, i, t)
	if x == yes {
		return yes
	}
	return max(x, n.y.eval(b, i, t))
}

type notNode struct{ x node }

func (n notNode) eval(b *span.Batch, i int, t *TraceView) truth {
	return yes - n.x.eval(b, i, t)
}

// fieldNode compares a field with a literal: nearly all of what people write.
type fieldNode struct {
	field Field
	test  test
}

func (n *fieldNode) eval(b *span.Batch, i int, t *TraceView) truth {
	k := sink{test: &n.test}
	if !n.field.visit(b, i, t, &k) {
		return unknown
	}
	return truthOf(n.test.holds(&k))
}

// pairNode compares what fieldNode cannot: two fields, arithmetic.
type pairNode struct{ cmp Compare }

// scratch holds the values of both sides of a pairNode, to be used again.
type scratch struct{ x, y []span.Value }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (n *pairNode) eval(b *span.Batch, i int, t *TraceView) truth {
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	var knownX, knownY bool
	buf.x, knownX = appendValues(buf.x[:0], n.cmp.X, b, i, t)
	buf.y, knownY = appendValues(buf.y[:0], n.cmp.Y, b, i, t)
	defer func() { clear(buf.x); clear(buf.y) }() // the pool must not keep batches alive
	switch {
	case isNil(n.cmp.X) && isNil(n.cmp.Y):
		return truthOf(n.cmp.Op == Eq)
	case isNil(n.cmp.X) && knownY:
		return truthOf((n.cmp.Op == Eq) == (len(buf.y) == 0) && n.cmp.Op <= Ne)
	case isNil(n.cmp.Y) && knownX:
		return truthOf((n.cmp.Op == Eq) == (len(buf.x) == 0) && n.cmp.Op <= Ne)
	case !knownX || !knownY:
		return unknown
	}
	return truthOf(n.holds(buf.x, buf.y))
}

func (n *pairNode) holds(xs, ys []span.Value) bool {
	if n.cmp.Op >= Match {
		// The pattern is constant, so this is a constant or arithmetic on the left.
		if n.cmp.Regexp == nil {
			return false
		}
		typed, hit := false, false
		for _, x := range xs {
			if x.Kind == span.ValueString {
				typed = true
				hit = hit || n.cmp.Regexp.MatchString(x.Str)
			}
		}
		return typed && hit == (n.cmp.Op == Match)
	}
	typed := false
	for _, x := range xs {
		for _, y := range ys {
			if !sameType(x.Kind, y.Kind) {
				continue
			}
			typed = true
			if n.cmp.Op == Ne {
				if compareValues(Eq, x, y) {
					return false
				}
			} else if compareValues(n.cmp.Op, x, y) {
				return true
			}
		}
	}
	return n.cmp.Op == Ne && typed
}

func isNil(e Expr) bool {
	l, ok := e.(Literal)
	return ok && l.Nil
}
