package file

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/ingest/log/logtest"
)

// TestFormat shows the bytes of a header and of one frame, so that a change of the format
// cannot go unnoticed.
func TestFormat(t *testing.T) {
	f := func(what string, got []byte, want string) {
		t.Helper()
		if hex.EncodeToString(got) != want {
			t.Errorf("%s is\n%x, want\n%s", what, got, want)
		}
	}
	f("header", appendHeader(nil, 7, 3),
		"776566746c6f670a"+"01000000"+"00000000"+"0300000000000000"+"efd01b39f89d54be")
	r := logtest.Record(2)
	r.Payload = []byte("xyz")
	b := appendFrame(nil, &r, xxh3.Hash(r.Payload))
	sealFrames(b, 7, 5, 1)
	f("frame", b, "f55752d7"+"0800"+"0000"+ // marker, tenant, reserved
		"0500000000000000"+"00000000"+"03000000"+ // position, index, payload
		"02002a36fe9c9717"+"64696765737420303030303030303200"+ // arrival, digest
		"1f1f416f65d27662"+"1978ff8c1dd5a427"+ // checksums of payload and head
		"74656e616e742d32"+"78797a") // tenant-2, xyz
}

// FuzzFrame shows that no bytes make the frame reader fail otherwise than with an error,
// and that what it accepts is what the writer writes.
func FuzzFrame(f *testing.F) {
	for i := range 4 {
		r := logtest.Record(i)
		b := appendFrame(nil, &r, xxh3.Hash(r.Payload))
		sealFrames(b, 7, log.Position(i+1), 1)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// Repaired checksums let the fuzzer past them.
		if n, err := frameLen(b); err == nil && n <= len(b) {
			tenant := int(binary.LittleEndian.Uint16(b[4:]))
			binary.LittleEndian.PutUint64(b[48:], xxh3.Hash(b[frameHead+tenant:n]))
			binary.LittleEndian.PutUint64(b[56:], headHash(b, 7))
		}
		fr, err := parseFrame(b, 7)
		if err != nil {
			return
		}
		again := appendFrame(nil, &fr.Record, xxh3.Hash(fr.Payload))
		sealFrames(again, 7, fr.Pos, 1)
		if fr.index == 0 && !bytes.Equal(again, b[:fr.bytes]) {
			t.Errorf("frame %x was read and written as %x", b[:fr.bytes], again)
		}
	})
}

// FuzzSegment shows that a log with a file of any content opens, reads to an end, and
// takes an append that is read back.
func FuzzSegment(f *testing.F) {
	b := appendHeader(nil, 7, 1)
	for i := range 3 {
		r := logtest.Record(i)
		at := len(b)
		b = appendFrame(b, &r, xxh3.Hash(r.Payload))
		sealFrames(b[at:], 7, log.Position(i+1), 1)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add(b[headerLen:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		fsys := vfs.NewMem()
		if err := vfs.MakeDir(fsys, "log"); err != nil {
			t.Fatal(err)
		}
		writeFile(t, fsys, "log/"+(&segment{number: 1, salt: 7}).base(), b)
		l, err := Open(Config{Dir: "log", FS: fsys})
		var newer *VersionError
		if errors.As(err, &newer) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}()
		want := logtest.Record(9)
		pos, err := l.Append(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range l.Read(t.Context(), pos) {
			if err != nil || r.Pos != pos || !bytes.Equal(r.Payload, want.Payload) {
				t.Fatalf("read %d %q, %v, want %d", r.Pos, r.Payload, err, pos)
			}
		}
		var c *log.CorruptError
		for _, err := range l.Read(t.Context(), 1) {
			if err != nil && !errors.As(err, &c) && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
		}
	})
}
