package otlp

import (
	"math"
	"slices"
)

// Limits bound what one span may hold. A zero field takes its default; nothing here can
// be switched off by a negative value, use NoLimits for that.
type Limits struct {
	// AttrsPerSpan is the number of attributes kept of a span; those behind are dropped and
	// counted in DroppedAttrs. Default 1,024: eight times OpenTelemetry's own default.
	AttrsPerSpan int
	// AttrsPerResource is the same for a resource and for a scope. Default 1,024.
	AttrsPerResource int
	// AttrsPerEvent is the same for an event and for a link. Default 256.
	AttrsPerEvent int
	// EventsPerSpan is the number of events kept of a span. Default 4,096.
	EventsPerSpan int
	// LinksPerSpan is the number of links kept of a span. Default 4,096.
	LinksPerSpan int
	// AttrKeyBytes is the length at which a key is cut. Default 1 KiB.
	AttrKeyBytes int
	// AttrValueBytes is the length at which the text, bytes or encoding of a value is cut,
	// and a status message, trace state, schema URL, scope name or scope version as well.
	// Default 64 KiB: room for a stack trace or a statement, not for a payload.
	AttrValueBytes int
	// NameBytes is the length at which the name of a span or event is cut. Default 4 KiB.
	NameBytes int
	// Depth is how many arrays and maps may lie inside each other; what is deeper becomes
	// an empty value. Default 64.
	Depth int
	// BatchBytes bounds the memory of the Batch beside the buffer. Two bytes of protobuf can
	// be an attribute of 48, so the size of the body alone does not. Default 256 MiB; a
	// request over it fails with ErrTooLarge before anything is allocated.
	BatchBytes int
}

// maxDepth bounds recursion even without limits; protobuf's own decoders use the same.
const maxDepth = 10_000

// NoLimits is for input that was admitted before, such as a replayed log.
func NoLimits() Limits {
	return Limits{
		AttrsPerSpan: math.MaxInt, AttrsPerResource: math.MaxInt, AttrsPerEvent: math.MaxInt,
		EventsPerSpan: math.MaxInt, LinksPerSpan: math.MaxInt,
		AttrKeyBytes: math.MaxInt, AttrValueBytes: math.MaxInt, NameBytes: math.MaxInt,
		Depth: maxDepth, BatchBytes: math.MaxInt,
	}
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&l.AttrsPerSpan, 1024)
	set(&l.AttrsPerResource, 1024)
	set(&l.AttrsPerEvent, 256)
	set(&l.EventsPerSpan, 4096)
	set(&l.LinksPerSpan, 4096)
	set(&l.AttrKeyBytes, 1<<10)
	set(&l.AttrValueBytes, 64<<10)
	set(&l.NameBytes, 4<<10)
	set(&l.Depth, 64)
	set(&l.BatchBytes, 256<<20)
	l.Depth = min(l.Depth, maxDepth)
	return l
}

// TruncatedKey is the attribute that lists, as an array of strings, the keys whose values
// (or the fields that) were cut. It lies last among the attributes of the span, event,
// link, resource or scope it speaks of, and does not count against their limit.
const TruncatedKey = "weft.truncated"

// Rejected says what of a request is not in its Batch.
type Rejected struct {
	// Spans is the number left out, Reasons the first few different reasons; together they
	// are OTLP's partial success.
	Spans   int
	Reasons []string
	// Truncated counts values, keys and names that were cut; the others count what limits
	// dropped. All of it can be seen in the Batch too.
	Truncated, DroppedAttrs, DroppedEvents, DroppedLinks int
}

// maxReasons keeps a response with thousands of bad spans short.
const maxReasons = 5

// Altered reports whether the Batch differs from the request. If so, its encoding, and not
// the bytes received, is what has to be logged.
func (r *Rejected) Altered() bool {
	return r.Spans+r.Truncated+r.DroppedAttrs+r.DroppedEvents+r.DroppedLinks > 0
}

// Reject counts a span that is left out.
func (r *Rejected) Reject(reason string) {
	r.Spans++
	if len(r.Reasons) < maxReasons && !slices.Contains(r.Reasons, reason) {
		r.Reasons = append(r.Reasons, reason)
	}
}

func (r *Rejected) add(o Rejected) {
	spans := r.Spans + o.Spans
	for _, reason := range o.Reasons {
		r.Reject(reason)
	}
	r.Spans = spans
	r.Truncated += o.Truncated
	r.DroppedAttrs += o.DroppedAttrs
	r.DroppedEvents += o.DroppedEvents
	r.DroppedLinks += o.DroppedLinks
}
