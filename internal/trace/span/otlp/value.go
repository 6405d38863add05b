package otlp

import (
	"unicode/utf8"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Tags of AnyValue, and of the field values of ArrayValue and KeyValueList.
const (
	tagString = 1<<3 | wireLen
	tagBool   = 2<<3 | wireVarint
	tagInt    = 3<<3 | wireVarint
	tagDouble = 4<<3 | wireI64
	tagArray  = 5<<3 | wireLen
	tagMap    = 6<<3 | wireLen
	tagBytes  = 7<<3 | wireLen

	tagElement = 1<<3 | wireLen

	tagKey   = 1<<3 | wireLen
	tagValue = 2<<3 | wireLen
)

// checker says what was found in a value, nested ones included.
type checker struct {
	depth   int  // containers that may lie inside each other
	deep    bool // there were more; what is below was not looked at
	badText bool // some string or key is not UTF-8
}

// parseAny reads the AnyValue s[from:to] as protobuf does: of several alternatives the
// last one counts, and arrays or maps that follow one another are joined. With a checker
// the content of arrays and maps is checked too. A value with a field that this model has
// no place for is opaque.
func parseAny(s string, from, to int, check *checker, depth int) (span.Value, *SyntaxError) {
	v, opaque, err := parseKnown(s, from, to, check, depth)
	if opaque && err == nil {
		v = span.Value{Kind: span.ValueOpaque, Str: s[from:to]}
	}
	return v, err
}

// parseKnown is parseAny that leaves out what is unknown, and says whether it did.
func parseKnown(s string, from, to int, check *checker, depth int) (v span.Value, opaque bool, err *SyntaxError) {
	v.Kind = span.ValueEmpty
	var nested raw
	var before checker
	if check != nil {
		before = *check
	}
	c := message(s, from, to)
	for c.next() {
		switch c.tag {
		case tagString:
			v = span.Value{Kind: span.ValueString, Str: s[c.from:c.to]}
		case tagBool:
			v = span.Bool(c.num != 0)
		case tagInt:
			v = span.Value{Kind: span.ValueInt, Num: c.num}
		case tagDouble:
			v = span.Value{Kind: span.ValueDouble, Num: c.num}
		case tagBytes:
			v = span.Value{Kind: span.ValueBytes, Str: s[c.from:c.to]}
		case tagArray, tagMap:
			kind := span.ValueArray
			if c.tag == tagMap {
				kind = span.ValueMap
			}
			if v.Kind != kind {
				nested = raw{}
				if check != nil {
					*check = before // what was found is not part of the value
				}
			}
			if check != nil {
				if err := check.container(s, c.from, c.to, kind, depth+1); err != nil {
					return v, opaque, err
				}
			}
			nested.add(s, c.from, c.to)
			v = span.Value{Kind: kind}
			if nested.buf == nil {
				v.Str = nested.text(s)
			}
		default:
			opaque = true
		}
	}
	if check != nil && v.Kind != span.ValueArray && v.Kind != span.ValueMap {
		*check = before
		check.badText = before.badText || v.Kind == span.ValueString && !utf8.ValidString(v.Str)
	}
	// The text of joined pieces is taken once, for they may be many.
	if nested.buf != nil && (v.Kind == span.ValueArray || v.Kind == span.ValueMap) {
		v.Str = nested.text(s)
	}
	return v, opaque, c.err
}

// container checks an ArrayValue or KeyValueList that lies depth containers deep.
func (k *checker) container(s string, from, to int, kind span.ValueKind, depth int) *SyntaxError {
	if depth > k.depth {
		k.deep = true
		return nil
	}
	c := message(s, from, to)
	for i := 0; c.next(); i++ {
		if c.tag != tagElement {
			continue
		}
		var err *SyntaxError
		if kind == span.ValueArray {
			_, _, err = parseKnown(s, c.from, c.to, k, depth)
		} else {
			err = k.entry(s, c.from, c.to, depth)
		}
		if err != nil {
			return err.at("values", i)
		}
	}
	return c.err
}

// entry checks a KeyValue of a KeyValueList.
func (k *checker) entry(s string, from, to, depth int) *SyntaxError {
	c := message(s, from, to)
	for c.next() {
		switch c.tag {
		case tagKey:
			if !utf8.ValidString(s[c.from:c.to]) {
				k.badText = true
			}
		case tagValue:
			if _, _, err := parseKnown(s, c.from, c.to, k, depth); err != nil {
				return err.in("value")
			}
		}
	}
	return c.err
}

// badText reports whether some string or key in v is not UTF-8.
func badText(v span.Value) bool {
	switch v.Kind {
	case span.ValueString:
		return !utf8.ValidString(v.Str)
	case span.ValueArray:
		for e := range ArrayValues(v) {
			if badText(e) {
				return true
			}
		}
	case span.ValueMap:
		for key, e := range MapEntries(v) {
			if !utf8.ValidString(key) || badText(e) {
				return true
			}
		}
	}
	return false
}

// parseEntry reads the KeyValue s[from:to]; unknown is its other fields.
func parseEntry(s string, from, to int, check *checker) (a span.Attr, unknown string, err *SyntaxError) {
	var other, values raw
	var before checker
	if check != nil {
		before = *check
	}
	n := 0
	c := message(s, from, to)
	for c.next() {
		switch c.tag {
		case tagKey:
			a.Key = s[c.from:c.to]
		case tagValue:
			values.add(s, c.from, c.to)
			n++
			// A piece behind the first is only checked here, they are read as one below.
			if a.Value, err = parseAny(s, c.from, c.to, check, 0); err != nil {
				return a, "", err.in("value")
			}
		default:
			other.add(s, c.at, c.pos)
		}
	}
	if c.err != nil {
		return a, "", c.err
	}
	if n > 1 {
		joined := values.text(s)
		if check != nil {
			*check = before
		}
		if a.Value, err = parseAny(joined, 0, len(joined), check, 0); err != nil {
			return a, "", err.in("value")
		}
	}
	if check != nil && !utf8.ValidString(a.Key) {
		check.badText = true
	}
	return a, other.text(s), nil
}
