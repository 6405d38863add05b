package file

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/ingest/log/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small makes segments of a few records, on a disk that may be full.
func small(dir string, fsys vfs.FS) Config {
	return Config{Dir: dir, FS: fsys, SegmentBytes: 1 << 10, LimitBytes: 1 << 20, ReserveBytes: -1}
}

// TestConformance runs the conformance suite on the machine's disk and in memory.
func TestConformance(t *testing.T) {
	t.Run("os", func(t *testing.T) {
		logtest.Run(t, func(t *testing.T) logtest.Opener {
			dir := t.TempDir()
			return func() (log.Log, error) { return Open(small(dir, nil)) }
		})
	})
	t.Run("mem", func(t *testing.T) {
		logtest.Run(t, func(*testing.T) logtest.Opener {
			fsys := vfs.NewMem()
			return func() (log.Log, error) { return Open(small("data/log", fsys)) }
		})
	})
}

// TestConformanceFaults crashes and fails the log at every file operation.
func TestConformanceFaults(t *testing.T) {
	logtest.RunFS(t, func(fsys vfs.FS) (log.Log, error) { return Open(small("data/log", fsys)) })
}
