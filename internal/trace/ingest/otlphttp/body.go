package otlphttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/weft-dev/weft/internal/trace/ingest"
)

// read is the decompressed body. mem has reserved its memory.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, mem *ingest.Reservation) ([]byte, error) {
	if r.ContentLength > h.limit {
		return nil, h.tooLarge()
	}
	raw := http.MaxBytesReader(w, r.Body, h.limit)
	switch coding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
		return h.readAll(raw, r.ContentLength, mem)
	case "gzip":
		z, err := h.gzip(raw)
		if err != nil {
			return nil, h.bodyRefusal(err)
		}
		defer h.gzips.Put(z)
		return h.readAll(z, -1, mem)
	case "deflate":
		z, err := h.deflate(raw)
		if err != nil {
			return nil, h.bodyRefusal(err)
		}
		defer h.deflates.Put(z)
		return h.readAll(z, -1, mem)
	case "zstd":
		z, err := h.zstd(raw)
		if err != nil {
			return nil, h.bodyRefusal(err)
		}
		defer h.putZstd(z)
		return h.readAll(z, -1, mem)
	default:
		return nil, &ingest.Refusal{
			Reason: ingest.BadEncoding, Detail: "content encoding " + strconv.Quote(coding) + " is not taken",
			Hint: "send gzip, zstd, deflate, or no compression",
		}
	}
}

func (h *Handler) gzip(r io.Reader) (*gzip.Reader, error) {
	if z, ok := h.gzips.Get().(*gzip.Reader); ok {
		return z, z.Reset(r)
	}
	return gzip.NewReader(r)
}

// deflate reads zlib's format (RFC 1950), which is what HTTP means by the word. Bare DEFLATE
// data, which some programs send instead, has no checksum and is refused.
func (h *Handler) deflate(r io.Reader) (io.Reader, error) {
	if z, ok := h.deflates.Get().(zlibReader); ok {
		return z, z.Reset(r, nil)
	}
	return zlib.NewReader(r)
}

// zlibReader is what zlib.NewReader returns.
type zlibReader interface {
	io.Reader
	zlib.Resetter
}

// maxWindow is the largest zstd window taken; level 19 of the command line uses it.
const maxWindow = 8 << 20

func (h *Handler) zstd(r io.Reader) (*zstd.Decoder, error) {
	if z, ok := h.zstds.Get().(*zstd.Decoder); ok {
		return z, z.Reset(r)
	}
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
}

// putZstd keeps a decoder, without the body it has read.
func (h *Handler) putZstd(z *zstd.Decoder) {
	if z.Reset(nil) == nil {
		h.zstds.Put(z)
	}
}

// firstRead is the buffer a body of unknown length starts with.
const firstRead = 64 << 10

// trustedLength is the length that is believed: a body of it gets its buffer at once.
const trustedLength = 256 << 10

// readAll reads to the end, doubling its buffer as bytes arrive. length is what the sender
// says, or -1.
func (h *Handler) readAll(r io.Reader, length int64, mem *ingest.Reservation) ([]byte, error) {
	most := h.limit + 1 // one more than allowed shows that there is more
	if length >= 0 {
		most = length + 1
	}
	size := min(firstRead, most)
	if length >= 0 {
		size = min(trustedLength, most)
	}
	if err := mem.Grow(size); err != nil {
		return nil, err
	}
	b := make([]byte, 0, size)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > h.limit {
			return nil, h.tooLarge()
		}
		if errors.Is(err, io.EOF) {
			return fit(b, mem)
		}
		if err != nil {
			return nil, h.bodyRefusal(err)
		}
		if len(b) == cap(b) {
			old := int64(cap(b))
			size := min(2*old, most)
			if err := mem.Grow(size); err != nil {
				return nil, err
			}
			b = append(make([]byte, 0, size), b...)
			mem.Shrink(old)
		}
	}
}

// fit gives back the free end of a buffer that the store would keep as long as its spans.
func fit(b []byte, mem *ingest.Reservation) ([]byte, error) {
	if cap(b)-len(b) <= len(b)/8 {
		return b, nil
	}
	if err := mem.Grow(int64(len(b))); err != nil {
		return nil, err
	}
	mem.Shrink(int64(cap(b)))
	return append(make([]byte, 0, len(b)), b...), nil
}

func (h *Handler) tooLarge() error {
	return &ingest.Refusal{
		Reason: ingest.TooLarge, Detail: fmt.Sprintf("the request is larger than %d bytes", h.limit),
		Hint: "send smaller batches",
	}
}

// bodyRefusal is the refusal of a body that could not be read.
func (h *Handler) bodyRefusal(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return h.tooLarge()
	}
	detail := "the body does not decompress"
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		detail = "the body is cut off"
	}
	return &ingest.Refusal{
		Reason: ingest.BadBody, Detail: detail, Err: err,
		Hint: "see whether Content-Encoding says how the body is compressed, and whether a proxy changes it",
	}
}
