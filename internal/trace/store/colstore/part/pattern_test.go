package part

import (
	"fmt"
	"strings"
	"testing"
)

// Texts come back byte for byte, whatever their patterns.
func TestPatterns(t *testing.T) {
	zip, err := newCompressor(1)
	if err != nil {
		t.Fatal(err)
	}
	dec := newDecoder()
	// f checks the patterns that are found, with holes as <kind>; none: the texts stay as they are.
	f := func(name string, texts []string, want ...string) {
		t.Helper()
		pc := findPatterns(texts)
		if pc == nil {
			if want != nil {
				t.Errorf("%s: no patterns", name)
			}
			return
		}
		if got := describe(pc.list); want != nil && strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: patterns are %q, want %q", name, got, want)
		}
		cut := len(texts) / 3 // two pages, so that the second begins in the middle
		first, second := pc.encode(nil, texts[:cut], zip), pc.encode(nil, texts[cut:], nil)
		r := reader{b: pc.append(nil)}
		table := readPatterns(&r)
		if r.bad != "" {
			t.Fatalf("%s: table does not read: %s", name, r.bad)
		}
		for page, b := range [][]byte{first, second} {
			list := [][]string{texts[:cut], texts[cut:]}[page]
			c := &patternCursor{}
			if reason := c.open(table, b, nil, dec); reason != "" {
				t.Fatalf("%s: %s", name, reason)
			}
			for i, s := range list {
				if got := c.next(); got != s || c.bad() != "" {
					t.Fatalf("%s: text %d of page %d is %q, want %q; %s", name, i, page, got, s, c.bad())
				}
			}
			if c.finish(); c.bad() != "" {
				t.Fatalf("%s: %s", name, c.bad())
			}
			if c.next(); len(list) > 0 && c.bad() == "" {
				t.Fatalf("%s: a text too many", name)
			}
			for from := 0; from < len(list); from += 1 + from/8 {
				if c.open(table, b, nil, dec); c.bad() != "" {
					t.Fatalf("%s: %s", name, c.bad())
				}
				c.skip(from)
				for i, s := range list[from:] {
					if got := c.next(); got != s || c.bad() != "" {
						t.Fatalf("%s: text %d after %d others of page %d is %q, want %q; %s", name, i, from, page, got, s, c.bad())
					}
				}
			}
		}
	}
	r := newSource(17)
	many := func(format func(i int) string) (out []string) {
		for i := range 400 {
			out = append(out, format(i))
		}
		return out
	}
	f("statements", many(func(i int) string {
		return fmt.Sprintf("SELECT a, b2 FROM orders WHERE id = %d AND state = 'NEW' LIMIT %d", r.IntN(1e6), 1+i%50)
	}), "SELECT a, b<1> FROM orders WHERE id = <1> AND state = 'NEW' LIMIT <1>")
	f("ids", many(func(int) string {
		return fmt.Sprintf("%08x-%04x-4fff-abcd-%012x", r.Uint32(), r.IntN(1<<16), r.Int64N(1<<48))
	}), "<5>")
	f("hex", many(func(i int) string {
		return fmt.Sprintf("ord-A%013X/%09xf1 0x%x", r.Int64N(1<<52), r.Int64N(1<<36), i)
	}))
	f("addresses", many(func(i int) string { return fmt.Sprintf("10.%d.%d.%03d:8080", r.IntN(256), i%256, i%7) }), "<1>.<1>.<1>.<1>:<1>")
	f("leading zeros", many(func(i int) string { return fmt.Sprintf("padding %0*d", 1+i%18, i%10) }), "padding <1>")
	f("too many digits", many(func(i int) string { return fmt.Sprintf("n %019d end", i) }), "n <6> end")
	f("words", many(func(int) string {
		return fmt.Sprintf("/v1/k%cx%dz%c/", 'a'+rune(r.IntN(26)), r.IntN(10), 'a'+rune(r.IntN(26)))
	}), "/v<1>/<6>/")
	f("units", many(func(i int) string { return fmt.Sprintf("took %dms, %d%%", i, i%100) }), "took <1>ms, <1>%")
	f("rarely large", many(func(i int) string {
		if i%100 == 0 {
			return fmt.Sprint("retry number ", 1_000_000_000_000_000+i)
		}
		return fmt.Sprint("retry number ", i%3)
	}))
	f("stacks", many(func(i int) string {
		s := "java.lang.IllegalStateException: order " + fmt.Sprint(i)
		for k := range 3 + i%9 {
			s += fmt.Sprintf("\n\tat com.shop.Handler%d.run(Handler%d.java:%d)", k%4, k%4, 20+k%4)
		}
		return s + strings.Repeat("\n", i%3)
	}))
	f("control bytes", many(func(i int) string { return fmt.Sprintf("a\x01b\x02%d and more text here", i) }))
	f("not text", many(func(i int) string { return fmt.Sprintf("\xff\xfe\x80 n=%d \xc3(", i) }), "\xff\xfe\x80 n=<1> \xc3(")
	f("nothing in common", many(func(int) string {
		b := make([]byte, 40)
		for i := range b {
			b[i] = "ghijklmnopqrstuvwxyz"[r.IntN(20)]
		}
		return string(b)
	}))
	f("repeats", many(func(i int) string { return fmt.Sprintf("order %d of many\nand a line", i/3) }))
	f("empty and not", many(func(i int) string { return strings.Repeat(fmt.Sprintf("line %d\n", i), i%5) }))
	for range 200 {
		f("random", many(func(int) string {
			var b strings.Builder
			for range r.IntN(12) {
				b.WriteString([]string{
					"0", "00", "7", "42", "ff", "0x1f", "deadbee1", "DEADBEE1", "-", " ", "\n", ".", "a", "G", "\x03", "é",
					"00000000-0000-0000-0000-000000000001", "999999999999999999", "1000000000000000000",
				}[r.IntN(19)])
			}
			return b.String()
		}))
	}
}

func describe(list []pattern) (out []string) {
	for _, p := range list {
		s := ""
		for _, h := range p.holes {
			s += fmt.Sprintf("%s<%d>", h.lead, h.kind)
		}
		out = append(out, s+p.tail)
	}
	return out
}
