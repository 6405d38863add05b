package colstore

import (
	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
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

func (x *headIndex) ref(blocks []*block, n int32) part.Ref {
	s := &x.spans[n]
	return part.Ref{Batch: blocks[s.block].batch, Index: int(s.index)}
}

// trace is the number of a trace; the hash at which it is or would be.
func (x *headIndex) trace(blocks []*block, tenant string, id span.TraceID) (n int32, at uint64, ok bool) {
	for at = hashTrace(tenant, id); ; at = another(at) {
		n, ok = x.byTrace[at]
		if !ok {
			return 0, at, false
		}
		s := &x.spans[x.traces[n].first]
		if b := blocks[s.block]; b.batch.Spans[s.index].TraceID == id && b.tenant == tenant {
			return n, at, true
		}
	}
}

// add indexes span i of the last block; false if the head has it.
func (x *headIndex) add(blocks []*block, i int) bool {
	b := blocks[len(blocks)-1]
	s := &b.batch.Spans[i]
	t, at, known := x.trace(blocks, b.tenant, s.TraceID)
	number := int32(len(x.spans))
	id := hashSpan(at, s.SpanID)
	place := placeFree
	if known {
		if id, place = x.place(blocks, b, i, id); place == placeHeld {
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
	x.spans = append(x.spans, indexedSpan{int32(len(blocks) - 1), int32(i), noSpan, noSpan})
	return true
}

// Where a span goes: under a free hash, behind the last span with its id, or nowhere,
// since the head has it.
const (
	placeFree = iota
	placeBehind
	placeHeld
)

// place says where span i of block b goes, of a trace that is known, and the hash or the
// number of the last span.
func (x *headIndex) place(blocks []*block, b *block, i int, id uint64) (at uint64, place int) {
	s := &b.batch.Spans[i]
	for ; ; id = another(id) {
		n, ok := x.bySpan[id]
		if !ok {
			return id, placeFree
		}
		if o := x.ref(blocks, n).Span(); o.SpanID != s.SpanID || o.TraceID != s.TraceID || blocks[x.spans[n].block].tenant != b.tenant {
			continue
		}
		for {
			if r := x.ref(blocks, n); r.Batch.EqualSpan(r.Index, b.batch, i) {
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

// has reports whether the head has span i of a block, its own or another head's.
func (x *headIndex) has(blocks []*block, b *block, i int) bool {
	s := &b.batch.Spans[i]
	_, at, known := x.trace(blocks, b.tenant, s.TraceID)
	if !known {
		return false
	}
	_, place := x.place(blocks, b, i, hashSpan(at, s.SpanID))
	return place == placeHeld
}

// refs is the spans of a trace, in order of arrival.
func (x *headIndex) refs(blocks []*block, trace int32) []part.Ref {
	out := make([]part.Ref, 0, x.traces[trace].count)
	for n := x.traces[trace].first; n != noSpan; n = x.spans[n].nextOfTrace {
		out = append(out, x.ref(blocks, n))
	}
	return out
}

// key is the name of a trace.
func (x *headIndex) key(blocks []*block, trace int32) TraceKey {
	s := &x.spans[x.traces[trace].first]
	b := blocks[s.block]
	return TraceKey{b.tenant, b.batch.Spans[s.index].TraceID}
}
