package otlp

import (
	"encoding/binary"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Guesses of how many bytes the length of a message takes; a wrong one costs a move.
const (
	widthGroup = 3
	widthSpan  = 2
	widthSmall = 1
)

// AppendRequest appends b as an ExportTraceServiceRequest in protobuf. Spans keep their
// order; neighbours of one scope share a ScopeSpans, neighbours of one resource a
// ResourceSpans. See Grouped for batches whose spans are ordered by time.
func AppendRequest(dst []byte, b *span.Batch) []byte {
	for i := 0; i < len(b.Spans); {
		resource := b.Scopes[b.Spans[i].Scope].Resource
		var at int
		dst, at = open(dst, 1, widthGroup)
		dst = appendResource(dst, b, &b.Resources[resource])
		for i < len(b.Spans) && b.Scopes[b.Spans[i].Scope].Resource == resource {
			scope := b.Spans[i].Scope
			var at int
			dst, at = open(dst, 2, widthGroup)
			dst = appendScope(dst, b, &b.Scopes[scope])
			for ; i < len(b.Spans) && b.Spans[i].Scope == scope; i++ {
				dst = appendSpan(dst, b, &b.Spans[i])
			}
			dst = appendText(dst, 3, b.Scopes[scope].SchemaURL)
			dst = append(dst, b.Scopes[scope].GroupUnknown...)
			dst = seal(dst, at, widthGroup)
		}
		dst = appendText(dst, 3, b.Resources[resource].SchemaURL)
		dst = append(dst, b.Resources[resource].GroupUnknown...)
		dst = seal(dst, at, widthGroup)
	}
	return dst
}

// AppendTracesData appends b as a TracesData, the message of OTLP files. On the wire it is
// the same as an ExportTraceServiceRequest.
func AppendTracesData(dst []byte, b *span.Batch) []byte { return AppendRequest(dst, b) }

// Grouped is b with its spans ordered by resource and scope, and otherwise as they were,
// so that an export names each of them once. It shares everything but the spans with b.
func Grouped(b *span.Batch) *span.Batch {
	g := *b
	g.Spans = slices.Clone(b.Spans)
	slices.SortStableFunc(g.Spans, func(x, y span.Span) int {
		if x.Scope == y.Scope {
			return 0
		}
		if rx, ry := b.Scopes[x.Scope].Resource, b.Scopes[y.Scope].Resource; rx != ry {
			return int(rx) - int(ry)
		}
		return int(x.Scope) - int(y.Scope)
	})
	return &g
}

func appendResource(dst []byte, b *span.Batch, r *span.Resource) []byte {
	if !r.Present {
		return dst
	}
	dst, at := open(dst, 1, widthSpan)
	dst = appendAttrs(dst, 1, b, r.Attrs)
	dst = appendVarint(dst, 2, uint64(r.Dropped))
	dst = append(dst, r.Unknown...)
	return seal(dst, at, widthSpan)
}

func appendScope(dst []byte, b *span.Batch, s *span.Scope) []byte {
	if !s.Present {
		return dst
	}
	dst, at := open(dst, 1, widthSmall)
	dst = appendText(dst, 1, s.Name)
	dst = appendText(dst, 2, s.Version)
	dst = appendAttrs(dst, 3, b, s.Attrs)
	dst = appendVarint(dst, 4, uint64(s.Dropped))
	dst = append(dst, s.Unknown...)
	return seal(dst, at, widthSmall)
}

func appendSpan(dst []byte, b *span.Batch, s *span.Span) []byte {
	dst, at := open(dst, 2, widthSpan)
	dst = append(append(dst, 1<<3|wireLen, 16), s.TraceID[:]...)
	dst = append(append(dst, 2<<3|wireLen, 8), s.SpanID[:]...)
	dst = appendText(dst, 3, s.TraceState)
	if !s.Parent.IsZero() {
		dst = append(append(dst, 4<<3|wireLen, 8), s.Parent[:]...)
	}
	dst = appendText(dst, 5, s.Name)
	dst = appendVarint(dst, 6, uint64(s.Kind)) // negative ones in ten bytes, as protobuf does
	dst = appendFixed64(dst, 7, uint64(s.Start))
	dst = appendFixed64(dst, 8, uint64(s.End))
	dst = appendAttrs(dst, 9, b, s.Attrs)
	dst = appendVarint(dst, 10, uint64(s.DroppedAttrs))
	for i := range b.EventsOf(s) {
		dst = appendEvent(dst, b, &b.Events[int(s.Events.From)+i])
	}
	dst = appendVarint(dst, 12, uint64(s.DroppedEvents))
	for i := range b.LinksOf(s) {
		dst = appendLink(dst, b, &b.Links[int(s.Links.From)+i])
	}
	dst = appendVarint(dst, 14, uint64(s.DroppedLinks))
	if s.Presence&span.HasStatus != 0 {
		var at int
		dst, at = open(dst, 15, widthSmall)
		dst = appendText(dst, 2, s.StatusMessage)
		dst = appendVarint(dst, 3, uint64(s.Status))
		dst = append(dst, s.StatusUnknown...)
		dst = seal(dst, at, widthSmall)
	}
	dst = appendFixed32(dst, 16, s.Flags)
	dst = append(dst, s.Unknown...)
	return seal(dst, at, widthSpan)
}

func appendEvent(dst []byte, b *span.Batch, e *span.Event) []byte {
	dst, at := open(dst, 11, widthSmall)
	dst = appendFixed64(dst, 1, uint64(e.Time))
	dst = appendText(dst, 2, e.Name)
	dst = appendAttrs(dst, 3, b, e.Attrs)
	dst = appendVarint(dst, 4, uint64(e.Dropped))
	dst = append(dst, e.Unknown...)
	return seal(dst, at, widthSmall)
}

func appendLink(dst []byte, b *span.Batch, l *span.Link) []byte {
	dst, at := open(dst, 13, widthSmall)
	if !l.TraceID.IsZero() {
		dst = append(append(dst, 1<<3|wireLen, 16), l.TraceID[:]...)
	}
	if !l.SpanID.IsZero() {
		dst = append(append(dst, 2<<3|wireLen, 8), l.SpanID[:]...)
	}
	dst = appendText(dst, 3, l.TraceState)
	dst = appendAttrs(dst, 4, b, l.Attrs)
	dst = appendVarint(dst, 5, uint64(l.Dropped))
	dst = appendFixed32(dst, 6, l.Flags)
	dst = append(dst, l.Unknown...)
	return seal(dst, at, widthSmall)
}

func appendAttrs(dst []byte, field uint32, b *span.Batch, r span.Range) []byte {
	if b.AttrUnknown == nil {
		for i := r.From; i < r.To; i++ {
			dst = appendAttr(dst, field, b.Attrs[i], "")
		}
		return dst
	}
	for i := r.From; i < r.To; i++ {
		dst = appendAttr(dst, field, b.Attrs[i], b.AttrUnknown[i])
	}
	return dst
}

func appendAttr(dst []byte, field uint32, a span.Attr, unknown string) []byte {
	dst, at := open(dst, field, widthSmall)
	dst = appendText(dst, 1, a.Key)
	dst = appendAny(dst, 2, a.Value)
	dst = append(dst, unknown...)
	return seal(dst, at, widthSmall)
}

// appendAny writes v as a field of type AnyValue, nothing if v is absent.
func appendAny(dst []byte, field uint32, v span.Value) []byte {
	if v.Kind == span.ValueAbsent {
		return dst
	}
	dst, at := open(dst, field, widthSmall)
	dst = appendAlternative(dst, v)
	return seal(dst, at, widthSmall)
}

// appendAlternative writes the content of an AnyValue. Zero values are written too: which
// alternative is set is part of the value.
func appendAlternative(dst []byte, v span.Value) []byte {
	switch v.Kind {
	case span.ValueString:
		return appendBytes(dst, 1, v.Str)
	case span.ValueBool:
		return append(dst, tagBool, byte(v.Num))
	case span.ValueInt:
		return binary.AppendUvarint(append(dst, tagInt), v.Num)
	case span.ValueDouble:
		return binary.LittleEndian.AppendUint64(append(dst, tagDouble), v.Num)
	case span.ValueArray:
		return appendBytes(dst, 5, v.Str)
	case span.ValueMap:
		return appendBytes(dst, 6, v.Str)
	case span.ValueBytes:
		return appendBytes(dst, 7, v.Str)
	case span.ValueOpaque:
		return append(dst, v.Str...)
	}
	return dst
}
