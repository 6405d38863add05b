package clickhouse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

func answer(b []byte) *rowReader {
	return &rowReader{body: io.NopCloser(nil), r: bufio.NewReader(bytes.NewReader(b))}
}

// TestCutAnswer shows that an answer which ends inside a row is an error, wherever it does.
func TestCutAnswer(t *testing.T) {
	whole := appendString(appendUint64(bytes.Repeat([]byte{7}, 16), 5), "text")
	for n := range len(whole) + 1 {
		r := answer(whole[:n])
		rows := 0
		for r.next() {
			id, num, text := r.traceID(), r.int64(), r.string()
			if r.err == nil && (id[0] != 7 || num != 5 || text != "text") {
				t.Errorf("the row is %v, %d, %q", id, num, text)
			}
			rows++
		}
		if cut := n > 0 && n < len(whole); errors.Is(r.close(), io.ErrUnexpectedEOF) != cut || rows == 0 != (n == 0) {
			t.Errorf("%d of %d bytes: %d rows, %v", n, len(whole), rows, r.err)
		}
	}
}

// TestRest shows that what a row keeps of a span, with its columns, is the span.
func TestRest(t *testing.T) {
	b := gen.New(9).Batch(2000)
	for i := range b.Spans {
		s := &b.Spans[i]
		row := append(append([]byte{}, s.SpanID[:]...), s.Parent[:]...)
		row = appendUint64(appendUint64(row, uint64(s.Start)), uint64(s.End))
		row = appendString(append(row, byte(s.Marks)), appendRest(nil, b, i))
		var read traceReader
		r := answer(row)
		read.row(s.TraceID, r)
		got, err := read.batch()
		if err != nil || r.err != nil {
			t.Fatalf("span %d: %v, %v", i, err, r.err)
		}
		if !got.EqualSpan(0, b, i) || got.Spans[0].Marks != s.Marks {
			t.Errorf("span %d is not what it was: %+v, want %+v", i, got.Spans[0], *s)
		}
	}
}

// FuzzRows shows that no answer, however damaged, does more than fail.
func FuzzRows(f *testing.F) {
	b := gen.New(10).Batch(3)
	var row []byte
	for i := range b.Spans {
		row = append(row, make([]byte, 33)...)
		row = appendString(row, appendRest(nil, b, i))
		f.Add(row)
	}
	f.Add(bytes.Repeat([]byte{0xff}, 60))
	f.Fuzz(func(t *testing.T, in []byte) {
		var read traceReader
		r := answer(in)
		for r.next() {
			read.row(span.TraceID{1}, r)
		}
		if r.close() != nil || len(read.heads) == 0 {
			return
		}
		if got, err := read.batch(); err == nil && len(got.Spans) != len(read.heads) {
			t.Errorf("%d spans from %d rows", len(got.Spans), len(read.heads))
		}
	})
}
