package api

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/weft-dev/weft/internal/trace/span"
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

// maxNesting bounds how deep a nested value is shown; admission's own limit is lower.
const maxNesting = 64

// jsonValue is v as the API writes it: see AttributeValue in openapi.yaml.
func jsonValue(v span.Value) (ValueType, any) { return nestedValue(v, 0) }

func nestedValue(v span.Value, depth int) (ValueType, any) {
	switch v.Kind {
	case span.ValueString:
		return ValueTypeString, strings.ToValidUTF8(v.Str, "\uFFFD")
	case span.ValueBool:
		return ValueTypeBool, v.Bool()
	case span.ValueInt:
		return ValueTypeInt, strconv.FormatInt(v.Int(), 10)
	case span.ValueDouble:
		return ValueTypeDouble, jsonDouble(v.Double())
	case span.ValueBytes:
		return ValueTypeBytes, base64.StdEncoding.EncodeToString([]byte(v.Str))
	case span.ValueArray:
		if list, ok := arrayElements(v.Str, depth); ok {
			return ValueTypeArray, list
		}
	case span.ValueMap:
		if list, ok := mapElements(v.Str, depth); ok {
			return ValueTypeMap, list
		}
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

func arrayElements(enc string, depth int) ([]typed, bool) {
	list := []typed{}
	ok := depth < maxNesting && eachField([]byte(enc), func(num protowire.Number, typ protowire.Type, b []byte, _ uint64) bool {
		if num != 1 || typ != protowire.BytesType {
			return true
		}
		v, ok := decodeAny(b)
		if ok {
			t, value := nestedValue(v, depth+1)
			list = append(list, typed{t, value})
		}
		return ok
	})
	return list, ok
}

func mapElements(enc string, depth int) ([]keyed, bool) {
	list := []keyed{}
	ok := depth < maxNesting && eachField([]byte(enc), func(num protowire.Number, typ protowire.Type, b []byte, _ uint64) bool {
		if num != 1 || typ != protowire.BytesType {
			return true
		}
		key, v := "", span.Value{Kind: span.ValueAbsent}
		ok := eachField(b, func(num protowire.Number, typ protowire.Type, b []byte, _ uint64) bool {
			switch {
			case num == 1 && typ == protowire.BytesType:
				key = strings.ToValidUTF8(string(b), "\uFFFD")
			case num == 2 && typ == protowire.BytesType:
				var ok bool
				v, ok = decodeAny(b)
				return ok
			}
			return true
		})
		if ok {
			t, value := nestedValue(v, depth+1)
			list = append(list, keyed{key, t, value})
		}
		return ok
	})
	return list, ok
}

// decodeAny reads the protobuf encoding of an AnyValue.
func decodeAny(b []byte) (span.Value, bool) {
	v := span.Value{Kind: span.ValueEmpty}
	ok := eachField(b, func(num protowire.Number, typ protowire.Type, b []byte, n uint64) bool {
		switch {
		case num == 1 && typ == protowire.BytesType:
			v = span.String(string(b))
		case num == 2 && typ == protowire.VarintType:
			v = span.Bool(n != 0)
		case num == 3 && typ == protowire.VarintType:
			v = span.Int(int64(n))
		case num == 4 && typ == protowire.Fixed64Type:
			v = span.Double(math.Float64frombits(n))
		case num == 5 && typ == protowire.BytesType:
			v = span.Value{Kind: span.ValueArray, Str: string(b)}
		case num == 6 && typ == protowire.BytesType:
			v = span.Value{Kind: span.ValueMap, Str: string(b)}
		case num == 7 && typ == protowire.BytesType:
			v = span.Value{Kind: span.ValueBytes, Str: string(b)}
		}
		return true
	})
	return v, ok
}

// eachField calls f for each field of a protobuf message, with its bytes or its number,
// until f says no. It reports whether the message is sound and f was always content.
func eachField(msg []byte, f func(num protowire.Number, typ protowire.Type, b []byte, n uint64) bool) bool {
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return false
		}
		msg = msg[n:]
		var b []byte
		var u uint64
		switch typ {
		case protowire.BytesType:
			b, n = protowire.ConsumeBytes(msg)
		case protowire.VarintType:
			u, n = protowire.ConsumeVarint(msg)
		case protowire.Fixed64Type:
			u, n = protowire.ConsumeFixed64(msg)
		default:
			n = protowire.ConsumeFieldValue(num, typ, msg)
		}
		if n < 0 || !f(num, typ, b, u) {
			return false
		}
		msg = msg[n:]
	}
	return true
}

// valueText is v as one line of text: a scalar as it is, the rest as JSON.
func valueText(v span.Value) string {
	switch v.Kind {
	case span.ValueString:
		return strings.ToValidUTF8(v.Str, "\uFFFD")
	case span.ValueBool:
		return strconv.FormatBool(v.Bool())
	case span.ValueInt:
		return strconv.FormatInt(v.Int(), 10)
	case span.ValueDouble:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case span.ValueArray, span.ValueMap:
		_, value := jsonValue(v)
		text, err := json.Marshal(plain(value))
		if err == nil {
			return string(text)
		}
	case span.ValueEmpty, span.ValueAbsent:
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(v.Str))
}

// plain drops the types of a nested value, for people to read.
func plain(v any) any {
	switch v := v.(type) {
	case []typed:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e.number())
		}
		return out
	case []keyed:
		out := make(map[string]any, len(v))
		for _, e := range v {
			out[e.Key] = plain(typed{e.Type, e.Value}.number())
		}
		return out
	}
	return v
}

// number turns the decimal string of an integer back into a number.
func (e typed) number() any {
	if s, ok := e.Value.(string); ok && e.Type == ValueTypeInt {
		return json.Number(s)
	}
	return e.Value
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
		out = append(out, Attribute{Key: strings.ToValidUTF8(a.Key, "\uFFFD"), Type: t, Value: v})
	}
	return out
}
