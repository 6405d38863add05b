package proof

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
)

// largeTrace is spans [from, to) of one trace: a root with 500 children, each with as many
// grandchildren as there are.
func largeTrace(from, to int) *span.Batch {
	b := oneSpan(1 << 40)
	root := b.Spans[0]
	b.Spans = b.Spans[:0]
	id := func(n int) (out span.SpanID) {
		binary.BigEndian.PutUint64(out[:], uint64(n)+1)
		return out
	}
	for n := from; n < to; n++ {
		s := root
		s.SpanID, s.Name = id(n), fmt.Sprintf("step %d", n%100)
		s.Start += int64(n)
		switch {
		case n == 0:
		case n <= 500:
			s.Parent = id(0)
		default:
			s.Parent = id(1 + n%500)
		}
		s.Attrs = attrs(b, span.Attr{Key: "number", Value: span.Int(int64(n))})
		b.Spans = append(b.Spans, s)
	}
	return b
}

// layoutHeader is the JSON in front of the columns, see docs/format/trace-layout.md.
type layoutHeader struct {
	Rows, Spans int
	Cut         *struct {
		Spans  int
		Reason string
	}
	Columns map[string]struct{ At int }
}

func (a *abused) layout(query string) (layoutHeader, []byte) {
	a.t.Helper()
	resp, err := a.get(a.t.Context(), "/api/v1/traces/"+largeTrace(0, 1).Spans[0].TraceID.String()+"/layout"+query)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || len(body) < 8 || string(body[:4]) != "WTL1" {
		a.t.Fatalf("layout%s: %s: %.200q", query, resp.Status, body)
	}
	end := 8 + binary.LittleEndian.Uint32(body[4:])
	var h layoutHeader
	if err := json.Unmarshal(body[8:end], &h); err != nil {
		a.t.Fatal(err)
	}
	return h, body[end:]
}

// A trace as large as is drawn whole, sent in forty requests, is read and drawn whole; one
// of a quarter more is read whole and drawn cut, with a note, and what was cut can be asked
// for.
func TestAbuseLargeTrace(t *testing.T) {
	a := abuse(t, nil)
	most := a.docs.limit(t, "rows of a drawn trace")
	other := a.neighbour()
	send := func(from, to int) {
		for n := from; n < to; n += most / 40 {
			a.sendBatch(largeTrace(n, n+most/40))
		}
	}
	send(0, most)
	h, _ := a.layout("")
	if h.Rows != most || h.Spans != most || h.Cut != nil {
		t.Errorf("%d spans: layout has %d rows, %d spans, cut %v; want all", most, h.Rows, h.Spans, h.Cut)
	}
	total := most + most/4
	send(most, total)
	sent := largeTrace(0, total)
	got, err := a.Trace(t.Context(), sent.Spans[0].TraceID)
	if err != nil || got == nil {
		t.Fatalf("read %d spans: %v, %v", total, got != nil, err)
	}
	all := make([]int, total)
	for i := range all {
		all[i] = i
	}
	a.wantSpans(got, sent, all)

	h, columns := a.layout("")
	if h.Rows > most || h.Rows < most/2 || h.Spans != total || h.Cut == nil || h.Cut.Spans != total || h.Cut.Reason == "" {
		t.Fatalf("%d spans: layout has %d rows, %d spans, cut %v; want at most %d rows and a note", total, h.Rows, h.Spans, h.Cut, most)
	}
	hidden, ok := h.Columns["hidden"]
	if !ok {
		t.Fatal("a cut layout without a column of what is hidden")
	}
	marked := 0
	for r := range h.Rows {
		if binary.LittleEndian.Uint32(columns[hidden.At+4*r:]) > 0 {
			marked++
		}
	}
	if marked == 0 {
		t.Error("no row says that something below it is hidden")
	}
	child := sent.Spans[1]
	if h, _ := a.layout("?root=" + child.SpanID.String()); h.Cut != nil || h.Rows != total/500-1 {
		t.Errorf("subtree of a cut trace: %d rows, cut %v; want %d and no cut", h.Rows, h.Cut, total/500-1)
	}
	other.wantUnharmed()
	a.wantSmall(512)
}

// One request over 10,000 different hours from 1970 to 2262 is searchable at once in each
// of them, and makes a part and not ten thousand.
func TestAbuseHours(t *testing.T) {
	a := abuse(t, nil, "--head", "512KiB")
	other := a.neighbour()
	const hours = 10_000
	step := int64(1<<63-1) / hours // 256 hours and some
	b := oneSpan(1 << 41)
	one := b.Spans[0]
	b.Spans = b.Spans[:0]
	for n := range hours {
		s := one
		binary.BigEndian.PutUint64(s.TraceID[8:], 1<<41+uint64(n))
		binary.BigEndian.PutUint64(s.SpanID[:], uint64(n)+1)
		s.Start = int64(n) * step
		s.End = s.Start + int64(time.Second)
		s.Attrs = attrs(b, span.Attr{Key: "hour", Value: span.Int(int64(n))})
		b.Spans = append(b.Spans, s)
	}
	first, last := time.Unix(0, b.Spans[0].Start).UTC(), time.Unix(0, b.Spans[hours-1].Start).UTC()
	if first.Year() != 1970 || last.Year() != 2262 {
		t.Fatalf("the hours reach from %v to %v", first, last)
	}
	sample := func() {
		t.Helper()
		for n := 0; n < hours; n += 997 {
			at := time.Unix(0, b.Spans[n].Start).UTC().Truncate(time.Hour)
			found, err := a.Search(t.Context(), "{ }", at, at.Add(time.Hour))
			id := b.Spans[n].TraceID.String()
			if err != nil || len(found) != 1 || found[id] != 1 {
				t.Errorf("search in the hour of %v finds %v, %v; want trace %s", at, found, err, id)
			}
		}
	}
	a.sendBatch(b)
	sample()
	other.wantUnharmed()
	// The neighbour has filled a head; what is left of it goes with one more request.
	until(t, "the hours are written as a part", func() bool { return a.metric("weft_store_part_bytes") > 0 })
	if n := a.metric("weft_store_parts"); n > 20 {
		t.Errorf("%v parts hold 10,000 hours", n)
	}
	sample()
	all := make([]string, 0, hours)
	for i := range b.Spans {
		all = append(all, b.Spans[i].TraceID.String())
	}
	found, err := a.Search(t.Context(), `{ resource.service.name = "abuser" }`, time.Unix(0, 0), time.Unix(0, 1<<63-1))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range all {
		if found[id] != 1 {
			t.Fatalf("a search over all hours misses trace %s, it finds %d", id, len(found))
		}
	}
	a.wantSmall(512)
	if err := a.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	sample()
	a.wantTraces(&span.Batch{Resources: b.Resources, Scopes: b.Scopes, Attrs: b.Attrs, Spans: b.Spans[hours-50:]})
}
