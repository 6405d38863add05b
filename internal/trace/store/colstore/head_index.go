package colstore

import (
	"math"
	"math/rand/v2"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
)

// headIndex finds the spans of a head by trace, and by trace and span id. It holds no
// pointers: the collector passes it over, and a head may be large.
type headIndex struct {
	spans   []indexedSpan
	traces  []indexedTrace
	byTrace hashIndex       // numbers of traces
	bySpan  hashIndex       // numbers of spans, of those with the same ids the first
	sameID  map[int32]int32 // the next span with the ids of one, where there is one
	seed    uint64          // of hashes: no sender knows which ids share a slot
}

// indexedSpan is where a span is, and the number of the next of its trace.
type indexedSpan struct{ block, index, nextOfTrace int32 }

type indexedTrace struct{ first, last, count int32 }

const noSpan = -1

func newHeadIndex() headIndex {
	return headIndex{byTrace: newHashIndex(), bySpan: newHashIndex(), sameID: map[int32]int32{}, seed: rand.Uint64()}
}

// indexBytes is about what the index has for a span.
const indexBytes = 32

// clear empties the index and keeps its memory.
func (x *headIndex) clear() {
	x.spans, x.traces = x.spans[:0], x.traces[:0]
	x.byTrace.clear()
	x.bySpan.clear()
	clear(x.sameID)
}

func (x *headIndex) hash(k TraceKey) uint64 {
	return xxh3.HashSeed(k.ID[:], xxh3.HashStringSeed(k.Tenant, x.seed))
}

func hashSpan(trace uint64, id span.SpanID) uint64 { return xxh3.HashSeed(id[:], trace) }

// at is the rows that have span n, and its number there.
func (x *headIndex) at(blocks []*block, n int32) (rows *pack.Rows, i int) {
	s := &x.spans[n]
	return blocks[s.block].rows, int(s.index)
}

// trace is the number of a trace, whose hash is that of its key; else the slot it would have.
func (x *headIndex) trace(blocks []*block, k TraceKey, hash uint64) (n int32, slot int, ok bool) {
	for slot = x.byTrace.first(hash); ; {
		if n, slot, ok = x.byTrace.next(hash, slot); !ok || x.key(blocks, n) == k {
			return n, slot, ok
		}
	}
}

// find is trace for who only looks.
func (x *headIndex) find(blocks []*block, k TraceKey) (n int32, ok bool) {
	n, _, ok = x.trace(blocks, k, x.hash(k))
	return n, ok
}

// add indexes span i of from, which will be the next row of the last block; false if the head
// has it. It reads with r.
func (x *headIndex) add(blocks []*block, from *span.Batch, i int, r *pack.Reader) bool {
	b := blocks[len(blocks)-1]
	s := &from.Spans[i]
	k := TraceKey{b.tenant, s.TraceID}
	number := int32(len(x.spans))
	hash := x.hash(k)
	id := hashSpan(hash, s.SpanID)
	if t, slot, known := x.trace(blocks, k, hash); !known {
		x.byTrace.put(slot, hash, int32(len(x.traces)))
		x.traces = append(x.traces, indexedTrace{number, number, 1})
		x.bySpan.put(x.bySpan.free(id), id, number)
	} else {
		last, slot, held := x.place(blocks, k, from, i, id, r)
		switch {
		case held:
			return false
		case last != noSpan:
			x.sameID[last] = number
		default:
			x.bySpan.put(slot, id, number)
		}
		tr := &x.traces[t]
		x.spans[tr.last].nextOfTrace = number
		tr.last = number
		tr.count++
	}
	x.spans = append(x.spans, indexedSpan{int32(len(blocks) - 1), int32(b.rows.Len()), noSpan})
	return true
}

// place says where span i of from goes, of trace k, with the hash id: behind the last span
// with its ids or, if that is noSpan, into a slot of bySpan; nowhere if the head holds it.
func (x *headIndex) place(blocks []*block, k TraceKey, from *span.Batch, i int, id uint64, r *pack.Reader) (last int32, slot int, held bool) {
	for slot = x.bySpan.first(id); ; {
		n, next, ok := x.bySpan.next(id, slot)
		if slot = next; !ok {
			return noSpan, slot, false
		}
		if rows, row := x.at(blocks, n); rows.SpanID(row) != from.Spans[i].SpanID || rows.TraceID(row) != k.ID || blocks[x.spans[n].block].tenant != k.Tenant {
			continue
		}
		for {
			rows, row := x.at(blocks, n)
			if r.One(rows, row).EqualSpan(0, from, i) {
				return noSpan, slot, true
			}
			later, ok := x.sameID[n]
			if !ok {
				return n, slot, false
			}
			n = later
		}
	}
}

// has reports whether the head has span i of from. It reads with r.
func (x *headIndex) has(blocks []*block, tenant string, from *span.Batch, i int, r *pack.Reader) bool {
	s := &from.Spans[i]
	k := TraceKey{tenant, s.TraceID}
	hash := x.hash(k)
	if _, _, known := x.trace(blocks, k, hash); !known {
		return false
	}
	_, _, held := x.place(blocks, k, from, i, hashSpan(hash, s.SpanID), r)
	return held
}

// read reads the spans of a trace with r, in order of arrival. The scopes of what it returns
// are those of all blocks.
func (x *headIndex) read(blocks []*block, trace int32, r *pack.Reader) *span.Batch {
	r.Begin(blocks[len(blocks)-1].rows)
	for n := x.traces[trace].first; n != noSpan; n = x.spans[n].nextOfTrace {
		r.Append(x.at(blocks, n))
	}
	return r.Batch()
}

// start is the earliest of the spans of a trace.
func (x *headIndex) start(blocks []*block, trace int32) int64 {
	earliest := int64(math.MaxInt64)
	for n := x.traces[trace].first; n != noSpan; n = x.spans[n].nextOfTrace {
		rows, i := x.at(blocks, n)
		earliest = min(earliest, rows.Start(i))
	}
	return earliest
}

// key is the name of a trace.
func (x *headIndex) key(blocks []*block, trace int32) TraceKey {
	n := x.traces[trace].first
	rows, i := x.at(blocks, n)
	return TraceKey{blocks[x.spans[n].block].tenant, rows.TraceID(i)}
}
