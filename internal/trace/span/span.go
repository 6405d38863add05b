// Package span is the model of a trace: ids, spans, attributes, and the Batch that
// carries them from a receiver to a store and back.
//
// Promise: a Batch holds everything an OTLP request said, so that it can be written out
// again without loss: attribute order, duplicate keys, every AnyValue kind, and, as raw
// protobuf fields, whatever this model has no place for ("Unknown" below).
//
// Memory: strings alias the buffer they were decoded from, which must not be written while
// the batch is in use; Batch.CopyTexts gives a batch its own. A Batch is immutable once it
// has left its builder and may then be read by any number of goroutines.
//
// The package imports the standard library only and touches no network or disk.
package span

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// TraceID names a trace. The zero value is invalid (W3C trace context, section 3.2.2.3).
type TraceID [16]byte

// SpanID names a span inside its trace. The zero value means "none".
type SpanID [8]byte

// IsZero reports whether id is the invalid id.
func (id TraceID) IsZero() bool { return id == TraceID{} }

// String is the id as 32 lower-case hex digits.
func (id TraceID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id is the invalid id.
func (id SpanID) IsZero() bool { return id == SpanID{} }

// String is the id as 16 lower-case hex digits.
func (id SpanID) String() string { return hex.EncodeToString(id[:]) }

// ErrBadID is returned for text that is not a trace or span id.
var ErrBadID = errors.New("not a hexadecimal id")

// ParseTraceID reads 1 to 32 hex digits, either case; shorter ids are padded with zeros
// on the left, as 64-bit Zipkin and Jaeger ids are.
func ParseTraceID(s string) (TraceID, error) {
	var id TraceID
	if err := parseHex(id[:], s); err != nil {
		return TraceID{}, fmt.Errorf("parse trace id %q: %w", s, err)
	}
	return id, nil
}

// ParseSpanID reads 1 to 16 hex digits, either case, padded with zeros on the left.
func ParseSpanID(s string) (SpanID, error) {
	var id SpanID
	if err := parseHex(id[:], s); err != nil {
		return SpanID{}, fmt.Errorf("parse span id %q: %w", s, err)
	}
	return id, nil
}

func parseHex(dst []byte, s string) error {
	if s == "" || len(s) > 2*len(dst) {
		return ErrBadID
	}
	at := 2*len(dst) - len(s)
	for i := range len(s) {
		var d byte
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			d = c - '0'
		case c >= 'a' && c <= 'f':
			d = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			d = c - 'A' + 10
		default:
			return ErrBadID
		}
		if p := at + i; p%2 == 0 {
			dst[p/2] = d << 4
		} else {
			dst[p/2] |= d
		}
	}
	return nil
}

// Kind is OTLP's SpanKind. Values beyond Consumer are kept as received.
type Kind int32

// The span kinds of OTLP.
const (
	KindUnspecified Kind = iota
	KindInternal
	KindServer
	KindClient
	KindProducer
	KindConsumer
)

// StatusCode is OTLP's Status.StatusCode. Values beyond StatusError are kept as received.
type StatusCode int32

// The status codes of OTLP.
const (
	StatusUnset StatusCode = iota
	StatusOK
	StatusError
)

// Marks say what admission found or did to a span. They are stored beside it and never
// part of its OTLP form.
type Marks uint8

const (
	// MarkInvalidUTF8: some string of the span, its scope or its resource is not UTF-8.
	// Its bytes are kept; JSON shows U+FFFD in their place.
	MarkInvalidUTF8 Marks = 1 << iota
	// MarkTruncated: a value was longer than the limit and was cut; the attribute
	// "weft.truncated" lists the keys.
	MarkTruncated
)

// Presence says which optional messages were on the wire, where absent and empty differ.
type Presence uint8

// HasStatus is set when the span carried a Status message.
const HasStatus Presence = 1

// Range is the half-open interval [From, To) of an arena of the Batch.
type Range struct{ From, To uint32 }

// Len is the number of elements of r.
func (r Range) Len() int { return int(r.To - r.From) }

// Span is one timed operation. Attrs, Events and Links are ranges of the Batch's arenas.
type Span struct {
	TraceID  TraceID
	SpanID   SpanID
	Parent   SpanID // zero: none
	Start    int64  // Unix nanoseconds, 0 to MaxInt64 (the year 2262)
	End      int64  // Unix nanoseconds; may be before Start if the sender says so, 0: not ended
	Scope    uint32 // index into Batch.Scopes
	Kind     Kind
	Status   StatusCode
	Flags    uint32 // W3C trace flags in the low 8 bits, OTLP's is-remote bits above
	Marks    Marks
	Presence Presence

	Name          string
	TraceState    string
	StatusMessage string
	Attrs         Range // of Batch.Attrs
	Events        Range // of Batch.Events
	Links         Range // of Batch.Links
	DroppedAttrs  uint32
	DroppedEvents uint32
	DroppedLinks  uint32
	Unknown       string // raw protobuf fields of the Span message without a place above
	StatusUnknown string // the same of its Status message
}

// Duration is End-Start in nanoseconds, 0 for a span that has not ended or ends before
// it starts.
func (s *Span) Duration() int64 {
	if s.End <= s.Start {
		return 0
	}
	return s.End - s.Start
}

// Event is a time-stamped note on a span.
type Event struct {
	Time    int64 // Unix nanoseconds
	Name    string
	Attrs   Range
	Dropped uint32 // attributes dropped by the sender
	Unknown string
}

// Link points from a span to another span, usually of another trace.
type Link struct {
	TraceID    TraceID
	SpanID     SpanID
	Flags      uint32
	TraceState string
	Attrs      Range
	Dropped    uint32
	Unknown    string
}

// Resource is what produced spans: a process, with its attributes. One Resource stands
// for one ResourceSpans message.
type Resource struct {
	Attrs        Range
	Dropped      uint32
	SchemaURL    string // of ResourceSpans
	Present      bool   // the Resource message was on the wire
	Unknown      string // raw fields of the Resource message
	GroupUnknown string // raw fields of the ResourceSpans message
}

// Scope is the instrumentation scope of spans, inside a Resource. One Scope stands for
// one ScopeSpans message.
type Scope struct {
	Resource     uint32 // index into Batch.Resources
	Name         string
	Version      string
	Attrs        Range
	Dropped      uint32
	SchemaURL    string // of ScopeSpans
	Present      bool   // the InstrumentationScope message was on the wire
	Unknown      string // raw fields of the InstrumentationScope message
	GroupUnknown string // raw fields of the ScopeSpans message
}
