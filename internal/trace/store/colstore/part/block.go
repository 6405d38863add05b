package part

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/store"
)

// blockRef says where a block lies and what its bytes must hash to. What refers to a block
// holds its hash, up to the trailer of the file, so that every byte is covered.
type blockRef struct {
	off    int64
	stored int64  // bytes in the file
	raw    int64  // bytes after decompression; 0: stored as it is
	sum    uint64 // xxh3 of the stored bytes
}

func (b blockRef) isZero() bool { return b == blockRef{} }

func (b blockRef) append(dst []byte) []byte {
	dst = appendUvarint(dst, b.off)
	dst = appendUvarint(dst, b.stored)
	dst = appendUvarint(dst, b.raw)
	return binary.LittleEndian.AppendUint64(dst, b.sum)
}

func readBlockRef(r *reader) blockRef {
	return blockRef{
		off: int64(r.upTo(maxFile)), stored: int64(r.upTo(maxBlock)), raw: int64(r.upTo(maxBlock)), sum: r.fixed64(),
	}
}

const (
	maxFile  = 1 << 50
	maxBlock = 1 << 31 // of one block or column, before and after compression
	// minZstd is the size below which compression is not tried: a frame costs 10 bytes.
	minZstd = 24
	// Above freeRaw bytes a block is compressed by a factor of maxRatio at most, so that a
	// reader can tell a large block from a bomb.
	freeRaw  = 32 << 20
	maxRatio = 256
)

// compressor wraps the encoder of one writer.
type compressor struct{ enc *zstd.Encoder }

// zstdWindow is more than nearly any block has. The library's own, 8 MB, takes twice that of
// memory.
const zstdWindow = 1 << 20

func newCompressor(level int) (*compressor, error) {
	if level < 1 || level > int(zstd.SpeedBestCompression) {
		return nil, fmt.Errorf("zstd level %d is not in 1 to %d", level, int(zstd.SpeedBestCompression))
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevel(level)),
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	return &compressor{enc}, nil
}

// compress appends b to dst compressed; false, and dst as it was, if that saves too little.
func (c *compressor) compress(dst, b []byte) ([]byte, bool) {
	if len(b) < minZstd {
		return dst, false
	}
	at := len(dst)
	dst = c.enc.EncodeAll(b, dst)
	if n := len(dst) - at; n > len(b)-len(b)/32-2 || !plausible(n, len(b)) {
		return dst[:at], false
	}
	return dst, true
}

// plausible reports whether a writer may have compressed raw bytes to that many.
func plausible(stored, raw int) bool { return raw <= freeRaw || raw/maxRatio <= stored }

// newDecoder makes the decoder that all parts of a store share. Its DecodeAll is safe for
// concurrent use and writes no further than the capacity it is given.
func newDecoder() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxBlock))
	if err != nil {
		panic("part: options of the zstd decoder: " + err.Error()) // they are constants
	}
	return d
}

// decompress undoes compress. raw is what the file claims; memory grows with what really
// comes out, so that a wrong claim costs nothing.
func decompress(d *zstd.Decoder, m *buffers, b []byte, raw int) ([]byte, error) {
	if !plausible(len(b), raw) {
		return nil, fmt.Errorf("%d bytes claim to be %d", len(b), raw)
	}
	size := min(raw, max(64<<10, 64*len(b)))
	for {
		out, err := d.DecodeAll(b, m.take(size)[:0])
		switch {
		case err == nil && len(out) == raw:
			return out, nil
		case err == nil:
			return nil, fmt.Errorf("block has %d bytes instead of %d", len(out), raw)
		case size < raw && errors.Is(err, zstd.ErrDecoderSizeExceeded):
			size = min(raw, 8*size)
		default:
			return nil, err
		}
	}
}

// file is the open file of a part.
type file struct {
	vfs.File
	name string
	size int64
	// unchecked lets damage through to the decoders, for tests that are about them.
	unchecked bool
}

func (f *file) corrupt(off int64, reason string) *store.CorruptError {
	return &store.CorruptError{File: f.name, Offset: off, Reason: reason}
}

// read is n bytes at off.
func (f *file) read(m *buffers, off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || n > f.size-off {
		return nil, f.corrupt(off, "block lies outside the file")
	}
	b := m.take(int(n))
	if got, err := f.ReadAt(b, off); int64(got) < n {
		if errors.Is(err, io.EOF) {
			return nil, f.corrupt(off, "file ends inside a block")
		}
		return nil, fmt.Errorf("read %s at offset %d: %w", f.name, off, err)
	}
	return b, nil
}

// block reads, checks and decompresses a block.
func (f *file) block(d *zstd.Decoder, ref blockRef) ([]byte, error) {
	b, err := f.read(nil, ref.off, ref.stored)
	if err != nil {
		return nil, err
	}
	if xxh3.Hash(b) != ref.sum && !f.unchecked {
		return nil, f.corrupt(ref.off, "checksum mismatch")
	}
	if ref.raw == 0 {
		return b, nil
	}
	if b, err = decompress(d, nil, b, int(ref.raw)); err != nil {
		return nil, f.corrupt(ref.off, "zstd: "+err.Error())
	}
	return b, nil
}
