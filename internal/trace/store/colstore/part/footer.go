package part

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// Version is the version of the format that Write writes. Open reads all from firstVersion on:
// those below it were never released.
const (
	Version      = 4
	firstVersion = 4
)

const (
	fileName     = "spans"
	fileMagic    = "weftpart"
	headerSize   = 16
	trailerMagic = "weft-end"
	trailerSize  = 48
)

// VersionError says that a part was written by a newer Weft, or by one before the first release.
type VersionError struct {
	File         string
	Found, Known int
}

func (e *VersionError) Error() string {
	by := "a newer Weft wrote it: use that"
	if e.Found < firstVersion {
		by = "a Weft from before the first release wrote it: begin a new folder"
	}
	return fmt.Sprintf("open %s: format version %d, this Weft knows versions up to %d: %s", e.File, e.Found, e.Known, by)
}

// groupMeta is what the footer knows of a group.
type groupMeta struct {
	tenant    string
	schema    int   // index in footer.schemas
	off       int64 // of its first page
	pages     int
	stats     Stats
	tables    blockRef
	outline   blockRef
	pageTable blockRef
}

// schemaRefs is where a schema lies: once, or twice if many groups share it.
type schemaRefs [2]blockRef

// footer is everything that is in memory of an open part.
type footer struct {
	Meta
	schemas []schemaRefs
	groups  []groupMeta
	index   blockRef
	digests blockRef
}

// fileHeader is the first bytes of a file: magic, version, zeros.
func fileHeader() []byte {
	h := append(make([]byte, 0, headerSize), fileMagic...)
	h = binary.LittleEndian.AppendUint32(h, Version)
	return append(h, 0, 0, 0, 0)
}

// appendFooter appends
//
//	arrivals: first, last (Unix nanoseconds, zigzag; 0 and 0 where there are none)
//	positions: count; from, length of each
//	tenants: count; name, spans, traces of each
//	schemas: count; where each lies, and its copy
//	groups: count; tenant, schema, offset of the first page, pages, bytes, spans, traces, times,
//	        tables, outline, page table of each
//	index, digests
func (f *footer) append(dst []byte) []byte {
	dst = appendTime(dst, f.MinArrival)
	dst = appendTime(dst, f.MaxArrival)
	dst = appendUvarint(dst, len(f.Positions))
	for _, p := range f.Positions {
		dst = appendUvarint(dst, uint64(p[0]))
		dst = appendUvarint(dst, uint64(p[1]-p[0]))
	}
	dst = appendUvarint(dst, len(f.Tenants))
	for _, t := range f.Tenants {
		dst = appendText(dst, t.Tenant)
		dst = appendUvarint(dst, t.Spans)
		dst = appendUvarint(dst, t.Traces)
	}
	dst = appendUvarint(dst, len(f.schemas))
	for _, s := range f.schemas {
		dst = s[1].append(s[0].append(dst))
	}
	dst = appendUvarint(dst, len(f.groups))
	tenant := -1
	for i := range f.groups {
		g := &f.groups[i]
		if tenant < 0 || f.Tenants[tenant].Tenant != g.tenant {
			tenant++ // groups and tenants are in the same order
		}
		dst = appendUvarint(dst, tenant)
		dst = appendUvarint(dst, g.schema)
		dst = appendUvarint(dst, g.off)
		dst = appendUvarint(dst, g.pages)
		dst = appendUvarint(dst, g.stats.Bytes)
		dst = appendUvarint(dst, g.stats.Spans)
		dst = appendUvarint(dst, g.stats.Traces)
		dst = appendStats(dst, &g.stats)
		dst = g.tables.append(dst)
		dst = g.outline.append(dst)
		dst = g.pageTable.append(dst)
	}
	dst = f.index.append(dst)
	return f.digests.append(dst)
}

func readFooter(r *reader) *footer {
	f := &footer{}
	f.MinArrival, f.MaxArrival = readTime(r), readTime(r)
	f.Positions = make([][2]log.Position, r.count(2))
	for i := range f.Positions {
		from := r.uvarint()
		f.Positions[i] = [2]log.Position{log.Position(from), log.Position(from + r.uvarint())}
	}
	f.Tenants = make([]TenantMeta, r.count(3))
	for i := range f.Tenants {
		f.Tenants[i] = TenantMeta{r.text(), int64(r.upTo(maxFile)), int64(r.upTo(maxFile))}
		f.Spans += f.Tenants[i].Spans
		f.Traces += f.Tenants[i].Traces
	}
	f.schemas = make([]schemaRefs, r.count(22))
	for i := range f.schemas {
		f.schemas[i] = schemaRefs{readBlockRef(r), readBlockRef(r)}
	}
	f.groups = make([]groupMeta, r.count(45))
	for i := range f.groups {
		g := &f.groups[i]
		if t := r.uvarint(); t < uint64(len(f.Tenants)) {
			g.tenant = f.Tenants[t].Tenant
		} else {
			r.fail("group of an unknown tenant")
		}
		if s := r.uvarint(); s < uint64(len(f.schemas)) {
			g.schema = int(s)
		} else {
			r.fail("group of an unknown schema")
		}
		g.off = int64(r.upTo(maxFile))
		g.pages = int(r.upTo(1 << 31))
		g.stats.Bytes = int64(r.upTo(maxFile))
		g.stats.Spans = int(r.upTo(1 << 40))
		g.stats.Traces = int(r.upTo(1 << 40))
		readStats(r, &g.stats)
		if i == 0 || g.stats.MinStart < f.MinStart {
			f.MinStart = g.stats.MinStart
		}
		if i == 0 || g.stats.MaxStart > f.MaxStart {
			f.MaxStart = g.stats.MaxStart
		}
		g.tables = readBlockRef(r)
		g.outline = readBlockRef(r)
		g.pageTable = readBlockRef(r)
	}
	f.index = readBlockRef(r)
	f.digests = readBlockRef(r)
	r.end()
	return f
}

// appendTime stores the zero time as the lowest number.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return appendUvarint(dst, 0)
	}
	return appendUvarint(dst, zigzag(t.UnixNano())+1)
}

func readTime(r *reader) time.Time {
	n := r.uvarint()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, unzigzag(n-1)).UTC()
}

// trailer is the last bytes of a file: the place of the footer, a hash over that, magic.
func trailer(ref blockRef) []byte {
	b := make([]byte, 0, trailerSize)
	b = appendFixed64(b, uint64(ref.off))
	b = appendFixed64(b, uint64(ref.stored))
	b = appendFixed64(b, uint64(ref.raw))
	b = appendFixed64(b, ref.sum)
	b = appendFixed64(b, xxh3.Hash(b))
	return append(b, trailerMagic...)
}

func readTrailer(b []byte, unchecked bool) (ref blockRef, reason string) {
	if string(b[trailerSize-8:]) != trailerMagic {
		return ref, "no trailer"
	}
	r := reader{b: b}
	ref = blockRef{int64(r.fixed64()), int64(r.fixed64()), int64(r.fixed64()), r.fixed64()}
	if r.fixed64() != xxh3.Hash(b[:32]) && !unchecked {
		return ref, "checksum mismatch in the trailer"
	}
	if ref.off < headerSize || ref.off > maxFile || uint64(ref.stored) > maxBlock || uint64(ref.raw) > maxBlock {
		return ref, "trailer out of range"
	}
	return ref, ""
}

func appendDigests(dst []byte, list []ArrivedDigest) []byte {
	dst = appendUvarint(dst, len(list))
	for _, d := range list {
		dst = append(dst, d.Digest[:]...)
		dst = appendTime(dst, d.Arrival)
	}
	return dst
}

func readDigests(r *reader) []ArrivedDigest {
	out := make([]ArrivedDigest, r.count(17))
	for i := range out {
		copy(out[i].Digest[:], r.bytes(16))
		out[i].Arrival = readTime(r)
	}
	r.end()
	return out
}
