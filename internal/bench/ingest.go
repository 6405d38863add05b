package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/trace/span"
)

const (
	connections = 4
	mostTries   = 12
	// watchEvery is how many requests of a connection pass between two that are looked for
	// once they are acknowledged.
	watchEvery = 50
)

// sending is what came of sending a stream.
type sending struct {
	spans   int64                 // acknowledged
	again   int64                 // requests sent again
	refusal atomic.Pointer[error] // why the first of them was
	took    time.Duration
	ack     latencies // of a request, each try
	visible latencies // from sending a request to reading its spans of one trace
	unseen  []error   // acknowledged and not there
}

// poster sends one request body, packed as the wire wants it.
type poster func(ctx context.Context, body []byte) error

// open makes a poster for a connection of its own.
func open(base, wire string) (poster, func(), error) {
	switch wire {
	case "http", "gzip":
		c := newClient(base)
		return func(ctx context.Context, body []byte) error { return c.post(ctx, body, wire == "gzip") }, c.close, nil
	case "grpc":
		c, err := newGRPCClient(base)
		return c.post, func() { c.conn.Close() }, err
	}
	return nil, nil, fmt.Errorf("wire %q: want http, gzip or grpc", wire)
}

// send sends the stream over four connections, each with one request under way, as fast
// as it is taken. acked, where not nil, hears of each request that is acknowledged and
// may be called at once from all connections. It ends early when ctx does.
func send(ctx context.Context, base, wire string, requests iter.Seq2[workload.Request, error], acked func(workload.Request)) (*sending, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &sending{}
	feed, made := make(chan workload.Request, 2*connections), make(chan error, 1)
	go func() {
		defer close(feed)
		for r, err := range requests {
			if err != nil {
				made <- err
				return
			}
			select {
			case feed <- r:
			case <-ctx.Done():
				made <- nil
				return
			}
		}
		made <- nil
	}()
	start := time.Now()
	var wg sync.WaitGroup
	errs := make(chan error, connections)
	var mu sync.Mutex // of s.unseen
	for range connections {
		post, closing, err := open(base, wire)
		if err != nil {
			return nil, err
		}
		wg.Go(func() {
			defer closing()
			reader := newClient(base)
			defer reader.close()
			n := 0
			for r := range feed {
				from := time.Now()
				if err := s.deliver(ctx, post, r.Body); err != nil {
					errs <- err
					cancel()
					return
				}
				atomic.AddInt64(&s.spans, int64(len(r.Spans)))
				if acked != nil {
					acked(r)
				}
				if n++; n%watchEvery == 1 && acked == nil {
					if err := seen(ctx, reader, r); err != nil {
						mu.Lock()
						s.unseen = append(s.unseen, err)
						mu.Unlock()
					}
					s.visible.add(time.Since(from))
				}
			}
		})
	}
	wg.Wait()
	s.took = time.Since(start)
	cancel()
	close(errs)
	return s, errors.Join(<-made, <-errs)
}

// deliver sends one request until it is acknowledged.
func (s *sending) deliver(ctx context.Context, post poster, body []byte) error {
	for try := 1; ; try++ {
		from := time.Now()
		err := post(ctx, body)
		if err == nil {
			s.ack.add(time.Since(from))
			return nil
		}
		if !errors.Is(err, errAgain) || try == mostTries || ctx.Err() != nil {
			return err
		}
		atomic.AddInt64(&s.again, 1)
		s.refusal.CompareAndSwap(nil, &err)
		if err := sleep(ctx, min(20*time.Millisecond<<try, 2*time.Second)); err != nil {
			return err
		}
	}
}

// firstRefusal is why the first request had to be sent again; nil if none had.
func (s *sending) firstRefusal() error {
	if err := s.refusal.Load(); err != nil {
		return *err
	}
	return nil
}

// seen reports where spans of an acknowledged request are not in the answer to a read by
// the id of its first trace.
func seen(ctx context.Context, c *client, r workload.Request) error {
	id := r.Spans[0].Trace
	body, err := c.traceBytes(ctx, id)
	if err != nil {
		return err
	}
	b, err := decodeTrace(body)
	if err != nil {
		return err
	}
	there := map[span.SpanID]bool{}
	if b != nil {
		for i := range b.Spans {
			there[b.Spans[i].SpanID] = true
		}
	}
	for _, ref := range r.Spans {
		if ref.Trace == id && !there[ref.Span] {
			return fmt.Errorf("trace %s: span %s was acknowledged and cannot be read", id, ref.Span)
		}
	}
	return nil
}

// zipped is the stream with its bodies packed.
func zipped(requests iter.Seq2[workload.Request, error]) iter.Seq2[workload.Request, error] {
	return func(yield func(workload.Request, error) bool) {
		for r, err := range requests {
			if err == nil {
				r.Body, err = zip(r.Body)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// hold makes the whole stream now, so that making it costs nothing while it is sent.
func hold(requests iter.Seq2[workload.Request, error]) (iter.Seq2[workload.Request, error], error) {
	var all []workload.Request
	for r, err := range requests {
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return func(yield func(workload.Request, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}, nil
}
