package workload

import (
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

func config(w World, seed uint64, spans int) Config {
	return Config{World: w, Seed: seed, Spans: spans, From: time.Unix(1_760_000_003, 0), Over: time.Hour}
}

// sum is a hash of every byte of a stream.
func sum(t *testing.T, c Config) [32]byte {
	t.Helper()
	h := sha256.New()
	for r, err := range c.Requests(nil) {
		if err != nil {
			t.Fatal(err)
		}
		h.Write(r.Body)
	}
	return [32]byte(h.Sum(nil))
}

// Equal configs make equal bytes, whether somebody looks at the traces or not; another
// seed or world makes others.
func TestEqualConfigs(t *testing.T) {
	shop := sum(t, config(Shop(), 1, 5000))
	f := func(c Config, want bool) {
		t.Helper()
		if got := sum(t, c) == shop; got != want {
			t.Errorf("stream of %s, seed %d, from %s, equals shop's of seed 1: %v, want %v", c.World.Name, c.Seed, c.From, got, want)
		}
	}
	f(config(Shop(), 1, 5000), true)
	f(config(Shop(), 2, 5000), false)
	f(config(Fleet(), 1, 5000), false)
	sameTick := config(Shop(), 1, 5000)
	sameTick.From = sameTick.From.Add(time.Second)
	f(sameTick, true)
	later := config(Shop(), 1, 5000)
	later.From = later.From.Add(time.Hour)
	f(later, false)
}

// What the traces show is what the requests hold: every span once, in valid OTLP, with its
// service; as many as asked for, about; times over the whole window.
func TestStream(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine: the race detector has nothing to see, the full run has it")
	}
	for _, c := range []Config{
		config(Shop(), 3, 60_000),
		config(Fleet(), 3, 60_000),
		{World: Shop(), Seed: 4, Spans: 20_000, From: time.Unix(1_760_000_000, 0), Over: 24 * time.Hour},
	} {
		service := map[Ref]string{}
		var starts []int64
		onTrace := func(spans []Span) {
			starts = append(starts, int64(spans[0].StartTimeUnixNano))
			for _, s := range spans {
				service[Ref{span.TraceID(s.TraceId), span.SpanID(s.SpanId)}] = s.Service
			}
		}
		for r, err := range c.Requests(onTrace) {
			if err != nil {
				t.Fatal(err)
			}
			b, bad, err := otlp.Decode(r.Body, otlp.Limits{})
			if err != nil || bad.Spans > 0 || len(b.Spans) != len(r.Spans) {
				t.Fatalf("%s: a request of %d spans decodes to %d, %d refused: %v", c.World.Name, len(r.Spans), len(b.Spans), bad.Spans, err)
			}
			for i := range b.Spans {
				ref := Ref{b.Spans[i].TraceID, b.Spans[i].SpanID}
				if ref != r.Spans[i] {
					t.Fatalf("%s: span %d of a request is %v, listed as %v", c.World.Name, i, ref, r.Spans[i])
				}
				if want, ok := service[ref]; !ok || want != b.Service(&b.Spans[i]) {
					t.Fatalf("%s: span %v of %q was seen in a trace: %v, of %q", c.World.Name, ref, b.Service(&b.Spans[i]), ok, want)
				}
				service[ref] = "sent" // a second time does not find its service
			}
		}
		for ref, s := range service {
			if s != "sent" {
				t.Fatalf("%s: span %v is in no request", c.World.Name, ref)
			}
		}
		if n := len(service); n < c.Spans*7/10 || n > c.Spans*13/10 {
			t.Errorf("%s: %d spans, want about %d", c.World.Name, n, c.Spans)
		}
		from, over := c.Start().UnixNano(), int64(c.Over)
		if !slices.IsSorted(starts) || starts[0] < from || starts[0] > from+over/10 {
			t.Errorf("%s: traces are not in order, or the first starts at %d of a window from %d", c.World.Name, starts[0], from)
		}
		if last := starts[len(starts)-1]; last < from+over*9/10 || last >= from+over {
			t.Errorf("%s: the last trace starts %s after the first, of %s", c.World.Name, time.Duration(last-from), c.Over)
		}
	}
}

// A stream that is left early makes no more.
func TestLeave(t *testing.T) {
	n := 0
	for range config(Shop(), 1, 5000).Requests(nil) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d requests after leaving at 3", n)
	}
}
