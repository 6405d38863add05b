package query

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// ErrBadPage: the page token is damaged or belongs to another query.
var ErrBadPage = errors.New("the page token does not belong to this query")

// A page token holds what fixes the next page: where the last one ended, and the window,
// so that "the last hour" is the same hour on every page. It ends with a checksum of all
// that and the query.
//
//	version 1, order, start 8, end 8, key 8, trace id 16, checksum 8
const (
	tokenVersion = 1
	tokenSize    = 2 + 3*8 + 16 + 8
)

func encodeToken(q *store.Query, canonical string, last store.Cursor) string {
	b := make([]byte, 0, tokenSize)
	b = append(b, tokenVersion, byte(q.Order))
	b = binary.BigEndian.AppendUint64(b, uint64(q.Start))
	b = binary.BigEndian.AppendUint64(b, uint64(q.End))
	b = binary.BigEndian.AppendUint64(b, uint64(last.Key))
	b = append(b, last.TraceID[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, tokenSum(b, canonical)...))
}

// decodeToken puts the window and the cursor of a token into q.
func decodeToken(token, canonical string, q *store.Query) error {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != tokenSize || b[0] != tokenVersion || store.Order(b[1]) != q.Order {
		return ErrBadPage
	}
	body := b[:tokenSize-8]
	if string(tokenSum(body, canonical)) != string(b[tokenSize-8:]) {
		return ErrBadPage
	}
	q.Start, q.End = int64(binary.BigEndian.Uint64(b[2:])), int64(binary.BigEndian.Uint64(b[10:]))
	q.After = &store.Cursor{Key: int64(binary.BigEndian.Uint64(b[18:])), TraceID: span.TraceID(b[26:42])}
	return nil
}

func tokenSum(body []byte, canonical string) []byte {
	h := sha256.New()
	h.Write(body)
	h.Write([]byte(canonical))
	return h.Sum(nil)[:8]
}
