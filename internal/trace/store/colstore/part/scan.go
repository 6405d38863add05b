package part

import (
	"context"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Scan reads page after page with the same columns into the same memory: whoever looks at
// many pages and keeps nothing of them leaves no work to the garbage collector. Its memory
// is that of the largest page so far. Not safe for concurrent use.
type Scan struct {
	columns Columns
	classes *classFilter // nil: all rows are wanted
	batch   span.Batch
	raw     rawPage
	dir     []TraceEntry
	decoder decoder
}

// NewScan makes a scan of the columns. Fields and attributes that are not wanted are
// missing from its batches.
func NewScan(c Columns) *Scan {
	return &Scan{columns: c, raw: rawPage{memory: &buffers{}}}
}

// Where leaves out spans which surely do not match, if a span's class is enough to tell.
func (s *Scan) Where(f *Filter) *Scan {
	if len(f.clauses) > 0 {
		s.classes = newClassFilter(f)
	}
	return s
}

// Read decodes a page. Spans are in the order they were written, so that those of a trace
// are neighbours. The batch and its texts are valid until the next Read.
func (s *Scan) Read(ctx context.Context, p Page) (*span.Batch, error) {
	return s.read(ctx, p, allTraces, false)
}

// ReadPiece is Read of piece n of the trace at l, of its l.Pages, alone.
func (s *Scan) ReadPiece(ctx context.Context, p *Part, l Loc, n int) (*span.Batch, error) {
	pg, entry, err := p.piece(l, n)
	if err != nil {
		return nil, err
	}
	return s.read(ctx, pg, entry, false)
}

// readOnce is a read into memory of its own, which whoever holds the batch keeps.
func (p Page) readOnce(ctx context.Context, c Columns, entry int) (*span.Batch, []TraceEntry, error) {
	s := &Scan{columns: c}
	if _, err := s.read(ctx, p, entry, false); err != nil {
		return nil, nil, err
	}
	b := s.batch // a copy lets go of the decoder
	return &b, s.dir, nil
}

// buffers are handed out in order and used again. A nil *buffers always makes new ones.
type buffers struct {
	list [][]byte
	used int
}

// take is a buffer of n bytes of anything.
func (m *buffers) take(n int) []byte {
	if m == nil {
		return make([]byte, n)
	}
	if m.used == len(m.list) {
		m.list = append(m.list, nil)
	}
	b := &m.list[m.used]
	m.used++
	if cap(*b) < n {
		*b = make([]byte, n)
	}
	return (*b)[:n:n]
}

// sized is a slice of n of anything in the memory of s, if that is enough.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// emptied is a slice of n zeros in the memory of s, if that is enough.
func emptied[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}
