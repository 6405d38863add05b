package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// KillOptions say how long and how hard.
type KillOptions struct {
	Server *Server
	Rounds int
	Seed   uint64
	Out    io.Writer // a line a round
}

// KillResult is what was proven.
type KillResult struct {
	Rounds, Requests, Acked, Resent int
	SlowestReady                    time.Duration
}

// Kill sends spans, kills the server at a random moment, starts it again and compares,
// round by round on the same data. After each round the requests without an answer are
// sent again, as a client would, and must then be there once.
func Kill(ctx context.Context, o KillOptions) (KillResult, error) {
	var res KillResult
	rnd := rand.New(rand.NewPCG(o.Seed, 9))
	l := &ledger{}
	for round := range o.Rounds {
		ready, err := o.Server.Start(ctx)
		if err != nil {
			return res, fmt.Errorf("round %d: %w", round, err)
		}
		res.SlowestReady = max(res.SlowestReady, ready)
		first := l.len()
		life := time.Duration(50+rnd.IntN(1200)) * time.Millisecond
		if err := loadAndKill(ctx, o, l, life); err != nil {
			return res, fmt.Errorf("round %d: %w", round, err)
		}
		ready, err = o.Server.Start(ctx)
		if err != nil {
			return res, fmt.Errorf("round %d: restart: %w", round, err)
		}
		res.SlowestReady = max(res.SlowestReady, ready)
		resent, err := verifyRound(ctx, o, l, first, rnd)
		if err != nil {
			return res, fmt.Errorf("seed %d, round %d, killed after %s: %w", o.Seed, round, life, err)
		}
		res.Resent += resent
		res.Rounds++
		acked, _ := l.from(0)
		res.Requests, res.Acked = l.len(), len(acked)
		fmt.Fprintf(o.Out, "round %d of %d: killed after %s, ready again in %s; %d requests acknowledged so far, %d sent again\n",
			round+1, o.Rounds, life.Round(time.Millisecond), ready.Round(time.Millisecond), res.Acked, res.Resent)
		if err := o.Server.Kill(); err != nil {
			return res, err
		}
	}
	if _, err := o.Server.Start(ctx); err != nil {
		return res, err
	}
	if err := verifyAll(ctx, o, l); err != nil {
		return res, fmt.Errorf("seed %d, at the end: %w", o.Seed, err)
	}
	return res, o.Server.Stop()
}

// loadAndKill has four clients send until the server is killed.
func loadAndKill(ctx context.Context, o KillOptions, l *ledger, life time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for ctx.Err() == nil {
				r := l.next(o.Seed)
				if err := o.Server.Post(ctx, r.body()); err == nil {
					l.ack(r)
				}
			}
		}()
	}
	select {
	case <-ctx.Done():
	case <-time.After(life):
	}
	err := o.Server.Kill()
	cancel()
	wg.Wait()
	return err
}

// verifyRound checks every request since first and a sample of those before, then sends
// what was not acknowledged again and checks that too.
func verifyRound(ctx context.Context, o KillOptions, l *ledger, first int, rnd *rand.Rand) (int, error) {
	acked, open := l.from(first)
	before, _ := l.from(0)
	for range min(50, len(before)) {
		acked = append(acked, before[rnd.IntN(len(before))])
	}
	for _, r := range acked {
		if err := verify(ctx, o.Server, r, true); err != nil {
			return 0, err
		}
	}
	for _, r := range open {
		if err := verify(ctx, o.Server, r, false); err != nil {
			return 0, err
		}
		if err := o.Server.Post(ctx, r.body()); err != nil {
			return 0, fmt.Errorf("send request %d again: %w", r.number, err)
		}
		l.ack(r)
		if err := verify(ctx, o.Server, r, true); err != nil {
			return 0, fmt.Errorf("after sending it again: %w", err)
		}
	}
	return len(open), nil
}

func verify(ctx context.Context, s *Server, r *request, acked bool) error {
	for i := range tracesPerRequest {
		got, err := s.Trace(ctx, r.traceID(i))
		if err != nil {
			return err
		}
		if err := r.compare(i, got, acked); err != nil {
			return err
		}
	}
	return nil
}

// verifyAll compares a search over everything with the ledger: each trace once, with its
// number of spans.
func verifyAll(ctx context.Context, o KillOptions, l *ledger) error {
	found, err := o.Server.Search(ctx, "{}", time.Unix(1_759_000_000, 0), time.Unix(1_780_000_000, 0))
	if err != nil {
		return err
	}
	acked, open := l.from(0)
	if len(open) > 0 {
		return errors.New("a request is left without an acknowledgement")
	}
	if want := len(acked) * tracesPerRequest; len(found) != want {
		return fmt.Errorf("search finds %d traces, %d were acknowledged", len(found), want)
	}
	for id, spans := range found {
		if spans != spansPerTrace {
			return fmt.Errorf("search shows trace %s with %d spans, want %d", id, spans, spansPerTrace)
		}
	}
	return nil
}
