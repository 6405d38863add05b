package jaeger

import (
	"encoding/json"
	"regexp"
	"strconv"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// The structured filter of Jaeger (its RFC 0005) is a tree of calls. The types here are
// that tree as its JSON has it; the gRPC form is translated to them.

// What filters may use; clients ask for it and get a refusal for the rest.
var (
	filterLevels    = []string{"span", "resource", "scope", "event", "link"}
	filterOperators = []string{"and", "or", "not", "eq", "ne", "gt", "lt", "gte", "lte", "regex", "exists", "in", "not_in"}
)

// maxFilterDepth bounds nesting, which costs stack.
const maxFilterDepth = 100

// filterCall applies an operator.
type filterCall struct {
	Op   string       `json:"op"`
	Args []filterTerm `json:"args"`
}

// filterTerm is one argument: exactly one member is set.
type filterTerm struct {
	Attr   *filterRef    `json:"attr"`
	Field  *filterRef    `json:"field"`
	Nested *filterRef    `json:"nested"`
	Scalar *filterScalar `json:"scalar"`
	List   *filterList   `json:"list"`
	Call   *filterCall   `json:"call"`
}

type filterRef struct {
	Key   string `json:"key"`  // of an attribute
	Name  string `json:"name"` // of a field
	Level string `json:"level"`
}

type filterScalar struct {
	Value string `json:"value"`
	Type  string `json:"type"`
}

type filterList struct {
	Values []string `json:"values"`
	Type   string   `json:"type"`
}

// UnmarshalJSON also takes a bare number or boolean as a value.
func (s *filterScalar) UnmarshalJSON(b []byte) error {
	var raw struct {
		Value json.RawMessage `json:"value"`
		Type  string          `json:"type"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	s.Type = raw.Type
	if len(raw.Value) > 0 && raw.Value[0] != '"' {
		s.Value = string(raw.Value)
		return nil
	}
	return json.Unmarshal(raw.Value, &s.Value)
}

var filterCompare = map[string]store.CompareOp{
	"eq": store.Eq, "ne": store.Ne, "gt": store.Gt, "lt": store.Lt, "gte": store.Ge, "lte": store.Le,
}

// mirrored is the operator with its operands exchanged.
var mirrored = map[string]string{"eq": "eq", "ne": "ne", "gt": "lt", "lt": "gt", "gte": "lte", "lte": "gte"}

func (c *filterCall) expr() (store.Expr, error) { return c.exprAt(0) }

func (c *filterCall) exprAt(depth int) (store.Expr, error) {
	if depth > maxFilterDepth {
		return nil, badRequest("filter: nested deeper than %d", maxFilterDepth)
	}
	switch c.Op {
	case "and", "or", "not":
		return c.logic(depth)
	case "eq", "ne", "gt", "lt", "gte", "lte":
		return c.comparison()
	case "in", "not_in":
		return c.membership()
	case "exists":
		if len(c.Args) != 1 {
			return nil, badRequest("filter: exists takes one argument")
		}
		fields, err := c.Args[0].fields()
		if err != nil {
			return nil, err
		}
		return exists(fields), nil
	case "regex":
		return c.regex()
	}
	return nil, badRequest("filter: operator %q is not offered", c.Op)
}

func (c *filterCall) logic(depth int) (store.Expr, error) {
	if c.Op == "not" && len(c.Args) != 1 || c.Op != "not" && len(c.Args) < 2 {
		return nil, badRequest("filter: wrong number of arguments of %s", c.Op)
	}
	var out store.Expr
	for _, a := range c.Args {
		if a.Call == nil {
			return nil, badRequest("filter: %s takes predicates", c.Op)
		}
		e, err := a.Call.exprAt(depth + 1)
		switch {
		case err != nil:
			return nil, err
		case c.Op == "not":
			return store.Not{X: e}, nil
		case out == nil:
			out = e
		case c.Op == "and":
			out = store.And{X: out, Y: e}
		default:
			out = store.Or{X: out, Y: e}
		}
	}
	return out, nil
}

func (c *filterCall) comparison() (store.Expr, error) {
	if len(c.Args) != 2 {
		return nil, badRequest("filter: %s takes two arguments", c.Op)
	}
	ref, constant, op := c.Args[0], c.Args[1], c.Op
	if ref.Scalar != nil {
		ref, constant, op = constant, ref, mirrored[op]
	}
	if constant.Scalar == nil {
		return nil, badRequest("filter: %s compares a reference with a constant", c.Op)
	}
	fields, err := ref.fields()
	if err != nil {
		return nil, err
	}
	values, err := ref.constants(constant.Scalar.Value, constant.Scalar.Type, op != "eq" && op != "ne")
	if err != nil {
		return nil, err
	}
	if op == "ne" {
		return noneOf(fields, values), nil
	}
	return someOf(filterCompare[op], fields, values), nil
}

func (c *filterCall) membership() (store.Expr, error) {
	if len(c.Args) != 2 || c.Args[1].List == nil || len(c.Args[1].List.Values) == 0 {
		return nil, badRequest("filter: %s takes a reference and a list that is not empty", c.Op)
	}
	fields, err := c.Args[0].fields()
	if err != nil {
		return nil, err
	}
	list := c.Args[1].List
	var values []store.Literal
	for _, v := range list.Values {
		more, err := c.Args[0].constants(v, list.Type, false)
		if err != nil {
			return nil, err
		}
		values = append(values, more...)
	}
	if c.Op == "not_in" {
		return noneOf(fields, values), nil
	}
	return someOf(store.Eq, fields, values), nil
}

func (c *filterCall) regex() (store.Expr, error) {
	if len(c.Args) != 2 || c.Args[1].Scalar == nil {
		return nil, badRequest("filter: regex takes a reference and a pattern")
	}
	fields, err := c.Args[0].fields()
	if err != nil {
		return nil, err
	}
	// The pattern may match anywhere; Compare anchors at both ends.
	pattern := "(?s:.*)(?:" + c.Args[1].Scalar.Value + ")(?s:.*)"
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return nil, badRequest("filter: pattern %q: %v", c.Args[1].Scalar.Value, err)
	}
	var out []store.Expr
	for _, f := range fields {
		out = append(out, store.Compare{Op: store.Match, X: f, Y: store.Literal{Value: span.String(pattern)}, Regexp: re})
	}
	return or(out...), nil
}

// someOf holds if a value of one of the fields compares with one of the constants.
func someOf(op store.CompareOp, fields []store.Field, values []store.Literal) store.Expr {
	var out []store.Expr
	for _, f := range fields {
		for _, v := range values {
			out = append(out, compare(op, f, v))
		}
	}
	return or(out...)
}

// noneOf holds if there is a value and none of them equals one of the constants.
func noneOf(fields []store.Field, values []store.Literal) store.Expr {
	return store.And{X: exists(fields), Y: store.Not{X: someOf(store.Eq, fields, values)}}
}

func exists(fields []store.Field) store.Expr {
	var out []store.Expr
	for _, f := range fields {
		out = append(out, compare(store.Ne, f, store.Literal{Nil: true}))
	}
	return or(out...)
}

var filterScopes = map[string]store.Scope{
	"span": store.ScopeSpan, "resource": store.ScopeResource, "scope": store.ScopeInstrumentation,
	"event": store.ScopeEvent, "link": store.ScopeLink,
}

var filterFields = map[[2]string]store.Field{
	{"span", "traceID"}:         intrinsic(store.TraceIDOf),
	{"span", "spanID"}:          intrinsic(store.SpanIDOf),
	{"span", "parentSpanID"}:    intrinsic(store.ParentIDOf),
	{"span", "name"}:            intrinsic(store.SpanName),
	{"span", "kind"}:            intrinsic(store.KindOf),
	{"span", "status"}:          intrinsic(store.StatusOf),
	{"span", "statusMessage"}:   intrinsic(store.StatusMessage),
	{"span", "duration"}:        intrinsic(store.Duration),
	{"resource", "service"}:     resource("service.name"),
	{"scope", "name"}:           intrinsic(store.ScopeName),
	{"scope", "version"}:        intrinsic(store.ScopeVersion),
	{"event", "name"}:           intrinsic(store.EventName),
	{"event", "timeSinceStart"}: intrinsic(store.EventTimeSinceStart),
	{"link", "traceID"}:         intrinsic(store.LinkTraceID),
	{"link", "spanID"}:          intrinsic(store.LinkSpanID),
}

// fields is what a reference reads; an attribute without a level is read from the span and
// from its resource.
func (t *filterTerm) fields() ([]store.Field, error) {
	switch {
	case t.Attr != nil && t.Attr.Key == "":
		return nil, badRequest("filter: an attribute without a key")
	case t.Attr != nil && t.Attr.Level == "":
		return []store.Field{{Scope: store.ScopeSpan, Name: t.Attr.Key}, {Scope: store.ScopeResource, Name: t.Attr.Key}}, nil
	case t.Attr != nil:
		scope, ok := filterScopes[t.Attr.Level]
		if !ok {
			return nil, badRequest("filter: unknown level %q", t.Attr.Level)
		}
		return []store.Field{{Scope: scope, Name: t.Attr.Key}}, nil
	case t.Field != nil:
		f, ok := filterFields[[2]string{t.Field.Level, t.Field.Name}]
		if !ok {
			return nil, badRequest("filter: field %s.%s is not offered", t.Field.Level, t.Field.Name)
		}
		return []store.Field{f}, nil
	}
	return nil, badRequest("filter: want an attribute or a field")
}

// constants reads the text of a constant as the reference's type, or, beside an attribute
// without a declared type, as every type it can be.
func (t *filterTerm) constants(text, typ string, ordered bool) ([]store.Literal, error) {
	if t.Field != nil {
		return fieldConstant(t.Field, text, ordered)
	}
	one := func(v span.Value) ([]store.Literal, error) { return []store.Literal{{Value: v}}, nil }
	switch typ {
	case "":
		out := []store.Literal{{Value: span.String(text)}}
		for _, v := range typesOf(text) {
			out = append(out, store.Literal{Value: v})
		}
		if ordered && len(out) > 1 {
			out = out[1:] // a number: text has another order
		}
		return out, nil
	case "string":
		return one(span.String(text))
	case "int":
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, badRequest("filter: %q is no int", text)
		}
		return one(span.Int(i))
	case "double":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, badRequest("filter: %q is no double", text)
		}
		return one(span.Double(f))
	case "bool":
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, badRequest("filter: %q is no bool", text)
		}
		return one(span.Bool(b))
	}
	return nil, badRequest("filter: unknown type %q", typ)
}

func fieldConstant(f *filterRef, text string, ordered bool) ([]store.Literal, error) {
	switch f.Name {
	case "kind":
		k, ok := kinds[text]
		if !ok || ordered {
			return nil, badRequest("filter: span.kind and %q do not compare", text)
		}
		return []store.Literal{{Value: span.Int(int64(k)), Unit: store.UnitKind}}, nil
	case "status":
		c, ok := statuses[text]
		if !ok || ordered {
			return nil, badRequest("filter: span.status and %q do not compare", text)
		}
		return []store.Literal{{Value: span.Int(int64(c)), Unit: store.UnitStatus}}, nil
	case "duration", "timeSinceStart":
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, badRequest("filter: %q is no duration", text)
		}
		return []store.Literal{duration(d)}, nil
	case "traceID":
		if id, err := span.ParseTraceID(text); err == nil {
			text = id.String()
		}
	case "spanID", "parentSpanID":
		if id, err := span.ParseSpanID(text); err == nil {
			text = id.String()
		}
	}
	return []store.Literal{{Value: span.String(text)}}, nil
}
