package assemble

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Micros is a time or duration in microseconds, as JSON has it, in nanoseconds. It may
// have a fraction. Empty text is zero.
func Micros(n json.Number) (int64, bool) {
	if n == "" {
		return 0, true
	}
	whole, fraction, _ := strings.Cut(string(n), ".")
	if us, err := strconv.ParseInt(whole, 10, 64); err == nil && !strings.ContainsAny(fraction, "eE") && whole[0] != '-' {
		ns, _ := strconv.ParseInt((fraction + "000")[:3], 10, 64)
		if us > (math.MaxInt64-ns)/1000 {
			return 0, false
		}
		return us*1000 + ns, true
	}
	f, err := n.Float64()
	if err != nil || !(f >= 0 && f < math.MaxInt64/1000) {
		return 0, false
	}
	return int64(f * 1000), true
}

// Member is a key of a JSON object and its value.
type Member struct {
	Key   string
	Value json.RawMessage
}

// Object is a JSON object whose members keep their order and number.
type Object []Member

// UnmarshalJSON implements json.Unmarshaler.
func (o *Object) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("expected an object")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		m := Member{Key: key.(string)}
		if err := d.Decode(&m.Value); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	return nil
}

// Value is the value that JSON text stands for; arrays and objects stay JSON, as text.
func Value(raw json.RawMessage) span.Value {
	text := string(bytes.TrimSpace(raw))
	switch {
	case text == "" || text == "null":
		return span.Value{Kind: span.ValueEmpty}
	case text == "true" || text == "false":
		return span.Bool(text == "true")
	case text[0] == '"':
		return span.String(Text(raw))
	case text[0] == '-' || text[0] >= '0' && text[0] <= '9':
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return span.Int(i)
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return span.Double(f)
		}
	}
	return span.String(text)
}

// Text is the content of a JSON string, and any other value as it is written.
func Text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && string(raw) != "null" {
		return s
	}
	return string(raw)
}

// SyntaxError names the format and, where it is known, the place.
func SyntaxError(format string, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("decode %s JSON: %w at offset %d", format, err, syntax.Offset)
	}
	return fmt.Errorf("decode %s JSON: %w", format, err)
}

// Reason says why a single span cannot be read.
func Reason(err error) string {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return fmt.Sprintf("%s: unexpected %s", mismatch.Field, mismatch.Value)
	}
	return err.Error()
}
