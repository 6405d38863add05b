package part

import (
	"context"
	"unsafe"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Page is a run of whole traces, or a piece of a trace too large for one.
type Page struct {
	group *Group
	index int // in the group
	table []pageStats
	off   int64
}

// Tenant whose traces the page has.
func (p Page) Tenant() string { return p.group.meta.tenant }

// Stats are those of the page.
func (p Page) Stats() Stats { return p.table[p.index].Stats }

// Read decodes the wanted columns of the page. Fields and attributes that are not wanted
// are missing from the batch. Spans are in the order they were written, so that those of a
// trace are neighbours.
func (p Page) Read(ctx context.Context, c Columns) (*span.Batch, error) {
	b, _, err := p.readOnce(ctx, c, allTraces)
	return b, err
}

// ReadReusing is Read of all columns into the memory of a batch that nobody reads any more,
// nil if there is none. Texts lie in memory of their own: those of the old batch stay.
func (p Page) ReadReusing(ctx context.Context, old *span.Batch) (*span.Batch, error) {
	s := &Scan{columns: All()}
	if old != nil {
		s.batch = *old
	}
	if _, err := s.read(ctx, p, allTraces, false); err != nil {
		return nil, err
	}
	b := s.batch
	return &b, nil
}

// Directory lists the traces of the page, without decoding spans. The caller must not
// change it.
func (p Page) Directory() ([]TraceEntry, error) {
	g := p.group
	return cachedIn(g.part.cache, cacheKey{g.part, g.index, cachedDirectory, p.index}, func() ([]TraceEntry, int64, error) {
		t, err := g.tables()
		if err != nil {
			return nil, 0, err
		}
		raw, err := p.load(p.table[p.index].front)
		if err != nil {
			return nil, 0, err
		}
		dir, err := raw.directory(t, nil)
		return dir, int64(len(dir)) * int64(unsafe.Sizeof(TraceEntry{})), err
	})
}

// checkPiece demands that piece n of a trace goes on where the one before ended.
func (p Page) checkPiece(dir []TraceEntry, entry, n int, id span.TraceID) error {
	if entry >= len(dir) || n > 0 && (dir[entry].ID != id || !dir[entry].Continued) {
		return p.group.part.file.corrupt(p.off, "page does not continue the trace before it")
	}
	return nil
}

// find is the directory entry of a trace, -1 if the page does not have it. It looks at the
// ids only.
func (p Page) find(id span.TraceID) (int, error) {
	raw, err := p.load(p.table[p.index].front)
	if err != nil {
		return -1, err
	}
	ids, _, err := raw.column(colTraceID)
	if err != nil {
		return -1, err
	}
	for i := 0; len(ids) >= len(id); i++ {
		if span.TraceID(ids) == id {
			return i, nil
		}
		ids = ids[len(id):]
	}
	return -1, nil
}

// directory is the summaries of the page's traces, in the memory of dst if that is enough.
func (r *rawPage) directory(t *tables, dst []TraceEntry) ([]TraceEntry, error) {
	p := r.p
	st := &p.table[p.index]
	dir, _, err := r.column(colDirectory)
	if err != nil {
		return nil, err
	}
	ids, _, err := r.column(colTraceID)
	if err != nil {
		return nil, err
	}
	in := reader{b: dir}
	out := readDirectory(&in, ids, st.Spans, st.Traces, t, dst)
	if in.bad != "" {
		return nil, p.group.part.file.corrupt(p.off, "directory: "+in.bad)
	}
	return out, nil
}

// columnPos says where a column of a page is.
type columnPos struct {
	id     colID
	enc    encoding // without the flag
	off    int64    // in the page
	stored int64
	raw    int64 // before compression; 0: not compressed
	sum    uint32
}

// rawPage is the bytes of a page, or the first of them, and what its header says.
type rawPage struct {
	p       Page
	b       []byte // from the page's start
	columns []columnPos

	extra    []byte // read later, further back
	extraOff int64

	memory *buffers // what is read and decompressed lies there
}

// load reads the first n bytes of the page and its header.
func (p Page) load(n int64) (*rawPage, error) {
	raw := &rawPage{}
	return raw, raw.load(p, n)
}

func (r *rawPage) load(p Page, n int64) error {
	st := &p.table[p.index]
	f := p.group.part.file
	b, err := f.read(r.memory, p.off, n)
	if err != nil {
		return err
	}
	if xxh3.Hash(b[:st.header]) != st.sum && !f.unchecked {
		return f.corrupt(p.off, "checksum mismatch in the header of a page")
	}
	r.p, r.b, r.extra, r.extraOff = p, b, nil, 0
	in := reader{b: b[:st.header]}
	r.columns = emptied(r.columns, in.count(7))
	off, id := st.header, uint64(0)
	for i := range r.columns {
		c := &r.columns[i]
		step := in.uint32()
		id += uint64(step)
		if id > 1<<31 || i > 0 && step == 0 {
			in.fail("columns out of order")
		}
		enc := encoding(in.byte())
		*c = columnPos{id: colID(id), enc: enc &^ encZstd, off: off, stored: int64(in.upTo(maxBlock))}
		if enc&encZstd != 0 {
			c.raw = int64(in.upTo(maxBlock))
			if c.raw == 0 {
				in.fail("compressed column without bytes")
			}
		}
		c.sum = in.fixed32()
		off += c.stored
	}
	in.end()
	if off != st.length {
		in.fail("columns do not fill the page")
	}
	if in.bad != "" {
		return f.corrupt(p.off, "header of a page: "+in.bad)
	}
	return nil
}

// column is the bytes of a column, checked and decompressed; nil if the page does not have
// it. They must have been loaded.
func (r *rawPage) column(id colID) ([]byte, *columnPos, error) {
	for i := range r.columns {
		if c := &r.columns[i]; c.id == id {
			if c.off+c.stored > int64(len(r.b)) {
				return nil, nil, r.p.group.part.file.corrupt(r.p.off, "column outside its region")
			}
			b, err := r.decode(c, r.b[c.off:c.off+c.stored:c.off+c.stored])
			return b, c, err
		}
	}
	return nil, nil, nil
}

// decode checks and decompresses the stored bytes of a column.
func (r *rawPage) decode(c *columnPos, stored []byte) ([]byte, error) {
	f := r.p.group.part.file
	at := r.p.off + c.off
	if uint32(xxh3.Hash(stored)) != c.sum && !f.unchecked {
		return nil, f.corrupt(at, "checksum mismatch in column "+r.p.group.columnName(c.id))
	}
	if c.raw == 0 {
		return stored, nil
	}
	b, err := decompress(r.p.group.part.cache.dec, r.memory, stored, int(c.raw))
	if err != nil {
		return nil, f.corrupt(at, "column "+r.p.group.columnName(c.id)+": "+err.Error())
	}
	return b, nil
}
