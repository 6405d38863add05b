package query

import (
	"regexp/syntax"
	"slices"
	"unicode/utf8"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// maxAlternatives is how many strings a regular expression may stand for to be looked up
// one by one.
const maxAlternatives = 16

// Plan brings a filter into the form that engines prune by best, with the same meaning:
// constants are folded, and a regular expression that stands for a few strings, like
// "GET|POST", becomes comparisons with these. nil means that every span matches.
func Plan(e store.Expr) store.Expr {
	e = simplify(e)
	if l, ok := e.(store.Literal); ok && l.Value.Kind == span.ValueBool && l.Value.Bool() {
		return nil
	}
	return e
}

func simplify(e store.Expr) store.Expr {
	switch e := e.(type) {
	case store.And:
		x, y := simplify(e.X), simplify(e.Y)
		switch {
		case isConstant(x, false), isConstant(y, true):
			return x
		case isConstant(y, false), isConstant(x, true):
			return y
		}
		return store.And{X: x, Y: y}
	case store.Or:
		x, y := simplify(e.X), simplify(e.Y)
		switch {
		case isConstant(x, true), isConstant(y, false):
			return x
		case isConstant(y, true), isConstant(x, false):
			return y
		}
		return store.Or{X: x, Y: y}
	case store.Not:
		x := simplify(e.X)
		if inner, ok := x.(store.Not); ok {
			return inner.X
		}
		if l, ok := x.(store.Literal); ok && l.Value.Kind == span.ValueBool {
			return store.Literal{Value: span.Bool(!l.Value.Bool())}
		}
		return store.Not{X: x}
	case store.Compare:
		e.X, e.Y = simplify(e.X), simplify(e.Y)
		if e.Op >= store.Match {
			return alternatives(e)
		}
		return e
	case store.Arith:
		e.X = simplify(e.X)
		if e.Y != nil {
			e.Y = simplify(e.Y)
		}
		if l, ok := e.Fold(); ok {
			return l
		}
		return e
	}
	return e
}

func isConstant(e store.Expr, want bool) bool {
	l, ok := e.(store.Literal)
	return ok && l.Value.Kind == span.ValueBool && l.Value.Bool() == want
}

// alternatives replaces =~ and !~ by = and != where the pattern stands for few strings.
// Both want a string value, so their meaning is the same.
func alternatives(c store.Compare) store.Expr {
	lit, ok := c.Y.(store.Literal)
	if !ok || c.Regexp == nil {
		return c
	}
	tree, err := syntax.Parse(lit.Value.Str, syntax.Perl)
	if err != nil {
		return c
	}
	words, ok := finite(tree.Simplify())
	if !ok || len(words) == 0 {
		return c
	}
	slices.Sort(words)
	words = slices.Compact(words)
	var out store.Expr
	for _, w := range words {
		one := store.Compare{Op: store.Eq, X: c.X, Y: store.Literal{Value: span.String(w)}}
		if c.Op == store.NoMatch {
			one.Op = store.Ne
		}
		switch {
		case out == nil:
			out = one
		case c.Op == store.NoMatch:
			out = store.And{X: out, Y: one}
		default:
			out = store.Or{X: out, Y: one}
		}
	}
	return out
}

// finite lists all that re matches as a whole; false if that is too much or not finite.
func finite(re *syntax.Regexp) ([]string, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}, true
	case syntax.OpLiteral:
		// U+FFFD also matches bytes that are not UTF-8.
		if re.Flags&syntax.FoldCase != 0 || slices.Contains(re.Rune, utf8.RuneError) {
			return nil, false
		}
		return []string{string(re.Rune)}, true
	case syntax.OpCharClass:
		var out []string
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if len(out) == maxAlternatives || r == utf8.RuneError {
					return nil, false
				}
				out = append(out, string(r))
			}
		}
		return out, true
	case syntax.OpCapture:
		return finite(re.Sub[0])
	case syntax.OpQuest:
		out, ok := finite(re.Sub[0])
		return append(out, ""), ok && len(out) < maxAlternatives
	case syntax.OpAlternate:
		var out []string
		for _, sub := range re.Sub {
			more, ok := finite(sub)
			if !ok || len(out)+len(more) > maxAlternatives {
				return nil, false
			}
			out = append(out, more...)
		}
		return out, true
	case syntax.OpConcat:
		out := []string{""}
		for _, sub := range re.Sub {
			more, ok := finite(sub)
			if !ok || len(out)*len(more) > maxAlternatives {
				return nil, false
			}
			var next []string
			for _, a := range out {
				for _, b := range more {
					next = append(next, a+b)
				}
			}
			out = next
		}
		return out, true
	}
	return nil, false
}
