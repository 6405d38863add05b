package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/weft-dev/weft/internal/trace/span"
)

// The JSON here is OTLP's: keys in lowerCamelCase, ids in hex, 64-bit integers as strings,
// enums as numbers, bytes in base64, and fields with their zero value left out, except ids
// and times of spans and the alternative of a value. It cannot show unknown fields; an
// opaque value shows the alternative that is known. U+FFFD stands for bytes that are not
// UTF-8. The protobuf form is the lossless one.

// AppendJSON appends b as the JSON of an ExportTraceServiceRequest, or of a TracesData.
// Spans are grouped as AppendRequest groups them.
func AppendJSON(dst []byte, b *span.Batch) []byte {
	dst = append(dst, `{"resourceSpans":[`...)
	for i := 0; i < len(b.Spans); {
		if i > 0 {
			dst = append(dst, ',')
		}
		resource := b.Scopes[b.Spans[i].Scope].Resource
		r := &b.Resources[resource]
		o := openObject(dst)
		if r.Present {
			in := openObject(o.key("resource"))
			in.attrs(b, r.Attrs)
			in.uint("droppedAttributesCount", r.Dropped)
			o.dst = in.close()
		}
		o.dst = append(o.key("scopeSpans"), '[')
		for first := true; i < len(b.Spans) && b.Scopes[b.Spans[i].Scope].Resource == resource; first = false {
			if !first {
				o.dst = append(o.dst, ',')
			}
			scope := b.Spans[i].Scope
			in := openObject(o.dst)
			in.scope(b, &b.Scopes[scope])
			in.dst = append(in.key("spans"), '[')
			for from := i; i < len(b.Spans) && b.Spans[i].Scope == scope; i++ {
				if i > from {
					in.dst = append(in.dst, ',')
				}
				in.dst = AppendSpanJSON(in.dst, b, i)
			}
			in.dst = append(in.dst, ']')
			in.text("schemaUrl", b.Scopes[scope].SchemaURL)
			o.dst = in.close()
		}
		o.dst = append(o.dst, ']')
		o.text("schemaUrl", r.SchemaURL)
		dst = o.close()
	}
	return append(dst, "]}"...)
}

// AppendSpanJSON appends span i of b as the JSON of a Span.
func AppendSpanJSON(dst []byte, b *span.Batch, i int) []byte {
	s := &b.Spans[i]
	o := openObject(dst)
	o.id("traceId", s.TraceID[:])
	o.id("spanId", s.SpanID[:])
	if !s.Parent.IsZero() {
		o.id("parentSpanId", s.Parent[:])
	}
	o.text("traceState", s.TraceState)
	o.text("name", s.Name)
	o.int("kind", int64(s.Kind))
	o.quoted("startTimeUnixNano", s.Start)
	o.quoted("endTimeUnixNano", s.End)
	o.attrs(b, s.Attrs)
	o.uint("droppedAttributesCount", s.DroppedAttrs)
	if events := b.EventsOf(s); len(events) > 0 {
		o.dst = append(o.key("events"), '[')
		for i := range events {
			if i > 0 {
				o.dst = append(o.dst, ',')
			}
			e := &events[i]
			in := openObject(o.dst)
			in.quoted("timeUnixNano", e.Time)
			in.text("name", e.Name)
			in.attrs(b, e.Attrs)
			in.uint("droppedAttributesCount", e.Dropped)
			o.dst = in.close()
		}
		o.dst = append(o.dst, ']')
	}
	o.uint("droppedEventsCount", s.DroppedEvents)
	if links := b.LinksOf(s); len(links) > 0 {
		o.dst = append(o.key("links"), '[')
		for i := range links {
			if i > 0 {
				o.dst = append(o.dst, ',')
			}
			o.dst = appendLinkJSON(o.dst, b, &links[i])
		}
		o.dst = append(o.dst, ']')
	}
	o.uint("droppedLinksCount", s.DroppedLinks)
	if s.Presence&span.HasStatus != 0 {
		in := openObject(o.key("status"))
		in.text("message", s.StatusMessage)
		in.int("code", int64(s.Status))
		o.dst = in.close()
	}
	o.uint("flags", s.Flags)
	return o.close()
}

func appendLinkJSON(dst []byte, b *span.Batch, l *span.Link) []byte {
	o := openObject(dst)
	if !l.TraceID.IsZero() {
		o.id("traceId", l.TraceID[:])
	}
	if !l.SpanID.IsZero() {
		o.id("spanId", l.SpanID[:])
	}
	o.text("traceState", l.TraceState)
	o.attrs(b, l.Attrs)
	o.uint("droppedAttributesCount", l.Dropped)
	o.uint("flags", l.Flags)
	return o.close()
}

// AppendValueJSON appends v as the JSON of an AnyValue, such as {"stringValue":"x"}; an
// absent value is null.
func AppendValueJSON(dst []byte, v span.Value) []byte {
	if v.Kind == span.ValueAbsent {
		return append(dst, "null"...)
	}
	v = Known(v)
	o := openObject(dst)
	switch v.Kind {
	case span.ValueString:
		o.dst = AppendQuoted(o.key("stringValue"), v.Str)
	case span.ValueBool:
		o.dst = strconv.AppendBool(o.key("boolValue"), v.Bool())
	case span.ValueInt:
		o.quoted("intValue", v.Int())
	case span.ValueDouble:
		o.dst = appendDouble(o.key("doubleValue"), v.Double())
	case span.ValueBytes:
		o.dst = appendBase64(o.key("bytesValue"), v.Str)
	case span.ValueArray:
		in := openObject(o.key("arrayValue"))
		in.dst = append(in.key("values"), '[')
		first := true
		for e := range ArrayValues(v) {
			if !first {
				in.dst = append(in.dst, ',')
			}
			first = false
			in.dst = AppendValueJSON(in.dst, e)
		}
		in.dst = append(in.dst, ']')
		o.dst = in.close()
	case span.ValueMap:
		in := openObject(o.key("kvlistValue"))
		in.dst = append(in.key("values"), '[')
		first := true
		for key, e := range MapEntries(v) {
			if !first {
				in.dst = append(in.dst, ',')
			}
			first = false
			in.dst = appendAttrJSON(in.dst, span.Attr{Key: key, Value: e})
		}
		in.dst = append(in.dst, ']')
		o.dst = in.close()
	}
	return o.close()
}

// AppendPlainJSON appends v as the JSON a person expects: "x", 12, [1,2], {"a":true}. Bytes
// are base64 text, NaN and infinities are text, an absent or empty value is null, and the
// keys of a map are as many as were sent.
func AppendPlainJSON(dst []byte, v span.Value) []byte {
	v = Known(v)
	switch v.Kind {
	case span.ValueString:
		return AppendQuoted(dst, v.Str)
	case span.ValueBool:
		return strconv.AppendBool(dst, v.Bool())
	case span.ValueInt:
		return strconv.AppendInt(dst, v.Int(), 10)
	case span.ValueDouble:
		return appendDouble(dst, v.Double())
	case span.ValueBytes:
		return appendBase64(dst, v.Str)
	case span.ValueArray:
		dst = append(dst, '[')
		first := true
		for e := range ArrayValues(v) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = AppendPlainJSON(dst, e)
		}
		return append(dst, ']')
	case span.ValueMap:
		o := openObject(dst)
		for key, e := range MapEntries(v) {
			o.dst = AppendPlainJSON(o.key(key), e)
		}
		return o.close()
	}
	return append(dst, "null"...)
}

func appendAttrJSON(dst []byte, a span.Attr) []byte {
	o := openObject(dst)
	o.dst = AppendQuoted(o.key("key"), a.Key)
	if a.Value.Kind != span.ValueAbsent {
		o.dst = AppendValueJSON(o.key("value"), a.Value)
	}
	return o.close()
}

// object writes the members of a JSON object.
type object struct {
	dst  []byte
	some bool // a comma is due
}

func openObject(dst []byte) object { return object{dst: append(dst, '{')} }

func (o *object) close() []byte { return append(o.dst, '}') }

func (o *object) key(key string) []byte {
	if o.some {
		o.dst = append(o.dst, ',')
	}
	o.some = true
	return append(AppendQuoted(o.dst, key), ':')
}

func (o *object) text(key, s string) {
	if s != "" {
		o.dst = AppendQuoted(o.key(key), s)
	}
}

func (o *object) id(key string, id []byte) {
	o.dst = append(hex.AppendEncode(append(o.key(key), '"'), id), '"')
}

func (o *object) int(key string, v int64) {
	if v != 0 {
		o.dst = strconv.AppendInt(o.key(key), v, 10)
	}
}

func (o *object) uint(key string, v uint32) { o.int(key, int64(v)) }

// quoted writes a 64-bit integer, zero too.
func (o *object) quoted(key string, v int64) {
	o.dst = append(strconv.AppendInt(append(o.key(key), '"'), v, 10), '"')
}

func (o *object) attrs(b *span.Batch, r span.Range) {
	if r.Len() == 0 {
		return
	}
	o.dst = append(o.key("attributes"), '[')
	for i, a := range b.AttrsOf(r) {
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		o.dst = appendAttrJSON(o.dst, a)
	}
	o.dst = append(o.dst, ']')
}

func (o *object) scope(b *span.Batch, s *span.Scope) {
	if !s.Present {
		return
	}
	in := openObject(o.key("scope"))
	in.text("name", s.Name)
	in.text("version", s.Version)
	in.attrs(b, s.Attrs)
	in.uint("droppedAttributesCount", s.Dropped)
	o.dst = in.close()
}

func appendBase64(dst []byte, s string) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), []byte(s)), '"')
}

// appendDouble writes the shortest text that reads back the same, as encoding/json does.
func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(append(dst, s[done:i]...), "\uFFFD"...)
			i++
			done = i
			continue
		}
		dst = append(dst, s[done:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		done = i
	}
	return append(append(dst, s[done:]...), '"')
}
