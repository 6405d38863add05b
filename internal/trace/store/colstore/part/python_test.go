package part

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

const pythonReader = "../../../../../docs/format/read_part.py"

// FORMAT.md says all that a reader needs: docs/format/read_part.py, which was written from
// it, reads what is here span for span, of every version, encoding and kind of hole.
func TestPython(t *testing.T) {
	for _, program := range []string{"python3", "zstd"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	used := map[encoding]bool{}
	holes := map[holeKind]bool{}
	f := func(name, dir string, list []Trace) {
		t.Helper()
		p, err := Open(vfs.OS{}, dir, NewCache(32<<20))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}()
		kindsOf(t, p, used, holes)
		lines := bufio.NewScanner(bytes.NewReader(python(t, "--part", dir)))
		lines.Buffer(nil, 64<<20)
		lines.Scan()
		checkPythonPart(t, name, p, lines.Bytes())
		for _, tr := range list {
			loc, ok, err := p.Lookup(tr.Tenant, tr.ID)
			if err != nil || !ok {
				t.Fatalf("%s: Lookup(%q, %s) = %v, %v", name, tr.Tenant, tr.ID, ok, err)
			}
			want, err := p.ReadTrace(context.Background(), loc)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want.Spans {
				if !lines.Scan() {
					t.Fatalf("%s: the script ends before span %d of trace %s of %q", name, i, tr.ID, tr.Tenant)
				}
				tenant, got := pythonSpan(t, lines.Bytes())
				if tenant != tr.Tenant || !got.EqualSpan(0, want, i) || got.Spans[0].Marks != want.Spans[i].Marks {
					t.Fatalf("%s: span %d of trace %s of %q is\n%+v\nthe script says\n%s", name, i, tr.ID, tr.Tenant, want.Spans[i], lines.Bytes())
				}
			}
		}
		if lines.Scan() {
			t.Errorf("%s: the script has a span too many: %s", name, lines.Bytes())
		}
	}
	fresh := func(name string, opt Options, list []Trace) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "p")
		if _, err := Write(context.Background(), vfs.OS{}, dir, opt, sequence(list)); err != nil {
			t.Fatal(err)
		}
		f(name, dir, list)
	}
	for version := firstVersion; version <= Version; version++ {
		name := fmt.Sprintf("v%d", version)
		f(name, filepath.Join("testdata", name), archivedTraces())
	}
	for seed := range uint64(3) {
		r := newSource(seed)
		opt := goldenOptions()
		opt.Vary, opt.plain = r.Rand, seed > 0
		opt.GroupSpans, opt.PageSpans = 400, 130
		fresh(fmt.Sprint("seed ", seed), opt, r.traces(600))
	}
	fresh("texts", Options{PageSpans: 200}, []Trace{patternTrace()})
	fresh("odd", Options{PageSpans: 300}, oddTraces())
	fresh("nothing", Options{}, nil)
	for enc := encoding(0); int(enc) < len(encodingNames); enc++ {
		if !used[enc] {
			t.Errorf("no column has the encoding %s", encodingNames[enc])
		}
	}
	for kind := holeKind(1); kind <= holeWord; kind++ {
		if !holes[kind] {
			t.Errorf("no pattern has a hole of kind %d", kind)
		}
	}
}

// python is what the reader prints.
func python(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, problem bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "python3", append([]string{pythonReader}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		t.Fatalf("read_part.py %s: %v\n%s", strings.Join(args, " "), err, &problem)
	}
	return out.Bytes()
}

// patternTrace has texts for every kind of hole, of one line and of several.
func patternTrace() Trace {
	r := newSource(5)
	return traceOf(500, func(b *span.Batch, i int, s *span.Span) {
		str := func(k, format string, args ...any) span.Attr {
			return span.Attr{Key: k, Value: span.String(fmt.Sprintf(format, args...))}
		}
		stack := fmt.Sprintf("panic %d\n  at worker-%d.go:%d\n  at main.go:%03d", i, i%7, r.IntN(900), r.IntN(400))
		if i%9 == 0 {
			stack = fmt.Sprintf("%x is like no other", r.Uint64())
		}
		s.Attrs = attrsIn(b,
			str("statement", "SELECT a FROM orders WHERE id = %d LIMIT %d", r.IntN(1e6), 1+i%50),
			str("id", "%08x-%04x-4fff-abcd-%012x", r.Uint32(), r.IntN(1<<16), r.Int64N(1<<48)),
			str("order", "ord-A%013X/%09xf1 0x%x", r.Int64N(1<<52), r.Int64N(1<<36), i),
			str("path", "/k%cx%dz%c/", 'a'+rune(r.IntN(26)), r.IntN(10), 'a'+rune(r.IntN(26))),
			str("commit", "at %040x of %d", r.Uint64(), i),
			str("stack", "%s", stack), str("again", "page %d of 500", i/3))
	})
}

// oddTraces have what is at the edge of the model.
func oddTraces() []Trace {
	times := []int64{0, 1, math.MaxInt64 - 1, math.MaxInt64, -1, math.MinInt64}
	doubles := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 5e-324, math.Copysign(0, -1), 0.1, 1e16 + 2}
	r := newSource(6)
	return inOrder([]Trace{traceOf(720, func(b *span.Batch, i int, s *span.Span) {
		s.Start, s.End = times[i/6%6], times[i%6]
		s.SpanID[0], s.Parent = byte(i%2), span.SpanID{7: byte(i * 7)}
		s.Kind, s.Status, s.Flags = span.Kind(math.MaxInt32-i%2), span.StatusCode(math.MinInt32+i%2), math.MaxUint32-uint32(i)
		s.Marks, s.Presence = 255, span.Presence(254+i%2)
		s.DroppedAttrs, s.DroppedEvents, s.DroppedLinks = math.MaxUint32, 1, uint32(i)
		s.Name, s.TraceState, s.Unknown, s.StatusUnknown = "\xff\xfe\x00", string(rune(i)), "\xa0\x06\x01", "\xa0\x06\x02"
		s.Attrs = attrsIn(b, span.Attr{Key: "\xff", Value: span.String("\x80")}, span.Attr{}, span.Attr{Value: span.String("")},
			span.Attr{Key: "k", Value: span.Value{Kind: span.ValueEmpty}}, span.Attr{Key: "k"},
			span.Attr{Key: "d", Value: span.Double(doubles[i%8])}, span.Attr{Key: "n", Value: span.Int(times[i%6])},
			span.Attr{Key: "odd", Value: span.Value{Kind: span.ValueDouble, Num: 0x7ff8000000000000 | uint64(i)}},
			span.Attr{Key: "few", Value: span.Int(-1e17 * r.Int64N(5))},
			span.Attr{Key: "cents", Value: span.Double(float64(r.Int64N(1<<50)) / 100)},
			span.Attr{Key: "large", Value: span.Double(float64(r.Int64N(1 << 62)))})
		if i%9 == 0 {
			s.Attrs.To = attrsIn(b, span.Attr{Key: fmt.Sprint("key ", i%5), Value: r.gen.Value(2)}).To
		}
		s.Events.From = uint32(len(b.Events))
		b.Events = append(b.Events, span.Event{Time: times[i%5], Name: fmt.Sprint("n", i), Unknown: "\xa0\x06\x03", Dropped: uint32(i)})
		s.Events.To = uint32(len(b.Events))
		s.Links.From = uint32(len(b.Links))
		b.Links = append(b.Links, span.Link{TraceID: r.gen.TraceID(), Flags: uint32(i), TraceState: "\xff", Unknown: "\xa0\x06\x04"},
			span.Link{Dropped: uint32(i), Attrs: attrsIn(b, span.Attr{Key: "array", Value: gen.Array(span.Int(int64(i)))})})
		s.Links.To = uint32(len(b.Links))
	})})
}

// kindsOf notes the encodings and the kinds of holes that p has.
func kindsOf(t *testing.T, p *Part, used map[encoding]bool, holes map[holeKind]bool) {
	t.Helper()
	for _, g := range p.Groups() {
		pages, err := g.Pages()
		if err != nil {
			t.Fatal(err)
		}
		for i, pg := range pages {
			raw, err := pg.load(pg.table[i].length)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range raw.columns {
				used[c.enc&^encZstd] = true
			}
		}
		tb, err := g.tables()
		if err != nil {
			t.Fatal(err)
		}
		for i := range tb.columns {
			if tb.columns[i].patterns.isZero() {
				continue
			}
			table, err := g.patterns(colID(i), tb.columns[i].patterns)
			if err != nil {
				t.Fatal(err)
			}
			for _, pt := range table.list {
				for _, h := range pt.holes {
					holes[h.kind] = true
				}
			}
		}
	}
}

// pythonText is a text of the reader: a JSON string, or {"hex": …} of what is not UTF-8.
type pythonText string

func (s *pythonText) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(s))
	}
	var o struct{ Hex pythonBytes }
	err := json.Unmarshal(b, &o)
	*s = pythonText(o.Hex)
	return err
}

// pythonBytes are written in hex.
type pythonBytes string

func (s *pythonBytes) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	*s = pythonBytes(raw)
	return err
}

type pythonAttr struct {
	Key     pythonText
	Kind    string
	Value   json.RawMessage
	Unknown pythonBytes
}

// value is the model's form of a.
func (a *pythonAttr) value() (v span.Value, err error) {
	kinds := []string{"absent", "empty", "string", "bool", "int", "double", "bytes", "array", "map", "opaque"}
	v.Kind = span.ValueKind(slices.Index(kinds, a.Kind))
	switch v.Kind {
	case span.ValueAbsent, span.ValueEmpty:
		if string(a.Value) != "null" {
			err = fmt.Errorf("%s has the value %s", a.Kind, a.Value)
		}
	case span.ValueString:
		err = json.Unmarshal(a.Value, (*pythonText)(&v.Str))
	case span.ValueBool:
		var b bool
		err = json.Unmarshal(a.Value, &b)
		v = span.Bool(b)
	case span.ValueInt:
		var n int64
		err = json.Unmarshal(a.Value, &n)
		v = span.Int(n)
	case span.ValueDouble:
		var f float64
		if a.Value[0] != '{' {
			err = json.Unmarshal(a.Value, &f)
			return span.Double(f), err
		}
		var o struct{ Bits pythonBytes }
		if err = json.Unmarshal(a.Value, &o); err == nil && len(o.Bits) == 8 {
			v.Num = binary.BigEndian.Uint64([]byte(o.Bits))
		}
	default:
		err = json.Unmarshal(a.Value, (*pythonBytes)(&v.Str))
	}
	return v, err
}

// pythonSpan is a line of the reader as a batch of one span.
func pythonSpan(t *testing.T, line []byte) (tenant string, b *span.Batch) {
	t.Helper()
	type origin struct {
		Attributes    []pythonAttr
		Dropped       uint32     `json:"dropped_attributes"`
		SchemaURL     pythonText `json:"schema_url"`
		Present       bool
		Unknown       pythonBytes
		GroupUnknown  pythonBytes `json:"group_unknown"`
		Name, Version pythonText  // of scopes
		Resource      *origin     // of scopes
	}
	var o struct {
		Tenant        pythonText
		TraceID       pythonBytes `json:"trace_id"`
		SpanID        pythonBytes `json:"span_id"`
		Parent        pythonBytes `json:"parent_id"`
		Name          pythonText
		Kind          span.Kind
		Status        span.StatusCode
		StatusMessage pythonText `json:"status_message"`
		Start, End    int64
		Flags         uint32
		Presence      span.Presence
		Marks         span.Marks
		TraceState    pythonText `json:"trace_state"`
		Attributes    []pythonAttr
		Events        []struct {
			Time       int64
			Name       pythonText
			Attributes []pythonAttr
			Dropped    uint32 `json:"dropped_attributes"`
			Unknown    pythonBytes
		}
		Links []struct {
			TraceID    pythonBytes `json:"trace_id"`
			SpanID     pythonBytes `json:"span_id"`
			Flags      uint32
			TraceState pythonText `json:"trace_state"`
			Attributes []pythonAttr
			Dropped    uint32 `json:"dropped_attributes"`
			Unknown    pythonBytes
		}
		DroppedAttrs  uint32 `json:"dropped_attributes"`
		DroppedEvents uint32 `json:"dropped_events"`
		DroppedLinks  uint32 `json:"dropped_links"`
		Unknown       pythonBytes
		StatusUnknown pythonBytes `json:"status_unknown"`
		Scope         origin
	}
	in := json.NewDecoder(bytes.NewReader(line))
	in.DisallowUnknownFields()
	if err := in.Decode(&o); err != nil {
		t.Fatalf("%v in the line\n%s", err, line)
	}
	b = &span.Batch{AttrUnknown: map[uint32]string{}}
	attrs := func(list []pythonAttr) span.Range {
		r := span.Range{From: uint32(len(b.Attrs)), To: uint32(len(b.Attrs) + len(list))}
		for _, a := range list {
			v, err := a.value()
			if err != nil {
				t.Fatalf("attribute %q: %v in the line\n%s", a.Key, err, line)
			}
			if a.Unknown != "" {
				b.AttrUnknown[uint32(len(b.Attrs))] = string(a.Unknown)
			}
			b.Attrs = append(b.Attrs, span.Attr{Key: string(a.Key), Value: v})
		}
		return r
	}
	s := span.Span{
		Name: string(o.Name), Kind: o.Kind, Status: o.Status, StatusMessage: string(o.StatusMessage), Start: o.Start, End: o.End,
		Flags: o.Flags, Presence: o.Presence, Marks: o.Marks, TraceState: string(o.TraceState), Attrs: attrs(o.Attributes),
		DroppedAttrs: o.DroppedAttrs, DroppedEvents: o.DroppedEvents, DroppedLinks: o.DroppedLinks,
		Unknown: string(o.Unknown), StatusUnknown: string(o.StatusUnknown),
		Events: span.Range{To: uint32(len(o.Events))}, Links: span.Range{To: uint32(len(o.Links))},
	}
	copy(s.TraceID[:], o.TraceID)
	copy(s.SpanID[:], o.SpanID)
	copy(s.Parent[:], o.Parent)
	for _, e := range o.Events {
		b.Events = append(b.Events, span.Event{Time: e.Time, Name: string(e.Name), Attrs: attrs(e.Attributes), Dropped: e.Dropped, Unknown: string(e.Unknown)})
	}
	for _, l := range o.Links {
		link := span.Link{Flags: l.Flags, TraceState: string(l.TraceState), Attrs: attrs(l.Attributes), Dropped: l.Dropped, Unknown: string(l.Unknown)}
		copy(link.TraceID[:], l.TraceID)
		copy(link.SpanID[:], l.SpanID)
		b.Links = append(b.Links, link)
	}
	c, r := o.Scope, o.Scope.Resource
	b.Resources = []span.Resource{{
		Attrs: attrs(r.Attributes), Dropped: r.Dropped, SchemaURL: string(r.SchemaURL), Present: r.Present,
		Unknown: string(r.Unknown), GroupUnknown: string(r.GroupUnknown),
	}}
	b.Scopes = []span.Scope{{
		Name: string(c.Name), Version: string(c.Version), Attrs: attrs(c.Attributes), Dropped: c.Dropped,
		SchemaURL: string(c.SchemaURL), Present: c.Present, Unknown: string(c.Unknown), GroupUnknown: string(c.GroupUnknown),
	}}
	b.Spans = []span.Span{s}
	return string(o.Tenant), b
}

// checkPythonPart compares what the reader says of the part as a whole.
func checkPythonPart(t *testing.T, name string, p *Part, line []byte) {
	t.Helper()
	type arrived struct {
		Digest  pythonBytes
		Arrival *int64
	}
	var o struct {
		Version   int
		Arrival   [2]*int64
		Positions [][2]uint64
		Tenants   []struct {
			Name          pythonText
			Spans, Traces int64
		}
		Groups []struct {
			Spans, Traces int64
			Start         [2]int64
			Duration      [2]int64
			Error         bool
		}
		Digests []arrived
		Traces  int64
	}
	if err := json.Unmarshal(line, &o); err != nil {
		t.Fatalf("%v in the line\n%s", err, line)
	}
	at := func(ns *int64) time.Time {
		if ns == nil {
			return time.Time{}
		}
		return time.Unix(0, *ns)
	}
	m := p.Meta()
	ok := o.Version == m.Version && at(o.Arrival[0]).Equal(m.MinArrival) && at(o.Arrival[1]).Equal(m.MaxArrival) && o.Traces == m.Traces &&
		len(o.Positions) == len(m.Positions) && len(o.Tenants) == len(m.Tenants) && len(o.Groups) == len(p.Groups())
	for i := 0; ok && i < len(o.Positions); i++ {
		ok = o.Positions[i][0] == uint64(m.Positions[i][0]) && o.Positions[i][1] == uint64(m.Positions[i][1])
	}
	for i := 0; ok && i < len(o.Tenants); i++ {
		x, y := o.Tenants[i], m.Tenants[i]
		ok = string(x.Name) == y.Tenant && x.Spans == y.Spans && x.Traces == y.Traces
	}
	for i := 0; ok && i < len(o.Groups); i++ {
		x, y := o.Groups[i], p.Groups()[i].Stats()
		ok = x.Spans == int64(y.Spans) && x.Traces == int64(y.Traces) && x.Start == [2]int64{y.MinStart, y.MaxStart} &&
			x.Duration == [2]int64{y.MinDuration, y.MaxDuration} && x.Error == y.HasError
	}
	digests, err := p.Digests()
	if err != nil {
		t.Fatal(err)
	}
	ok = ok && slices.EqualFunc(o.Digests, digests, func(x arrived, y ArrivedDigest) bool {
		return string(x.Digest) == string(y.Digest[:]) && at(x.Arrival).Equal(y.Arrival)
	})
	if !ok {
		t.Errorf("%s: the script says of the part\n%s\nwant %+v", name, line, *m)
	}
}
