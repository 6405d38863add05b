package part

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// upTo is n, or a tenth of it in a short run, which is for the race detector.
func upTo(n int) int {
	if testing.Short() {
		return (n + 9) / 10
	}
	return n
}

func sequence(list []Trace) iter.Seq2[Trace, error] {
	return func(yield func(Trace, error) bool) {
		for _, t := range list {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// written makes a part of the traces and opens it.
func written(t testing.TB, opt Options, list []Trace) (*Part, *vfs.Mem) {
	t.Helper()
	fs := vfs.NewMem()
	meta, err := Write(context.Background(), fs, "p", opt, sequence(list))
	if err != nil {
		t.Fatal(err)
	}
	p := opened(t, fs)
	if p.meta.Spans != meta.Spans || p.meta.Traces != meta.Traces || p.meta.Bytes != meta.Bytes ||
		p.meta.MinStart != meta.MinStart || p.meta.MaxStart != meta.MaxStart || !slices.Equal(p.meta.Tenants, meta.Tenants) {
		t.Fatalf("Open says %+v, Write %+v", p.meta, meta)
	}
	return p, fs
}

func opened(t testing.TB, fs vfs.FS) *Part {
	t.Helper()
	p, err := Open(fs, "p", NewCache(32<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// same demands that b is exactly the spans of tr, marks too.
func same(t testing.TB, b *span.Batch, tr Trace) {
	t.Helper()
	if len(b.Spans) != len(tr.Spans) {
		t.Fatalf("trace %s has %d spans, want %d", tr.ID, len(b.Spans), len(tr.Spans))
	}
	for i, r := range tr.Spans {
		if !b.EqualSpan(i, r.Batch, r.Index) || b.Spans[i].Marks != r.Span().Marks {
			t.Fatalf("span %d of trace %s is\n%+v\nwant\n%+v", i, tr.ID, b.Spans[i], *r.Span())
		}
	}
}

// Whatever goes in comes out, bit for bit, by id and by page, with any sizes and
// encodings; and all that is said about it without reading it is true.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(upTo(40)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := newSource(seed)
			list := r.traces(1 + r.IntN(1500))
			p, _ := written(t, r.options(), list)
			checkTraces(t, p, list)
			checkPages(t, p, list)
			checkClean(t, p)
			checkNames(t, p, r, list)
			checkStat(t, p)
		})
	}
}

func checkTraces(t *testing.T, p *Part, list []Trace) {
	t.Helper()
	for _, tr := range list {
		loc, ok, err := p.Lookup(tr.Tenant, tr.ID)
		if err != nil || !ok {
			t.Fatalf("Lookup(%q, %s) = %v, %v", tr.Tenant, tr.ID, ok, err)
		}
		b, err := p.ReadTrace(context.Background(), loc)
		if err != nil {
			t.Fatal(err)
		}
		same(t, b, tr)
		e, err := p.Entry(loc)
		if err != nil {
			t.Fatal(err)
		}
		got := store.Summary{
			TraceID: e.ID, RootService: e.RootService, RootName: e.RootName,
			Start: e.Start, End: e.End, Spans: e.Rows, Errors: e.Errors,
		}
		// The tie between two roots with the same start and id on two pages is not kept.
		if want := store.Summarize(b); got != want && (loc.Pages == 1 || e.RootStart == want.Start && got.Spans == want.Spans) {
			if loc.Pages == 1 || !rootsTie(b) {
				t.Fatalf("Entry of trace %s is %+v, want %+v", tr.ID, got, want)
			}
		}
		if _, ok, err := p.Lookup(tr.Tenant+"x", tr.ID); ok || err != nil {
			t.Fatalf("another tenant finds the trace: %v, %v", ok, err)
		}
		unknown := tr.ID
		unknown[3] ^= 0x55
		if _, ok, err := p.Lookup(tr.Tenant, unknown); ok || err != nil {
			t.Fatalf("Lookup of an unknown id = %v, %v", ok, err)
		}
	}
}

// rootsTie reports whether two spans that may be the root have the same start and id.
func rootsTie(b *span.Batch) bool {
	for i := 1; i < len(b.Spans); i++ {
		if b.Spans[i].Start == b.Spans[i-1].Start && b.Spans[i].SpanID == b.Spans[i-1].SpanID {
			return true
		}
	}
	return false
}

func checkPages(t *testing.T, p *Part, list []Trace) {
	t.Helper()
	at, in := 0, 0 // trace, and span in it
	var spans, traces int64
	var tenants []TenantMeta
	for _, g := range p.Groups() {
		pages, err := g.Pages()
		if err != nil {
			t.Fatal(err)
		}
		var gs Stats
		var bytes int64
		for _, pg := range pages {
			b, err := pg.Read(context.Background(), All())
			if err != nil {
				t.Fatal(err)
			}
			dir, err := pg.Directory()
			if err != nil {
				t.Fatal(err)
			}
			st := pg.Stats()
			if st.Spans != len(b.Spans) || st.Traces != len(dir) {
				t.Fatalf("page has %d spans and %d traces, its stats say %+v", len(b.Spans), len(dir), st)
			}
			gs.add(&st)
			bytes += st.Bytes
			checkStats(t, st, b)
			for _, e := range dir {
				tr := list[at]
				if e.ID != tr.ID || g.Tenant() != tr.Tenant || e.Continued != (in > 0) {
					t.Fatalf("directory has trace %s of %q, want %s of %q", e.ID, g.Tenant(), tr.ID, tr.Tenant)
				}
				for row := e.First; row < e.First+e.Rows; row++ {
					ref := tr.Spans[in]
					if !b.EqualSpan(row, ref.Batch, ref.Index) {
						t.Fatalf("row %d of a page is %+v, want %+v", row, b.Spans[row], ref.Span())
					}
					in++
				}
				if in == len(tr.Spans) {
					at, in = at+1, 0
					traces++
					if n := len(tenants); n == 0 || tenants[n-1].Tenant != tr.Tenant {
						tenants = append(tenants, TenantMeta{Tenant: tr.Tenant})
					}
					tenants[len(tenants)-1].Traces++
					tenants[len(tenants)-1].Spans += int64(len(tr.Spans))
				}
			}
			spans += int64(len(b.Spans))
		}
		got := g.Stats()
		if bytes > got.Bytes {
			t.Fatalf("group of %d bytes has pages of %d", got.Bytes, bytes)
		}
		got.Bytes, got.Traces = 0, 0
		if got != gs {
			t.Fatalf("group stats are %+v, want %+v", got, gs)
		}
	}
	m := p.Meta()
	if at != len(list) || m.Spans != spans || m.Traces != traces || !slices.Equal(m.Tenants, tenants) {
		t.Fatalf("part says %+v, has %d spans, %d traces, %v", m, spans, traces, tenants)
	}
}

func checkStats(t *testing.T, st Stats, b *span.Batch) {
	t.Helper()
	want := Stats{Spans: st.Spans, Traces: st.Traces, Bytes: st.Bytes}
	for i := range b.Spans {
		s := &b.Spans[i]
		one := Stats{1, 0, 0, s.Start, s.Start, s.Duration(), s.Duration(), s.Status == span.StatusError}
		if i == 0 {
			want.Spans = 0
		}
		want.add(&one)
	}
	if st != want {
		t.Fatalf("page stats are %+v, want %+v", st, want)
	}
}

func checkClean(t *testing.T, p *Part) {
	t.Helper()
	blocks, corrupt, err := p.Check(context.Background())
	if err != nil || len(corrupt) > 0 || blocks == 0 {
		t.Fatalf("Check: %d blocks, %v, %v", blocks, corrupt, err)
	}
}

// checkNames compares with counting span by span.
func checkNames(t *testing.T, p *Part, r *source, list []Trace) {
	t.Helper()
	tenant := list[0].Tenant
	for range 12 {
		q := store.NameQuery{Tenant: tenant, Kind: store.NameKind(r.IntN(4)), Scope: store.Scope(r.IntN(int(store.ScopeParent)))}
		q.Key = []string{"few", "many", "unique", "status", "price", "tags", "service.name", "exception.message", "why"}[r.IntN(9)]
		if r.IntN(3) == 0 && q.Kind != store.ServiceNames {
			q.Service = []string{"service-1", "gateway", "nobody"}[r.IntN(3)]
		}
		if r.IntN(3) == 0 {
			k := span.Kind(r.IntN(6))
			q.SpanKind = &k
		}
		if r.IntN(3) == 0 {
			q.Prefix = []string{"s", "user", "ex"}[r.IntN(3)]
		}
		got := map[store.Name]int64{}
		for _, g := range p.Groups() {
			if g.Tenant() != tenant {
				continue
			}
			names, err := g.Names(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			addUp(got, names)
		}
		n := &namer{q: q, counts: map[store.Name]*int64{}}
		for _, tr := range list {
			if tr.Tenant != tenant {
				continue
			}
			for _, ref := range tr.Spans {
				n.span(ref.Batch, ref.Span())
			}
		}
		want := map[store.Name]int64{}
		addUp(want, n.names())
		if !maps.Equal(got, want) {
			t.Fatalf("Names(%+v) =\n%v\nwant\n%v", q, sorted(got), sorted(want))
		}
	}
}

// addUp adds names to counts; Count of the keys is 0.
func addUp(counts map[store.Name]int64, names []store.Name) {
	for _, n := range names {
		count := n.Count
		n.Count = 0
		counts[n] += count
	}
}

func sorted(m map[store.Name]int64) []string {
	var out []string
	for n, c := range m {
		out = append(out, fmt.Sprintf("%q kind %d type %d scope %d: %d", n.Text, n.Kind, n.Type, n.Scope, c))
	}
	slices.Sort(out)
	return out
}

// Names are counted right where the tables tell, and where they do not.
func TestNames(t *testing.T) {
	for seed := range uint64(upTo(8)) {
		r := newSource(seed)
		list := r.small(700)
		p, _ := written(t, Options{GroupSpans: 300}, list)
		for range 5 {
			checkNames(t, p, r, list)
		}
	}
	many := traceOf(30, func(b *span.Batch, i int, s *span.Span) {
		if i == 0 {
			b.Resources[0].Attrs = attrsIn(b, span.Attr{Key: "service.name", Value: span.String("one")})
		}
		s.Attrs = attrsIn(b, span.Attr{Key: "k", Value: span.Int(int64(i % 2))})
	})
	p, _ := written(t, Options{}, []Trace{many})
	f := func(q store.NameQuery, want string) {
		t.Helper()
		names, err := p.Groups()[0].Names(context.Background(), q)
		got := map[store.Name]int64{}
		for _, n := range names {
			got[store.Name{Text: n.Text, Kind: n.Kind, Type: n.Type, Scope: n.Scope}] = n.Count
		}
		if s := strings.Join(sorted(got), "; "); err != nil || s != want {
			t.Errorf("Names(%+v) = %s, %v, want %s", q, s, err, want)
		}
	}
	f(store.NameQuery{Kind: store.ServiceNames}, `"one" kind 0 type 0 scope 0: 30`)
	f(store.NameQuery{Kind: store.OperationNames, Service: "one"}, `"op" kind 0 type 0 scope 0: 30`)
	f(store.NameQuery{Kind: store.OperationNames, Service: "two"}, ``)
	f(store.NameQuery{Kind: store.AttributeKeys, Service: "one", Scope: store.ScopeSpan}, `"k" kind 0 type 4 scope 1: 30`)
	f(store.NameQuery{Kind: store.AttributeValues, Key: "k", Scope: store.ScopeSpan}, `"0" kind 0 type 4 scope 1: 15; "1" kind 0 type 4 scope 1: 15`)
	f(store.NameQuery{Kind: store.AttributeValues, Key: "k", Service: "one", Prefix: "1"}, `"1" kind 0 type 4 scope 1: 15`)
}

// checkStat demands that the causes add up to the file.
func checkStat(t *testing.T, p *Part) {
	t.Helper()
	list, err := p.Stat(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, s := range list {
		sum += s.Bytes
	}
	if sum != p.meta.Bytes {
		t.Fatalf("causes add up to %d bytes, the part has %d:\n%v", sum, p.meta.Bytes, list)
	}
	if !slices.IsSortedFunc(list, func(a, b Stat) int { return cmp.Compare(b.Bytes, a.Bytes) }) {
		t.Fatalf("causes out of order: %v", list)
	}
}

// What a predicate says of a span is the same with only its columns decoded.
func TestColumns(t *testing.T) {
	for seed := range uint64(upTo(12)) {
		r := newSource(seed)
		list := r.traces(600)
		p, _ := written(t, r.options(), list)
		for range 30 {
			m := store.NewMatcher(r.gen.Expr(2))
			columns := ColumnsOf(m.Fields())
			at, in := 0, 0
			for _, g := range p.Groups() {
				pages, err := g.Pages()
				if err != nil {
					t.Fatal(err)
				}
				for _, pg := range pages {
					b, err := pg.Read(context.Background(), columns)
					if err != nil {
						t.Fatal(err)
					}
					for i := range b.Spans {
						ref := list[at].Spans[in]
						if in++; in == len(list[at].Spans) {
							at, in = at+1, 0
						}
						if b.Spans[i].TraceID != ref.Span().TraceID || b.Spans[i].Start != ref.Span().Start {
							t.Fatalf("seed %d: row has the wrong id or start", seed)
						}
						if got, want := m.Maybe(b, i), m.Maybe(ref.Batch, ref.Index); got != want {
							t.Fatalf("seed %d: %v on %+v with its columns alone is %v, want %v", seed, m.Fields(), *ref.Span(), got, want)
						}
					}
				}
			}
		}
	}
}

// A group or page that a term rules out has no span that matches; and terms do rule out.
func TestPruning(t *testing.T) {
	pruned, asked := 0, 0
	for seed := range uint64(upTo(12)) {
		r := newSource(seed)
		list := r.traces(500)
		p, _ := written(t, r.options(), list)
		whole := map[int64]*span.Batch{} // pages by their place
		for _, g := range p.Groups() {
			pages, err := g.Pages()
			if err != nil {
				t.Fatal(err)
			}
			for _, pg := range pages {
				if whole[pg.off], err = pg.Read(context.Background(), All()); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 50 {
			term := r.term(list)
			m := store.NewMatcher(store.Compare{Op: term.Op, X: term.Field, Y: term.Value, Regexp: term.Regexp})
			for _, g := range p.Groups() {
				filter, err := NewFilter([][]store.Term{{term}}).In(g)
				if err != nil {
					t.Fatal(err)
				}
				pages, err := g.Pages()
				if err != nil {
					t.Fatal(err)
				}
				for _, pg := range pages {
					b := whole[pg.off]
					found := false
					for i := range b.Spans {
						found = found || m.Maybe(b, i)
					}
					may := filter != nil && filter.MayMatch(pg)
					if found && !may {
						t.Fatalf("seed %d: page rules out %+v, which it has", seed, term)
					}
					if asked++; !may {
						pruned++
					}
				}
			}
		}
	}
	if pruned < asked/10 {
		t.Errorf("only %d of %d pages were ruled out", pruned, asked)
	}
}

// A scan leaves out spans by their class, and none that matches.
func TestScanWhere(t *testing.T) {
	kept, all := 0, 0
	for seed := range uint64(upTo(12)) {
		r := newSource(seed)
		list := r.traces(500)
		p, _ := written(t, r.options(), list)
		for range 40 {
			var e store.Expr
			for range 1 + r.IntN(3) {
				term := r.term(list)
				var cmp store.Expr = store.Compare{Op: term.Op, X: term.Field, Y: term.Value, Regexp: term.Regexp}
				switch {
				case e == nil:
					e = cmp
				case r.IntN(3) == 0:
					e = store.Or{X: e, Y: cmp}
				default:
					e = store.And{X: e, Y: cmp}
				}
			}
			m := store.NewMatcher(e)
			c := ColumnsOf(m.Fields())
			scan, where := NewScan(c), NewScan(c).Where(NewFilter(m.Required()))
			for _, g := range p.Groups() {
				pages, err := g.Pages()
				if err != nil {
					t.Fatal(err)
				}
				for _, pg := range pages {
					matches := func(s *Scan) (out []string) {
						b, err := s.Read(context.Background(), pg)
						if err != nil {
							t.Fatal(err)
						}
						for i := range b.Spans {
							if m.Maybe(b, i) {
								s := &b.Spans[i]
								out = append(out, fmt.Sprint(s.TraceID, s.SpanID, s.Start, s.End, s.Name, b.Service(s), b.AttrsOf(s.Attrs)))
							}
						}
						if s == scan {
							all += len(b.Spans)
						} else {
							kept += len(b.Spans)
						}
						return out
					}
					if want, got := matches(scan), matches(where); !slices.Equal(got, want) {
						t.Fatalf("seed %d: %+v: a scan with a filter finds\n%v\nwant\n%v", seed, e, got, want)
					}
				}
			}
		}
	}
	if kept > all*9/10 {
		t.Errorf("%d of %d spans are left: nothing is left out by its class", kept, all)
	}
}

// What Options record comes back.
func TestMeta(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 987654321, time.UTC)
	opt := Options{
		MinArrival: at, MaxArrival: at.Add(time.Hour), Positions: [][2]log.Position{{3, 9}, {12, 1 << 60}},
		Digests: []ArrivedDigest{{log.Digest{1, 2}, at}, {log.Digest{3}, at.Add(time.Second)}},
	}
	p, _ := written(t, opt, newSource(1).traces(10))
	m := p.Meta()
	if !m.MinArrival.Equal(opt.MinArrival) || !m.MaxArrival.Equal(opt.MaxArrival) || !slices.Equal(m.Positions, opt.Positions) || m.Version != Version {
		t.Errorf("Meta is %+v", m)
	}
	d, err := p.Digests()
	if err != nil || !slices.EqualFunc(d, opt.Digests, func(a, b ArrivedDigest) bool { return a.Digest == b.Digest && a.Arrival.Equal(b.Arrival) }) {
		t.Errorf("Digests are %v, %v", d, err)
	}
}

// A part of nothing is a part.
func TestEmpty(t *testing.T) {
	p, _ := written(t, Options{}, nil)
	if _, ok, err := p.Lookup("", span.TraceID{1}); ok || err != nil {
		t.Errorf("Lookup in an empty part = %v, %v", ok, err)
	}
	if !p.Meta().MinArrival.IsZero() || p.Meta().Spans != 0 || len(p.Groups()) != 0 {
		t.Errorf("empty part has %+v", p.Meta())
	}
	if _, corrupt, err := p.Check(context.Background()); err != nil || len(corrupt) > 0 {
		t.Errorf("Check of an empty part: %v, %v", corrupt, err)
	}
}

// Traces out of order, and traces of nothing, are refused, as are errors of the source.
func TestWriteRefuses(t *testing.T) {
	list := newSource(3).traces(200)
	f := func(want string, seq iter.Seq2[Trace, error]) {
		t.Helper()
		_, err := Write(context.Background(), vfs.NewMem(), "p", Options{}, seq)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	swapped := slices.Clone(list)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	f("comes behind", sequence(swapped))
	f("comes behind", sequence([]Trace{list[0], list[0]}))
	f("has no spans", sequence([]Trace{{Tenant: "a"}}))
	f("source broke", func(yield func(Trace, error) bool) {
		_ = yield(list[0], nil) && yield(Trace{}, fmt.Errorf("source broke"))
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Write(ctx, vfs.NewMem(), "p", Options{}, sequence(list)); err == nil {
		t.Error("Write goes on after its context is done")
	}
}
