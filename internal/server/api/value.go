package api

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// typed is an element of an array value.
type typed struct {
	Type  ValueType `json:"type"`
	Value any       `json:"value,omitempty"`
}

// keyed is an element of a map value.
type keyed struct {
	Key   string    `json:"key"`
	Type  ValueType `json:"type"`
	Value any       `json:"value,omitempty"`
}

// jsonValue is v as the API writes it: see AttributeValue in openapi.yaml. Nesting is as
// deep as admission let in.
func jsonValue(v span.Value) (ValueType, any) {
	switch v.Kind {
	case span.ValueString:
		return ValueTypeString, text(v.Str)
	case span.ValueBool:
		return ValueTypeBool, v.Bool()
	case span.ValueInt:
		return ValueTypeInt, strconv.FormatInt(v.Int(), 10)
	case span.ValueDouble:
		return ValueTypeDouble, jsonDouble(v.Double())
	case span.ValueBytes:
		return ValueTypeBytes, base64.StdEncoding.EncodeToString([]byte(v.Str))
	case span.ValueArray:
		list := []typed{}
		for e := range otlp.ArrayValues(v) {
			t, value := jsonValue(e)
			list = append(list, typed{t, value})
		}
		return ValueTypeArray, list
	case span.ValueMap:
		list := []keyed{}
		for k, e := range otlp.MapEntries(v) {
			t, value := jsonValue(e)
			list = append(list, keyed{text(k), t, value})
		}
		return ValueTypeMap, list
	case span.ValueEmpty:
		return ValueTypeEmpty, nil
	case span.ValueAbsent:
		return ValueTypeAbsent, nil
	}
	return ValueTypeOpaque, base64.StdEncoding.EncodeToString([]byte(v.Str))
}

// jsonDouble is a number, or the words of protobuf's JSON for what JSON has no number for.
func jsonDouble(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return f
}

// valueText is v as one line of text: a scalar as it is, the rest as JSON.
func valueText(v span.Value) string {
	if s, ok := store.ValueText(v); ok {
		return text(s)
	}
	switch v.Kind {
	case span.ValueArray, span.ValueMap:
		return string(otlp.AppendPlainJSON(nil, v))
	case span.ValueBytes, span.ValueOpaque:
		return base64.StdEncoding.EncodeToString([]byte(v.Str))
	}
	return ""
}

// cutText is s, at most n characters of it and then "…".
func cutText(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}

func attributes(b *span.Batch, r span.Range) []Attribute {
	out := make([]Attribute, 0, r.Len())
	for _, a := range b.AttrsOf(r) {
		t, v := jsonValue(a.Value)
		out = append(out, Attribute{Key: text(a.Key), Type: t, Value: v})
	}
	return out
}
