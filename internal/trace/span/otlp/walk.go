package otlp

import (
	"iter"

	"github.com/weft-dev/weft/internal/trace/span"
)

// ArrayValues yields the elements of an array; v.Str of any other kind yields nothing.
// Decode has checked the encoding; where it is damaged all the same, the sequence ends.
func ArrayValues(v span.Value) iter.Seq[span.Value] {
	return func(yield func(span.Value) bool) {
		if v.Kind != span.ValueArray {
			return
		}
		c := message(v.Str, 0, len(v.Str))
		for c.next() {
			if c.tag != tagElement {
				continue
			}
			e, err := parseAny(v.Str, c.from, c.to, nil, 0)
			if err != nil || !yield(e) {
				return
			}
		}
	}
}

// MapEntries yields the keys and values of a map, in the order and as often as they were
// sent; any other kind yields nothing.
func MapEntries(v span.Value) iter.Seq2[string, span.Value] {
	return func(yield func(string, span.Value) bool) {
		if v.Kind != span.ValueMap {
			return
		}
		c := message(v.Str, 0, len(v.Str))
		for c.next() {
			if c.tag != tagElement {
				continue
			}
			a, _, err := parseEntry(v.Str, c.from, c.to, nil)
			if err != nil || !yield(a.Key, a.Value) {
				return
			}
		}
	}
}

// Walk yields every value in v that is not an array or a map, v itself if it is neither,
// in the order of the encoding, with the path of keys that leads to it. Array positions
// are not part of the path. The path is valid until the next step.
func Walk(v span.Value) iter.Seq2[[]string, span.Value] {
	return func(yield func([]string, span.Value) bool) { walk(nil, v, yield) }
}

func walk(path []string, v span.Value, yield func([]string, span.Value) bool) bool {
	switch v.Kind {
	case span.ValueArray:
		for e := range ArrayValues(v) {
			if !walk(path, e, yield) {
				return false
			}
		}
		return true
	case span.ValueMap:
		for key, e := range MapEntries(v) {
			if !walk(append(path, key), e, yield) {
				return false
			}
		}
		return true
	default:
		return yield(path, v)
	}
}

// Known is what this model can say of an opaque value: the alternative that is set,
// without the fields it does not know. Other values are returned as they are.
func Known(v span.Value) span.Value {
	if v.Kind != span.ValueOpaque {
		return v
	}
	known, _, err := parseKnown(v.Str, 0, len(v.Str), nil, 0)
	if err != nil {
		return span.Value{Kind: span.ValueEmpty}
	}
	return known
}

// Array makes an array value of elements.
func Array(elements ...span.Value) span.Value {
	var buf []byte
	for _, e := range elements {
		buf = appendAny(buf, 1, e)
	}
	return span.Value{Kind: span.ValueArray, Str: alias(buf)}
}

// Map makes a map value of attributes.
func Map(entries ...span.Attr) span.Value {
	var buf []byte
	for _, e := range entries {
		buf = appendAttr(buf, 1, e, "")
	}
	return span.Value{Kind: span.ValueMap, Str: alias(buf)}
}
