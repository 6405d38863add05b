package query

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// newEngine is an engine over the embedded store, in memory, which holds the batches for
// tenant "default".
func newEngine(t *testing.T, cfg Config, batches ...*span.Batch) (*Engine, func(*span.Batch)) {
	t.Helper()
	s, err := colstore.Open(colstore.Config{FS: vfs.NewMem(), Dir: "store", Clock: clock.Real{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	apply := func(b *span.Batch) {
		t.Helper()
		if err := s.Apply(t.Context(), store.Record{Tenant: "default", Arrival: time.Now(), Batch: b, Bytes: 100}); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range batches {
		apply(b)
	}
	cfg.Reader = s
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e, apply
}

// traces is n traces of one span, each a second after the one before, from number first on.
func traces(first, n int) *span.Batch {
	b := &span.Batch{
		Attrs:     []span.Attr{{Key: "service.name", Value: span.String("payment")}, {Key: "http.method", Value: span.String("GET")}, {Key: "retries", Value: span.Int(3)}},
		Resources: []span.Resource{{Attrs: span.Range{To: 1}}},
		Scopes:    make([]span.Scope, 1),
	}
	for i := first; i < first+n; i++ {
		start := gen.Base + int64(i)*int64(time.Second)
		b.Spans = append(b.Spans, span.Span{
			TraceID: span.TraceID{14: byte(i >> 8), 15: byte(i) | 1}, SpanID: span.SpanID{1, byte(i >> 8), byte(i)}, Name: "charge card",
			Start: start, End: start + int64(i%7)*int64(time.Second), Attrs: span.Range{From: 1, To: 3},
		})
		b.Spans[len(b.Spans)-1].TraceID[13] = byte(i)
	}
	return b
}

// page reads one page to its end.
func page(t *testing.T, e *Engine, r Request) ([]store.Summary, *Results) {
	t.Helper()
	res, err := e.Search(t.Context(), "default", r)
	if err != nil {
		t.Fatalf("search %q: %v", r.Text, err)
	}
	var rows []store.Summary
	for row, err := range res.All() {
		if err != nil {
			t.Fatalf("search %q: %v", r.Text, err)
		}
		rows = append(rows, row)
	}
	return rows, res
}

// TestSearchPages shows that pages join to the whole answer in both orders, though traces
// arrive between them, and that only a full page has a next one.
func TestSearchPages(t *testing.T) {
	for _, text := range []string{"service=payment", "service=payment | order by duration"} {
		e, apply := newEngine(t, Config{}, traces(0, 25))
		whole, res := page(t, e, Request{Text: text, Limit: 100})
		if len(whole) != 25 || res.Next() != "" || res.Partial() != "" {
			t.Fatalf("%s: %d rows, next %q, partial %q", text, len(whole), res.Next(), res.Partial())
		}
		var joined []store.Summary
		token := ""
		for n := 0; n == 0 || token != ""; n++ {
			rows, res := page(t, e, Request{Text: text, Limit: 10, Page: token, Window: store.Window{End: gen.Base + int64(time.Hour)}})
			joined = append(joined, rows...)
			token = res.Next()
			if res.Window() != (store.Window{End: gen.Base + int64(time.Hour)}) {
				t.Errorf("%s: page %d is of the window %v", text, n, res.Window())
			}
			b := traces(1000+10*n, 3) // newer than every page, and longest
			for i := range b.Spans {
				b.Spans[i].End += int64(time.Hour)
			}
			apply(b)
		}
		if !slices.Equal(joined, whole) {
			t.Errorf("%s: the pages have %d rows, the whole %d, or they differ", text, len(joined), len(whole))
		}
	}
}

// TestSearchToken shows that a token is good for its own query only, and brings the window.
func TestSearchToken(t *testing.T) {
	e, _ := newEngine(t, Config{}, traces(0, 9))
	_, res := page(t, e, Request{Text: "{ name = \"charge card\" }", Limit: 3})
	token := res.Next()
	f := func(r Request, want error) {
		t.Helper()
		r.Limit = 3
		if _, err := e.Search(t.Context(), "default", r); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", r, err, want)
		}
	}
	f(Request{Text: `{name="charge card"}`, Page: token}, nil) // the same, written otherwise
	f(Request{Text: `name="charge card"`, Page: token}, nil)   // in the box
	f(Request{Text: `{ name = "other" }`, Page: token}, ErrBadPage)
	f(Request{Text: `{ name = "charge card" }`, Page: token, Order: store.LongestFirst}, ErrBadPage)
	f(Request{Text: `{ name = "charge card" }`, Page: token[:len(token)-2]}, ErrBadPage)
	f(Request{Text: `{ name = "charge card" }`, Page: "B" + token[1:]}, ErrBadPage)
	changed := []byte(token)
	changed[30] ^= 1 // 'A' and '@', 'B' and 'C', '0' and '1'
	f(Request{Text: `{ name = "charge card" }`, Page: string(changed)}, ErrBadPage)
	f(Request{Text: `{ name = "charge card" }`, Page: "%"}, ErrBadPage)
	var syntax *SyntaxError
	if _, err := e.Search(t.Context(), "default", Request{Text: "{"}); !errors.As(err, &syntax) {
		t.Errorf("a query that is none: %v", err)
	}
}

// TestPerTenant shows that a tenant's own number of queries holds for it, from the next
// query on, and for no other.
func TestPerTenant(t *testing.T) {
	own := map[string]int{"default": 1}
	e, _ := newEngine(t, Config{MaxPerTenant: 2, PerTenant: func(tenant string) int { return own[tenant] }}, traces(0, 5))
	f := func(tenant string, want int) {
		t.Helper()
		n := 0
		for n < 9 && e.acquire(tenant) {
			n++
		}
		for range n {
			e.release(tenant)
		}
		if n != want {
			t.Errorf("tenant %s runs %d queries at once, want %d", tenant, n, want)
		}
	}
	f("default", 1)
	f("other", 2)
	own["default"] = 5
	f("default", 5)
}

// TestSearchBusy shows that a tenant may run so many queries and no more, that others are
// not touched, and that an ended query makes room.
func TestSearchBusy(t *testing.T) {
	e, _ := newEngine(t, Config{MaxPerTenant: 2}, traces(0, 5))
	ask := func(tenant string) error {
		for _, err := range e.Run(t.Context(), store.Query{Tenant: tenant, Window: store.Window{End: math.MaxInt64}, Limit: 5}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	all := store.Query{Tenant: "default", Window: store.Window{End: math.MaxInt64}, Limit: 5}
	for range e.Run(t.Context(), all) { // one runs
		if err := ask("default"); err != nil {
			t.Errorf("the second query: %v", err)
		}
		for range e.Run(t.Context(), all) { // two run
			if err := ask("default"); !errors.Is(err, ErrBusy) {
				t.Errorf("the third query: %v, want ErrBusy", err)
			}
			if err := ask("other"); err != nil {
				t.Errorf("another tenant's query: %v", err)
			}
			break
		}
		break
	}
	if err := ask("default"); err != nil {
		t.Errorf("after the others: %v", err)
	}
	if len(e.running) != 0 {
		t.Errorf("the engine counts %v as running", e.running)
	}
	res, err := e.Search(t.Context(), "default", Request{})
	if err != nil {
		t.Fatal(err)
	}
	for range e.Run(t.Context(), all) {
		for range e.Run(t.Context(), all) {
			for _, err := range res.All() {
				if !errors.Is(err, ErrBusy) {
					t.Errorf("results of a busy tenant: %v, want ErrBusy", err)
				}
			}
			break
		}
		break
	}
}

// TestSearchPartial shows that a budget that runs out is a reason, not an error, and that
// the engine's budget holds where a query asks for more.
func TestSearchPartial(t *testing.T) {
	for _, r := range []Request{{}, {Budget: store.Budget{Time: time.Hour}}} {
		e, _ := newEngine(t, Config{Budget: store.Budget{Time: 1}}, traces(0, 50), traces(50, 50))
		r.Text = "{ .none = 1 }"
		rows, res := page(t, e, r)
		if res.Partial() == "" || len(rows) > 0 || res.Next() != "" {
			t.Errorf("budget of a nanosecond: %d rows, partial %q, next %q", len(rows), res.Partial(), res.Next())
		}
	}
}

// TestSearchPartialPages shows that a cut answer of the newest can be continued without a
// gap, and one of the longest cannot.
func TestSearchPartialPages(t *testing.T) {
	var batches []*span.Batch
	for n := range 20 {
		batches = append(batches, traces(n*5, 5))
	}
	e, _ := newEngine(t, Config{}, batches...)
	whole, _ := page(t, e, Request{Limit: 1000})
	for bytes := int64(1000); bytes < 60_000; bytes *= 2 {
		var joined []store.Summary
		token, cut := "", 0
		for n := 0; n == 0 || token != ""; n++ {
			rows, res := page(t, e, Request{Limit: 1000, Page: token, Budget: store.Budget{Bytes: bytes}})
			joined = append(joined, rows...)
			token = res.Next()
			if res.Partial() != "" {
				cut++
			}
		}
		if len(joined) > len(whole) || !slices.Equal(joined, whole[:len(joined)]) {
			t.Errorf("with %d bytes a page, %d rows joined are not the first of all %d", bytes, len(joined), len(whole))
		}
		if cut == 0 && bytes < 10_000 {
			t.Errorf("%d bytes sufficed for 100 spans", bytes)
		}
		if _, res := page(t, e, Request{Limit: 1000, Order: store.LongestFirst, Budget: store.Budget{Bytes: bytes}}); res.Partial() != "" && res.Next() != "" {
			t.Errorf("a cut answer of the longest, with %d bytes, has a next page", bytes)
		}
	}
}

// TestSearchCancel shows that a client that goes away ends its query.
func TestSearchCancel(t *testing.T) {
	e, _ := newEngine(t, Config{}, traces(0, 50))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	res, err := e.Search(ctx, "default", Request{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range res.All() {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a search with a done context: %v", err)
		}
	}
	if len(e.running) != 0 {
		t.Errorf("the engine counts %v as running", e.running)
	}
}

// TestNewRefuses shows what New does not take.
func TestNewRefuses(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("an engine without a reader")
	}
	e, _ := newEngine(t, Config{})
	if _, err := New(Config{Reader: e.cfg.Reader, MaxPerTenant: -1}); err == nil {
		t.Error("an engine with a negative limit")
	}
}

// TestEngineComplete shows that completion offers what is stored, written so that it can
// be put into the query. The cursor is at ^.
func TestEngineComplete(t *testing.T) {
	b := traces(0, 3)
	b.Attrs[1].Value = span.String(`GET "all"`)
	e, _ := newEngine(t, Config{}, b)
	f := func(text string, limit int, want string) {
		t.Helper()
		pos := strings.IndexByte(text, '^')
		c, err := e.Complete(t.Context(), "default", text[:pos]+text[pos+1:], pos, limit)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var got []string
		for _, s := range c.Suggestions {
			got = append(got, s.Insert)
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s offers %s, want %s", text, g, want)
		}
	}
	f("{ resource.^", 9, "resource.service.name")
	f("{ .^", 9, ".http.method .retries .service.name")
	f("{ span.h^", 9, "span.http.method")
	f("{ http^", 9, "span.http.method")
	f("{ ^", 8, "resource.service.name name status duration kind statusMessage span.http.method span.retries")
	f("http^", 9, "http.method")
	f("{ resource.service.name = ^", 9, `"payment"`)
	f("service=p^", 9, "payment")
	f("{ name = ^", 9, `"charge card"`)
	f("name=^", 9, `"charge card"`)
	f("{ .http.method = ^", 9, `"GET \"all\""`)
	f("http.method=G^", 9, `"GET \"all\""`)
	f("http.method=n^", 9, "nil")
	f("{ rootServiceName = \"pa^", 9, `"payment"`)
	f("{ .nothing = ^", 9, "")
	f("{ status = ^", 2, "error ok")
}

// TestCompleteInService shows that keys and values are those of the service the query
// names, wherever it names it, and that a condition that need not hold narrows nothing.
func TestCompleteInService(t *testing.T) {
	var parts []*span.Batch
	for i, service := range []string{"cart", "pay"} {
		parts = append(parts, &span.Batch{
			Attrs: []span.Attr{
				{Key: "service.name", Value: span.String(service)},
				{Key: "server.of." + service, Value: span.String("x")},
				{Key: "k." + service, Value: span.Int(1)},
				{Key: "k.both", Value: span.String("of " + service)},
			},
			Resources: []span.Resource{{Attrs: span.Range{To: 2}}},
			Scopes:    make([]span.Scope, 1),
			Spans: []span.Span{{
				TraceID: span.TraceID{15: byte(i + 1)}, SpanID: span.SpanID{7: 1}, Name: service + " op",
				Start: gen.Base, End: gen.Base + 1, Attrs: span.Range{From: 2, To: 4},
			}},
		})
	}
	e, _ := newEngine(t, Config{}, parts...)
	f := func(text, want string) {
		t.Helper()
		pos := strings.IndexByte(text, '^')
		c, err := e.Complete(t.Context(), "default", text[:pos]+text[pos+1:], pos, 20)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var got []string
		for _, s := range c.Suggestions {
			got = append(got, s.Text)
		}
		slices.Sort(got)
		if g := strings.Join(got, ", "); g != want {
			t.Errorf("%s offers %s, want %s", text, g, want)
		}
	}
	const ops = "cart op, pay op"
	f(`{ resource.service.name = "cart" && name = "^`, "cart op")
	f(`{ .service.name = "cart" && name = ^ }`, "cart op")
	f(`service=cart name=^`, "cart op")
	f(`name=^ service=cart`, "cart op")
	f(`{ name = ^ && resource.service.name = "pay" } | order by duration`, "pay op")
	f(`service=cart k.both=^`, "of cart")
	f(`{ resource.service.name = "cart" && span.k^ }`, "span.k.both, span.k.cart")
	f(`service=pay k.^`, "k.both, k.pay")
	f(`{ rootServiceName = "pay" && rootName = ^`, "pay op")
	f(`(service=pay status=error) && name=^`, "pay op")
	f(`{ status = error || resource.service.name = "cart" && name = ^ }`, "cart op")

	f(`service=pay service=^`, "cart, pay") // the service itself is not narrowed
	f(`{ rootServiceName = "pay" && name = ^`, ops)
	f(`{ resource.service.name = "pay" && rootName = ^`, ops)
	f(`{ resource.service.name = "pay" || name = ^`, ops)
	f(`name=^ || service=pay`, ops)
	f(`(service=pay || service=cart) name=^`, ops)
	f(`!(service=pay) name=^`, ops)
	f(`!service=pay name=^`, ops)
	f(`service!=pay name=^`, ops)
	f(`{ parent.service.name = "pay" && name = ^`, ops)
	f(`{ resource.service.name = "pay" && parent.k.^`, "parent.k.both, parent.k.cart, parent.k.pay")

	first := func(text, want string) {
		t.Helper()
		c, err := e.Complete(t.Context(), "default", text, len(text), 20)
		if err != nil || len(c.Suggestions) == 0 || c.Suggestions[0].Insert != want {
			t.Errorf("%s offers %+v, %v; want %s first", text, c.Suggestions, err, want)
		}
	}
	first("serv", "service")
	first("{ serv", "resource.service.name")
	first("{ name = nil && resource.serv", "resource.service.name")
}

// TestCompile shows what the faces of the server use: the planned filter and the order.
func TestCompile(t *testing.T) {
	f := func(text, want string, order store.Order, ordered bool) {
		t.Helper()
		e, o, ok, err := Compile(text)
		got := fmt.Sprint((&Query{Filter: e}).String())
		if err != nil || got != want || o != order || ok != ordered {
			t.Errorf("%q compiles to %s, %v, %v, %v; want %s, %v, %v", text, got, o, ok, err, want, order, ordered)
		}
	}
	f("", "{}", store.NewestFirst, false)
	f("{ true }", "{}", store.NewestFirst, false)
	f(`{ name =~ "a|b" } | order by duration`, `{ name = "a" || name = "b" }`, store.LongestFirst, true)
	if _, _, _, err := Compile("{"); err == nil {
		t.Error("half a query compiles")
	}
}
