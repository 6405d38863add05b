package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-dev/weft/internal/proof"
)

// worstQuery reads every span's attributes and finds nothing.
const worstQuery = `{ .url.path =~ ".*/item/.*x" || .request.key =~ ".*z.*" }`

// besideQueries is visibility while one client runs the worst query again and again over
// everything there is. It returns how often it was answered, too.
func besideQueries(ctx context.Context, s *proof.Server, rate int, duration time.Duration) (visible, int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var answered atomic.Int64
	failed := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			_, err := s.Search(ctx, worstQuery, time.Unix(0, 0), time.Now().Add(time.Hour))
			if err != nil && ctx.Err() == nil {
				failed <- err
				return
			}
			answered.Add(1)
		}
		failed <- nil
	}()
	v, err := visibility(ctx, s, rate, duration)
	cancel()
	return v, answered.Load(), errors.Join(err, <-failed)
}

// fill sends spans with four senders as fast as they are taken.
func fill(ctx context.Context, s *proof.Server, spans int) error {
	const size, senders = 500, 4
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, senders)
	seed := uint64(time.Now().UnixNano())
	start := time.Now()
	for range senders {
		wg.Go(func() {
			for {
				n := next.Add(size)
				if n > int64(spans) {
					return
				}
				at := start.Add(-time.Duration(spans-int(n)) * time.Millisecond) // a thousand a second
				if err := s.Post(ctx, proof.Workload(seed, uint64(n), size, at).Body()); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// logCap is the default of log-cap.
const logCap = 192 << 20

// largestLog starts a server whose head never becomes a part, fills the log with as much as
// an ordinary one takes, kills it, and returns how long the next start takes, with ordinary settings.
func largestLog(ctx context.Context, binary, dir string) (ready time.Duration, bytes int64, err error) {
	s := &proof.Server{Binary: binary, Dir: filepath.Join(dir, "log-data"), Args: []string{"--head", "1GB", "--head-age", "24h", "--log-cap", "4GB"}}
	if _, err := s.Start(ctx); err != nil {
		return 0, 0, err
	}
	seed := uint64(time.Now().UnixNano())
	for n := uint64(0); bytes < logCap; n++ {
		body := proof.Workload(seed, n, 2000, time.Now()).Body()
		if err := s.Post(ctx, body); err != nil {
			return 0, 0, errors.Join(err, s.Stop())
		}
		bytes += int64(len(body))
	}
	if err := s.Kill(); err != nil {
		return 0, 0, err
	}
	s.Args = nil
	if ready, err = s.Start(ctx); err != nil {
		return 0, 0, err
	}
	return ready, bytes, s.Stop()
}

// firstDemoTrace is the time from the start of a server with the demo to its first trace.
func firstDemoTrace(ctx context.Context, binary, dir string) (time.Duration, error) {
	s := &proof.Server{Binary: binary, Dir: filepath.Join(dir, "demo-data"), Args: []string{"--demo"}}
	from := time.Now()
	if _, err := s.Start(ctx); err != nil {
		return 0, err
	}
	for {
		found, err := s.Search(ctx, "{}", from.Add(-time.Hour), from.Add(time.Hour))
		if err != nil {
			return 0, errors.Join(err, s.Stop())
		}
		if len(found) > 0 {
			return time.Since(from), s.Stop()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// scale adds what takes long: many spans, and the starts behind them.
func scale(ctx context.Context, s *proof.Server, dir string, spans int) ([]string, error) {
	var rows []string
	from := time.Now()
	if err := fill(ctx, s, spans); err != nil {
		return nil, err
	}
	took := time.Since(from)
	if err := s.Stop(); err != nil {
		return nil, err
	}
	ready, err := s.Start(ctx)
	if err != nil {
		return nil, err
	}
	rows = append(rows, fmt.Sprintf("| ready with %d million spans, sent at %.0f a second | %s | ≤ 1 s |", spans/1e6, float64(spans)/took.Seconds(), round(ready)))
	log, bytes, err := largestLog(ctx, s.Binary, dir)
	if err != nil {
		return nil, err
	}
	return append(rows, fmt.Sprintf("| ready after a kill with the largest log, %d MB | %s | ≤ 2 s |", bytes/1e6, round(log))), nil
}
