package query

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weft-dev/weft/internal/trace/store"
)

// token is a word of the language; pos and end are byte offsets.
type token struct {
	kind     tokenKind
	pos, end int
	text     string      // word, name of an attribute, value of a string, number as written
	scope    store.Scope // of tokAttr
}

type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokWord             // name, event:name, error, nil
	tokDotted           // service.name: a key without scope
	tokAttr             // span.key, .key
	tokString
	tokNumber
	tokDuration
	tokSymbol // text says which
)

// symbols are those of the language and those we know from TraceQL but do not support,
// longest first. Never changed.
var symbols = []string{
	"!>>", "!<<", "&>>", "&<<",
	"&&", "||", "!=", "!~", "=~", "==", "<=", ">=", "<>", ">>", "<<", "!>", "!<", "&>", "&<", "&~",
	"{", "}", "(", ")", "=", "<", ">", "!", "~", "+", "-", "*", "/", "%", "^", "|", ",", "&",
}

// lexer cuts a text into tokens, on demand, because in the search box what a word is
// depends on where it stands.
type lexer struct {
	text string
	off  int
	box  bool
	// cursor is where a completion is asked for, -1 for none: the word it is in or behind
	// becomes partial, and the text ends before it.
	cursor  int
	partial token
	stopped bool
}

func (l *lexer) fail(pos, end int, hint, format string, args ...any) *SyntaxError {
	return newError(l.text, pos, end, hint, format, args...)
}

// next is the next token. In box mode, value says that a bare value may stand here.
func (l *lexer) next(value bool) (token, *SyntaxError) {
	for {
		r, n := utf8.DecodeRuneInString(l.text[l.off:])
		if n == 0 || !unicode.IsSpace(r) {
			break
		}
		l.off += n
	}
	if l.stopped || l.cursor >= 0 && l.off >= l.cursor {
		l.stopped = true
		return token{pos: l.off, end: l.off}, nil
	}
	t, err := l.scan(value)
	if err != nil {
		if l.cursor >= 0 && err.Pos < l.cursor && err.Pos+err.Len >= l.cursor {
			l.stop(token{pos: l.off, end: err.Pos + err.Len, kind: tokString})
			return token{pos: l.off, end: l.off}, nil
		}
		return t, err
	}
	l.off = t.end
	unfinished := t.kind != tokSymbol && t.kind != tokEOF || t.text == "&" || t.text == "|" || t.text == "!"
	closed := t.kind == tokString && t.end == l.cursor // the closing quote is behind us
	if l.cursor >= 0 && t.end >= l.cursor && unfinished && !closed {
		l.stop(t)
		return token{pos: t.pos, end: t.pos}, nil
	}
	return t, nil
}

func (l *lexer) stop(partial token) { l.partial, l.stopped = partial, true }

func (l *lexer) scan(value bool) (token, *SyntaxError) {
	pos := l.off
	rest := l.text[pos:]
	if rest == "" {
		return token{pos: pos, end: pos}, nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '"' || r == '`':
		s, end, err := l.quoted(pos)
		return token{kind: tokString, pos: pos, end: end, text: s}, err
	case r == '\'':
		end := pos + 1 + strings.IndexByte(rest[1:]+"'", '\'') + 1
		return token{}, l.fail(pos, end, "put text in double quotes", "single quotes do not quote")
	case l.box && value && !strings.HasPrefix(rest, ")"):
		return l.bare(pos), nil
	case l.box && isNameRune(r):
		return l.key(pos)
	case r == '.':
		name, end, err := l.name(pos + 1)
		return token{kind: tokAttr, pos: pos, end: end, text: name}, err
	case r >= '0' && r <= '9':
		return l.number(pos), nil
	case isWordRune(r):
		return l.word(pos)
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			return token{kind: tokSymbol, pos: pos, end: pos + len(s), text: s}, nil
		}
	}
	return token{}, l.fail(pos, pos+utf8.RuneLen(r), "", "unexpected %q", r)
}

// word is an intrinsic, a constant, or an attribute with its scope.
func (l *lexer) word(pos int) (token, *SyntaxError) {
	end := l.run(pos, isWordRune)
	if end+1 < len(l.text) && l.text[end] == ':' {
		if more := l.run(end+1, isWordRune); more > end+1 {
			return token{kind: tokWord, pos: pos, end: more, text: l.text[pos:more]}, nil
		}
	}
	if end < len(l.text) && l.text[end] == '.' {
		return l.key(pos)
	}
	return token{kind: tokWord, pos: pos, end: end, text: l.text[pos:end]}, nil
}

// key is a name with or without scope.
func (l *lexer) key(pos int) (token, *SyntaxError) {
	dot := strings.IndexByte(l.text[pos:], '.')
	if dot >= 0 {
		word := l.text[pos : pos+dot]
		if scope, ok := scopeNamed(word); ok || dot == 0 {
			name, end, err := l.name(pos + dot + 1)
			return token{kind: tokAttr, pos: pos, end: end, text: name, scope: scope}, err
		}
	}
	name, end, err := l.name(pos)
	t := token{kind: tokDotted, pos: pos, end: end, text: name}
	if !strings.Contains(name, ".") {
		t.kind = tokWord
	}
	return t, err
}

// name is the name of an attribute: runs of ordinary characters and quoted pieces.
func (l *lexer) name(pos int) (name string, end int, err *SyntaxError) {
	end = pos
	for end < len(l.text) {
		if c := l.text[end]; c == '"' || c == '`' {
			piece, next, err := l.quoted(end)
			if err != nil {
				return "", end, err
			}
			name, end = name+piece, next
			continue
		}
		next := l.run(end, isNameRune)
		if next == end {
			break
		}
		name, end = name+l.text[end:next], next
	}
	if end == pos && (l.cursor < 0 || pos != l.cursor) {
		return "", end, l.fail(pos, pos+1, `span.http.method, or span."a b" with quotes`, "expected the name of an attribute")
	}
	return name, end, nil
}

// bare is a value without quotes, up to a space, a closing parenthesis, && or ||.
func (l *lexer) bare(pos int) token {
	end := pos
	for end < len(l.text) {
		r, n := utf8.DecodeRuneInString(l.text[end:])
		if unicode.IsSpace(r) || r == ')' || strings.HasPrefix(l.text[end:], "&&") || strings.HasPrefix(l.text[end:], "||") {
			break
		}
		end += n
	}
	return token{kind: tokWord, pos: pos, end: end, text: l.text[pos:end]}
}

// number is a number or a duration, as written; the parser reads its value.
func (l *lexer) number(pos int) token {
	digit := func(r rune) bool { return r >= '0' && r <= '9' }
	end := l.run(pos, digit)
	if end+1 < len(l.text) && l.text[end] == '.' && digit(rune(l.text[end+1])) {
		end = l.run(end+1, digit)
	}
	if rest := l.text[end:]; rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		at := end + 1
		if at < len(l.text) && (l.text[at] == '+' || l.text[at] == '-') {
			at++
		}
		if more := l.run(at, digit); more > at {
			end = more
		}
	}
	unit := l.run(end, func(r rune) bool { return isWordRune(r) || r == '.' })
	if unit > end {
		return token{kind: tokDuration, pos: pos, end: unit, text: l.text[pos:unit]}
	}
	return token{kind: tokNumber, pos: pos, end: end, text: l.text[pos:end]}
}

// quoted is the value of the string that starts at pos, and its end.
func (l *lexer) quoted(pos int) (string, int, *SyntaxError) {
	quote := l.text[pos]
	for end := pos + 1; end < len(l.text); end++ {
		switch c := l.text[end]; {
		case c == quote:
			raw := l.text[pos : end+1]
			if quote == '`' {
				return raw[1 : len(raw)-1], end + 1, nil
			}
			s, err := strconv.Unquote(strings.ReplaceAll(raw, "\n", `\n`))
			if err != nil {
				return "", end + 1, l.fail(pos, end+1, `in double quotes, write \\ for a backslash, or use backticks`, "bad escape in a string")
			}
			return s, end + 1, nil
		case c == '\\' && quote == '"':
			end++
		}
	}
	return "", len(l.text), l.fail(pos, len(l.text), "", "the string that starts here has no closing %c", quote)
}

func (l *lexer) run(pos int, in func(rune) bool) int {
	for pos < len(l.text) {
		r, n := utf8.DecodeRuneInString(l.text[pos:])
		if !in(r) || r == utf8.RuneError && n == 1 {
			break
		}
		pos += n
	}
	return pos
}

func isWordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// isNameRune reports whether r may stand in an attribute name without quotes, as in TraceQL.
func isNameRune(r rune) bool {
	return !unicode.IsSpace(r) && r != utf8.RuneError && !strings.ContainsRune("{}()=~!<>&|^,\"`'", r)
}
