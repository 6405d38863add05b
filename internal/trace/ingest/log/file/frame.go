package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

const (
	frameHead  = 64
	maxTenant  = 1 << 10
	maxPayload = 1 << 30
)

// marker starts every frame, so that one can be found behind damage.
const marker = "\xf5WR\xd7"

// appendFrame writes the frame of r, without what only the committer knows: position,
// index and the checksum of the head. hash is the xxh3 of the payload.
func appendFrame(dst []byte, r *log.Record, hash uint64) []byte {
	dst = append(dst, marker...)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(r.Tenant)))
	dst = binary.LittleEndian.AppendUint16(dst, 0)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.Payload)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Arrival.UnixNano()))
	dst = append(dst, r.Digest[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, hash)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = append(dst, r.Tenant...)
	return append(dst, r.Payload...)
}

// sealFrames completes the n frames that fill b, of a commit that starts at first.
func sealFrames(b []byte, salt uint64, first log.Position, n int) {
	for i := range n {
		binary.LittleEndian.PutUint64(b[8:], uint64(first)+uint64(i))
		binary.LittleEndian.PutUint32(b[16:], uint32(i))
		binary.LittleEndian.PutUint64(b[56:], headHash(b, salt))
		b = b[frameHead+int(binary.LittleEndian.Uint16(b[4:]))+int(binary.LittleEndian.Uint32(b[20:])):]
	}
}

// headHash is the checksum over the head of the frame b, without the checksum itself, and
// the tenant behind it.
func headHash(b []byte, salt uint64) uint64 {
	n := int(binary.LittleEndian.Uint16(b[4:]))
	tenant := xxh3.HashSeed(b[frameHead:frameHead+n], salt)
	return xxh3.HashSeed(b[:56], salt^tenant)
}

// frame is a decoded frame. Its record's payload aliases the bytes it was read from.
type frame struct {
	log.Record
	index uint32
	bytes int // of the whole frame
}

// commit is the position of the first record of the frame's commit.
func (f *frame) commit() log.Position { return f.Pos - log.Position(f.index) }

// errShort asks for more bytes; the frame may be whole in them.
var errShort = errors.New("frame is cut off")

// frameLen is the length of the frame that starts at b, as its head says, or errShort if
// b has less than a head. The head is not verified yet.
func frameLen(b []byte) (int, error) {
	if len(b) < frameHead {
		return 0, errShort
	}
	if string(b[:4]) != marker {
		return 0, errors.New("no record where one should begin")
	}
	tenant := int(binary.LittleEndian.Uint16(b[4:]))
	payload := int(binary.LittleEndian.Uint32(b[20:]))
	if tenant > maxTenant || payload > maxPayload {
		return 0, errors.New("impossible length of a record")
	}
	return frameHead + tenant + payload, nil
}

// checkHead verifies the head and tenant of the frame at b.
func checkHead(b []byte, salt uint64) error {
	if _, err := frameLen(b); err != nil {
		return err
	}
	if len(b) < frameHead+int(binary.LittleEndian.Uint16(b[4:])) {
		return errShort
	}
	if binary.LittleEndian.Uint64(b[56:]) != headHash(b, salt) {
		return errors.New("checksum of a record's head does not match")
	}
	return nil
}

// parseFrame decodes the frame that starts at b, or says why not; errShort if more bytes
// could make it whole.
func parseFrame(b []byte, salt uint64) (frame, error) {
	if err := checkHead(b, salt); err != nil {
		return frame{}, err
	}
	n, err := frameLen(b)
	if err != nil {
		return frame{}, err
	}
	pos := binary.LittleEndian.Uint64(b[8:])
	index := binary.LittleEndian.Uint32(b[16:])
	if b[6] != 0 || b[7] != 0 || pos == 0 || uint64(index) >= pos || pos == math.MaxUint64 {
		return frame{}, errors.New("impossible head of a record")
	}
	if len(b) < n {
		return frame{}, errShort
	}
	tenant := int(binary.LittleEndian.Uint16(b[4:]))
	payload := b[frameHead+tenant : n : n]
	if xxh3.Hash(payload) != binary.LittleEndian.Uint64(b[48:]) {
		return frame{}, errors.New("checksum of a record's payload does not match")
	}
	f := frame{index: index, bytes: n, Record: log.Record{
		Pos:     log.Position(pos),
		Tenant:  string(b[frameHead : frameHead+tenant]),
		Arrival: time.Unix(0, int64(binary.LittleEndian.Uint64(b[24:]))),
		Payload: payload,
	}}
	copy(f.Digest[:], b[32:48])
	return f, nil
}

const (
	headerLen     = 32
	headerMagic   = "weftlog\n"
	formatVersion = 1
)

func appendHeader(dst []byte, salt uint64, first log.Position) []byte {
	at := len(dst)
	dst = append(dst, headerMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, formatVersion)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(first))
	return binary.LittleEndian.AppendUint64(dst, xxh3.HashSeed(dst[at:], salt))
}

// VersionError says that a segment was written by a newer Weft.
type VersionError struct {
	File    string
	Version uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("open ingest log %s: its format is version %d, this Weft reads up to version %d",
		e.File, e.Version, formatVersion)
}

// parseHeader reads the first position of a segment.
func parseHeader(b []byte, salt uint64, name string) (log.Position, error) {
	if len(b) < headerLen {
		return 0, errShort
	}
	if !bytes.HasPrefix(b, []byte(headerMagic)) || binary.LittleEndian.Uint64(b[24:]) != xxh3.HashSeed(b[:24], salt) {
		return 0, errors.New("checksum of the header does not match")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return 0, &VersionError{File: name, Version: v}
	}
	return log.Position(binary.LittleEndian.Uint64(b[16:])), nil
}
