package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/proof"
)

// latencies of one kind, sorted by at.
type latencies struct {
	mu   sync.Mutex
	list []time.Duration // Guarded by mu.
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, d)
}

// at is the q-quantile, by nearest rank.
func (l *latencies) at(q float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == 0 {
		return 0
	}
	slices.Sort(l.list)
	return l.list[max(0, int(math.Ceil(q*float64(len(l.list))))-1)]
}

// loneRequests sends small requests one by one.
func loneRequests(ctx context.Context, s *proof.Server, n int) (*latencies, error) {
	var out latencies
	for i := range n {
		body := proof.Workload(uint64(time.Now().UnixNano()), uint64(i), 1, time.Now()).Body()
		from := time.Now()
		if err := s.Post(ctx, body); err != nil {
			return nil, err
		}
		out.add(time.Since(from))
	}
	return &out, nil
}

// syncTime is the median time of fdatasync after a 4 kB append in dir.
func syncTime(dir string) (time.Duration, error) {
	f, err := vfs.OS{}.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var l latencies
	for range 50 {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		from := time.Now()
		if err := f.Sync(); err != nil {
			return 0, err
		}
		l.add(time.Since(from))
	}
	return l.at(0.5), nil
}

type visible struct {
	ack, byID, search *latencies
	achieved          float64
}

// visibility sends requests of 500 spans on schedule. For one in ten it asks by id and by
// search, again and again, until the trace is there.
func visibility(ctx context.Context, s *proof.Server, rate int, duration time.Duration) (visible, error) {
	const spans = 500
	v := visible{&latencies{}, &latencies{}, &latencies{}, 0}
	every := time.Second * spans / time.Duration(rate)
	n := int(duration / every)
	seed := uint64(time.Now().UnixNano())
	var wg sync.WaitGroup
	errs := make(chan error, n)
	start := time.Now()
	for i := range n {
		due := start.Add(time.Duration(i) * every)
		time.Sleep(time.Until(due))
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := proof.Workload(seed, uint64(i), spans, due)
			body := w.Body()
			if err := s.Post(ctx, body); err != nil {
				errs <- err
				return
			}
			v.ack.add(time.Since(due))
			if i%10 != 0 {
				return
			}
			if err := watch(ctx, s, w, due, v); err != nil {
				errs <- err
			}
		}()
	}
	wg.Wait()
	v.achieved = float64(n*spans) / time.Since(start).Seconds()
	close(errs)
	return v, <-errs
}

func watch(ctx context.Context, s *proof.Server, w proof.Work, sent time.Time, v visible) error {
	for {
		b, err := s.Trace(ctx, w.TraceID)
		if err != nil {
			return err
		}
		if b != nil {
			v.byID.add(time.Since(sent))
			break
		}
	}
	q := fmt.Sprintf("{ span.request.key = %q }", w.Key)
	for {
		found, err := s.Search(ctx, q, sent.Add(-time.Minute), sent.Add(time.Minute))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			v.search.add(time.Since(sent))
			return nil
		}
	}
}

// residentMB is the resident memory of a process.
func residentMB(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kb, err := strconv.ParseFloat(f[1], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", pid)
}
