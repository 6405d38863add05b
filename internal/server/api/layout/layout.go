// Package layout writes a trace as columns that a browser draws without parsing: the
// format of docs/format/trace-layout.md.
//
// Promise: the same trace gives the same bytes. At most Options.MaxRows rows are sent;
// what is left out is named in the header and marked on the rows above it. Nothing is
// read or written but memory.
package layout

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/span"
)

// ContentType is the media type of the format.
const ContentType = "application/vnd.weft.layout"

// MaxRows is the default of Options.MaxRows: what a browser folds in a frame.
const MaxRows = 200_000

// Row flags of the format.
const (
	FlagMissing   = 1
	FlagException = 2
	FlagLinks     = 4
	FlagOpen      = 8
	FlagShared    = 16
	FlagMarked    = 32
	FlagCycle     = 64
)

const (
	magic       = "WTL1"
	maxServices = math.MaxUint16
	maxDepth    = math.MaxUint16
)

// ErrNoRoot: the trace has no span of the id asked for as root.
var ErrNoRoot = errors.New("no span with this id in the trace")

// Options say which part of a trace is wanted. The zero value is the whole.
type Options struct {
	Root    span.SpanID // only the subtree of this span; zero: the whole trace
	MaxRows int         // rows sent at most; 0: MaxRows
}

// Append writes the layout of t behind dst.
func Append(dst []byte, t *tree.Tree, o Options) ([]byte, error) {
	from, to, err := extent(t, o.Root)
	if err != nil {
		return dst, err
	}
	limit := o.MaxRows
	if limit <= 0 {
		limit = MaxRows
	}
	e := encoder{t: t, base: from}
	e.choose(from, to, limit)
	return e.append(dst)
}

// extent is the rows asked for. Of spans that share the id it is the one with most below
// it: of Zipkin's two the client, which has the server below it.
func extent(t *tree.Tree, root span.SpanID) (from, to int32, err error) {
	if root.IsZero() {
		return 0, int32(len(t.Rows)), nil
	}
	best := tree.None
	for r := range t.Rows {
		if t.Rows[r].SpanID == root && (best == tree.None || t.Rows[r].Subtree > t.Rows[best].Subtree) {
			best = int32(r)
		}
	}
	if best == tree.None {
		return 0, 0, fmt.Errorf("lay out span %s: %w", root, ErrNoRoot)
	}
	return best, best + t.Rows[best].Subtree, nil
}

type header struct {
	TraceID  string            `json:"trace_id"`
	Base     string            `json:"base_unix_nano"`
	Duration string            `json:"duration_ns"`
	Rows     int               `json:"rows"`
	Spans    int               `json:"spans"`
	Errors   int               `json:"errors"`
	Cut      *cutNote          `json:"cut"`
	Services []string          `json:"services"`
	Names    []string          `json:"names"`
	Columns  map[string]column `json:"columns"`
}

type cutNote struct {
	Spans  int    `json:"spans"`
	Reason string `json:"reason"`
}

type column struct {
	Type string `json:"type"`
	At   int    `json:"at"`
}

type encoder struct {
	t    *tree.Tree
	base int32   // first row of the part that is laid out
	rows []int32 // rows sent, ascending
	cut  *cutNote
	// Of the whole part, what was cut included.
	spans, errors int
	first, end    int64
}

// sentRows is what is sent of each row, a slice for each column.
type sentRows struct {
	start, duration []float64
	parent          []int32
	subtree, hidden []uint32
	depth, service  []uint16
	name            []uint32
	kind, status    []uint8
	flags           []uint8
	ids             []byte
	services, names dictionary
}

func newSentRows(n int) *sentRows {
	return &sentRows{
		start: make([]float64, n), duration: make([]float64, n), parent: make([]int32, n),
		subtree: make([]uint32, n), hidden: make([]uint32, n), depth: make([]uint16, n), service: make([]uint16, n),
		name: make([]uint32, n), kind: make([]uint8, n), status: make([]uint8, n), flags: make([]uint8, n),
		ids: make([]byte, 0, 8*n), services: dictionary{max: maxServices}, names: dictionary{max: math.MaxInt32},
	}
}

func (e *encoder) append(dst []byte) ([]byte, error) {
	n, t, out := len(e.rows), e.t, e.gather()
	var cols columns
	cols.add("start", "f64", 8*n, out.start)
	cols.add("duration", "f64", 8*n, out.duration)
	cols.add("parent", "i32", 4*n, out.parent)
	cols.add("subtree", "u32", 4*n, out.subtree)
	cols.add("depth", "u16", 2*n, out.depth)
	cols.add("service", "u16", 2*n, out.service)
	cols.add("name", "u32", 4*n, out.name)
	cols.add("kind", "u8", n, out.kind)
	cols.add("status", "u8", n, out.status)
	cols.add("flags", "u8", n, out.flags)
	cols.add("span_id", "u8", 8*n, out.ids)
	if e.cut != nil {
		cols.add("hidden", "u32", 4*n, out.hidden)
	}
	h := header{
		Base: strconv.FormatInt(t.Start, 10), Duration: "0",
		Rows: n, Spans: e.spans, Errors: e.errors, Cut: e.cut,
		Services: out.services.words(), Names: out.names.words(), Columns: cols.at,
	}
	if n > 0 {
		h.TraceID = t.Batch.Spans[0].TraceID.String()
		h.Duration = strconv.FormatInt(e.end-e.first, 10)
	}
	return cols.write(dst, h)
}

// gather fills the columns, the subtrees from the last row up.
func (e *encoder) gather() *sentRows {
	n, t := len(e.rows), e.t
	out := newSentRows(n)
	sent := make(map[int32]int32, n) // row of the tree → row sent
	for i, r := range e.rows {
		sent[r] = int32(i)
		out.parent[i] = -1
		if p, ok := sent[t.Rows[r].Parent]; ok && r != e.base {
			out.parent[i] = p
		}
		e.row(out, i, r)
	}
	for i := n - 1; i > 0; i-- {
		if p := out.parent[i]; p >= 0 {
			out.subtree[p] += out.subtree[i]
		}
	}
	if e.cut == nil {
		return out
	}
	for i, r := range e.rows {
		for c := range t.Children(r) {
			if _, ok := sent[c]; !ok {
				out.hidden[i] = uint32(t.Rows[r].Subtree)
				break
			}
		}
	}
	return out
}

// row fills row i with row r of the tree.
func (e *encoder) row(out *sentRows, i int, r int32) {
	t := e.t
	row := &t.Rows[r]
	out.start[i] = float64(row.Start - t.Start)
	out.duration[i] = float64(row.End - row.Start)
	out.subtree[i] = 1
	out.depth[i] = uint16(min(row.Depth-t.Rows[e.base].Depth, maxDepth))
	out.ids = append(out.ids, row.SpanID[:]...)
	if row.Broken {
		out.flags[i] |= FlagCycle
	}
	if row.Shared {
		out.flags[i] |= FlagShared
	}
	s := t.SpanOf(r)
	if s == nil {
		out.flags[i] |= FlagMissing
		out.service[i] = uint16(out.services.index(""))
		out.name[i] = out.names.index("")
		return
	}
	out.service[i] = uint16(out.services.index(t.Batch.Service(s)))
	out.name[i] = out.names.index(s.Name)
	out.kind[i] = clip(int32(s.Kind))
	out.status[i] = clip(int32(s.Status))
	out.flags[i] |= spanFlags(t.Batch, s)
}

func spanFlags(b *span.Batch, s *span.Span) (f uint8) {
	for _, ev := range b.EventsOf(s) {
		if ev.Name == "exception" {
			f |= FlagException
			break
		}
	}
	if s.Links.Len() > 0 {
		f |= FlagLinks
	}
	if s.End == 0 {
		f |= FlagOpen
	}
	if s.Marks != 0 {
		f |= FlagMarked
	}
	return f
}

// clip keeps a value OTLP may add one day inside its byte.
func clip(v int32) uint8 {
	if v < 0 || v > math.MaxUint8 {
		return math.MaxUint8
	}
	return uint8(v)
}

// dictionary numbers words as they come. Past max words all others share the last
// number, whose word is "…".
type dictionary struct {
	max  int
	at   map[string]uint32
	list []string
}

func (d *dictionary) index(s string) uint32 {
	if i, ok := d.at[s]; ok {
		return i
	}
	if len(d.list) > d.max {
		return uint32(d.max)
	}
	if len(d.list) == d.max {
		s = "…"
	}
	if d.at == nil {
		d.at = map[string]uint32{}
	}
	i := uint32(len(d.list))
	d.at[s] = i
	d.list = append(d.list, s)
	return i
}

// words is never nil, so that JSON shows an empty list.
func (d *dictionary) words() []string {
	if d.list == nil {
		return []string{}
	}
	return d.list
}

// columns collects the columns in order, each at a multiple of 8.
type columns struct {
	at   map[string]column
	data []any
	size []int
	next int
}

func (c *columns) add(name, typ string, size int, data any) {
	if c.at == nil {
		c.at = map[string]column{}
	}
	c.at[name] = column{typ, c.next}
	c.data, c.size = append(c.data, data), append(c.size, size)
	c.next += (size + 7) &^ 7
}

func (c *columns) write(dst []byte, h header) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(h); err != nil {
		return dst, fmt.Errorf("write layout header: %w", err)
	}
	head := bytes.TrimRight(text.Bytes(), "\n")
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(head)))
	dst = append(dst, head...)
	for i, data := range c.data {
		var err error
		if dst, err = binary.Append(dst, binary.LittleEndian, data); err != nil {
			return dst, fmt.Errorf("write layout column: %w", err)
		}
		for pad := -c.size[i] & 7; pad > 0; pad-- {
			dst = append(dst, 0)
		}
	}
	return dst, nil
}
