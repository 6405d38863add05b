package otlp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
)

// cutTwice decodes with limits, then again what came out; the second time nothing is left
// to cut and the spans are the same, marks included.
func cutTwice(t *testing.T, buf []byte, lim Limits) (*span.Batch, Rejected) {
	t.Helper()
	b, rej := decode(t, buf, lim)
	again, none := decode(t, AppendRequest(nil, b), lim)
	if none.Altered() {
		t.Errorf("cut a second time: %+v\n%s", none, AppendJSON(nil, b))
	}
	if len(again.Spans) != len(b.Spans) {
		t.Fatalf("%d spans became %d", len(b.Spans), len(again.Spans))
	}
	for i := range b.Spans {
		if !b.EqualSpan(i, again, i) || b.Spans[i].Marks != again.Spans[i].Marks {
			t.Errorf("span %d differs when decoded again\n%s\n%s", i, AppendSpanJSON(nil, b, i), AppendSpanJSON(nil, again, i))
		}
	}
	return b, rej
}

// Values over the limit are cut where a character ends, and the list says which.
func TestTruncatedValues(t *testing.T) {
	lim := Limits{AttrValueBytes: 40, AttrKeyBytes: 6, NameBytes: 5, Depth: 2}
	f := func(value, want string, truncated int) {
		t.Helper()
		b, rej := cutTwice(t, oneSpan(field(9, kv("k", value)), field(9, kv("z", num(3, 1)))), lim)
		marks := span.Marks(0)
		if truncated > 0 {
			want, marks = want+` z=1 weft.truncated=["k"]`, span.MarkTruncated
		} else {
			want += " z=1"
		}
		if got := plain(b, b.Spans[0].Attrs); got != want || rej.Truncated != truncated || b.Spans[0].Marks != marks || rej.Altered() != (truncated > 0) {
			t.Errorf("%q:\ngot  %s %+v\nwant %s", value, got, rej, want)
		}
		if v := b.Attrs[0].Value; len(v.Str) > lim.AttrValueBytes {
			t.Errorf("%q: %d bytes are left", value, len(v.Str))
		}
	}
	ten := "0123456789"
	f(field(1, ten+ten+ten+ten), `k="`+ten+ten+ten+ten+`"`, 0)
	f(field(1, ten+ten+ten+ten+"!"), `k="`+ten+ten+ten+ten+`"`, 1)
	f(field(1, ten+ten+ten+"012345678é"), `k="`+ten+ten+ten+`012345678"`, 1)
	f(field(1, ten+ten+ten+"01234567日"), `k="`+ten+ten+ten+`01234567"`, 1)
	f(field(1, ten+ten+ten+"0123456日"), `k="`+ten+ten+ten+`0123456日"`, 0)
	f(field(7, strings.Repeat("\x00", 41)), `k="`+strings.Repeat("AAAA", 13)+`AA=="`, 1)
	f(field(5, strings.Repeat(field(1, num(3, 7)), 10)), `k=[7,7,7,7,7,7,7,7,7,7]`, 0)
	f(field(5, strings.Repeat(field(1, num(3, 7)), 1000)), `k=[7,7,7,7,7,7]`, 1)
	f(field(5, field(1, field(1, ten+ten+ten+ten))), `k=["`+ten+ten+`012345"]`, 1)
	f(field(6, field(1, kv("a", num(3, 1))), field(1, kv("b", field(1, ten+ten+ten+ten)))), `k={"a":1,"b":"012345"}`, 1)
	f(field(5, field(1, field(5, field(1, num(3, 1))))), `k=[[1]]`, 0)
	f(field(5, field(1, field(5, field(1, field(5))))), `k=[[null]]`, 1)
	f(field(5, field(1, field(6, field(1, kv("a", field(6, field(1, kv("b", ""))))))), field(1, num(3, 2))), `k=[{"a":null},2]`, 1)
	f(num(3, 7)+field(90, ten+ten+ten+ten+ten), `k=7`, 1)
}

// Every piece of text has its limit, and each list of attributes tells its own cuts.
func TestTruncatedEverywhere(t *testing.T) {
	long := strings.Repeat("v", 50)
	attr := kv("longkey", field(1, long))
	buf := field(1,
		field(1, field(1, attr)),
		field(2,
			field(1, field(1, long), field(2, long), field(3, attr)),
			field(2, field(1, goodTrace), field(2, goodSpan), field(3, long), field(5, long), field(15, field(2, long)),
				field(9, attr), field(11, field(2, long), field(3, attr)), field(13, field(3, long), field(4, attr))),
			field(3, long)),
		field(3, long))
	b, rej := cutTwice(t, []byte(buf), Limits{AttrValueBytes: 40, AttrKeyBytes: 6, NameBytes: 5})
	v := long[:40]
	s, sc, r, e, l := b.Spans[0], b.Scopes[0], b.Resources[0], b.Events[0], b.Links[0]
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(s.Name+" "+s.TraceState+" "+s.StatusMessage, "vvvvv "+v+" "+v)
	f(sc.Name+" "+sc.Version+" "+sc.SchemaURL, v+" "+v+" "+v)
	f(r.SchemaURL, v)
	f(e.Name+" "+l.TraceState, "vvvvv "+v)
	f(plain(b, s.Attrs), `longke="`+v+`" weft.truncated=["longke","name"]`) // no room for the names of all
	f(plain(b, sc.Attrs), `longke="`+v+`" weft.truncated=["longke","name","version"]`)
	f(plain(b, r.Attrs), `longke="`+v+`" weft.truncated=["longke","schema_url"]`)
	f(plain(b, e.Attrs), `longke="`+v+`" weft.truncated=["longke","name"]`)
	f(plain(b, l.Attrs), `longke="`+v+`" weft.truncated=["longke","trace_state"]`)
	if rej.Truncated != 4+4+2+2+2 || s.Marks != span.MarkTruncated {
		t.Errorf("%+v %v", rej, s.Marks)
	}
	b, _ = cutTwice(t, oneSpan(field(5, long), field(9, attr)), Limits{NameBytes: 5, AttrValueBytes: 49})
	f(plain(b, b.Spans[0].Attrs), `longkey="`+long[:49]+`" weft.truncated=["longkey","name"]`)
}

// What is over a count is dropped, and added to the count that OTLP has for it.
func TestCounts(t *testing.T) {
	lim := Limits{AttrsPerSpan: 3, AttrsPerEvent: 2, AttrsPerResource: 1, EventsPerSpan: 2, LinksPerSpan: 1}
	attr := func(n int32) string { return strings.Repeat(field(n, kv("k", num(3, 1))), 10) }
	buf := field(1, field(1, attr(1), num(2, 5)),
		field(2, field(1, attr(3)),
			field(2, field(1, goodTrace), field(2, goodSpan), attr(9), num(10, 1<<32-2),
				strings.Repeat(field(11, attr(3)), 5), num(12, 7), strings.Repeat(field(13, attr(4)), 4), field(5, "still here"))))
	b, rej := cutTwice(t, []byte(buf), lim)
	s := b.Spans[0]
	if s.Attrs.Len() != 3 || s.DroppedAttrs != 1<<32-1 || s.Events.Len() != 2 || s.DroppedEvents != 10 || s.Links.Len() != 1 || s.DroppedLinks != 3 || s.Name != "still here" || s.Marks != 0 {
		t.Errorf("span %+v", s)
	}
	if e := b.Events[1]; e.Attrs.Len() != 2 || e.Dropped != 8 {
		t.Errorf("event %+v", e)
	}
	if r := b.Resources[0]; r.Attrs.Len() != 1 || r.Dropped != 14 {
		t.Errorf("resource %+v", r)
	}
	if sc := b.Scopes[0]; sc.Attrs.Len() != 1 || sc.Dropped != 9 {
		t.Errorf("scope %+v", sc)
	}
	if want := (Rejected{DroppedAttrs: 7 + 3*8 + 9 + 9, DroppedEvents: 3, DroppedLinks: 3}); rej.DroppedAttrs != want.DroppedAttrs || rej.DroppedEvents != want.DroppedEvents || rej.DroppedLinks != want.DroppedLinks {
		t.Errorf("got %+v, want %+v", rej, want)
	}
	// A cut value in a full span still gets its mark.
	b, _ = cutTwice(t, oneSpan(strings.Repeat(field(9, kv("k", field(1, "value"))), 5)), Limits{AttrsPerSpan: 2, AttrValueBytes: 4})
	if got := plain(b, b.Spans[0].Attrs); got != `k="valu" k="valu" weft.truncated=[]` {
		t.Errorf("got %s", got)
	}
}

// The sizes that the documentation speaks of, under the default limits.
func TestDefaults(t *testing.T) {
	b, rej := cutTwice(t, oneSpan(strings.Repeat(field(9, kv("k", num(3, 1))), 100_000)), Limits{})
	if s := b.Spans[0]; s.Attrs.Len() != 1024 || s.DroppedAttrs != 98_976 || rej.DroppedAttrs != 98_976 {
		t.Errorf("%+v", s)
	}
	b, rej = cutTwice(t, oneSpan(field(9, kv("k", field(1, strings.Repeat("x", 1<<20))))), Limits{})
	if len(b.Attrs[0].Value.Str) != 64<<10 || rej.Truncated != 1 {
		t.Errorf("%+v", rej)
	}
	deep := num(3, 1)
	for range 5000 {
		deep = field(5, field(1, deep))
	}
	b, _ = cutTwice(t, oneSpan(field(9, kv("k", deep))), Limits{})
	if got, want := plain(b, b.Spans[0].Attrs), "k="+strings.Repeat("[", 64)+"null"+strings.Repeat("]", 64)+` weft.truncated=["k"]`; got != want {
		t.Errorf("got %s", got)
	}
}

// Random requests under random small limits: cutting is stable and loses no span.
func TestLimitsRandom(t *testing.T) {
	for seed := range uint64(150) {
		m := newMaker(seed)
		in := marshal(t, m.request())
		small := func() int { return 1 + m.IntN(60) }
		lim := Limits{small(), small() / 4, small() / 4, 1 + small()/10, 1 + small()/10, small(), small() + 8, small(), 1 + m.IntN(4), 0}
		whole, _ := decode(t, in, NoLimits())
		b, rej := cutTwice(t, in, lim)
		if len(b.Spans) != len(whole.Spans) || rej.Spans != 0 {
			t.Fatalf("seed %d: %d spans of %d", seed, len(b.Spans), len(whole.Spans))
		}
		if !rej.Altered() && !bytes.Equal(AppendRequest(nil, b), AppendRequest(nil, whole)) {
			t.Fatalf("seed %d: altered and does not say so", seed)
		}
		for _, a := range b.Attrs {
			if len(a.Key) > max(lim.AttrKeyBytes, len(TruncatedKey)) || len(a.Value.Str) > lim.AttrValueBytes {
				t.Fatalf("seed %d: %q is over the limit %+v", seed, a.Key, lim)
			}
		}
	}
}
