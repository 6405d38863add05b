package query

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

const (
	// maxPattern is the longest regular expression, in bytes.
	maxPattern = 1024
	// maxProgram is the most instructions one may compile to: x{1000}{100} is short to write.
	maxProgram = 10_000
)

// operators by how they are written. Never changed.
var operators = [...]string{
	store.Eq: "=", store.Ne: "!=", store.Lt: "<", store.Le: "<=", store.Gt: ">", store.Ge: ">=", store.Match: "=~", store.NoMatch: "!~",
}

func (p *parser) operator() (store.CompareOp, bool) {
	if p.tok.kind == tokSymbol {
		for op, s := range operators {
			if s == p.tok.text {
				return store.CompareOp(op), true
			}
		}
	}
	return 0, false
}

// compare is one comparison, or an operand alone.
func (p *parser) compare() (node, *SyntaxError) {
	x, err := p.add()
	if err != nil {
		return x, err
	}
	field, isField := x.expr.(store.Field)
	if p.tok.kind == tokEOF && x.kind != condition {
		p.want(expectation{what: wantOperator, field: field})
	}
	op, ok := p.operator()
	if !ok {
		switch {
		case p.symbol("=="), p.symbol("<>"):
			return x, p.unexpected()
		case isField && x.kind != anything && (p.tok.kind == tokString || p.tok.kind == tokNumber || p.tok.kind == tokDuration || p.tok.kind == tokWord && !p.box):
			return x, p.failHere("", "expected an operator between %s and %s", p.text[x.pos:x.end], p.shown())
		}
		return x, nil
	}
	opTok := p.tok
	if err := p.advance(true); err != nil {
		return x, err
	}
	if p.tok.kind == tokEOF {
		p.want(expectation{what: wantValue, field: field})
	}
	if p.tok.kind == tokEOF || p.symbol("}") || p.symbol(")") || p.symbol("&&") || p.symbol("||") {
		return x, p.failHere("", "expected a value after %s", opTok.text)
	}
	var n node
	if p.box {
		n, err = p.boxValue(x, op, opTok)
	} else {
		n, err = p.rightSide(x, op, opTok)
	}
	if err != nil {
		return n, err
	}
	if _, again := p.operator(); again {
		return n, p.failHere("join two comparisons with &&", "comparisons cannot be chained")
	}
	return n, nil
}

func (p *parser) rightSide(x node, op store.CompareOp, opTok token) (node, *SyntaxError) {
	t := p.tok
	if t.kind == tokWord || t.kind == tokDotted {
		_, isIntrinsic := intrinsicNamed(t.text)
		_, _, isConstant := constant(t.text)
		if !isIntrinsic && !isConstant {
			hint := `put text in quotes: "` + t.text + `"`
			switch x.kind {
			case statusWord:
				hint = "a status is error, ok or unset"
			case kindWord:
				hint = "a kind is server, client, producer, consumer, internal or unspecified"
			}
			return x, p.fail(t.pos, t.end, hint, "%s is not a value", t.text)
		}
	}
	y, err := p.add()
	if err != nil {
		return y, err
	}
	return p.comparison(x, op, opTok, y)
}

// comparison checks the types of both sides.
func (p *parser) comparison(x node, op store.CompareOp, opTok token, y node) (node, *SyntaxError) {
	for _, n := range []node{x, y} {
		if n.kind == condition {
			return n, p.fail(n.pos, n.end, "join conditions with && or ||", "a condition cannot be compared")
		}
	}
	c := store.Compare{Op: op, X: x.expr, Y: y.expr}
	out := node{c, condition, x.pos, y.end}
	if x.kind == null || y.kind == null {
		return out, p.checkNil(x, op, opTok, y)
	}
	if op >= store.Match {
		re, err := p.pattern(x, opTok, y)
		c.Regexp = re
		out.expr = c
		return out, err
	}
	if x.kind != y.kind && x.kind != anything && y.kind != anything {
		return out, p.mismatch(x, y)
	}
	for i, n := range []node{x, y} {
		if n.kind == statusWord || n.kind == kindWord {
			other := y
			if i == 1 {
				other = x
			}
			if other.kind == anything {
				return out, p.fail(n.pos, n.end, `put text in quotes: "`+p.shownNode(n)+`"`, "%s is %s, and attributes have none", p.shownNode(n), n.kind)
			}
		}
		if op >= store.Lt && (n.kind == statusWord || n.kind == kindWord || n.kind == boolean) {
			return out, p.fail(opTok.pos, opTok.end, "= or !=", "%s has no order, so %s says nothing", n.kind, opTok.text)
		}
	}
	p.noteService(c)
	return p.checkID(out, c)
}

func (p *parser) shownNode(n node) string { return p.text[n.pos:n.end] }

// mismatch explains that two types never compare.
func (p *parser) mismatch(x, y node) *SyntaxError {
	if _, ok := x.expr.(store.Field); !ok {
		if _, ok := y.expr.(store.Field); ok {
			x, y = y, x
		}
	}
	field, value := p.shownNode(x), p.shownNode(y)
	if _, ok := x.expr.(store.Field); !ok {
		return p.fail(y.pos, y.end, "", "%s is %s and %s is %s: they do not compare", field, x.kind, value, y.kind)
	}
	hint := ""
	switch x.kind {
	case statusWord:
		hint = field + " = error (or ok, unset), without quotes"
	case kindWord:
		hint = field + " = server (or client, producer, consumer, internal), without quotes"
	case text:
		hint = `put text in quotes: "` + value + `"`
	case number:
		if lit, ok := y.expr.(store.Literal); ok && y.kind == text {
			if _, ok := boxLiteral(token{text: lit.Value.Str}); ok {
				hint = lit.Value.Str + ", without quotes"
			}
		}
	}
	return p.fail(y.pos, y.end, hint, "%s takes %s, and %s is %s", field, x.kind, value, y.kind)
}

// checkNil: nil is compared with a field, by = or !=.
func (p *parser) checkNil(x node, op store.CompareOp, opTok token, y node) *SyntaxError {
	other := x
	if x.kind == null {
		other = y
	}
	if _, ok := other.expr.(store.Field); !ok {
		return p.fail(other.pos, other.end, "", "only a field is nil or not")
	}
	if op > store.Ne {
		return p.fail(opTok.pos, opTok.end, "= nil or != nil", "nil cannot be compared with %s", opTok.text)
	}
	return nil
}

// pattern compiles a regular expression, anchored at both ends.
func (p *parser) pattern(x node, opTok token, y node) (*regexp.Regexp, *SyntaxError) {
	lit, ok := y.expr.(store.Literal)
	if !ok || y.kind != text {
		return nil, p.fail(y.pos, y.end, `"pay.*"`, "%s takes a regular expression in quotes", opTok.text)
	}
	if x.kind != text && x.kind != anything {
		return nil, p.fail(x.pos, x.end, "", "%s is %s, and %s takes text", p.text[x.pos:x.end], x.kind, opTok.text)
	}
	s := lit.Value.Str
	if len(s) > maxPattern {
		return nil, p.fail(y.pos, y.end, "", "the regular expression has %d bytes, at most %d", len(s), maxPattern)
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil, p.fail(y.pos, y.end, "the syntax is RE2's: https://github.com/google/re2/wiki/Syntax", "bad regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil || len(prog.Inst) > maxProgram {
		return nil, p.fail(y.pos, y.end, "repeat fewer times", "the regular expression is too large")
	}
	re, err := regexp.Compile("^(?:" + s + ")$")
	if err != nil {
		return nil, p.fail(y.pos, y.end, "", "bad regular expression: %v", err)
	}
	return re, nil
}

// checkID brings ids into the form they are stored in: lower case, all digits.
func (p *parser) checkID(n node, c store.Compare) (node, *SyntaxError) {
	f, isField := c.X.(store.Field)
	lit, isLiteral := c.Y.(store.Literal)
	if !isField || !isLiteral || c.Op > store.Ne {
		return n, nil
	}
	bad := func(what string) *SyntaxError {
		return p.fail(n.pos, n.end, "", "%q is not %s", lit.Value.Str, what)
	}
	switch f.Intrinsic {
	case store.TraceIDOf, store.LinkTraceID:
		id, err := span.ParseTraceID(lit.Value.Str)
		if err != nil {
			return n, bad("a trace id, which has up to 32 hex digits")
		}
		c.Y = store.Literal{Value: span.String(id.String())}
	case store.SpanIDOf, store.ParentIDOf, store.LinkSpanID:
		id, err := span.ParseSpanID(lit.Value.Str)
		if err != nil {
			return n, bad("a span id, which has up to 16 hex digits")
		}
		c.Y = store.Literal{Value: span.String(id.String())}
	default:
		return n, nil
	}
	n.expr = c
	return n, nil
}
