package clickhouse

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// prune is a condition, with AND before it, that every span which matches satisfies; others
// may too. "" says nothing.
func prune(m *store.Matcher) string {
	var out strings.Builder
	for _, clause := range m.Required() {
		if sql, ok := pruneClause(clause); ok {
			out.WriteString(" AND (" + sql + ")")
		}
	}
	return out.String()
}

// pruneClause is the clause's terms with OR between them; false if one of them says nothing.
func pruneClause(clause []store.Term) (string, bool) {
	if len(clause) == 0 {
		return "0", true
	}
	terms := make([]string, len(clause))
	for i, t := range clause {
		var ok bool
		if terms[i], ok = pruneTerm(t); !ok {
			return "", false
		}
	}
	return strings.Join(terms, " OR "), true
}

var operators = map[store.CompareOp]string{store.Eq: "=", store.Lt: "<", store.Le: "<=", store.Gt: ">", store.Ge: ">="}

// pruneTerm has the terms that SQL says as well: = < <= > >= of what is in columns. Regular
// expressions and negations stay with the Matcher.
func pruneTerm(t store.Term) (string, bool) {
	op, ok := operators[t.Op]
	if !ok || t.Value.Nil {
		return "", false
	}
	v := t.Value.Value
	switch t.Field.Intrinsic {
	case store.NotIntrinsic:
		return pruneAttr(t.Field, op, v)
	case store.SpanName:
		if v.Kind == span.ValueString {
			return "name " + op + " " + quote(v.Str), true
		}
	case store.KindOf:
		return pruneNumber("kind", op, v)
	case store.StatusOf:
		return pruneNumber("status", op, v)
	case store.Duration:
		return pruneNumber("(greatest(end_ns, start_ns) - start_ns)", op, v)
	case store.TraceIDOf:
		return pruneID("trace_id", op, v, len(span.TraceID{}))
	case store.SpanIDOf:
		return pruneID("span_id", op, v, len(span.SpanID{}))
	case store.ParentIDOf:
		return pruneID("parent_id", op, v, len(span.SpanID{}))
	}
	return "", false
}

func pruneNumber(column, op string, v span.Value) (string, bool) {
	if v.Kind != span.ValueInt {
		return "", false
	}
	return fmt.Sprintf("%s %s %s", column, op, quoteInt(v.Int())), true
}

// pruneID has whole ids; other text is compared as text, by the Matcher.
func pruneID(column, op string, v span.Value, size int) (string, bool) {
	raw, err := hex.DecodeString(v.Str)
	if op != "=" || v.Kind != span.ValueString || err != nil || len(raw) != size {
		return "", false
	}
	return column + " = " + quoteID(raw), true
}

var scopes = map[store.Scope]string{
	store.ScopeAny:             fmt.Sprintf("s IN (%d, %d)", store.ScopeSpan, store.ScopeResource),
	store.ScopeSpan:            fmt.Sprintf("s = %d", store.ScopeSpan),
	store.ScopeResource:        fmt.Sprintf("s = %d", store.ScopeResource),
	store.ScopeInstrumentation: fmt.Sprintf("s = %d", store.ScopeInstrumentation),
	store.ScopeEvent:           fmt.Sprintf("s = %d", store.ScopeEvent),
	store.ScopeLink:            fmt.Sprintf("s = %d", store.ScopeLink),
}

// pruneAttr is that some attribute of the span has such a value.
func pruneAttr(f store.Field, op string, v span.Value) (string, bool) {
	scope, ok := scopes[f.Scope]
	if !ok {
		return "", false
	}
	// Columns of doubles round integers; so does the literal, and rounding keeps order. What
	// is on the edge is let through.
	if op == "<" || op == ">" {
		op += "="
	}
	has := func(column, test, index string) (string, bool) {
		return fmt.Sprintf("%sarrayExists((s, k, t, v) -> %s AND k = %s AND %s, attr.scope, attr.key, attr.type, %s)",
			index, scope, quote(f.Name), test, column), true
	}
	kind := func(k span.ValueKind) string { return fmt.Sprintf("bitAnd(t, %d) = %d", inArray-1, k) }
	switch v.Kind {
	case span.ValueString:
		index := ""
		if op == "=" {
			index = "has(attr.text, " + quote(v.Str) + ") AND " // what the Bloom filter knows
		}
		return has("attr.text", kind(span.ValueString)+" AND v "+op+" "+quote(v.Str), index)
	case span.ValueBool:
		if op == "=" {
			return has("attr.text", kind(span.ValueBool)+" AND v = "+quote(strconv.FormatBool(v.Bool())), "")
		}
	case span.ValueInt, span.ValueDouble:
		n := v.Double()
		if v.Kind == span.ValueInt {
			n = float64(v.Int())
		}
		if !math.IsNaN(n) && !math.IsInf(n, 0) {
			number := fmt.Sprintf("(%s OR %s)", kind(span.ValueInt), kind(span.ValueDouble))
			return has("attr.number", fmt.Sprintf("%s AND v %s reinterpretAsFloat64(toUInt64(%d))", number, op, math.Float64bits(n)), "")
		}
	}
	return "", false
}

// quoteInt is n as a literal; the lowest integer is none.
func quoteInt(n int64) string {
	return fmt.Sprintf("reinterpretAsInt64(toUInt64(%d))", uint64(n))
}
