package api

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// A page token carries what must not change between pages: the window, the order, and
// where the page before ended. A checksum of the query tells a token of another search.
//
//	version, order, start, end, key, trace id, checksum of the query and all before it
const (
	pageVersion = 1
	pageBytes   = 1 + 1 + 8 + 8 + 8 + 16 + 4
)

func encodePage(w store.Window, query string, order store.Order, at store.Cursor) string {
	b := make([]byte, 0, pageBytes)
	b = append(b, pageVersion, byte(order))
	b = binary.BigEndian.AppendUint64(b, uint64(w.Start))
	b = binary.BigEndian.AppendUint64(b, uint64(w.End))
	b = binary.BigEndian.AppendUint64(b, uint64(at.Key))
	b = append(b, at.TraceID[:]...)
	b = binary.BigEndian.AppendUint32(b, pageSum(b, query))
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodePage(token, query string, order store.Order) (store.Window, *store.Cursor, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != pageBytes || b[0] != pageVersion || base64.RawURLEncoding.EncodeToString(b) != token {
		return store.Window{}, nil, badRequest("page: this is no page token", "give back next_page of the page before")
	}
	body, sum := b[:pageBytes-4], binary.BigEndian.Uint32(b[pageBytes-4:])
	if store.Order(b[1]) != order || sum != pageSum(body, query) {
		return store.Window{}, nil, badRequest("page: this token belongs to another search", "give the same q and order as for the page before")
	}
	w := store.Window{Start: int64(binary.BigEndian.Uint64(b[2:])), End: int64(binary.BigEndian.Uint64(b[10:]))}
	c := &store.Cursor{Key: int64(binary.BigEndian.Uint64(b[18:])), TraceID: span.TraceID(b[26:42])}
	return w, c, nil
}

func pageSum(body []byte, query string) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(body), crc32.IEEETable, []byte(query))
}
