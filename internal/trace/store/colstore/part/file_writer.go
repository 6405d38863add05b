package part

import (
	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/base/vfs"
)

// writeBuffer is how much is gathered before it is handed to the file system.
const writeBuffer = 256 << 10

// fileWriter writes a part's file from front to end. The first error sticks.
type fileWriter struct {
	f    vfs.File
	zstd *compressor
	buf  []byte
	off  int64 // where the next byte goes
	err  error

	plain bool // nothing is compressed

	header, body, column, zipped []byte // used again for each page
}

func (w *fileWriter) write(b []byte) {
	w.off += int64(len(b))
	w.buf = append(w.buf, b...)
	if len(w.buf) >= writeBuffer {
		w.flush()
	}
}

func (w *fileWriter) flush() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.f.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// block writes a block, compressed if that is wanted and helps.
func (w *fileWriter) block(b []byte, compress bool) blockRef {
	ref := blockRef{off: w.off}
	if compress && !w.plain {
		if zipped, ok := w.zstd.compress(w.zipped[:0], b); ok {
			w.zipped = zipped
			ref.raw = int64(len(b))
			b = zipped
		}
	}
	ref.stored = int64(len(b))
	ref.sum = xxh3.Hash(b)
	w.write(b)
	return ref
}
