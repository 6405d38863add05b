package workload

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/trace/span"
)

const (
	ms           = int64(time.Millisecond)
	exportEvery  = 5 * int64(time.Second) // each pod's exporter ticks
	requestSpans = 500
	medianSpans  = 12.0
	sigmaSpans   = 1.384 // of the logarithm: p99 is 25 times the median
	maxSpans     = 10000
	users        = 100_000
	// stretchSpans is about the most spans held while requests are made of them.
	stretchSpans = 100_000
)

// Config says what to make. Equal configs make equal streams.
type Config struct {
	World World
	Seed  uint64
	Spans int           // about so many; traces are whole
	From  time.Time     // about the first trace's start: cut to the tick of the exporters
	Over  time.Duration // trace starts are spread over this; 0: an hour
}

// Request is one OTLP export request.
type Request struct {
	Body  []byte // ExportTraceServiceRequest as protobuf; the receiver owns it
	Spans []Ref  // what is in it, in order
}

// Ref names a span of the stream.
type Ref struct {
	Trace span.TraceID
	Span  span.SpanID
}

// Span is a span as it is sent.
type Span struct {
	Service string
	*tracepb.Span
}

// generator is the state of one stream.
type generator struct {
	world    World
	r        *rand.Rand
	cha      *rand.ChaCha8
	zipf     *rand.Zipf
	services []*service
	scopes   map[string]*commonpb.InstrumentationScope
	recent   [][2][]byte // trace and span ids, to link to
	offset   int64       // of messages
	whole    []Span      // the trace last made; reused
	onTrace  func([]Span)
}

// item is a finished span that waits for its pod's next export.
type item struct {
	at    int64
	pod   *pod
	scope string
	span  *tracepb.Span
}

// Requests is the stream. onTrace, where not nil, sees each trace whole before any
// request with its spans. It must keep nothing of what it is given.
func (c Config) Requests(onTrace func([]Span)) iter.Seq2[Request, error] {
	return func(yield func(Request, error) bool) {
		var key [32]byte
		binary.LittleEndian.PutUint64(key[:], c.Seed)
		cha := rand.NewChaCha8(key)
		r := rand.New(cha)
		g := &generator{
			world: c.World, r: r, cha: cha, zipf: rand.NewZipf(r, 1.1, 8, users-1), services: c.World.build(r),
			scopes: map[string]*commonpb.InstrumentationScope{}, onTrace: onTrace,
		}
		g.run(c.Spans, c.Start().UnixNano(), c.window(), yield)
	}
}

func (c Config) window() int64 {
	if c.Over == 0 {
		return int64(time.Hour)
	}
	return int64(c.Over)
}

// Start is the earliest time a trace can start.
func (c Config) Start() time.Time {
	at := c.From.UnixNano()
	return time.Unix(0, at-at%exportEvery)
}

// run makes traces in stretches of start time and yields what their exporters send.
func (g *generator) run(spans int, from, window int64, yield func(Request, error) bool) {
	stretch := min(int64(time.Minute), window/60)
	if spans > stretchSpans {
		stretch = min(stretch, int64(float64(window)*stretchSpans/float64(spans)))
	}
	total := int(float64(spans) / (medianSpans * math.Exp(sigmaSpans*sigmaSpans/2)))
	n, made := window/max(1, stretch), 0
	var pending []item
	for c := range n {
		upto := int(float64(total) * float64(c+1) / float64(n))
		starts := make([]int64, upto-made)
		made = upto
		for i := range starts {
			starts[i] = from + c*stretch + g.r.Int64N(stretch)
		}
		slices.Sort(starts)
		for _, s := range starts {
			pending = g.trace(s, pending)
		}
		end := from + (c+1)*stretch
		if c == n-1 {
			end = math.MaxInt64
		}
		due := make([]item, 0, len(pending))
		later := pending[:0]
		for _, it := range pending {
			if it.at <= end {
				due = append(due, it)
			} else {
				later = append(later, it)
			}
		}
		clear(pending[len(later):])
		pending = later
		slices.SortStableFunc(due, func(a, b item) int {
			return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.scope, b.scope))
		})
		if !g.emit(due, yield) {
			return
		}
	}
}

// emit groups spans by pod and scope and makes requests of them, as a collector's batch
// processor does with what many exporters send it.
func (g *generator) emit(items []item, yield func(Request, error) bool) bool {
	for len(items) > 0 {
		n := min(requestSpans, len(items))
		for n < len(items) && n < 2*requestSpans && items[n].at == items[n-1].at {
			n++ // keep one export whole, within reason
		}
		req := &coltracepb.ExportTraceServiceRequest{}
		refs := make([]Ref, 0, n)
		var rs *tracepb.ResourceSpans
		var ss *tracepb.ScopeSpans
		for i, it := range items[:n] {
			if i == 0 || it.pod != items[i-1].pod {
				rs = &tracepb.ResourceSpans{Resource: it.pod.res}
				req.ResourceSpans = append(req.ResourceSpans, rs)
				ss = nil
			}
			if ss == nil || it.scope != items[i-1].scope {
				ss = &tracepb.ScopeSpans{Scope: g.scope(it.scope)}
				rs.ScopeSpans = append(rs.ScopeSpans, ss)
			}
			ss.Spans = append(ss.Spans, it.span)
			refs = append(refs, Ref{span.TraceID(it.span.TraceId), span.SpanID(it.span.SpanId)})
		}
		body, err := proto.Marshal(req)
		if err != nil {
			yield(Request{}, fmt.Errorf("encode a request: %w", err))
			return false
		}
		if !yield(Request{body, refs}, nil) {
			return false
		}
		items = items[n:]
	}
	return true
}

func (g *generator) scope(name string) *commonpb.InstrumentationScope {
	s := g.scopes[name]
	if s == nil {
		s = &commonpb.InstrumentationScope{Name: name, Version: fmt.Sprintf("0.%d.%d", 40+len(g.scopes), len(name)%7)}
		g.scopes[name] = s
	}
	return s
}

func scopeName(lang, lib string) string {
	switch lang {
	case "java":
		return "io.opentelemetry." + lib
	case "python":
		return "opentelemetry.instrumentation." + lib
	case "nodejs":
		return "@opentelemetry/instrumentation-" + lib
	}
	return "go.opentelemetry.io/contrib/instrumentation/" + lib
}

func (g *generator) lognormal(mu, sigma float64) float64 {
	return math.Exp(mu + sigma*g.r.NormFloat64())
}

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = g.cha.Read(b) // it always fills b
	return b
}

func (g *generator) pod(s *service) *pod { return s.pods[g.r.IntN(len(s.pods))] }
