package part

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/span"
)

// The trace index says which page a trace begins on. It is sorted by a 40-bit hash of
// tenant and trace id, because trace ids themselves need not be random: some senders pad
// 64-bit ids with zeros, some count. The blocks of the index lie one behind the other; the
// list of their first hashes is in memory.

const (
	indexHashBits = 40
	indexPerBlock = 256
)

// indexEntry is one trace.
type indexEntry struct {
	hash  uint64
	page  uint32 // the first one, counted through the part
	pages uint32
}

func indexHash(tenant string, id span.TraceID) uint64 {
	buf := make([]byte, 0, 96)
	buf = append(append(buf, tenant...), id[:]...)
	return xxh3.Hash(buf) >> (64 - indexHashBits)
}

// indexBlock is what is in memory of a block.
type indexBlock struct {
	first uint64 // hash
	off   int64
	size  int
	sum   uint32
}

func sortIndex(entries []indexEntry) {
	slices.SortFunc(entries, func(a, b indexEntry) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.page, b.page))
	})
}

// appendIndexBlock appends entries, the first of which has the hash first: of each the
// difference to the hash before, twice the page, plus one if the number of pages follows.
func appendIndexBlock(dst []byte, entries []indexEntry) []byte {
	prev := entries[0].hash
	for _, e := range entries {
		dst = appendUvarint(dst, e.hash-prev)
		prev = e.hash
		if e.pages == 1 {
			dst = appendUvarint(dst, uint64(e.page)<<1)
			continue
		}
		dst = appendUvarint(dst, uint64(e.page)<<1|1)
		dst = appendUvarint(dst, e.pages)
	}
	return dst
}

func readIndexBlock(r *reader, first uint64, pages int) []indexEntry {
	out := make([]indexEntry, 0, indexPerBlock)
	hash := first
	for r.left() > 0 && len(out) < indexPerBlock {
		hash += r.uvarint()
		e := indexEntry{hash: hash, pages: 1}
		page := r.uvarint()
		e.page = uint32(page >> 1)
		if page&1 != 0 {
			e.pages = r.uint32()
		}
		if page>>1 >= uint64(pages) || e.pages == 0 || uint64(e.pages) > uint64(pages)-page>>1 {
			r.fail("page outside the part")
			return nil
		}
		out = append(out, e)
	}
	r.end()
	return out
}

// findInIndexBlock appends the entries with that hash. It decodes
// no more of the block than it must, and checks only these.
func findInIndexBlock(dst []indexEntry, r *reader, first, hash uint64, pages int) []indexEntry {
	at := first
	for r.left() > 0 {
		at += r.longVarint()
		page := r.longVarint()
		n := uint64(1)
		if page&1 != 0 {
			n = r.longVarint()
		}
		if at < hash {
			continue
		}
		if at > hash || r.bad != "" {
			break
		}
		if page >>= 1; page >= uint64(pages) || n == 0 || n > uint64(pages)-page {
			r.fail("page outside the part")
			break
		}
		dst = append(dst, indexEntry{hash, uint32(page), uint32(n)})
	}
	return dst
}

// writeIndex writes the blocks, then the list of them, which it returns the place of.
func writeIndex(w *fileWriter, entries []indexEntry) blockRef {
	sortIndex(entries)
	var root []byte
	root = appendUvarint(root, (len(entries)+indexPerBlock-1)/indexPerBlock)
	root = appendUvarint(root, w.off)
	prev := uint64(0)
	var buf []byte
	for len(entries) > 0 {
		n := min(indexPerBlock, len(entries))
		buf = appendIndexBlock(buf[:0], entries[:n])
		w.write(buf)
		root = appendUvarint(root, entries[0].hash-prev)
		prev = entries[0].hash
		root = appendUvarint(root, len(buf))
		root = binary.LittleEndian.AppendUint32(root, uint32(xxh3.Hash(buf)))
		entries = entries[n:]
	}
	return w.block(root, true)
}

func readIndexRoot(r *reader) []indexBlock {
	out := make([]indexBlock, r.count(6))
	off := int64(r.upTo(maxFile))
	hash := uint64(0)
	for i := range out {
		hash += r.uvarint()
		out[i] = indexBlock{first: hash, off: off, size: int(r.upTo(maxBlock)), sum: r.fixed32()}
		off += int64(out[i].size)
	}
	r.end()
	return out
}

// indexBlocksOf is the blocks that may hold the hash: nearly always one.
func indexBlocksOf(blocks []indexBlock, hash uint64) []indexBlock {
	from := sort.Search(len(blocks), func(i int) bool { return blocks[i].first >= hash })
	to := from
	for to < len(blocks) && blocks[to].first == hash {
		to++
	}
	return blocks[max(0, from-1):to]
}
