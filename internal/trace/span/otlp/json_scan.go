package otlp

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth bounds recursion; encoding/json has the same limit.
const maxJSONDepth = 10_000

// scanner reads JSON from s, value by value, and knows the position of every complaint.
type scanner struct {
	s     string
	pos   int
	depth int
}

func (p *scanner) fail(reason string) *SyntaxError {
	return &SyntaxError{Offset: p.pos, Reason: reason}
}

// mismatch is fail for JSON that is sound but does not fit the field that starts at.
func (p *scanner) mismatch(at int, reason string) *SyntaxError {
	return &SyntaxError{Offset: at, Reason: reason, soft: true}
}

// peek is the first byte of the next token, 0 at the end.
func (p *scanner) peek() byte {
	for p.pos < len(p.s) {
		switch c := p.s[p.pos]; c {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

// end fails if anything but white space is left.
func (p *scanner) end() *SyntaxError {
	if p.peek(); p.pos < len(p.s) {
		return p.fail("text behind the end of the value")
	}
	return nil
}

// isNull passes a null if there is one.
func (p *scanner) isNull() bool {
	if p.peek() == 'n' && strings.HasPrefix(p.s[p.pos:], "null") {
		p.pos += 4
		return true
	}
	return false
}

// object calls field for every key of the object that comes next. The field function reads
// the value. Null is an object without keys.
func (p *scanner) object(field func(key string) *SyntaxError) *SyntaxError {
	if p.isNull() {
		return nil
	}
	if p.peek() != '{' {
		return p.unfit("an object")
	}
	if err := p.enter(); err != nil {
		return err
	}
	if p.peek() == '}' {
		p.leave()
		return nil
	}
	for {
		if p.peek() != '"' {
			return p.fail("expected a key")
		}
		key, err := p.text()
		if err != nil {
			return err
		}
		if p.peek() != ':' {
			return p.fail("expected ':'")
		}
		p.pos++
		if p.isNull() {
			// In protobuf's JSON, null is a field that is not set.
		} else if err := field(key); err != nil {
			return err.in(key)
		}
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.leave()
			return nil
		default:
			return p.fail("expected ',' or '}'")
		}
	}
}

// array calls element, which reads a value, for every element of the array that comes
// next. Null is an array without elements.
func (p *scanner) array(element func() *SyntaxError) *SyntaxError {
	if p.isNull() {
		return nil
	}
	if p.peek() != '[' {
		return p.unfit("an array")
	}
	if err := p.enter(); err != nil {
		return err
	}
	if p.peek() == ']' {
		p.leave()
		return nil
	}
	for i := 0; ; i++ {
		if err := element(); err != nil {
			return err.index(i)
		}
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.leave()
			return nil
		default:
			return p.fail("expected ',' or ']'")
		}
	}
}

func (p *scanner) enter() *SyntaxError {
	p.pos++
	if p.depth++; p.depth > maxJSONDepth {
		return p.fail("nested too deep")
	}
	return nil
}

func (p *scanner) leave() {
	p.pos++
	p.depth--
}

// unfit is the error for a value of another type than wanted. The value is looked at, so
// that damaged JSON is told from JSON that does not fit.
func (p *scanner) unfit(want string) *SyntaxError {
	at := p.pos
	if err := p.skip(); err != nil {
		return err
	}
	return p.mismatch(at, "expected "+want)
}

// skip passes any value.
func (p *scanner) skip() *SyntaxError {
	switch c := p.peek(); {
	case c == '{':
		return p.object(func(string) *SyntaxError { return p.skip() })
	case c == '[':
		return p.array(p.skip)
	case c == '"':
		_, err := p.text()
		return err
	case c == '-' || c >= '0' && c <= '9':
		_, err := p.number()
		return err
	case p.isNull():
		return nil
	case c == 't' || c == 'f':
		_, err := p.boolean()
		return err
	case c == 0 && p.pos >= len(p.s):
		return p.fail("unexpected end of text")
	default:
		return p.fail("unexpected character")
	}
}

func (p *scanner) boolean() (bool, *SyntaxError) {
	p.peek()
	switch rest := p.s[p.pos:]; {
	case strings.HasPrefix(rest, "true"):
		p.pos += 4
		return true, nil
	case strings.HasPrefix(rest, "false"):
		p.pos += 5
		return false, nil
	case rest != "" && (rest[0] == 't' || rest[0] == 'f'):
		return false, p.fail("unexpected character")
	}
	return false, p.unfit("true or false")
}

// number passes a number and returns its text.
func (p *scanner) number() (string, *SyntaxError) {
	p.peek()
	start := p.pos
	digits := func() bool {
		from := p.pos
		for p.pos < len(p.s) && p.s[p.pos] >= '0' && p.s[p.pos] <= '9' {
			p.pos++
		}
		return p.pos > from
	}
	is := func(set string) bool {
		if p.pos < len(p.s) && strings.IndexByte(set, p.s[p.pos]) >= 0 {
			p.pos++
			return true
		}
		return false
	}
	is("-")
	if !is("0") && !digits() {
		return "", p.fail("invalid number")
	}
	if is(".") && !digits() {
		return "", p.fail("invalid number")
	}
	if is("eE") {
		is("+-")
		if !digits() {
			return "", p.fail("invalid number")
		}
	}
	return p.s[start:p.pos], nil
}

// text reads a string. Without escapes it aliases the buffer. Bytes that are not UTF-8 are
// kept; half a surrogate pair becomes U+FFFD.
func (p *scanner) text() (string, *SyntaxError) {
	if p.peek() != '"' {
		return "", p.unfit("a string")
	}
	p.pos++
	start := p.pos
	for p.pos < len(p.s) {
		switch c := p.s[p.pos]; {
		case c == '"':
			p.pos++
			return p.s[start : p.pos-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", p.fail("control character in a string")
		}
		p.pos++
	}
	return "", p.fail("string does not end")
}

// escaped is text from the first backslash on.
func (p *scanner) escaped(start int) (string, *SyntaxError) {
	buf := append(make([]byte, 0, 2*(p.pos-start)+16), p.s[start:p.pos]...)
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		p.pos++
		switch {
		case c == '"':
			return alias(buf), nil
		case c < ' ':
			p.pos--
			return "", p.fail("control character in a string")
		case c != '\\':
			buf = append(buf, c)
			continue
		}
		if p.pos >= len(p.s) {
			break
		}
		c = p.s[p.pos]
		p.pos++
		switch c {
		case '"', '\\', '/':
			buf = append(buf, c)
		case 'b':
			buf = append(buf, '\b')
		case 'f':
			buf = append(buf, '\f')
		case 'n':
			buf = append(buf, '\n')
		case 'r':
			buf = append(buf, '\r')
		case 't':
			buf = append(buf, '\t')
		case 'u':
			r, ok := p.hex4()
			if !ok {
				return "", p.fail("invalid \\u escape")
			}
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if from := p.pos; strings.HasPrefix(p.s[from:], `\u`) {
					p.pos += 2
					low, ok = p.hex4()
					if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
						p.pos = from
					}
				}
				if !ok {
					r = utf8.RuneError
				}
			}
			buf = utf8.AppendRune(buf, r)
		default:
			p.pos--
			return "", p.fail("invalid escape")
		}
	}
	return "", p.fail("string does not end")
}

func (p *scanner) hex4() (r rune, ok bool) {
	if len(p.s)-p.pos < 4 {
		return 0, false
	}
	for i := range 4 {
		d := hexValue(p.s[p.pos+i])
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	p.pos += 4
	return r, true
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
