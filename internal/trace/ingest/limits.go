package ingest

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// Limits bound what requests may cost. A zero field takes its default.
type Limits struct {
	// RequestBytes is the size of one request, as sent and decompressed; over it the
	// request is refused for good. Default 64 MiB: a batch of the OpenTelemetry collector
	// has 8,192 spans and about 4.
	RequestBytes int64
	// InFlightBytes bounds the memory of all requests in progress, from the first byte
	// read until the store has the spans; over it requests are told to come back. Default
	// 256 MiB, at least twice RequestBytes.
	InFlightBytes int64
	// Decoders is how many requests are decoded at once. Default: the number of cores.
	Decoders int
	// Patience is how long a sender waits for disk and store before it is told to come
	// back; the request goes on, and is acknowledged when it is sent again. Default 10 s,
	// the timeout of OTLP exporters.
	Patience time.Duration
	// Rate is how much a tenant may send each second; over it requests are told when to come
	// back. It is asked for each request, so that a change takes effect at once. Default:
	// as much as it likes.
	Rate func(tenant string) Rate
	// Spans bounds what one span may hold; what is over is cut and marked, not refused.
	Spans otlp.Limits
}

func (l Limits) withDefaults() (Limits, error) {
	if l.RequestBytes == 0 {
		l.RequestBytes = 64 << 20
	}
	if l.InFlightBytes == 0 {
		l.InFlightBytes = max(256<<20, 2*l.RequestBytes)
	}
	if l.Decoders == 0 {
		l.Decoders = runtime.GOMAXPROCS(0)
	}
	if l.Patience == 0 {
		l.Patience = 10 * time.Second
	}
	if l.Rate == nil {
		l.Rate = func(string) Rate { return Rate{} }
	}
	if l.Spans.BatchBytes == 0 {
		l.Spans.BatchBytes = int(min(l.InFlightBytes, 256<<20))
	}
	var errs []error
	if l.RequestBytes < 0 || l.Decoders < 0 || l.Patience < 0 {
		errs = append(errs, errors.New("a limit is negative"))
	}
	if l.InFlightBytes < 2*l.RequestBytes {
		errs = append(errs, fmt.Errorf("InFlightBytes is %d, less than twice RequestBytes %d", l.InFlightBytes, l.RequestBytes))
	}
	return l, errors.Join(errs...)
}
