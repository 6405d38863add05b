package file

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// segment is one file of the log.
type segment struct {
	number uint64
	salt   uint64

	// first is the position of the first record, 0 while there is none. Set once, before
	// the segment becomes visible to readers.
	first log.Position

	// size is the durable bytes. Guarded by Log.mu.
	size int64
}

const (
	segmentSuffix = ".log"
	tempSuffix    = ".tmp"
	lockName      = "lock"
)

func (s *segment) base() string {
	return fmt.Sprintf("%08x-%016x%s", s.number, s.salt, segmentSuffix)
}

func (s *segment) path(dir string) string { return path.Join(dir, s.base()) }

// parseName reads a segment's number and salt out of its file name.
func parseName(name string) (*segment, bool) {
	stem, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return nil, false
	}
	number, salt, ok := strings.Cut(stem, "-")
	if !ok || len(number) < 8 || len(salt) != 16 {
		return nil, false
	}
	s := &segment{}
	var err error
	if s.number, err = strconv.ParseUint(number, 16, 64); err != nil {
		return nil, false
	}
	if s.salt, err = strconv.ParseUint(salt, 16, 64); err != nil {
		return nil, false
	}
	return s, s.base() == name
}
