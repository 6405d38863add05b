package otlp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrTooLarge: the request would need more memory than Limits.BatchBytes.
var ErrTooLarge = errors.New("request needs too much memory when decoded")

// SyntaxError says where bytes stop being an OTLP request.
type SyntaxError struct {
	Offset int    // in the buffer
	Path   string // of the message, such as resource_spans[0].scope_spans[1].spans[17]
	Reason string

	// soft: the text is JSON, but a value does not fit its field. A span with such a value
	// can be left out alone.
	soft bool
}

func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("decode OTLP: %s at offset %d", e.Reason, e.Offset)
	}
	return fmt.Sprintf("decode OTLP: %s: %s at offset %d", e.Path, e.Reason, e.Offset)
}

// maxPathKey bounds a key from the input in an error text.
const maxPathKey = 64

// in puts the name of the enclosing field in front of the path.
func (e *SyntaxError) in(field string) *SyntaxError {
	// A key of JSON aliases a buffer that the error outlives.
	field = strings.Clone(cutText(field, maxPathKey))
	if e.Path != "" && e.Path[0] != '[' {
		field += "."
	}
	e.Path = field + e.Path
	return e
}

// at is in for element i of a repeated field.
func (e *SyntaxError) at(field string, i int) *SyntaxError {
	return e.in(field + "[" + strconv.Itoa(i) + "]")
}

// index is in for an element of an array whose own name comes next.
func (e *SyntaxError) index(i int) *SyntaxError {
	at := "[" + strconv.Itoa(i) + "]"
	if e.Path != "" && e.Path[0] != '[' {
		at += "."
	}
	e.Path = at + e.Path
	return e
}
