package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// SyntaxError is what is wrong with a query, and where.
type SyntaxError struct {
	Query     string
	Pos, Len  int // byte offset and length of what is wrong; Len may be 0 at the end
	Line, Col int // from 1; Col counts characters
	Msg       string
	Hint      string // what to write instead, "" if there is nothing to say
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("query:%d:%d: %s", e.Line, e.Col, e.Msg)
}

func newError(text string, pos, end int, hint, format string, args ...any) *SyntaxError {
	pos = min(pos, len(text))
	before := text[:pos]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return &SyntaxError{
		Query: text, Pos: pos, Len: max(0, min(end, len(text))-pos),
		Line: 1 + strings.Count(before, "\n"), Col: 1 + utf8.RuneCountInString(line),
		Msg: fmt.Sprintf(format, args...), Hint: hint,
	}
}
