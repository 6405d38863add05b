package store

import (
	"strconv"

	"github.com/weft-dev/weft/internal/trace/span"
)

// ValueText is a scalar as text, as menus and completion show it; false for bytes, nested
// and empty values.
func ValueText(v span.Value) (string, bool) {
	switch v.Kind {
	case span.ValueString:
		return v.Str, true
	case span.ValueBool:
		return strconv.FormatBool(v.Bool()), true
	case span.ValueInt:
		return strconv.FormatInt(v.Int(), 10), true
	case span.ValueDouble:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64), true
	}
	return "", false
}
