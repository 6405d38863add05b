package query

import (
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// String is the query in canonical TraceQL: Parse gives the same query again.
func (q *Query) String() string {
	var b strings.Builder
	if q.Filter == nil {
		b.WriteString("{}")
	} else {
		b.WriteString("{ ")
		b.WriteString(Format(q.Filter))
		b.WriteString(" }")
	}
	if q.Order == store.LongestFirst {
		b.WriteString(" | order by duration")
	}
	return b.String()
}

// Format is an expression in canonical TraceQL, without braces. && inside || is put in
// parentheses, so that a reader need not know which binds tighter.
func Format(e store.Expr) string {
	var b strings.Builder
	format(&b, e)
	return b.String()
}

func format(b *strings.Builder, e store.Expr) {
	switch e := e.(type) {
	case store.And:
		// A left operand of the same kind needs none: && is left-associative.
		_, same := e.X.(store.And)
		formatOperand(b, e.X, !same && isJunction(e.X))
		b.WriteString(" && ")
		formatOperand(b, e.Y, isJunction(e.Y))
	case store.Or:
		_, same := e.X.(store.Or)
		formatOperand(b, e.X, !same && isJunction(e.X))
		b.WriteString(" || ")
		formatOperand(b, e.Y, isJunction(e.Y))
	case store.Not:
		b.WriteByte('!')
		_, compared := e.X.(store.Compare)
		formatOperand(b, e.X, compared || isJunction(e.X))
	case store.Compare:
		format(b, e.X)
		b.WriteByte(' ')
		b.WriteString(operators[e.Op])
		b.WriteByte(' ')
		format(b, e.Y)
	case store.Arith:
		formatArith(b, e)
	case store.Literal:
		formatLiteral(b, e)
	case store.Field:
		formatField(b, e)
	}
}

func isJunction(e store.Expr) bool {
	switch e.(type) {
	case store.And, store.Or:
		return true
	}
	return false
}

func formatOperand(b *strings.Builder, e store.Expr, parentheses bool) {
	if parentheses {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	format(b, e)
}

func formatArith(b *strings.Builder, e store.Arith) {
	isArith := func(x store.Expr) bool { _, ok := x.(store.Arith); return ok }
	if e.Y == nil {
		b.WriteByte('-')
		_, literal := e.X.(store.Literal) // -(5) is not the literal -5
		formatOperand(b, e.X, literal || isArith(e.X))
		return
	}
	formatOperand(b, e.X, isArith(e.X))
	b.WriteByte(' ')
	b.WriteByte(e.Op)
	b.WriteByte(' ')
	formatOperand(b, e.Y, isArith(e.Y))
}

func formatLiteral(b *strings.Builder, l store.Literal) {
	v := l.Value
	switch {
	case l.Nil:
		b.WriteString("nil")
	case l.Unit == store.UnitDuration:
		b.WriteString(formatDuration(v.Int()))
	case l.Unit == store.UnitStatus && v.Num < uint64(len(statusWords)):
		b.WriteString(statusWords[v.Num])
	case l.Unit == store.UnitKind && v.Num < uint64(len(kindWords)):
		b.WriteString(kindWords[v.Num])
	case v.Kind == span.ValueBool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	case v.Kind == span.ValueInt:
		b.WriteString(strconv.FormatInt(v.Int(), 10))
	case v.Kind == span.ValueDouble:
		b.WriteString(formatDouble(v.Double()))
	default:
		b.WriteString(strconv.Quote(v.Str))
	}
}

func formatField(b *strings.Builder, f store.Field) {
	if f.Intrinsic != store.NotIntrinsic {
		b.WriteString(intrinsicOf(f.Intrinsic).name)
		return
	}
	b.WriteString(scopeNames[f.Scope])
	b.WriteByte('.')
	if isPlainName(f.Name) {
		b.WriteString(f.Name)
	} else {
		b.WriteString(strconv.Quote(f.Name))
	}
}

// isPlainName reports whether the name needs no quotes; stricter than the parser, so that
// what we print is read the same everywhere.
func isPlainName(name string) bool {
	for _, c := range []byte(name) {
		if c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return name != ""
}
