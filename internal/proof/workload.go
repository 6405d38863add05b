package proof

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// Work is one request of a load: spans of a web shop's shape, in traces of ten.
type Work struct {
	Batch   *span.Batch
	TraceID span.TraceID // of the first trace
	Key     string       // value of request.key on every span, of this request only
}

// Workload makes request number n of a seed, with the given spans that start at about at.
func Workload(seed, n uint64, spans int, at time.Time) Work {
	rnd := rand.New(rand.NewPCG(seed, n))
	w := Work{Batch: &span.Batch{}, Key: fmt.Sprintf("%x-%d", seed, n)}
	b := w.Batch
	for s := range 5 {
		b.Resources = append(b.Resources, span.Resource{Present: true, Attrs: attrs(b,
			span.Attr{Key: "service.name", Value: span.String(fmt.Sprintf("shop-%d", s))},
			span.Attr{Key: "service.version", Value: span.String("1.4.2")},
			span.Attr{Key: "k8s.pod.name", Value: span.String(fmt.Sprintf("shop-%d-7d9f8-%d", s, n%3))})})
		b.Scopes = append(b.Scopes, span.Scope{Resource: uint32(s), Name: "net/http", Version: "0.61.0", Present: true})
	}
	var id span.TraceID
	for i := range spans {
		first := i%10 == 0
		if first {
			binary.BigEndian.PutUint64(id[:8], rnd.Uint64()|1)
			binary.BigEndian.PutUint64(id[8:], rnd.Uint64())
			if i == 0 {
				w.TraceID = id
			}
		}
		s := span.Span{TraceID: id, Scope: uint32(i % 5), Kind: span.KindServer, Name: fmt.Sprintf("GET /route/%d", i%17)}
		binary.BigEndian.PutUint64(s.SpanID[:], rnd.Uint64()|1)
		if !first {
			s.Parent = b.Spans[i-1].SpanID
		}
		s.Start = at.UnixNano() + int64(i%10)*10_000
		s.End = s.Start + rnd.Int64N(50_000_000)
		s.Attrs = attrs(b,
			span.Attr{Key: "http.request.method", Value: span.String("GET")},
			span.Attr{Key: "http.response.status_code", Value: span.Int(200)},
			span.Attr{Key: "url.path", Value: span.String(fmt.Sprintf("/route/%d/item/%d", i%17, rnd.IntN(10_000)))},
			span.Attr{Key: "user.id", Value: span.String(fmt.Sprint(rnd.IntN(5000)))},
			span.Attr{Key: "request.key", Value: span.String(w.Key)})
		b.Spans = append(b.Spans, s)
	}
	return w
}

// Body is the request in OTLP protobuf.
func (w Work) Body() []byte { return otlp.AppendRequest(nil, w.Batch) }
