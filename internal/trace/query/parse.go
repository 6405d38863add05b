package query

import (
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

const (
	// maxText is the longest query; evaluation recurses along it.
	maxText = 64 << 10
	// maxDepth bounds parentheses and prefix operators.
	maxDepth = 200
)

// Query is a parsed query.
type Query struct {
	Filter store.Expr // nil: every span
	Order  store.Order
}

// Parse reads a query in TraceQL. The error is a *SyntaxError.
func Parse(text string) (*Query, error) {
	q, err := (&parser{lexer: lexer{text: text, cursor: -1}}).parse()
	if err != nil {
		return nil, err
	}
	return q, nil
}

// ParseBox reads what people type into the search box: TraceQL if it begins with a brace,
// else the shorthand; every span if it is empty. The error is a *SyntaxError.
func ParseBox(text string) (*Query, error) {
	q, err := (&parser{lexer: lexer{text: text, cursor: -1, box: isBox(text)}}).parse()
	if err != nil {
		return nil, err
	}
	return q, nil
}

func isBox(text string) bool { return !strings.HasPrefix(strings.TrimSpace(text), "{") }

// parser is a recursive descent over the lexer's tokens. A method returns with the first
// token behind what it read in tok.
type parser struct {
	lexer
	tok   token
	depth int
	// expect is what could have stood where the text ended; the first to ask for more
	// wins, since it knows best.
	expect expectation
	// services are the conditions on a service that hold for all that is read now.
	services []typedService
}

// node is an expression with its type and place.
type node struct {
	expr     store.Expr
	kind     kind
	pos, end int
}

func (p *parser) parse() (*Query, *SyntaxError) {
	if len(p.text) > maxText {
		return nil, p.fail(maxText, len(p.text), "", "the query has %d bytes, at most %d", len(p.text), maxText)
	}
	q := &Query{}
	if err := p.advance(false); err != nil {
		return nil, err
	}
	var err *SyntaxError
	if p.box {
		err = p.boxBody(q)
	} else {
		err = p.selector(q)
	}
	if err == nil {
		err = p.pipeline(q)
	}
	if err != nil {
		return nil, err
	}
	return q, nil
}

// advance reads the next token; value says that in the box a bare value may come.
func (p *parser) advance(value bool) (err *SyntaxError) {
	p.tok, err = p.next(value)
	return err
}

func (p *parser) symbol(s string) bool { return p.tok.kind == tokSymbol && p.tok.text == s }

// shown is the current token, for messages.
func (p *parser) shown() string {
	if p.tok.kind == tokEOF {
		return "the end of the query"
	}
	return p.text[p.tok.pos:p.tok.end]
}

func (p *parser) failHere(hint, format string, args ...any) *SyntaxError {
	return p.fail(p.tok.pos, p.tok.end, hint, format, args...)
}

// selector is { … }.
func (p *parser) selector(q *Query) *SyntaxError {
	if p.tok.kind == tokEOF {
		p.want(expectation{what: wantSelector})
	}
	if p.symbol("(") {
		return p.failHere("put all conditions into one { }", "grouping selectors is not supported yet")
	}
	if !p.symbol("{") {
		return p.failHere(`{ resource.service.name = "payment" && status = error }`, "a query begins with {, not with %s", p.shown())
	}
	open := p.tok
	if err := p.advance(false); err != nil {
		return err
	}
	if p.symbol("}") {
		return p.advance(false)
	}
	n, err := p.or()
	if err != nil {
		return err
	}
	if q.Filter, err = p.condition(n); err != nil {
		return err
	}
	if !p.symbol("}") {
		if p.tok.kind == tokEOF {
			return p.fail(open.pos, open.end, "", "the { that starts here is not closed")
		}
		return p.unexpected()
	}
	return p.advance(false)
}

func (p *parser) boxBody(q *Query) *SyntaxError {
	if p.tok.kind == tokEOF && p.cursor < 0 || p.symbol("|") {
		return nil
	}
	n, err := p.or()
	if err != nil {
		return err
	}
	q.Filter, err = p.condition(n)
	return err
}

// pipeline is what may follow the selector.
func (p *parser) pipeline(q *Query) *SyntaxError {
	if p.tok.kind == tokEOF {
		p.want(expectation{what: wantPipe})
		return nil
	}
	if !p.symbol("|") {
		if p.box {
			return p.unexpected()
		}
		switch p.tok.text {
		case "&&", "||":
			if p.tok.kind == tokSymbol {
				return p.failHere("put both conditions into one { } if one span must meet both", "combining selectors with %s is not supported yet", p.tok.text)
			}
		case ">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~":
			return p.failHere("", "the structural operator %s is not supported yet", p.tok.text)
		}
		return p.failHere("", "unexpected %s behind the selector", p.shown())
	}
	for _, word := range []string{"order", "by", "duration"} {
		if err := p.advance(false); err != nil {
			return err
		}
		if p.tok.kind == tokEOF {
			p.want(expectation{what: wantOrder, word: word})
		}
		if p.tok.kind == tokWord && p.tok.text == word {
			continue
		}
		if word == "order" && p.tok.kind == tokWord {
			return p.failHere("only | order by duration is", "the pipeline stage %s is not supported yet", p.tok.text)
		}
		return p.failHere("| order by duration", "expected %s, found %s", word, p.shown())
	}
	if err := p.advance(false); err != nil {
		return err
	}
	if p.tok.kind != tokEOF {
		return p.failHere("", "unexpected %s behind the query", p.shown())
	}
	q.Order = store.LongestFirst
	return nil
}

// unexpected says what is wrong with a token that cannot continue a condition.
func (p *parser) unexpected() *SyntaxError {
	switch {
	case p.tok.kind == tokWord && (p.tok.text == "and" || p.tok.text == "AND"):
		return p.failHere("&&", "%s is not an operator", p.tok.text)
	case p.tok.kind == tokWord && (p.tok.text == "or" || p.tok.text == "OR"):
		return p.failHere("||", "%s is not an operator", p.tok.text)
	case p.symbol("=="):
		return p.failHere("=", "equality is a single =")
	case p.symbol("<>"):
		return p.failHere("!=", "<> is not an operator")
	case p.symbol("&"), p.symbol("|"):
		return p.failHere(p.tok.text+p.tok.text, "a single %s is not an operator here", p.tok.text)
	case p.symbol(")"):
		return p.failHere("", "this ) has no matching (")
	case p.tok.kind == tokWord && unitSize(p.tok.text) != 0:
		return p.failHere("no space before a unit: 10"+p.tok.text, "unexpected %s", p.tok.text)
	case p.tok.kind == tokEOF:
		return p.failHere("", "the query ends too early")
	}
	return p.failHere("join conditions with && or ||", "unexpected %s", p.shown())
}

func (p *parser) or() (node, *SyntaxError) {
	mark := len(p.services)
	x, err := p.and()
	for err == nil && p.symbol("||") {
		p.services = p.services[:mark] // the next need not meet them
		x, err = p.join(x, p.and, func(a, b store.Expr) store.Expr { return store.Or{X: a, Y: b} })
		if err == nil {
			p.services = p.services[:mark]
		}
	}
	return x, err
}

func (p *parser) and() (node, *SyntaxError) {
	x, err := p.compare()
	for err == nil {
		if p.tok.kind == tokEOF {
			p.want(expectation{what: p.afterCondition()})
		}
		both := func(a, b store.Expr) store.Expr { return store.And{X: a, Y: b} }
		switch {
		case p.symbol("&&"):
			x, err = p.join(x, p.compare, both)
		case p.box && p.beginsOperand():
			x, err = p.joinHere(x, p.compare, both)
		default:
			return x, nil
		}
	}
	return x, err
}

// afterCondition is what the cursor behind a condition asks for: in the box, behind a
// space, the next condition.
func (p *parser) afterCondition() want {
	typed := p.partial.text
	spaced := p.cursor > 0 && (p.partial.end > p.partial.pos || p.text[p.cursor-1] == ' ')
	if p.box && spaced && typed != "&" && typed != "|" {
		return wantOperand
	}
	return wantConnective
}

// beginsOperand reports whether a condition begins here; in the box a space is an &&.
func (p *parser) beginsOperand() bool {
	switch p.tok.kind {
	case tokSymbol:
		return p.tok.text == "(" || p.tok.text == "!"
	case tokEOF, tokNumber, tokDuration:
		return false
	}
	return true
}

// join reads the operator and the other operand.
func (p *parser) join(x node, operand func() (node, *SyntaxError), make func(a, b store.Expr) store.Expr) (node, *SyntaxError) {
	if err := p.advance(false); err != nil {
		return x, err
	}
	return p.joinHere(x, operand, make)
}

func (p *parser) joinHere(x node, operand func() (node, *SyntaxError), make func(a, b store.Expr) store.Expr) (node, *SyntaxError) {
	a, err := p.condition(x)
	if err != nil {
		return x, err
	}
	y, err := operand()
	if err != nil {
		return y, err
	}
	b, err := p.condition(y)
	if err != nil {
		return y, err
	}
	return node{make(a, b), condition, x.pos, y.end}, nil
}

// condition checks that n holds or does not.
func (p *parser) condition(n node) (store.Expr, *SyntaxError) {
	switch n.kind {
	case condition, boolean:
		return n.expr, nil
	case anything:
		if _, ok := n.expr.(store.Field); ok {
			return n.expr, nil
		}
	}
	what := p.text[n.pos:n.end]
	hint := ""
	if f, ok := n.expr.(store.Field); ok {
		switch kindOf(f) {
		case number:
			hint = what + " > 10"
			if f.Intrinsic == store.Duration || f.Intrinsic == store.TraceDuration {
				hint = what + " > 10ms"
			}
		case text:
			hint = what + ` = "…"`
		case statusWord:
			hint = what + " = error"
		case kindWord:
			hint = what + " = server"
		}
	}
	return nil, p.fail(n.pos, n.end, hint, "%s is not a condition, compare it with something", what)
}

// deeper guards recursion; every call needs a shallower.
func (p *parser) deeper() *SyntaxError {
	if p.depth++; p.depth > maxDepth {
		return p.failHere("", "the query is nested more than %d deep", maxDepth)
	}
	return nil
}

func (p *parser) shallower() { p.depth-- }

func (p *parser) add() (node, *SyntaxError) { return p.arith("+-", p.multiply) }

func (p *parser) multiply() (node, *SyntaxError) { return p.arith("*/%", p.power) }

// arith is a left-associative level of arithmetic.
func (p *parser) arith(ops string, operand func() (node, *SyntaxError)) (node, *SyntaxError) {
	x, err := operand()
	for err == nil && !p.box && p.tok.kind == tokSymbol && len(p.tok.text) == 1 && strings.Contains(ops, p.tok.text) {
		op := p.tok
		if err = p.advance(false); err != nil {
			break
		}
		var y node
		if y, err = operand(); err == nil {
			x, err = p.compute(op, x, y)
		}
	}
	return x, err
}

// power is right-associative.
func (p *parser) power() (node, *SyntaxError) {
	x, err := p.unary()
	if err != nil || p.box || !p.symbol("^") {
		return x, err
	}
	if err := p.deeper(); err != nil {
		return x, err
	}
	defer p.shallower()
	op := p.tok
	if err := p.advance(false); err != nil {
		return x, err
	}
	y, err := p.power()
	if err != nil {
		return y, err
	}
	return p.compute(op, x, y)
}

func (p *parser) compute(op token, x, y node) (node, *SyntaxError) {
	for _, n := range []node{x, y} {
		if n.kind != number && n.kind != anything {
			return n, p.fail(n.pos, n.end, "", "%s is %s, and %s takes numbers", p.text[n.pos:n.end], n.kind, op.text)
		}
	}
	return node{store.Arith{Op: op.text[0], X: x.expr, Y: y.expr}, number, x.pos, y.end}, nil
}

func (p *parser) unary() (node, *SyntaxError) {
	switch {
	case p.symbol("!"):
		op := p.tok
		if err := p.deeper(); err != nil {
			return node{}, err
		}
		defer p.shallower()
		if err := p.advance(false); err != nil {
			return node{}, err
		}
		operand := p.unary
		if p.box {
			operand = p.compare
		}
		mark := len(p.services)
		x, err := operand()
		if err != nil {
			return x, err
		}
		p.services = p.services[:mark]
		e, err := p.condition(x)
		if err != nil {
			err.Hint = "! takes a condition: !(" + p.text[x.pos:x.end] + " = …)"
			return x, err
		}
		return node{store.Not{X: e}, condition, op.pos, x.end}, nil
	case p.symbol("-") && !p.box:
		op := p.tok
		if err := p.deeper(); err != nil {
			return node{}, err
		}
		defer p.shallower()
		if err := p.advance(false); err != nil {
			return node{}, err
		}
		if p.tok.kind == tokNumber || p.tok.kind == tokDuration {
			return p.literal(op.pos, true)
		}
		x, err := p.unary()
		if err != nil {
			return x, err
		}
		if x.kind != number && x.kind != anything {
			return x, p.fail(x.pos, x.end, "", "%s is %s, and - takes a number", p.text[x.pos:x.end], x.kind)
		}
		return node{store.Arith{Op: '-', X: x.expr}, number, op.pos, x.end}, nil
	}
	return p.primary()
}

// primary is a field, a literal, or something in parentheses.
func (p *parser) primary() (node, *SyntaxError) {
	t := p.tok
	switch t.kind {
	case tokEOF:
		p.want(expectation{what: wantOperand})
		return node{}, p.failHere("", "the query ends where a field or a value is expected")
	case tokSymbol:
		if t.text != "(" {
			if t.text == "{" || t.text == "}" || t.text == ")" {
				return node{}, p.failHere("", "expected a condition before %s", t.text)
			}
			return node{}, p.failHere("", "expected a field or a value, found %s", t.text)
		}
		if err := p.deeper(); err != nil {
			return node{}, err
		}
		defer p.shallower()
		if err := p.advance(false); err != nil {
			return node{}, err
		}
		n, err := p.or()
		if err != nil {
			return n, err
		}
		if !p.symbol(")") {
			if p.tok.kind == tokEOF || p.symbol("}") {
				return n, p.fail(t.pos, t.end, "", "the ( that starts here is not closed")
			}
			return n, p.unexpected()
		}
		n.pos, n.end = t.pos, p.tok.end
		return n, p.advance(false)
	case tokNumber, tokDuration:
		return p.literal(t.pos, false)
	case tokString:
		if p.box {
			return p.words(t)
		}
		return node{store.Literal{Value: span.String(t.text)}, text, t.pos, t.end}, p.advance(false)
	case tokAttr:
		return node{store.Field{Scope: t.scope, Name: t.text}, anything, t.pos, t.end}, p.advance(false)
	}
	return p.wordOperand(t)
}

// wordOperand is a word that is an intrinsic or a constant; in the box, also a key, or
// text to look for.
func (p *parser) wordOperand(t token) (node, *SyntaxError) {
	if in, ok := intrinsicNamed(t.text); ok && t.kind == tokWord {
		return node{store.Field{Intrinsic: in.field}, in.kind, t.pos, t.end}, p.advance(false)
	}
	if p.box {
		return p.boxWord(t)
	}
	if t.kind == tokWord {
		if lit, kind, ok := constant(t.text); ok {
			return node{lit, kind, t.pos, t.end}, p.advance(false)
		}
	}
	return node{}, p.unknownWord(t)
}

// unknownWord explains a word that means nothing in TraceQL.
func (p *parser) unknownWord(t token) *SyntaxError {
	if t.kind == tokDotted {
		key := t.text
		if f, ok := resourceKey(key); ok {
			return p.fail(t.pos, t.end, Format(f), "%s has no scope", key)
		}
		return p.fail(t.pos, t.end, Format(store.Field{Name: key})+" looks in span and resource, "+Format(store.Field{Scope: store.ScopeSpan, Name: key})+" in the span only",
			"%s has no scope", key)
	}
	if _, ok := scopeNamed(t.text); ok {
		return p.fail(t.pos, t.end, t.text+".key names an attribute", "%s is a scope, not a field", t.text)
	}
	for scope := range strings.SplitSeq(t.text, ":") {
		if scope == t.text {
			break
		}
		return p.fail(t.pos, t.end, didYouMean(t.text), "there is no intrinsic %s", t.text)
	}
	hint := didYouMean(t.text)
	if hint == "" {
		hint = "." + t.text + " is an attribute"
	}
	return p.fail(t.pos, t.end, hint, "there is no field %s", t.text)
}

func didYouMean(word string) string {
	near := nearest(word, func(yield func(string) bool) {
		for _, in := range intrinsics {
			if !yield(in.name) {
				return
			}
		}
	})
	if near == "" {
		return ""
	}
	return "did you mean " + near + "?"
}

// resourceKey recognises keys that OpenTelemetry puts on resources.
func resourceKey(key string) (store.Field, bool) {
	for _, prefix := range []string{"service.", "telemetry.sdk.", "k8s.", "host.", "process.", "container.", "cloud.", "deployment.", "os."} {
		if strings.HasPrefix(key, prefix) {
			return store.Field{Scope: store.ScopeResource, Name: key}, true
		}
	}
	return store.Field{}, false
}
