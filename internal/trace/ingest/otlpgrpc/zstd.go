package otlpgrpc

import (
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zstdCompressor is zstd for gRPC, the name the OpenTelemetry collector uses.
type zstdCompressor struct {
	writers sync.Pool // *zstd.Encoder
	readers sync.Pool // *zstd.Decoder
}

// maxWindow bounds the memory that a message can ask for.
const maxWindow = 8 << 20

func (c *zstdCompressor) Name() string { return "zstd" }

func (c *zstdCompressor) Compress(w io.Writer) (io.WriteCloser, error) {
	if z, ok := c.writers.Get().(*zstd.Encoder); ok {
		z.Reset(w)
		return &zstdWriter{z, c}, nil
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(512<<10))
	if err != nil {
		return nil, err
	}
	return &zstdWriter{z, c}, nil
}

type zstdWriter struct {
	*zstd.Encoder
	c *zstdCompressor
}

func (w *zstdWriter) Close() error {
	err := w.Encoder.Close()
	w.Reset(nil)
	w.c.writers.Put(w.Encoder)
	return err
}

func (c *zstdCompressor) Decompress(r io.Reader) (io.Reader, error) {
	if z, ok := c.readers.Get().(*zstd.Decoder); ok {
		if err := z.Reset(r); err != nil {
			return nil, err
		}
		return &zstdReader{z, c}, nil
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return &zstdReader{z, c}, nil
}

// zstdReader gives its decoder back when gRPC has done with the message.
type zstdReader struct {
	z *zstd.Decoder
	c *zstdCompressor
}

func (r *zstdReader) Read(p []byte) (int, error) { return r.z.Read(p) }

func (r *zstdReader) Close() error {
	err := r.z.Reset(nil)
	if err == nil {
		r.c.readers.Put(r.z)
	}
	return err
}
