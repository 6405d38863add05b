package otlpgrpc

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/weft-dev/weft/internal/trace/ingest"
)

// frame is a message as the bytes it has on the wire.
type frame struct{ bytes []byte }

// codec hands frames through and leaves all else to protobuf.
type codec struct {
	encoding.CodecV2
	pipeline *ingest.Pipeline
}

func newCodec(p *ingest.Pipeline) codec { return codec{encoding.GetCodecV2(proto.Name), p} }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		return mem.BufferSlice{mem.SliceBuffer(f.bytes)}, nil
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal copies a frame once, because gRPC takes its buffers back.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if f, ok := v.(*frame); ok {
		n := data.Len()
		f.bytes = c.pipeline.Buffer(nil, int64(n))[:n]
		data.CopyTo(f.bytes)
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}
