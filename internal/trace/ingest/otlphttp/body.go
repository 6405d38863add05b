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
	b, err := h.room(nil, size, mem)
	if err != nil {
		return nil, err
	}
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > h.limit {
			return nil, h.tooLarge()
		}
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, h.bodyRefusal(err)
		}
		if len(b) == cap(b) {
			if b, err = h.room(b, min(2*int64(cap(b)), most), mem); err != nil {
				return nil, err
			}
		}
	}
}

// room is b with room for n bytes, and the reservation with it.
func (h *Handler) room(b []byte, n int64, mem *ingest.Reservation) ([]byte, error) {
	old := int64(cap(b))
	if err := mem.Grow(n); err != nil {
		return nil, err
	}
	b = h.cfg.Pipeline.Buffer(b, n)
	err := mem.Grow(int64(cap(b)) - n)
	mem.Shrink(old)
	return b, err
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
