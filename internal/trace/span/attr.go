package span

import "math"

// ValueKind says which alternative of OTLP's AnyValue a Value holds.
type ValueKind uint8

const (
	ValueAbsent ValueKind = iota // a KeyValue without a value field
	ValueEmpty                   // an AnyValue with no alternative set
	ValueString
	ValueBool
	ValueInt
	ValueDouble
	ValueBytes
	ValueArray  // Str is the protobuf encoding of an ArrayValue
	ValueMap    // Str is the protobuf encoding of a KeyValueList
	ValueOpaque // Str is the protobuf encoding of an AnyValue this model cannot hold
)

// Value is one attribute value. Nested values stay in their protobuf encoding, which
// was checked when the batch was decoded; package otlp walks them.
type Value struct {
	Kind ValueKind
	Num  uint64 // bool (0 or 1), int (two's complement) or double (IEEE 754 bits)
	Str  string // string, bytes, and the encodings of array, map and opaque
}

// String makes a string value.
func String(s string) Value { return Value{Kind: ValueString, Str: s} }

// Int makes an integer value.
func Int(i int64) Value { return Value{Kind: ValueInt, Num: uint64(i)} }

// Double makes a floating-point value.
func Double(f float64) Value { return Value{Kind: ValueDouble, Num: math.Float64bits(f)} }

// Bool makes a boolean value.
func Bool(b bool) Value {
	if b {
		return Value{Kind: ValueBool, Num: 1}
	}
	return Value{Kind: ValueBool}
}

// Int is the integer v holds; meaningful for ValueInt only.
func (v Value) Int() int64 { return int64(v.Num) }

// Double is the number v holds; meaningful for ValueDouble only.
func (v Value) Double() float64 { return math.Float64frombits(v.Num) }

// Bool is the truth v holds; meaningful for ValueBool only.
func (v Value) Bool() bool { return v.Num != 0 }

// Attr is one key and value, in the order and as often as it was sent.
type Attr struct {
	Key   string
	Value Value
}
