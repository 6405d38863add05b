package proof

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// ledger is the client's side of the truth: which requests were sent, and which of them
// were acknowledged.
type ledger struct {
	mu       sync.Mutex
	requests []*request // Guarded by mu.
}

// request is one export. Its spans can be computed again from its number, so that the
// ledger of a long run stays small.
type request struct {
	number uint64
	seed   uint64
	acked  bool // Guarded by ledger.mu
}

func (l *ledger) next(seed uint64) *request {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &request{number: uint64(len(l.requests)), seed: seed}
	l.requests = append(l.requests, r)
	return r
}

func (l *ledger) ack(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.acked = true
}

// from is the requests numbered n and up, and whether each is acknowledged.
func (l *ledger) from(n int) (acked, open []*request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.requests[n:] {
		if r.acked {
			acked = append(acked, r)
		} else {
			open = append(open, r)
		}
	}
	return acked, open
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.requests)
}

const (
	tracesPerRequest = 4
	spansPerTrace    = 12
)

// traceID of the i-th trace of a request.
func (r *request) traceID(i int) span.TraceID {
	var id span.TraceID
	binary.BigEndian.PutUint64(id[:8], r.seed|1<<63)
	binary.BigEndian.PutUint64(id[8:], r.number*tracesPerRequest+uint64(i)+1)
	return id
}

// batch makes the request's spans: the same for the same number.
func (r *request) batch() *span.Batch {
	rnd := rand.New(rand.NewPCG(r.seed, r.number))
	b := &span.Batch{
		Resources: []span.Resource{{Present: true}},
		Scopes:    []span.Scope{{Name: "proof", Present: true}},
	}
	b.Resources[0].Attrs = attrs(b, span.Attr{Key: "service.name", Value: span.String(fmt.Sprintf("service-%d", r.number%7))})
	base := int64(1_760_000_000_000_000_000) + int64(r.number)*1_000_000
	for t := range tracesPerRequest {
		id := r.traceID(t)
		for i := range spansPerTrace {
			s := span.Span{TraceID: id, Start: base + int64(i)*1000, Kind: span.KindServer, Name: fmt.Sprintf("operation %d", rnd.IntN(20))}
			s.End = s.Start + rnd.Int64N(1_000_000)
			binary.BigEndian.PutUint64(s.SpanID[:], rnd.Uint64()|1)
			if i > 0 {
				s.Parent = b.Spans[len(b.Spans)-1].SpanID
			}
			s.Attrs = attrs(b,
				span.Attr{Key: "request", Value: span.Int(int64(r.number))},
				span.Attr{Key: "note", Value: span.String(fmt.Sprintf("%x", rnd.Uint64()))})
			b.Spans = append(b.Spans, s)
		}
	}
	return b
}

func attrs(b *span.Batch, list ...span.Attr) span.Range {
	from := uint32(len(b.Attrs))
	b.Attrs = append(b.Attrs, list...)
	return span.Range{From: from, To: uint32(len(b.Attrs))}
}

// body is the request as OTLP protobuf.
func (r *request) body() []byte { return otlp.AppendRequest(nil, r.batch()) }

// compare checks one trace of the request against what the server showed. A request that
// was not acknowledged may be there or not, but whole: one request is one record.
func (r *request) compare(i int, got *span.Batch, acked bool) error {
	want := r.batch()
	if got == nil || len(got.Spans) == 0 {
		if acked {
			return fmt.Errorf("request %d was acknowledged, trace %s is lost", r.number, r.traceID(i))
		}
		return nil
	}
	if len(got.Spans) != spansPerTrace {
		return fmt.Errorf("request %d, trace %s: %d spans, want %d (acknowledged: %v)", r.number, r.traceID(i), len(got.Spans), spansPerTrace, acked)
	}
	for k := range spansPerTrace {
		w := i*spansPerTrace + k
		found := 0
		for g := range got.Spans {
			if got.Spans[g].SpanID == want.Spans[w].SpanID {
				found++
				if !want.EqualSpan(w, got, g) {
					return fmt.Errorf("request %d, trace %s: span %s came back changed", r.number, r.traceID(i), want.Spans[w].SpanID)
				}
			}
		}
		if found != 1 {
			return fmt.Errorf("request %d, trace %s: span %s is there %d times", r.number, r.traceID(i), want.Spans[w].SpanID, found)
		}
	}
	return nil
}
