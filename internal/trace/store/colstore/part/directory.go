package part

import (
	"math"

	"github.com/weft-dev/weft/internal/trace/span"
)

// entryFlags are the flags of a directory entry.
func entryFlags(root, continued, continues bool) byte {
	f := byte(0)
	if root {
		f |= entryRoot
	}
	if continued {
		f |= entryContinued
	}
	if continues {
		f |= entryContinues
	}
	return f
}

const (
	entryRoot      = 1 << iota // some span has no parent
	entryContinued             // the trace begins on an earlier page
	entryContinues             // the trace goes on on the next page
)

// readDirectory reads the summaries of a page's traces, into the memory of dst if that is enough. ids is
// the column of trace ids.
func readDirectory(r *reader, ids []byte, spans, traces int, t *tables, dst []TraceEntry) []TraceEntry {
	if len(ids) != 16*traces {
		r.fail("trace ids do not fit the page")
		return nil
	}
	out := emptied(dst, traces)
	row := 0
	start := uint64(0)
	for i := range out {
		e := &out[i]
		copy(e.ID[:], ids[16*i:])
		flags := r.byte()
		e.HasRoot, e.Continued = flags&entryRoot != 0, flags&entryContinued != 0
		e.First = row
		e.Rows = int(r.upTo(uint64(spans - row)))
		row += e.Rows
		start += uint64(r.zigzag())
		e.Start = int64(start)
		e.End = int64(start + r.uvarint())
		e.Errors = int(r.upTo(math.MaxInt32))
		e.RootStart = int64(start + r.uvarint())
		if res := r.uvarint(); res < uint64(len(t.resources)) {
			e.RootService = t.resources[res].service
		} else {
			r.fail("root of an unknown resource")
		}
		if name := r.upTo(uint64(len(t.names))); name > 0 {
			e.RootName = t.names[name-1]
		} else {
			e.RootName = r.text()
		}
		if flags&(entryContinued|entryContinues) != 0 {
			copy(e.RootSpan[:], r.bytes(len(span.SpanID{})))
		}
		if e.Rows == 0 {
			r.fail("trace without spans")
		}
	}
	if row != spans {
		r.fail("traces do not fill the page")
	}
	r.end()
	return out
}
