package colstore

import (
	"math"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
)

// headIndex finds the spans of a head by trace, and by trace and span id. Its maps and
// lists hold no pointers: the collector passes them over, and a head may be large.
type headIndex struct {
	spans   []indexedSpan
	traces  []indexedTrace
	byTrace map[uint64]int32 // number of the trace
	bySpan  map[uint64]int32 // number of the first span with that id
}

// indexedSpan is where a span is, and the numbers of the next of its trace and of the next
// with its id.
type indexedSpan struct{ block, index, nextOfTrace, nextOfID int32 }

type indexedTrace struct{ first, last, count int32 }

const noSpan = -1

func newHeadIndex() headIndex {
	return headIndex{byTrace: map[uint64]int32{}, bySpan: map[uint64]int32{}}
}

// indexBytes is about what the index has for a span.
const indexBytes = 60

// clear empties the index and keeps its memory.
func (x *headIndex) clear() {
	x.spans, x.traces = x.spans[:0], x.traces[:0]
	clear(x.byTrace)
	clear(x.bySpan)
}

func hashTrace(tenant string, id span.TraceID) uint64 {
	return xxh3.HashSeed(id[:], xxh3.HashString(tenant))
}

func hashSpan(trace uint64, id span.SpanID) uint64 { return xxh3.HashSeed(id[:], trace) }

// another is where to look when a hash is another key's.
func another(hash uint64) uint64 { return hash*0x9e3779b97f4a7c15 + 1 }

// at is the rows that have span n, and its number there.
func (x *headIndex) at(blocks []*block, n int32) (rows *pack.Rows, i int) {
	s := &x.spans[n]
	return blocks[s.block].rows, int(s.index)
}

// trace is the number of a trace; the hash at which it is or would be.
func (x *headIndex) trace(blocks []*block, tenant string, id span.TraceID) (n int32, at uint64, ok bool) {
	for at = hashTrace(tenant, id); ; at = another(at) {
		n, ok = x.byTrace[at]
		if !ok {
			return 0, at, false
		}
		if x.key(blocks, n) == (TraceKey{tenant, id}) {
			return n, at, true
		}
	}
}

// add indexes span i of from, which will be the next row of the last block; false if the head
// has it. It reads with r.
func (x *headIndex) add(blocks []*block, from *span.Batch, i int, r *pack.Reader) bool {
	b := blocks[len(blocks)-1]
	s := &from.Spans[i]
	t, at, known := x.trace(blocks, b.tenant, s.TraceID)
	number := int32(len(x.spans))
	id := hashSpan(at, s.SpanID)
	place := placeFree
	if known {
		if id, place = x.place(blocks, b.tenant, from, i, id, r); place == placeHeld {
			return false
		}
		last := &x.traces[t].last
		x.spans[*last].nextOfTrace = number
		*last = number
		x.traces[t].count++
	} else {
		x.byTrace[at] = int32(len(x.traces))
		x.traces = append(x.traces, indexedTrace{number, number, 1})
		for { // hashes of spans of other traces may be the same
			if _, taken := x.bySpan[id]; !taken {
				break
			}
			id = another(id)
		}
	}
	if place == placeBehind {
		x.spans[id].nextOfID = number
	} else {
		x.bySpan[id] = number
	}
	x.spans = append(x.spans, indexedSpan{int32(len(blocks) - 1), int32(b.rows.Len()), noSpan, noSpan})
	return true
}

// Where a span goes: under a free hash, behind the last span with its id, or nowhere,
// since the head has it.
const (
	placeFree = iota
	placeBehind
	placeHeld
)

// place says where span i of from goes, of a trace that is known, and the hash or the number
// of the last span.
func (x *headIndex) place(blocks []*block, tenant string, from *span.Batch, i int, id uint64, r *pack.Reader) (at uint64, place int) {
	s := &from.Spans[i]
	for ; ; id = another(id) {
		n, ok := x.bySpan[id]
		if !ok {
			return id, placeFree
		}
		if rows, row := x.at(blocks, n); rows.SpanID(row) != s.SpanID || rows.TraceID(row) != s.TraceID || blocks[x.spans[n].block].tenant != tenant {
			continue
		}
		for {
			rows, row := x.at(blocks, n)
			if r.One(rows, row).EqualSpan(0, from, i) {
				return 0, placeHeld
			}
			next := x.spans[n].nextOfID
			if next == noSpan {
				return uint64(n), placeBehind
			}
			n = next
		}
	}
}

// has reports whether the head has span i of from. It reads with r.
func (x *headIndex) has(blocks []*block, tenant string, from *span.Batch, i int, r *pack.Reader) bool {
	s := &from.Spans[i]
	_, at, known := x.trace(blocks, tenant, s.TraceID)
	if !known {
		return false
	}
	_, place := x.place(blocks, tenant, from, i, hashSpan(at, s.SpanID), r)
	return place == placeHeld
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
