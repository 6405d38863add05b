package otlpgrpc

import (
	"io"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // registers gzip
)

// gRPC keeps its compressors in one registry of the process, which may be written in init
// only.
func init() {
	turns := make(chan struct{}, decompressors)
	encoding.RegisterCompressor(&bounded{encoding.GetCompressor("gzip"), turns})
	encoding.RegisterCompressor(&bounded{&zstdCompressor{}, turns})
}

// decompressors is how many messages are decompressed at once. gRPC decompresses a message
// before anybody can count its bytes, so that a thousand small ones of a gigabyte would
// take a thousand times the limit on messages.
const decompressors = 4

// bounded is a compressor whose messages wait for their turn. By then they have arrived
// whole, so that no slow sender keeps others waiting.
type bounded struct {
	encoding.Compressor
	turns chan struct{}
}

func (c *bounded) Decompress(r io.Reader) (io.Reader, error) {
	c.turns <- struct{}{}
	z, err := c.Compressor.Decompress(r)
	if err != nil {
		<-c.turns
		return nil, err
	}
	return &boundedReader{z, c.turns}, nil
}

// boundedReader is closed by gRPC, once, however the message ends.
type boundedReader struct {
	io.Reader
	turns chan struct{}
}

func (r *boundedReader) Close() error {
	<-r.turns
	if c, ok := r.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
