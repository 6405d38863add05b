package pack

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/base/arena"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// packed puts a batch into a table.
func packed(t *Table, b *span.Batch) *Rows {
	t.Begin()
	for i := range b.Spans {
		t.Append(b, i)
	}
	rows, _ := t.Finish()
	return rows
}

// What is packed is read back equal in all of its fields, one by one and all together, while
// the table grows, by one reader after the other and by the same.
func TestRoundTrip(t *testing.T) {
	a := arena.NewPool(0).New()
	table := NewTable(a)
	var sources []*span.Batch
	var all []*Rows
	var known Reader
	check := func(r *Reader, n int) {
		t.Helper()
		b, got := sources[n], r.All(all[n])
		if len(got.Spans) != len(b.Spans) {
			t.Fatalf("record %d: %d spans, want %d", n, len(got.Spans), len(b.Spans))
		}
		for i := range b.Spans {
			s := &b.Spans[i]
			if !got.EqualSpan(i, b, i) || got.Spans[i].Marks != s.Marks {
				t.Fatalf("record %d, span %d is another:\n%+v\n%+v", n, i, got.Spans[i], *s)
			}
			if all[n].TraceID(i) != s.TraceID || all[n].SpanID(i) != s.SpanID || all[n].Start(i) != s.Start {
				t.Fatalf("record %d, row %d has other ids or another start", n, i)
			}
		}
	}
	g := gen.New(7)
	for n := range 300 {
		b := g.Batch(1 + n%40)
		if n%3 == 0 { // what repeats gets numbers
			b = gen.New(uint64(n % 9)).Batch(30)
		}
		for i := range b.Spans {
			b.Spans[i].Marks = span.Marks(n % 4)
		}
		sources, all = append(sources, b), append(all, packed(table, b))
		check(&known, n)
		check(&known, n/2)
		check(&Reader{}, n/3)
	}
	if len(table.live.forms) < 20 || len(table.live.texts) < 20 {
		t.Errorf("%d forms and %d texts have numbers: what repeats is not found", len(table.live.forms), len(table.live.texts))
	}
	// Rows of several records together, the newest last.
	known.Begin(all[len(all)-1])
	for n := range all {
		known.Append(all[n], 0)
	}
	for n, b := range sources {
		if !known.Batch().EqualSpan(n, b, 0) {
			t.Errorf("the first span of record %d is another", n)
		}
	}
}

// A reader that had rows of a table reads others that came after a reset.
func TestReset(t *testing.T) {
	a := arena.NewPool(0).New()
	table := NewTable(a)
	var r Reader
	for n := range 5 {
		b := gen.New(uint64(n)).Batch(50)
		rows := packed(table, b)
		got := r.All(rows)
		for i := range b.Spans {
			if !got.EqualSpan(i, b, i) {
				t.Fatalf("round %d: span %d is another", n, i)
			}
		}
		table.Reset()
		a.Release()
		if table.Bytes() != 0 {
			t.Errorf("%d bytes after a reset", table.Bytes())
		}
	}
}

// Senders that put ids into names, keys, values or resources fill no table.
func TestBounded(t *testing.T) {
	f := func(name string, change func(b *span.Batch, n int)) {
		t.Helper()
		table := NewTable(arena.NewPool(0).New())
		var r Reader
		for n := range 40_000 {
			b := &span.Batch{
				Resources: make([]span.Resource, 1), Scopes: make([]span.Scope, 1),
				Spans: []span.Span{{TraceID: span.TraceID{1}, Name: "GET", Attrs: span.Range{To: 1}}},
				Attrs: []span.Attr{{Key: "id", Value: span.String("a")}},
			}
			change(b, n/2) // each twice
			rows := packed(table, b)
			if n%1000 == 0 && !r.All(rows).EqualSpan(0, b, 0) {
				t.Fatalf("%s: span %d is another", name, n)
			}
		}
		if len(table.live.forms) > maxForms || len(table.live.texts) > maxTexts {
			t.Errorf("%s: %d forms and %d texts", name, len(table.live.forms), len(table.live.texts))
		}
	}
	f("names", func(b *span.Batch, n int) { b.Spans[0].Name = fmt.Sprint("GET /", n) })
	f("keys", func(b *span.Batch, n int) { b.Attrs[0].Key = fmt.Sprint("id.", n) })
	f("values", func(b *span.Batch, n int) { b.Attrs[0].Value.Str = fmt.Sprint("id ", n) })
	f("long values", func(b *span.Batch, n int) { b.Attrs[0].Value.Str = strings.Repeat("x", n%300) })
	f("resources", func(b *span.Batch, n int) {
		b.Resources[0].Attrs = span.Range{To: 1}
		b.Attrs[0].Value.Str = fmt.Sprint("pod ", n)
	})
}

// Hashes that are the same are of different scopes and forms still.
func TestCollisions(t *testing.T) {
	table := NewTable(arena.NewPool(0).New())
	one := &span.Batch{Resources: make([]span.Resource, 1), Scopes: []span.Scope{{Name: "one"}}, Spans: []span.Span{{Name: "a"}}}
	two := &span.Batch{Resources: make([]span.Resource, 1), Scopes: []span.Scope{{Name: "two"}}, Spans: []span.Span{{Name: "b"}}}
	packed(table, one)
	packed(table, one)
	for h := range table.scopeIDs { // as if all hashes were that of the first
		for _, b := range []*span.Batch{two, one} {
			is := func(id uint32) bool { return table.live.batch.EqualScope(id, b, 0) }
			_, at, ok := find(table.scopeIDs, h, is)
			if !ok {
				table.scopeIDs[at] = uint32(len(table.live.batch.Scopes))
				table.live.batch.Scopes = append(table.live.batch.Scopes, b.Scopes[0])
				if at == h {
					t.Error("a scope takes the place of another")
				}
			}
			if id, _, ok := find(table.scopeIDs, h, is); !ok || table.live.batch.Scopes[id].Name != b.Scopes[0].Name {
				t.Errorf("scope %q is not found behind another", b.Scopes[0].Name)
			}
		}
	}
}

// No text of a table lies in the collector's heap, which would not know that it is in use,
// nor does a text that is read.
func TestNothingPointsOut(t *testing.T) {
	a := arena.NewPool(0).New()
	table := NewTable(a)
	g := gen.New(1)
	var r Reader
	for range 50 {
		b := g.Batch(40)
		got := r.All(packed(table, b))
		for _, list := range []any{got.Resources, got.Scopes, got.Spans, got.Attrs, got.Events, got.Links, got.AttrUnknown} {
			pointsOut(t, a, reflect.ValueOf(list))
		}
	}
	pointsOut(t, a, reflect.ValueOf(table.live.texts))
	for _, f := range table.live.forms {
		pointsOut(t, a, reflect.ValueOf(f.name))
		for _, k := range f.keys {
			pointsOut(t, a, reflect.ValueOf(k.text))
		}
	}
}

// pointsOut finds texts that lie outside a.
func pointsOut(t *testing.T, a *arena.Arena, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		if !a.Owns(v.String()) {
			t.Fatalf("text %q lies in the heap", v.String())
		}
	case reflect.Slice:
		for i := range v.Len() {
			pointsOut(t, a, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			pointsOut(t, a, v.Field(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			pointsOut(t, a, v.MapIndex(k))
		}
	case reflect.Pointer, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		t.Fatalf("a %s in an arena", v.Type())
	}
}

// A reader that wants some forms only has no rows of others, and asks once about each.
func TestOnly(t *testing.T) {
	table := NewTable(arena.NewPool(0).New())
	var all []*Rows
	want := 0
	wanted := func(b *span.Batch, i int) bool {
		s := &b.Spans[i]
		for _, a := range b.AttrsOf(s.Attrs) {
			if a.Key == "http.method" && s.Kind != span.KindClient {
				return true
			}
		}
		return b.Service(s) == "shop"
	}
	for n := range 200 {
		b := gen.New(uint64(n % 5)).Batch(30) // the same forms again
		for i := range b.Spans {
			if wanted(b, i) {
				want++
			}
		}
		all = append(all, packed(table, b))
	}
	var r Reader
	asked := 0
	r.Only(func(b *span.Batch, i int) bool { asked++; return wanted(b, i) })
	got, read := 0, 0
	for _, rows := range all {
		b := r.All(rows)
		read += len(b.Spans)
		for i := range b.Spans {
			if wanted(b, i) {
				got++
			}
		}
	}
	if got != want || asked > len(table.live.forms) {
		t.Errorf("%d rows that are wanted and %d questions, want %d and at most %d", got, asked, want, len(table.live.forms))
	}
	if read >= 200*30*9/10 {
		t.Errorf("%d of %d rows were read: nothing is passed over", read, 200*30)
	}
	// Another head's forms have the same numbers.
	other := NewTable(arena.NewPool(0).New())
	for n := range 5 {
		b := gen.New(uint64(n + 100)).Batch(30)
		want := 0
		for i := range b.Spans {
			if wanted(b, i) {
				want++
			}
		}
		got := 0
		for i, read := 0, r.All(packed(other, b)); i < len(read.Spans); i++ {
			if wanted(read, i) {
				got++
			}
		}
		if got != want {
			t.Errorf("another head: %d rows that are wanted, want %d", got, want)
		}
	}
}
