package jaeger

import (
	"fmt"
	"slices"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

type tracesData = tracepb.TracesData

const (
	// chunkSpans and chunkBytes size the messages of a stream; gRPC clients take 4 MB
	// unless they are told otherwise.
	chunkSpans = 1000
	chunkBytes = 2 << 20
)

// sendTrace sends a trace in chunks, each a TracesData of its own. Our encoder has the
// bytes already: a message without fields carries them as they are, past the generated
// types.
func sendTrace(stream grpc.ServerStream, b *span.Batch) error {
	b, err := validUTF8(b)
	if err != nil {
		return err
	}
	return eachChunk(b, 0, len(b.Spans), func(data []byte) error {
		m := &emptypb.Empty{}
		m.ProtoReflect().SetUnknown(data)
		return stream.SendMsg(m)
	})
}

// validUTF8 is b with U+FFFD for bytes that are not UTF-8: a protobuf client refuses the
// whole message otherwise. JSON does that to all text, nested values included.
func validUTF8(b *span.Batch) (*span.Batch, error) {
	if !slices.ContainsFunc(b.Spans, func(s span.Span) bool { return s.Marks&span.MarkInvalidUTF8 != 0 }) {
		return b, nil
	}
	clean, _, err := otlp.DecodeJSON(otlp.AppendJSON(nil, b), otlp.NoLimits())
	if err != nil {
		return nil, fmt.Errorf("clean text of trace %s: %w", b.Spans[0].TraceID, err)
	}
	return clean, nil
}

// eachChunk encodes spans from to to of b, and halves what is too large. A single span
// goes as it is.
func eachChunk(b *span.Batch, from, to int, send func([]byte) error) error {
	for at := from; at < to; at += chunkSpans {
		end := min(at+chunkSpans, to)
		part := b
		if at > 0 || end < len(b.Spans) {
			var w span.Builder
			for i := at; i < end; i++ {
				w.Append(b, i)
			}
			part = w.Batch()
		}
		data := otlp.AppendTracesData(nil, part)
		if len(data) <= chunkBytes || end-at == 1 {
			if err := send(data); err != nil {
				return err
			}
			continue
		}
		middle := at + (end-at)/2
		if err := eachChunk(b, at, middle, send); err != nil {
			return err
		}
		if err := eachChunk(b, middle, end, send); err != nil {
			return err
		}
	}
	return nil
}
