package file

import (
	"bytes"
	"errors"
	"io"

	"github.com/weft-dev/weft/internal/base/vfs"
)

// scanner reads frames of one segment up to a fixed end. It reads ahead in large steps;
// a frame's payload is valid until the next call.
type scanner struct {
	file vfs.File
	name string
	salt uint64
	end  int64 // bytes from here on do not exist

	off int64  // of the next frame
	buf []byte // file[bufAt:]
	at  int64  // offset of buf[0]
}

const readAhead = 1 << 20

func newScanner(f vfs.File, name string, salt uint64, end int64) *scanner {
	return &scanner{file: f, name: name, salt: salt, end: end, off: headerLen}
}

// window is the bytes from off on, at least n of them unless the end is nearer.
func (s *scanner) window(off int64, n int) ([]byte, error) {
	if have := s.at + int64(len(s.buf)); off >= s.at && off <= have && (have-off >= int64(n) || have == s.end) {
		return s.buf[off-s.at:], nil
	}
	want := min(int64(max(n, readAhead)), s.end-off)
	if want <= 0 {
		return nil, nil
	}
	if int64(cap(s.buf)) < want {
		s.buf = make([]byte, want)
	}
	s.buf, s.at = s.buf[:want], off
	got, err := s.file.ReadAt(s.buf, off)
	s.buf = s.buf[:got]
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if int64(got) < want {
		s.end = off + int64(got)
	}
	return s.buf, nil
}

// damage is why the bytes at an offset are not a frame.
type damage struct{ reason string }

func (d *damage) Error() string { return d.reason }

// next is the frame at off, io.EOF at the end, or *damage; other errors are the disk's.
func (s *scanner) next() (frame, error) {
	if s.off >= s.end {
		return frame{}, io.EOF
	}
	b, err := s.window(s.off, frameHead+maxTenant)
	if err != nil {
		return frame{}, err
	}
	// The head is verified before its length is believed.
	if err := checkHead(b, s.salt); err != nil {
		return frame{}, &damage{err.Error()}
	}
	n, err := frameLen(b)
	if err != nil {
		return frame{}, &damage{err.Error()}
	}
	if s.off+int64(n) > s.end {
		return frame{}, &damage{errShort.Error()}
	}
	if b, err = s.window(s.off, n); err != nil {
		return frame{}, err
	}
	f, err := parseFrame(b, s.salt)
	if err != nil {
		return frame{}, &damage{err.Error()}
	}
	s.off += int64(n)
	return f, nil
}

// resync moves to the next whole frame behind off that is wanted, and reports whether
// there is one.
func (s *scanner) resync(wanted func(*frame) bool) (*frame, error) {
	for off := s.off + 1; ; {
		b, err := s.window(off, frameHead+maxTenant)
		if err != nil {
			return nil, err
		}
		i := bytes.Index(b, []byte(marker))
		if i < 0 {
			// The last bytes may be the start of a marker.
			if len(b) < len(marker) || off+int64(len(b)) >= s.end {
				return nil, nil
			}
			off += int64(len(b) - len(marker) + 1)
			continue
		}
		off += int64(i)
		s.off = off
		switch f, err := s.next(); {
		case err == nil && wanted(&f):
			s.off = off
			return &f, nil
		case err != nil && !isDamage(err) && !errors.Is(err, io.EOF):
			return nil, err
		}
		off++
	}
}

func isDamage(err error) bool {
	var d *damage
	return errors.As(err, &d)
}
