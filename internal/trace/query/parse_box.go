package query

import (
	"regexp"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// boxWord is a word in the search box that is no intrinsic: a key if an operator follows,
// else something to look for.
func (p *parser) boxWord(t token) (node, *SyntaxError) {
	if err := p.advance(false); err != nil {
		return node{}, err
	}
	_, isKey := p.operator()
	if !isKey && p.tok.kind == tokEOF && p.stopped {
		p.want(expectation{what: wantOperator, field: boxField(t.text)})
	}
	if !isKey && !p.symbol("==") && !p.symbol("<>") {
		return p.lookFor(t)
	}
	f := boxField(t.text)
	return node{f, kindOf(f), t.pos, t.end}, nil
}

func boxField(word string) store.Field {
	if f, ok := boxNames[word]; ok {
		return f
	}
	return store.Field{Name: word}
}

// words is quoted text to look for.
func (p *parser) words(t token) (node, *SyntaxError) {
	if err := p.advance(false); err != nil {
		return node{}, err
	}
	if _, isKey := p.operator(); isKey {
		return node{}, p.fail(t.pos, t.end, `."a b" names an attribute with a space`, "quoted text cannot be compared")
	}
	return p.lookFor(t)
}

// lookFor is a word alone: an id, the word error, or a part of a service or span name.
func (p *parser) lookFor(t token) (node, *SyntaxError) {
	n := node{kind: condition, pos: t.pos, end: t.end}
	eq := func(f store.Field, v string) store.Expr {
		return store.Compare{Op: store.Eq, X: f, Y: store.Literal{Value: span.String(v)}}
	}
	switch {
	case t.kind == tokWord && t.text == "error":
		n.expr = store.Compare{
			Op: store.Eq, X: store.Field{Intrinsic: store.StatusOf},
			Y: store.Literal{Value: span.Int(int64(span.StatusError)), Unit: store.UnitStatus},
		}
		return n, nil
	case len(t.text) == 32:
		if id, err := span.ParseTraceID(t.text); err == nil {
			n.expr = eq(store.Field{Intrinsic: store.TraceIDOf}, id.String())
			return n, nil
		}
	case len(t.text) == 16:
		if id, err := span.ParseSpanID(t.text); err == nil {
			n.expr = eq(store.Field{Intrinsic: store.SpanIDOf}, id.String())
			return n, nil
		}
	}
	pattern := "(?is).*" + regexp.QuoteMeta(t.text) + ".*"
	if len(pattern) > maxPattern {
		return n, p.fail(t.pos, t.end, "", "the word has %d bytes, at most %d", len(t.text), maxPattern)
	}
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return n, p.fail(t.pos, t.end, "", "bad text: %v", err)
	}
	part := func(f store.Field) store.Expr {
		return store.Compare{Op: store.Match, X: f, Y: store.Literal{Value: span.String(pattern)}, Regexp: re}
	}
	n.expr = store.Or{
		X: part(store.Field{Intrinsic: store.SpanName}),
		Y: part(store.Field{Scope: store.ScopeResource, Name: "service.name"}),
	}
	return n, nil
}

// boxValue is the right side in the box: one string, or one word, which is read as what
// the field holds.
func (p *parser) boxValue(x node, op store.CompareOp, opTok token) (node, *SyntaxError) {
	t := p.tok
	if t.pos == t.end || t.kind == tokSymbol {
		return x, p.failHere("", "expected a value after %s", opTok.text)
	}
	if err := p.advance(false); err != nil {
		return x, err
	}
	str := node{store.Literal{Value: span.String(t.text)}, text, t.pos, t.end}
	if t.kind == tokString || x.kind == text && t.text != "nil" || op >= store.Match {
		return p.comparison(x, op, opTok, str)
	}
	if f, ok := x.expr.(store.Field); ok && f == boxNames["service"] && t.text != "nil" {
		return p.comparison(x, op, opTok, str) // services have names, also 42 and true
	}
	y, ok := boxLiteral(t)
	if !ok || x.kind == anything && (y.kind == statusWord || y.kind == kindWord) {
		y = str
	}
	n, err := p.comparison(x, op, opTok, y)
	if err != nil || x.kind != anything || op > store.Ne || y.kind == null || y.kind == text {
		return n, err
	}
	// customer=37: the sender may have made it a number or text.
	s, err := p.comparison(x, op, opTok, str)
	if err != nil {
		return n, err
	}
	return node{store.Or{X: n.expr, Y: s.expr}, condition, n.pos, n.end}, nil
}

// boxLiteral reads a word as a constant, a number or a duration.
func boxLiteral(t token) (node, bool) {
	if lit, kind, ok := constant(t.text); ok {
		return node{lit, kind, t.pos, t.end}, true
	}
	word, negative := strings.CutPrefix(t.text, "-")
	if word == "" || word[0] < '0' || word[0] > '9' {
		return node{}, false
	}
	l := lexer{text: word, cursor: -1}
	num := l.number(0)
	if num.end != len(word) {
		return node{}, false
	}
	lit, problem := readNumber(num, negative)
	return node{lit, number, t.pos, t.end}, problem == ""
}
