package otlp

import (
	"math"
	"unicode/utf8"

	"github.com/weft-dev/weft/internal/trace/span"
)

const (
	// containerBytes is the most that the tag and length of a nested message take.
	containerBytes = 6
	// scalarBytes is the most that a number takes with its tag.
	scalarBytes = 11
)

// cutText is s cut to at most limit bytes, not inside a UTF-8 sequence.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	at := limit
	for back := 0; at > 0 && back < utf8.UTFMax && !utf8.RuneStart(s[at]); back++ {
		at--
	}
	if !utf8.RuneStart(s[at]) {
		at = limit // not UTF-8 at all
	}
	return s[:at]
}

// trimValue is v cut so that its text, bytes or encoding has at most limit bytes and at
// most depth containers lie inside each other. Of an array or map the first elements stay;
// the last of them may be cut itself. An opaque value loses what this model cannot hold,
// for an encoding cannot be cut in the middle.
func trimValue(v span.Value, limit, depth int) span.Value {
	v = Known(v)
	switch v.Kind {
	case span.ValueString:
		v.Str = cutText(v.Str, limit)
	case span.ValueBytes:
		v.Str = v.Str[:min(len(v.Str), limit)]
	case span.ValueArray, span.ValueMap:
		t := trimmer{limit: limit}
		if len(v.Str) <= limit {
			t.limit = math.MaxInt // only too deep; what is left fits
		}
		t.elements(v, depth)
		v.Str = alias(t.dst)
	}
	return v
}

type trimmer struct {
	dst   []byte
	limit int // of len(dst), once all that is open is sealed
	open  int // messages whose length is not written yet
}

// left is how many bytes may be appended before limit, with room for the length of what
// is open and of one more message.
func (t *trimmer) left() int { return t.limit - len(t.dst) - containerBytes*(t.open+1) }

// elements appends the elements of v, an array or map with depth more levels allowed,
// as long as they fit.
func (t *trimmer) elements(v span.Value, depth int) {
	if v.Kind == span.ValueArray {
		for e := range ArrayValues(v) {
			if t.left() < scalarBytes {
				return
			}
			t.message(1, func() { t.value(e, depth) })
		}
		return
	}
	for key, e := range MapEntries(v) {
		if t.left() < len(key)+2*containerBytes+scalarBytes {
			return
		}
		t.message(1, func() {
			t.dst = appendText(t.dst, 1, key)
			if e.Kind != span.ValueAbsent {
				t.message(2, func() { t.value(e, depth) })
			}
		})
	}
}

// value appends the content of an AnyValue.
func (t *trimmer) value(v span.Value, depth int) {
	v = Known(v)
	switch left := max(0, t.left()); v.Kind {
	case span.ValueArray, span.ValueMap:
		if depth <= 1 || t.left() < containerBytes {
			return
		}
		field := uint32(5)
		if v.Kind == span.ValueMap {
			field = 6
		}
		t.message(field, func() { t.elements(v, depth-1) })
		return
	case span.ValueString:
		v.Str = cutText(v.Str, left)
	case span.ValueBytes:
		v.Str = v.Str[:min(len(v.Str), left)]
	}
	t.dst = appendAlternative(t.dst, v)
}

func (t *trimmer) message(field uint32, content func()) {
	var at int
	t.dst, at = open(t.dst, field, widthSmall)
	t.open++
	content()
	t.open--
	t.dst = seal(t.dst, at, widthSmall)
}
