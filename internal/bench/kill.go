package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"

	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/proof"
	"github.com/weft-dev/weft/internal/trace/span"
)

// measureKill kills the server with SIGKILL while spans arrive, starts it again, and
// looks for every span that was sent: acknowledged ones must be there once, others once
// or not at all.
func (p plan) measureKill(ctx context.Context, s stream, dir string, f figures) (wrong []error, err error) {
	server := &proof.Server{Binary: p.binary, Dir: filepath.Join(dir, "kill"), Log: filepath.Join(dir, "kill.log")}
	if _, err := server.Start(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	var mu sync.Mutex
	acked := map[span.TraceID][]span.SpanID{}
	spans, dead := 0, false
	at := p.killSpans/4 + rand.New(rand.NewPCG(s.seed, 1)).IntN(p.killSpans/2)
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	_, sendErr := send(sending, server.URL, "http", s.config(p.killSpans, p.over).Requests(nil), func(r workload.Request) {
		mu.Lock()
		defer mu.Unlock()
		for _, ref := range r.Spans {
			acked[ref.Trace] = append(acked[ref.Trace], ref.Span)
		}
		if spans += len(r.Spans); spans >= at && !dead {
			dead = true
			err = server.Kill()
			cancel()
		}
	})
	if !dead {
		return nil, fmt.Errorf("the server was to be killed after %d spans, %d were sent: %w", at, spans, errors.Join(sendErr, err))
	}
	if err != nil {
		return nil, err
	}
	if _, err := server.Start(ctx); err != nil {
		return nil, err
	}
	c := newClient(server.URL)
	defer c.close()
	missing, doubled := 0, 0
	for id, ids := range acked {
		body, err := c.traceBytes(ctx, id)
		if err != nil {
			return nil, err
		}
		b, err := decodeTrace(body)
		if err != nil {
			return nil, err
		}
		m, d := count(ids, b)
		if missing, doubled = missing+m, doubled+d; m+d > 0 {
			wrong = append(wrong, fmt.Errorf("after kill -9: trace %s: %d acknowledged spans missing, %d doubled", id, m, d))
		}
	}
	f["killed"] = []float64{float64(spans), float64(missing), float64(doubled)}
	return wrong, nil
}

// count is how many of the acknowledged spans are not in b, and how many of b are there again.
func count(acked []span.SpanID, b *span.Batch) (missing, doubled int) {
	there := map[span.SpanID]bool{}
	if b != nil {
		for i := range b.Spans {
			if there[b.Spans[i].SpanID] {
				doubled++
			}
			there[b.Spans[i].SpanID] = true
		}
	}
	for _, id := range acked {
		if !there[id] {
			missing++
		}
	}
	return missing, doubled
}
