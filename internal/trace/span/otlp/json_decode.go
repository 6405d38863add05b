package otlp

import (
	"encoding/binary"
	"fmt"

	"github.com/weft-dev/weft/internal/trace/span"
)

// DecodeJSON reads the JSON of an ExportTraceServiceRequest or TracesData: TranscodeJSON,
// then Decode. buf is not kept.
func DecodeJSON(buf []byte, lim Limits) (*span.Batch, Rejected, error) {
	pb, rej, err := TranscodeJSON(nil, buf, lim)
	if err != nil {
		return nil, Rejected{}, err
	}
	b, more, err := Decode(pb, lim)
	if err != nil {
		return nil, Rejected{}, err
	}
	rej.add(more)
	return b, rej, nil
}

// TranscodeJSON appends the protobuf form of a JSON request to dst, so that JSON and
// protobuf share one path from there on, the log included. Keys are taken in lowerCamelCase
// and snake_case, 64-bit integers quoted or not, enums by number or name; unknown keys are
// ignored. A span with a value that does not fit its field (an id that is not hex, a kind
// of an unknown name) is left out and counted; elsewhere that is a *SyntaxError, as damaged
// JSON is. Its offset is the one in buf. Decode checks the rest.
func TranscodeJSON(dst, buf []byte, lim Limits) ([]byte, Rejected, error) {
	// Half the size of the text is about what its protobuf takes.
	if dst == nil {
		dst = make([]byte, 0, len(buf)/2)
	}
	t := transcoder{scanner: scanner{s: alias(buf)}, dst: dst, levels: lim.withDefaults().Depth}
	err := t.object(func(key string) *SyntaxError {
		switch key {
		case "resourceSpans", "resource_spans":
			return t.messages(1, widthGroup, t.resourceSpans)
		}
		return t.skip()
	})
	if err == nil {
		err = t.end()
	}
	if err != nil {
		return nil, Rejected{}, err
	}
	return t.dst, t.rej, nil
}

// transcoder turns JSON into protobuf as it reads it. Each method reads the value of one
// message and appends its fields.
type transcoder struct {
	scanner
	dst    []byte
	rej    Rejected
	levels int // containers that Decode will look into
}

// message appends a field with a message that content reads.
func (t *transcoder) message(field uint32, width int, content func() *SyntaxError) *SyntaxError {
	var at int
	t.dst, at = open(t.dst, field, width)
	err := content()
	t.dst = seal(t.dst, at, width)
	return err
}

// messages is message for the elements of an array.
func (t *transcoder) messages(field uint32, width int, content func() *SyntaxError) *SyntaxError {
	return t.array(func() *SyntaxError { return t.message(field, width, content) })
}

func (t *transcoder) resourceSpans() *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "resource":
			return t.message(1, widthSpan, t.resource)
		case "scopeSpans", "scope_spans":
			return t.messages(2, widthGroup, t.scopeSpans)
		case "schemaUrl", "schema_url":
			return t.textField(3)
		}
		return t.skip()
	})
}

func (t *transcoder) resource() *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "attributes":
			return t.messages(1, widthSmall, t.attr)
		case "droppedAttributesCount", "dropped_attributes_count":
			return t.countField(2)
		}
		return t.skip()
	})
}

func (t *transcoder) scopeSpans() *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "scope":
			return t.message(1, widthSmall, t.scope)
		case "spans":
			return t.array(t.spanOrReject)
		case "schemaUrl", "schema_url":
			return t.textField(3)
		}
		return t.skip()
	})
}

func (t *transcoder) scope() *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "name":
			return t.textField(1)
		case "version":
			return t.textField(2)
		case "attributes":
			return t.messages(3, widthSmall, t.attr)
		case "droppedAttributesCount", "dropped_attributes_count":
			return t.countField(4)
		}
		return t.skip()
	})
}

// spanOrReject reads a span; if a value in it does not fit its field, the span is taken
// back and passed over.
func (t *transcoder) spanOrReject() *SyntaxError {
	t.peek()
	size, pos, depth := len(t.dst), t.pos, t.depth
	err := t.message(2, widthSpan, t.span)
	if err == nil || !err.soft {
		return err
	}
	t.dst, t.pos, t.depth = t.dst[:size], pos, depth
	t.rej.Reject(fmt.Sprintf("%s: %s", err.Path, err.Reason))
	return t.skip()
}

var (
	kindNames = []string{
		"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
		"SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER",
	}
	statusNames = []string{"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"}
)

func (t *transcoder) span() *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "traceId", "trace_id":
			return t.idField(1)
		case "spanId", "span_id":
			return t.idField(2)
		case "traceState", "trace_state":
			return t.textField(3)
		case "parentSpanId", "parent_span_id":
			return t.idField(4)
		case "name":
			return t.textField(5)
		case "kind":
			return t.enumField(6, kindNames)
		case "startTimeUnixNano", "start_time_unix_nano":
			return t.timeField(7)
		case "endTimeUnixNano", "end_time_unix_nano":
			return t.timeField(8)
		case "attributes":
			return t.messages(9, widthSmall, t.attr)
		case "droppedAttributesCount", "dropped_attributes_count":
			return t.countField(10)
		case "events":
			return t.messages(11, widthSmall, t.event)
		case "droppedEventsCount", "dropped_events_count":
			return t.countField(12)
		case "links":
			return t.messages(13, widthSmall, t.link)
		case "droppedLinksCount", "dropped_links_count":
			return t.countField(14)
		case "status":
			return t.message(15, widthSmall, t.status)
		case "flags":
			return t.flagsField(16)
		}
		return t.skip()
	})
}

func (t *transcoder) status() *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "message":
			return t.textField(2)
		case "code":
			return t.enumField(3, statusNames)
		}
		return t.skip()
	})
}

func (t *transcoder) event() *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "timeUnixNano", "time_unix_nano":
			return t.timeField(1)
		case "name":
			return t.textField(2)
		case "attributes":
			return t.messages(3, widthSmall, t.attr)
		case "droppedAttributesCount", "dropped_attributes_count":
			return t.countField(4)
		}
		return t.skip()
	})
}

func (t *transcoder) link() *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "traceId", "trace_id":
			return t.idField(1)
		case "spanId", "span_id":
			return t.idField(2)
		case "traceState", "trace_state":
			return t.textField(3)
		case "attributes":
			return t.messages(4, widthSmall, t.attr)
		case "droppedAttributesCount", "dropped_attributes_count":
			return t.countField(5)
		case "flags":
			return t.flagsField(6)
		}
		return t.skip()
	})
}

func (t *transcoder) attr() *SyntaxError { return t.entry(t.levels) }

// entry reads a KeyValue, in whose value levels more containers may lie.
func (t *transcoder) entry(levels int) *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "key":
			// An empty key is left out, as protobuf's encoders do: the encoding of a nested
			// entry is compared as it is.
			s, err := t.text()
			t.dst = appendText(t.dst, 1, s)
			return err
		case "value":
			return t.message(2, widthSmall, func() *SyntaxError { return t.value(levels) })
		}
		return t.skip()
	})
}

// value reads an AnyValue. What lies deeper than Decode looks is passed over here: it
// would be cut anyhow, and every level costs a move of all that is inside.
func (t *transcoder) value(levels int) *SyntaxError {
	return t.object(func(key string) *SyntaxError {
		switch key {
		case "stringValue", "string_value":
			s, err := t.text()
			t.dst = appendBytes(t.dst, 1, s)
			return err
		case "boolValue", "bool_value":
			v, err := t.boolean()
			t.dst = appendAlternative(t.dst, span.Bool(v))
			return err
		case "intValue", "int_value":
			v, err := t.int64()
			t.dst = appendAlternative(t.dst, span.Int(v))
			return err
		case "doubleValue", "double_value":
			v, err := t.double()
			t.dst = appendAlternative(t.dst, span.Double(v))
			return err
		case "bytesValue", "bytes_value":
			s, err := t.base64()
			t.dst = appendBytes(t.dst, 7, s)
			return err
		case "arrayValue", "array_value":
			return t.container(5, levels, t.value)
		case "kvlistValue", "kvlist_value":
			return t.container(6, levels, t.entry)
		}
		return t.skip()
	})
}

func (t *transcoder) container(field uint32, levels int, element func(levels int) *SyntaxError) *SyntaxError {
	return t.message(field, widthSmall, func() *SyntaxError {
		return t.object(func(key string) *SyntaxError {
			if key != "values" || levels <= 0 {
				return t.skip()
			}
			return t.messages(1, widthSmall, func() *SyntaxError { return element(levels - 1) })
		})
	})
}

func (t *transcoder) textField(field uint32) *SyntaxError {
	s, err := t.text()
	t.dst = appendBytes(t.dst, field, s)
	return err
}

func (t *transcoder) idField(field uint32) *SyntaxError {
	id, err := t.hex()
	t.dst = appendBytes(t.dst, field, id)
	return err
}

func (t *transcoder) countField(field uint32) *SyntaxError {
	v, err := t.uint32()
	t.dst = binary.AppendUvarint(appendTag(t.dst, field, wireVarint), uint64(v))
	return err
}

func (t *transcoder) flagsField(field uint32) *SyntaxError {
	v, err := t.uint32()
	t.dst = binary.LittleEndian.AppendUint32(appendTag(t.dst, field, wireI32), v)
	return err
}

func (t *transcoder) enumField(field uint32, names []string) *SyntaxError {
	v, err := t.enum(names)
	t.dst = binary.AppendUvarint(appendTag(t.dst, field, wireVarint), uint64(v))
	return err
}

func (t *transcoder) timeField(field uint32) *SyntaxError {
	v, err := t.uint64()
	t.dst = binary.LittleEndian.AppendUint64(appendTag(t.dst, field, wireI64), v)
	return err
}
