package part

import (
	"context"
	"errors"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

var errNotYet = errors.New("not yet")

// Part is an open part.
type Part struct{ meta Meta }

// Open opens the part in dir. Tables of row groups go through cache.
func Open(fs vfs.FS, dir string, cache *Cache) (*Part, error) { return nil, errNotYet }

// Close closes the files.
func (p *Part) Close() error { return errNotYet }

// Meta describes the part; the caller must not change its slices.
func (p *Part) Meta() *Meta { return &p.meta }

// Digests is what Options.Digests was.
func (p *Part) Digests() ([]ArrivedDigest, error) { return nil, errNotYet }

// Groups is the row groups in order: by tenant, then by start of their traces.
func (p *Part) Groups() []*Group { return nil }

// Loc is where a trace lies in a part.
type Loc struct {
	Page  int // index among all pages of the part
	Entry int // index in that page's directory
	Pages int // pages the trace takes, 1 for nearly all
}

// Lookup finds a trace; false if the part has none of its spans. Unknown ids cost one
// read of the index at most.
func (p *Part) Lookup(tenant string, id span.TraceID) (Loc, bool, error) {
	return Loc{}, false, errNotYet
}

// Entry sums up the trace at l, over all its pages.
func (p *Part) Entry(l Loc) (TraceEntry, error) { return TraceEntry{}, errNotYet }

// ReadTrace is the spans of the trace at l, in the order they were written.
func (p *Part) ReadTrace(ctx context.Context, l Loc) (*span.Batch, error) { return nil, errNotYet }

// Check reads and decodes everything. It returns the number of blocks read, what is
// damaged, and an error only if it could not go on.
func (p *Part) Check(ctx context.Context) (blocks int, corrupt []*store.CorruptError, err error) {
	return 0, nil, errNotYet
}

// Stat is where the bytes of a part go.
type Stat struct {
	Cause  string // a column ("span id", "span.http.method string"), a table or an index
	Bytes  int64  // on disk
	Values int64  // 0 where that means nothing
}

// Stat lists where the part's bytes go, largest first.
func (p *Part) Stat(ctx context.Context) ([]Stat, error) { return nil, errNotYet }
