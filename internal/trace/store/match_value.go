package store

import (
	"cmp"
	"encoding/hex"
	"math"
	"regexp"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
)

// MaxArithValues bounds the results of one arithmetic node on one span: two events lists
// of a thousand have a million pairs.
const MaxArithValues = 10_000

// test is a comparison with a literal.
type test struct {
	op   CompareOp
	lit  span.Value
	null bool // the literal nil
	re   *regexp.Regexp
	byID bool   // lit is a whole id in lower-case hex, compared by = or !=
	id   string // its bytes
}

func newTest(op CompareOp, l Literal, re *regexp.Regexp) test {
	t := test{op: op, lit: l.Value, null: l.Nil, re: re}
	if s := l.Value.Str; op <= Ne && l.Value.Kind == span.ValueString && (len(s) == 32 || len(s) == 16) {
		if raw, err := hex.DecodeString(s); err == nil && hex.EncodeToString(raw) == s {
			t.byID, t.id = true, string(raw)
		}
	}
	return t
}

// passes reports whether v, of the literal's type, satisfies the test; for the negative
// operators, whether v refutes it.
func (t *test) passes(v span.Value) bool {
	switch t.op {
	case Match, NoMatch:
		return t.re != nil && t.re.MatchString(v.Str)
	case Ne:
		return compareValues(Eq, v, t.lit)
	}
	return compareValues(t.op, v, t.lit)
}

// holds turns what the sink saw into the answer.
func (t *test) holds(k *sink) bool {
	if t.null {
		return t.op == Eq && !k.present || t.op == Ne && k.present
	}
	switch t.op {
	case Ne:
		return k.typed && !k.hit
	case NoMatch:
		return k.typed && !k.hit && t.re != nil && t.lit.Kind == span.ValueString
	case Match:
		return k.hit && t.lit.Kind == span.ValueString
	}
	return k.hit
}

func isScalar(k span.ValueKind) bool { return k >= span.ValueString && k <= span.ValueBytes }

func isNumber(k span.ValueKind) bool { return k == span.ValueInt || k == span.ValueDouble }

// sameType reports whether values of the two kinds compare.
func sameType(a, b span.ValueKind) bool {
	return isScalar(a) && (a == b || isNumber(a) && isNumber(b))
}

// compareValues applies = < <= > >= to two values of the same type.
func compareValues(op CompareOp, x, y span.Value) bool {
	switch x.Kind {
	case span.ValueString:
		return ordered(op, strings.Compare(x.Str, y.Str))
	case span.ValueBytes:
		return op == Eq && x.Str == y.Str
	case span.ValueBool:
		return op == Eq && x.Bool() == y.Bool()
	}
	c, ok := compareNumbers(x, y)
	return ok && ordered(op, c)
}

func ordered(op CompareOp, c int) bool {
	switch op {
	case Eq:
		return c == 0
	case Lt:
		return c < 0
	case Le:
		return c <= 0
	case Gt:
		return c > 0
	case Ge:
		return c >= 0
	}
	return false
}

// compareNumbers compares exactly, also an integer that no double can hold with a double.
// false if one of them is NaN.
func compareNumbers(x, y span.Value) (int, bool) {
	switch {
	case x.Kind == span.ValueInt && y.Kind == span.ValueInt:
		return cmp.Compare(x.Int(), y.Int()), true
	case x.Kind == span.ValueInt:
		return compareIntDouble(x.Int(), y.Double())
	case y.Kind == span.ValueInt:
		c, ok := compareIntDouble(y.Int(), x.Double())
		return -c, ok
	}
	a, b := x.Double(), y.Double()
	return cmp.Compare(a, b), !math.IsNaN(a) && !math.IsNaN(b)
}

func compareIntDouble(i int64, f float64) (int, bool) {
	switch {
	case math.IsNaN(f):
		return 0, false
	case f >= 1<<63:
		return -1, true
	case f < -1<<63:
		return 1, true
	}
	whole := math.Trunc(f)
	if c := cmp.Compare(i, int64(whole)); c != 0 {
		return c, true
	}
	return cmp.Compare(whole, f), true
}

// appendValues appends the values of e on span i; false if they depend on a trace that
// is not at hand.
func appendValues(dst []span.Value, e Expr, b *span.Batch, i int, t *TraceView) ([]span.Value, bool) {
	switch e := e.(type) {
	case Literal:
		if !e.Nil {
			dst = append(dst, e.Value)
		}
		return dst, true
	case Field:
		k := sink{vals: dst}
		known := e.visit(b, i, t, &k)
		return k.vals, known
	case Arith:
		xs, known := appendValues(nil, e.X, b, i, t)
		if !known {
			return dst, false
		}
		if e.Y == nil {
			for _, x := range xs {
				dst = appendArith(dst, '-', span.Int(0), x)
			}
			return dst, true
		}
		ys, known := appendValues(nil, e.Y, b, i, t)
		if !known {
			return dst, false
		}
		for _, x := range xs {
			for _, y := range ys {
				if len(dst) < MaxArithValues {
					dst = appendArith(dst, e.Op, x, y)
				}
			}
		}
		return dst, true
	}
	return dst, true
}

// Fold is the value of arithmetic on literals; false if an operand is no literal, or there
// is no value.
func (a Arith) Fold() (Literal, bool) {
	if _, ok := a.X.(Literal); !ok {
		return Literal{}, false
	}
	if _, ok := a.Y.(Literal); !ok && a.Y != nil {
		return Literal{}, false
	}
	v, _ := appendValues(nil, a, nil, 0, nil)
	if len(v) != 1 {
		return Literal{}, false
	}
	return Literal{Value: v[0]}, true
}

// appendArith appends x op y if it has a value.
func appendArith(dst []span.Value, op byte, x, y span.Value) []span.Value {
	if !isNumber(x.Kind) || !isNumber(y.Kind) {
		return dst
	}
	if x.Kind == span.ValueInt && y.Kind == span.ValueInt {
		if n, ok := intArith(op, x.Int(), y.Int()); ok {
			return append(dst, span.Int(n))
		}
	}
	a, c := toDouble(x), toDouble(y)
	var f float64
	switch op {
	case '+':
		f = a + c
	case '-':
		f = a - c
	case '*':
		f = a * c
	case '/':
		if c == 0 {
			return dst
		}
		f = a / c
	case '%':
		if c == 0 {
			return dst
		}
		f = math.Mod(a, c)
	case '^':
		f = math.Pow(a, c)
	default:
		return dst
	}
	return append(dst, span.Double(f))
}

// intArith is x op y where that is an integer; false if it overflows, is not whole, or
// has no value.
func intArith(op byte, x, y int64) (int64, bool) {
	switch op {
	case '+':
		n := x + y
		return n, (n > x) == (y > 0)
	case '-':
		n := x - y
		return n, (n < x) == (y > 0)
	case '*':
		if x == 0 || y == 0 {
			return 0, true
		}
		n := x * y
		return n, n/y == x && !(x == -1 && y == math.MinInt64) && !(y == -1 && x == math.MinInt64)
	case '/':
		if y == 0 || x%y != 0 || x == math.MinInt64 && y == -1 {
			return 0, false
		}
		return x / y, true
	case '%':
		if y == 0 {
			return 0, false
		}
		return x % y, true
	case '^':
		return intPower(x, y)
	}
	return 0, false
}

func intPower(x, y int64) (int64, bool) {
	if y < 0 {
		return 0, false
	}
	if x == 0 || x == 1 {
		if y == 0 {
			return 1, true
		}
		return x, true
	}
	if x == -1 {
		return 1 - 2*(y&1), true
	}
	n := int64(1)
	for range y { // at most 63 turns, then it overflows
		var ok bool
		if n, ok = intArith('*', n, x); !ok {
			return 0, false
		}
	}
	return n, true
}

func toDouble(v span.Value) float64 {
	if v.Kind == span.ValueInt {
		return float64(v.Int())
	}
	return v.Double()
}

func hexOf(id []byte) string { return hex.EncodeToString(id) }
