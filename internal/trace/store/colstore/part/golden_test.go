package part

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
)

var update = flag.Bool("update", false, "write the golden file anew")

// goldenTraces are two tenants with three traces that use most of the format. They are in
// the files of old versions, so they must not change.
func goldenTraces() []Trace {
	b := &span.Batch{AttrUnknown: map[uint32]string{}}
	str := func(k, v string) span.Attr { return span.Attr{Key: k, Value: span.String(v)} }
	b.Resources = []span.Resource{
		{Present: true, Attrs: attrsIn(b, str("service.name", "gateway"), str("zone", "eu"))},
		{Present: true, Attrs: attrsIn(b, str("service.name", "payment")), SchemaURL: "https://opentelemetry.io/schemas/1.26.0"},
	}
	b.Scopes = []span.Scope{
		{Resource: 0, Present: true, Name: "http", Version: "1.2"},
		{Resource: 1, Present: true, Name: "sql", Attrs: attrsIn(b, span.Attr{Key: "pooled", Value: span.Bool(true)})},
	}
	start := time.Date(2026, 3, 14, 9, 26, 53, 589793238, time.UTC).UnixNano()
	id := func(n byte) span.SpanID { return span.SpanID{n, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, n} }
	trace := span.TraceID{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36}
	old := span.TraceID{8: 1, 15: 2}
	b.Spans = []span.Span{
		{
			TraceID: trace, SpanID: id(1), Start: start, End: start + 5_000_000, Name: "GET /pay", Kind: span.KindServer, Flags: 0x101,
			Attrs: attrsIn(b, str("http.method", "GET"), str("user.id", "u-17"), span.Attr{Key: "http.status_code", Value: span.Int(500)}),
		},
		{
			TraceID: trace, SpanID: id(2), Parent: id(1), Start: start + 1000, End: start + 4_000_000, Scope: 1, Name: "charge",
			Kind: span.KindClient, Flags: 0x101, Presence: span.HasStatus, Status: span.StatusError, StatusMessage: "declined",
			TraceState: "weft=1", Unknown: "\xa0\x06\x01", Marks: span.MarkTruncated, DroppedAttrs: 2,
			Attrs: attrsIn(b, str("order.id", "order-1"), str("order.id", "order-2"), span.Attr{Key: "amount", Value: span.Double(19.99)},
				span.Attr{Key: "tags", Value: span.Value{Kind: span.ValueArray, Str: "\x0a\x03\x0a\x01a"}}, span.Attr{Key: "nothing"}),
		},
		{
			TraceID: trace, SpanID: id(3), Parent: id(2), Start: start + 2000, End: 0, Scope: 1, Name: "charge", Kind: span.KindClient, Flags: 0x101,
			Attrs: attrsIn(b, str("order.id", "order-3"), str("order.id", "order-3"), span.Attr{Key: "amount", Value: span.Double(5)},
				span.Attr{Key: "tags", Value: span.Value{Kind: span.ValueArray}}, span.Attr{Key: "nothing"}),
		},
		{
			TraceID: trace, SpanID: id(4), Parent: id(2), Start: start + 2500, End: start + 9000, Scope: 1, Name: "charge", Kind: span.KindClient, Flags: 0x101,
			Attrs: attrsIn(b, str("order.id", "order-4"), str("order.id", "order-3"), span.Attr{Key: "amount", Value: span.Double(5)},
				span.Attr{Key: "tags", Value: span.Value{Kind: span.ValueArray}}, span.Attr{Key: "nothing"}),
		},
		{
			TraceID: trace, SpanID: id(5), Parent: id(2), Start: start + 2500, End: start + 7000, Scope: 1, Name: "charge", Kind: span.KindClient, Flags: 0x101,
			Attrs: attrsIn(b, str("order.id", "order-4"), str("order.id", "order-3"), span.Attr{Key: "amount", Value: span.Double(0.25)},
				span.Attr{Key: "tags", Value: span.Value{Kind: span.ValueArray}}, span.Attr{Key: "nothing"}),
		},
		{
			TraceID: trace, SpanID: id(6), Parent: id(7), Start: start + 2600, End: start + 2600, Scope: 1, Name: "charge", Kind: span.KindClient, Flags: 0x101,
			Attrs: attrsIn(b, str("order.id", "order-5"), str("order.id", "order-3"), span.Attr{Key: "amount", Value: span.Double(7.5)},
				span.Attr{Key: "tags", Value: span.Value{Kind: span.ValueArray}}, span.Attr{Key: "nothing"}),
		},
		{TraceID: old, SpanID: id(9), Parent: id(8), Start: start + 7000, End: start + 6000, Name: "poll", Kind: span.KindConsumer},
		{
			TraceID: trace, SpanID: id(1), Start: 17, End: 18, Name: "GET /pay", Kind: span.KindServer, Flags: 0x101,
			Attrs: attrsIn(b, str("http.method", "GET"), str("user.id", "u-18"), span.Attr{Key: "http.status_code", Value: span.Int(200)}),
		},
	}
	b.AttrUnknown[b.Spans[1].Attrs.From+1] = "\xa0\x06\x02"
	b.Events = []span.Event{
		{Time: start + 3000, Name: "exception", Attrs: attrsIn(b, str("exception.type", "Declined"))},
		{Time: start + 3500, Name: "retry", Dropped: 1},
	}
	b.Spans[1].Events = span.Range{From: 0, To: 2}
	b.Links = []span.Link{{TraceID: trace, SpanID: id(1), Flags: 1, TraceState: "a=b", Attrs: attrsIn(b, str("why", "batch"))}}
	b.Spans[6].Links = span.Range{From: 0, To: 1}
	return []Trace{
		{"acme", trace, []Ref{{b, 0}, {b, 1}, {b, 2}, {b, 3}, {b, 4}, {b, 5}}},
		{"acme", old, []Ref{{b, 6}}},
		{"zebra", trace, []Ref{{b, 7}}},
	}
}

// archivedTraces are goldenTraces and 1,000 spans more, for dictionaries, filters and
// several pages; they must not change either.
func archivedTraces() []Trace {
	list := goldenTraces()[:2]
	for n := range 40 {
		t := traceOf(25, func(b *span.Batch, i int, s *span.Span) {
			k := 25*n + i
			s.TraceID = span.TraceID{byte(n) + 1, 0xfe, 15: byte(n)}
			s.Start, s.End = int64(1e15+k*1_000_003), int64(1e15+k*1_000_003+k%97*1000)
			s.Name = fmt.Sprint("operation ", k%7)
			if i > 0 {
				s.Parent = span.SpanID{7: byte(i/3 + 1)}
			}
			s.Attrs = attrsIn(b,
				span.Attr{Key: "request.id", Value: span.String(fmt.Sprintf("%08x-%04x", uint32(k*2654435761), k))},
				span.Attr{Key: "user.id", Value: span.String(fmt.Sprint("user-", k%300))},
				span.Attr{Key: "offset", Value: span.Int(int64(1e12 + k))},
				span.Attr{Key: "price", Value: span.Double(float64(k%1000) / 100)},
				span.Attr{Key: "retry", Value: span.Bool(k%5 == 0)})
		})
		t.Tenant, t.ID = "many", t.Spans[0].Span().TraceID
		list = append(list, t)
	}
	return append(list, goldenTraces()[2])
}

func goldenOptions() Options {
	at := time.Date(2026, 3, 14, 9, 27, 0, 0, time.UTC)
	return Options{
		MinArrival: at, MaxArrival: at.Add(time.Second), Positions: [][2]log.Position{{41, 44}},
		Digests: []ArrivedDigest{{log.Digest{0xd1, 15: 0x9e}, at}}, plain: true,
	}
}

// The bytes of a part, annotated, for a person to review. -update writes them anew.
func TestGolden(t *testing.T) {
	p, fs := written(t, goldenOptions(), goldenTraces())
	got := annotated(t, p, content(t, fs))
	name := filepath.Join("testdata", "golden.txt")
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		at := 0
		a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for at < min(len(a), len(b))-1 && a[at] == b[at] {
			at++
		}
		t.Errorf("the format has changed from line %d on:\n%s\nwas\n%s\nIf that is meant, bump Version, keep reading the old one, and run with -update", at+1, a[at], b[at])
	}
}

// A part of each released version reads as on the day it was written. The files are never
// written again: -update writes only the one of a version that has none.
func TestOldVersions(t *testing.T) {
	for version := firstVersion; version <= Version; version++ {
		dir := filepath.Join("testdata", fmt.Sprintf("v%d", version))
		if _, err := os.Stat(dir); err != nil && *update && version == Version {
			opt := goldenOptions()
			opt.PageSpans, opt.plain = 300, false
			if _, err := Write(context.Background(), vfs.OS{}, dir, opt, sequence(archivedTraces())); err != nil {
				t.Fatal(err)
			}
		}
		p, err := Open(vfs.OS{}, dir, NewCache(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		checkTraces(t, p, archivedTraces())
		checkClean(t, p)
		opt, m := goldenOptions(), p.Meta()
		if m.Version != version || m.Spans != 1008 || m.Traces != 43 || !m.MaxArrival.Equal(opt.MaxArrival) || m.Positions[0] != opt.Positions[0] {
			t.Errorf("version %d: Meta is %+v", version, m)
		}
		if d, err := p.Digests(); err != nil || len(d) != 1 || d[0].Digest != opt.Digests[0].Digest {
			t.Errorf("version %d: Digests are %v, %v", version, d, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// annotator prints every byte of a file once, in order, with what it is.
type annotator struct {
	t   *testing.T
	out bytes.Buffer
	b   []byte
	at  int
}

// upTo prints the bytes from where it is to end.
func (a *annotator) upTo(end int, what string, args ...any) {
	a.t.Helper()
	if end < a.at || end > len(a.b) {
		a.t.Fatalf("%s ends at %d, is at %d of %d", fmt.Sprintf(what, args...), end, a.at, len(a.b))
	}
	what = fmt.Sprintf(what, args...)
	for a.at < end || what != "" {
		n := min(16, end-a.at)
		fmt.Fprintf(&a.out, "%06x  %-48s %s", a.at, fmt.Sprintf("% x", a.b[a.at:a.at+n]), what)
		a.out.Truncate(len(bytes.TrimRight(a.out.Bytes(), " ")))
		a.out.WriteByte('\n')
		a.at, what = a.at+n, ""
	}
}

func annotated(t *testing.T, p *Part, b []byte) string {
	a := &annotator{t: t, b: b}
	a.upTo(8, "magic")
	a.upTo(16, "format version %d, zero", p.meta.Version)
	for i, g := range p.groups {
		fmt.Fprintf(&a.out, "\ngroup %d of tenant %q: %d spans, %d traces\n", i, g.Tenant(), g.Stats().Spans, g.Stats().Traces)
		a.group(g)
		if i == len(p.groups)-1 || p.groups[i+1].meta.schema != g.meta.schema {
			fmt.Fprintf(&a.out, "\nschema %d\n", g.meta.schema)
			a.schema(p.schemas[g.meta.schema])
		}
	}
	fmt.Fprintf(&a.out, "\npart\n")
	a.upTo(int(p.digests.off+p.digests.stored), "digests")
	for i, blk := range p.index {
		a.upTo(int(blk.off)+blk.size, "trace index, block %d from hash %010x on", i, blk.first)
	}
	a.upTo(int(p.indexRef.off+p.indexRef.stored), "list of the index blocks")
	a.upTo(int(p.footerRef.off+p.footerRef.stored), "footer")
	a.upTo(len(b)-16, "trailer: offset, size, size before compression and hash of the footer")
	a.upTo(len(b)-8, "hash of the trailer")
	a.upTo(len(b), "magic")
	return a.out.String()
}

func (a *annotator) group(g *Group) {
	pages, err := g.Pages()
	if err != nil {
		a.t.Fatal(err)
	}
	tb, err := g.tables()
	if err != nil {
		a.t.Fatal(err)
	}
	for i, pg := range pages {
		raw, err := pg.load(pg.table[i].length)
		if err != nil {
			a.t.Fatal(err)
		}
		a.upTo(int(pg.off+pg.table[i].header), "page %d: header of %d columns", i, len(raw.columns))
		for _, c := range raw.columns {
			info := &tb.columns[c.id]
			a.upTo(int(pg.off+c.off+c.stored), "%s, %s%s", info.name(), encodingNames[c.enc], values(info, &c, raw.b[c.off:c.off+c.stored]))
		}
	}
	for i := range tb.columns {
		if c := &tb.columns[i]; !c.filter.isZero() {
			a.upTo(int(c.filter.off+c.filter.stored), "filters of %s", c.name())
		}
	}
	start := int(g.meta.tables.off)
	r := reader{b: a.b[start : start+int(g.meta.tables.stored)]}
	again := &tables{schema: tb.schema, columns: slices.Clone(tb.columns)}
	again.readColumns(&r)
	a.upTo(start+r.at, "tables: columns with values")
	again.scopeCount, again.shapeCount = make([]uint32, len(tb.scopes)), make([]uint32, len(tb.shapes))
	again.readClasses(&r)
	a.upTo(start+r.at, "classes: %v", again.classes)
	counts := make([]uint32, len(tb.scopes))
	readCounts(&r, counts)
	a.upTo(start+r.at, "spans with inline shapes, by scope: %v", counts)
	counts = make([]uint32, len(tb.shapes))
	readCounts(&r, counts)
	a.upTo(start+r.at, "events and links, by shape: %v", counts)
	a.upTo(int(g.meta.outline.off+g.meta.outline.stored), "outline")
	a.upTo(int(g.meta.pageTable.off+g.meta.pageTable.stored), "page table")
}

func (a *annotator) schema(refs schemaRefs) {
	start := int(refs[0].off)
	r := reader{b: a.b[start : start+int(refs[0].stored)]}
	s := &schema{}
	s.names = readTexts(&r)
	a.upTo(start+r.at, "names %q", s.names)
	s.keys = readTexts(&r)
	a.upTo(start+r.at, "keys %q", s.keys)
	s.attrs = make([]attrColumn, r.count(3))
	a.upTo(start+r.at, "columns of attributes: %d", len(s.attrs))
	for i := range s.attrs {
		s.attrs[i] = readAttrColumn(&r, s.keys)
		a.upTo(start+r.at, "column %d: %s", int(firstAttr)+i, s.attrs[i].name())
	}
	s.resources = make([]resourceInfo, r.count(7))
	a.upTo(start+r.at, "resources: %d", len(s.resources))
	for i := range s.resources {
		s.resources[i] = readResource(&r)
		a.upTo(start+r.at, "resource of service %q", s.resources[i].service)
	}
	s.scopes = make([]scopeInfo, r.count(10))
	a.upTo(start+r.at, "scopes: %d", len(s.scopes))
	for i := range s.scopes {
		s.scopes[i] = readScope(&r, len(s.resources))
		a.upTo(start+r.at, "scope %q of resource %d", s.scopes[i].Name, s.scopes[i].Resource)
	}
	s.readSlots(&r)
	a.upTo(start+r.at, "attributes of shapes: %d, in all %d times", len(s.slots), cap(s.shapeSlots))
	s.shapes = make([]shape, r.count(4))
	a.upTo(start+r.at, "shapes: %d", len(s.shapes))
	for i := range s.shapes {
		sh := readShape(&r, s)
		s.shapes[i] = sh
		a.upTo(start+r.at, "%s shape %q, attributes %d, mask %x", ownerNames[sh.own], sh.name, sh.slots, sh.mask)
	}
	s.readPairs(&r)
	a.upTo(start+r.at, "pairs of scope and shape: %v", s.pairs)
	if end := int(refs[1].off + refs[1].stored); end > 0 {
		a.upTo(end, "the schema again")
	}
}

// values is the values of a column in words.
func values(info *columnInfo, pos *columnPos, b []byte) string {
	c := newCursor(info, pos.enc, b)
	var out []string
	more := func() bool { return pos.enc == encConst && len(out) == 0 || pos.enc != encConst && c.left() > 0 }
	switch info.phys {
	case physRaw:
		return ""
	case physText:
		for more() {
			out = append(out, fmt.Sprintf("%q", c.nextText()))
		}
	case physDouble:
		for more() {
			v := span.Value{Num: c.nextNum()}
			out = append(out, fmt.Sprint(v.Double()))
		}
	default:
		for more() {
			out = append(out, fmt.Sprint(int64(c.nextNum())))
		}
	}
	return ": " + strings.Join(out, " ")
}
