package part

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// Options say how a part is written and what it records. Zero sizes take their default.
type Options struct {
	// GroupSpans is the spans of a row group, default 65,536: dictionaries are shared by
	// a group, and a writer holds one in memory.
	GroupSpans int
	// PageSpans is the spans of a page, default 2,048, at most 65,536: what is read and
	// decoded to get at one trace.
	PageSpans int
	// Level is the zstd level, 1 (fastest, the default) to 4 (best).
	Level int

	MinArrival, MaxArrival time.Time         // of the requests whose spans the part holds
	Positions              [][2]log.Position // log positions held, as closed intervals
	Digests                []ArrivedDigest

	// Vary makes the writer choose encodings and limits at random, for tests. Default nil.
	Vary *rand.Rand
}

// Write makes dir a part of the traces, which must come in order of tenant, start of the
// trace's first span, and trace id; an error in the sequence ends it. When Write returns
// without error every file and dir itself are synced, the parent of dir is not. On an
// error the folder is left as it is, for the caller to remove.
//
// Memory: one row group, and 24 bytes for each trace.
func Write(ctx context.Context, fs vfs.FS, dir string, opt Options, traces iter.Seq2[Trace, error]) (Meta, error) {
	return Meta{}, errNotYet
}
