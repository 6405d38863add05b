package transfer

import (
	"strconv"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// separate begins or continues a JSON array.
func separate(out []byte) []byte {
	if len(out) == 0 {
		return append(out, '[')
	}
	return append(out, ',')
}

// closeList ends an array; an empty one is "".
func closeList(out []byte) string {
	if len(out) == 0 {
		return ""
	}
	return string(append(out, ']'))
}

func appendInt(out []byte, n int64) []byte { return strconv.AppendInt(out, n, 10) }

func appendAttributes(out []byte, b *span.Batch, r span.Range) []byte {
	out = append(out, '{')
	for i, a := range b.AttrsOf(r) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(otlp.AppendQuoted(out, a.Key), ':')
		out = otlp.AppendPlainJSON(out, a.Value)
	}
	return append(out, '}')
}
