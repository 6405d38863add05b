package otlp

import (
	"bytes"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/trace/span"
)

// decode is Decode of input that must be good.
func decode(t testing.TB, buf []byte, lim Limits) (*span.Batch, Rejected) {
	t.Helper()
	b, rej, err := Decode(bytes.Clone(buf), lim)
	if err != nil {
		t.Fatal(err)
	}
	return b, rej
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	buf, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return buf
}

// Random requests made of the official types come out equal to what went in. Without
// unknown fields the encoders agree byte for byte.
func TestRoundTripRandom(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() { // one goroutine
		seeds = 40
	}
	for seed := range seeds {
		m := newMaker(seed)
		want := m.request()
		in := marshal(t, want)
		b, rej := decode(t, in, NoLimits())
		if rej.Altered() {
			t.Fatalf("seed %d: altered: %+v", seed, rej)
		}
		out := AppendRequest(nil, b)
		got := &collector.ExportTraceServiceRequest{}
		if err := proto.Unmarshal(out, got); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("seed %d: got\n%v\nwant\n%v", seed, got, want)
		}
		if m.plain && !bytes.Equal(out, in) {
			t.Fatalf("seed %d: equal to protobuf, but %d bytes and not its %d", seed, len(out), len(in))
		}
	}
}
