package clickhouse

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
)

// rowReader reads an answer in RowBinary, field by field. After the first error all fields
// are zero; next says whether there is another row.
type rowReader struct {
	body io.ReadCloser
	r    *bufio.Reader
	n    int64 // bytes read
	err  error
}

// next reports whether a row follows. It must be called between rows, and only there.
func (r *rowReader) next() bool {
	if r.err != nil {
		return false
	}
	_, err := r.r.Peek(1)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return err == nil
}

func (r *rowReader) full(b []byte) {
	if r.err != nil {
		return
	}
	n, err := io.ReadFull(r.r, b)
	r.n += int64(n)
	if err != nil {
		clear(b)
		r.err = fmt.Errorf("read rows: %w", noEOF(err))
	}
}

func (r *rowReader) uint64() uint64 {
	var b [8]byte
	r.full(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

func (r *rowReader) int64() int64 { return int64(r.uint64()) }

func (r *rowReader) int32() int32 {
	var b [4]byte
	r.full(b[:])
	return int32(binary.LittleEndian.Uint32(b[:]))
}

func (r *rowReader) uint8() uint8 {
	var b [1]byte
	r.full(b[:])
	return b[0]
}

func (r *rowReader) traceID() (id span.TraceID) {
	r.full(id[:])
	return id
}

// appendString appends a String to dst.
func (r *rowReader) appendString(dst []byte) []byte {
	if r.err != nil {
		return dst
	}
	size, err := binary.ReadUvarint(r.r)
	if err != nil {
		r.err = fmt.Errorf("read rows: %w", noEOF(err))
		return dst
	}
	at := len(dst)
	// Grown as bytes come, not by what a length claims.
	for left := size; left > 0 && r.err == nil; {
		n := min(left, 1<<20)
		dst = append(dst, make([]byte, n)...)
		r.full(dst[len(dst)-int(n):])
		left -= n
	}
	if r.err != nil {
		return dst[:at]
	}
	return dst
}

func (r *rowReader) string() string { return string(r.appendString(nil)) }

// close ends the answer, read or not, and tells its first error.
func (r *rowReader) close() error {
	if err := r.body.Close(); r.err == nil && err != nil {
		r.err = err
	}
	return r.err
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func appendUint64(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

func appendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// quote is s as a literal of SQL.
func quote[T ~string | ~[]byte](s T) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\'' || c == '\\' {
			return "unhex('" + hex.EncodeToString([]byte(s)) + "')"
		}
	}
	return "'" + string(s) + "'"
}

// quoteID is an id as a literal of SQL, of the column's type, so that indexes are used.
func quoteID(id []byte) string {
	return "toFixedString(unhex('" + hex.EncodeToString(id) + "'), " + strconv.Itoa(len(id)) + ")"
}

func quoteIDs(ids []span.TraceID) string {
	list := make([]string, len(ids))
	for i := range ids {
		list[i] = quoteID(ids[i][:])
	}
	return "(" + strings.Join(list, ", ") + ")"
}
