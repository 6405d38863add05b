package query

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// TestParse shows the tree of a query that has one of everything; what queries match and
// how errors read is in package querytest.
func TestParse(t *testing.T) {
	got, err := Parse(`{ resource.service.name = "payment" && (.a > 1.5s || !(-span.b ^ 2 >= 3)) && status = error } | order by duration`)
	if err != nil {
		t.Fatal(err)
	}
	field := func(s store.Scope, name string) store.Field { return store.Field{Scope: s, Name: name} }
	want := &Query{
		Order: store.LongestFirst,
		Filter: store.And{
			X: store.And{
				X: store.Compare{Op: store.Eq, X: field(store.ScopeResource, "service.name"), Y: store.Literal{Value: span.String("payment")}},
				Y: store.Or{
					X: store.Compare{Op: store.Gt, X: field(store.ScopeAny, "a"), Y: store.Literal{Value: span.Int(1.5e9), Unit: store.UnitDuration}},
					Y: store.Not{X: store.Compare{
						Op: store.Ge,
						X:  store.Arith{Op: '^', X: store.Arith{Op: '-', X: field(store.ScopeSpan, "b")}, Y: store.Literal{Value: span.Int(2)}},
						Y:  store.Literal{Value: span.Int(3)},
					}},
				},
			},
			Y: store.Compare{Op: store.Eq, X: store.Field{Intrinsic: store.StatusOf}, Y: store.Literal{Value: span.Int(2), Unit: store.UnitStatus}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parsed %+v, want %+v", got, want)
	}
}

// TestParseFormat shows that Parse reads back what Format writes, on random predicates.
func TestParseFormat(t *testing.T) {
	const seed = 21
	g := gen.New(seed)
	for range 3000 {
		want := &Query{Filter: g.Expr(4), Order: store.Order(g.IntN(2))}
		text := want.String()
		got, err := Parse(text)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, text, err)
		}
		if got.String() != text || !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %s is read back as %s,\n%+v, want\n%+v", seed, text, got, got, want)
		}
	}
}

// TestParseIntrinsics shows that every way to write an intrinsic is read, and is written
// back in one way.
func TestParseIntrinsics(t *testing.T) {
	for _, in := range intrinsics {
		q, err := Parse("{ " + in.name + " = nil }")
		if err != nil {
			t.Errorf("%s: %v", in.name, err)
			continue
		}
		if got := q.Filter.(store.Compare).X; got != (store.Field{Intrinsic: in.field}) {
			t.Errorf("%s is read as %+v", in.name, got)
		}
		if want := "{ " + intrinsicOf(in.field).name + " = nil }"; q.String() != want {
			t.Errorf("%s is written as %s, want %s", in.name, q, want)
		}
	}
}

// TestParseLimits shows that a query may be long and deep, but not without end.
func TestParseLimits(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := Parse(text)
		var s *SyntaxError
		if want == "" && err == nil || errors.As(err, &s) && strings.Contains(s.Msg, want) && want != "" {
			return
		}
		t.Errorf("a query of %d bytes gives %v, want %q", len(text), err, want)
	}
	nest := func(open string, n int, inner, closing string) string {
		return "{ " + strings.Repeat(open, n) + inner + strings.Repeat(closing, n) + " }"
	}
	f(nest("(", 199, ".a", ")"), "")
	f(nest("(", 201, ".a", ")"), "nested")
	f(nest("!", 201, ".a", ""), "nested")
	f("{ "+strings.Repeat("- ", 201)+".a = 1 }", "nested")
	f("{ .a "+strings.Repeat("^ 2", 201)+" = 1 }", "nested")
	f("{ .a"+strings.Repeat(" && .a", 5000)+" }", "")
	f("{ .a"+strings.Repeat(" && .a", 20000)+" }", "bytes")
	f(`{ name =~ "`+strings.Repeat("a", 1025)+`" }`, "1025 bytes")
	f(`{ name =~ "(((a{10}){10}){10}){9}" }`, "invalid repeat count")
	f(`{ name =~ "(abcdefghijkl){1000}" }`, "too large")
}

// TestSyntaxError shows how positions count: bytes from 0, lines and characters from 1.
func TestSyntaxError(t *testing.T) {
	f := func(text string, pos, length, line, col int) {
		t.Helper()
		_, err := Parse(text)
		var s *SyntaxError
		if !errors.As(err, &s) {
			t.Fatalf("%q: %v", text, err)
		}
		if s.Pos != pos || s.Len != length || s.Line != line || s.Col != col || s.Query != text {
			t.Errorf("%q: %d+%d, %d:%d; want %d+%d, %d:%d", text, s.Pos, s.Len, s.Line, s.Col, pos, length, line, col)
		}
	}
	f("{ nam = 1 }", 2, 3, 1, 3)
	f("{ name = \"é\" && nam = 1 }", 17, 3, 1, 17)
	f("{\n\n  nam = 1 }", 5, 3, 3, 3)
	f("{ name =", 8, 0, 1, 9)
}

// FuzzParse shows that no text breaks the parser, that errors lie inside the text, and
// that what it accepts has a canonical form which is a fixed point.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{ name = "x" }`, `{ span."a b" =~ "x.*" || .c != nil } | order by duration`, `{ -(5) ^ 2 > 1.5s && !true }`,
		`service=payment status=error`, `customer=37 "two words"`, `{ .a = "\xff" }`, "{ .`a` = `b` }", `{ a.b = 1 }`, `((((`, `{ 1h30m0.5s < duration }`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) (*Query, error){Parse, ParseBox} {
			q, err := parse(text)
			if err != nil {
				var s *SyntaxError
				if !errors.As(err, &s) || s.Pos < 0 || s.Len < 0 || s.Pos+s.Len > len(text) || s.Msg == "" || s.Line < 1 || s.Col < 1 {
					t.Fatalf("%q: error %+v", text, err)
				}
				continue
			}
			canonical := q.String()
			again, err := Parse(canonical)
			if err != nil {
				t.Fatalf("%q is written as %q, which does not parse: %v", text, canonical, err)
			}
			if again.String() != canonical {
				t.Fatalf("%q is written as %q, and that as %q", text, canonical, again)
			}
			Plan(q.Filter)
		}
	})
}

// FuzzComplete shows that completion works at any place of any text, and that what it
// replaces lies around the cursor.
func FuzzComplete(f *testing.F) {
	f.Add(`{ name = "GE`, 12)
	f.Add(`service=pay status`, 11)
	f.Add(`{ span."a`, 9)
	f.Fuzz(func(t *testing.T, text string, pos int) {
		c := Complete(text, pos)
		pos = max(0, min(pos, len(text)))
		if c.From > pos || c.To < pos || c.From < 0 || c.To > len(text) {
			t.Fatalf("completion of %q at %d replaces %d to %d", text, pos, c.From, c.To)
		}
	})
}
