package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/ingest/log/file"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testClock stands until it is advanced.
type testClock struct {
	mu     sync.Mutex
	armed  sync.Cond // a timer was set
	now    time.Time
	timers map[chan time.Time]testTimer
}

type testTimer struct {
	at    time.Time
	after time.Duration
}

func newClock() *testClock {
	c := &testClock{now: time.Unix(1_700_000_000, 0), timers: map[chan time.Time]testTimer{}}
	c.armed.L = &c.mu
	return c
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.timers[ch] = testTimer{c.now.Add(d), d}
	c.armed.Broadcast()
	return ch
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for ch, t := range c.timers {
		if !t.at.After(c.now) {
			ch <- c.now
			delete(c.timers, ch)
		}
	}
}

// fire waits until somebody waits for d and lets it pass.
func (c *testClock) fire(d time.Duration) {
	c.mu.Lock()
	for !c.waitsFor(d) {
		c.armed.Wait()
	}
	c.mu.Unlock()
	c.advance(d)
}

func (c *testClock) waitsFor(d time.Duration) bool {
	for _, t := range c.timers {
		if t.after == d {
			return true
		}
	}
	return false
}

// testStore is a store that remembers what it was given and does what a test says.
type testStore struct {
	mu      sync.Mutex
	records map[log.Position]store.Record
	durable log.Position
	digests map[log.Digest]time.Time
	before  func(store.Record) error // called before a record is taken
}

func newStore() *testStore {
	return &testStore{records: map[log.Position]store.Record{}, digests: map[log.Digest]time.Time{}}
}

func (s *testStore) Apply(ctx context.Context, r store.Record) error {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		if err := before(r); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[r.Pos] = r
	return nil
}

func (s *testStore) Applied() log.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durable
}

func (s *testStore) Digests(since time.Time) iter.Seq2[log.Digest, time.Time] {
	return func(yield func(log.Digest, time.Time) bool) {
		for d, at := range s.digests {
			if !at.Before(since) && !yield(d, at) {
				return
			}
		}
	}
}

func (s *testStore) hook(before func(store.Record) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// hold makes Apply wait until release is called; entered tells of each that waits.
func (s *testStore) hold() (entered <-chan struct{}, release func()) {
	in, out := make(chan struct{}, 100), make(chan struct{})
	s.hook(func(store.Record) error {
		in <- struct{}{}
		<-out
		return nil
	})
	return in, func() { close(out); s.hook(nil) }
}

func (s *testStore) spans(tenant string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.records {
		if r.Tenant == tenant {
			n += len(r.Batch.Spans)
		}
	}
	return n
}

// rig is a pipeline over a real log and a test store.
type rig struct {
	*Pipeline
	disk  *vfs.Mem
	fs    *vfs.Inject
	log   *file.Log
	store *testStore
	clock *testClock
}

func newRig(t *testing.T, limits Limits) *rig {
	t.Helper()
	return startRig(t, vfs.NewMem(), newStore(), newClock(), limits)
}

// startRig starts on a disk that may hold a log, and replays it.
func startRig(t *testing.T, disk *vfs.Mem, st *testStore, c *testClock, limits Limits) *rig {
	t.Helper()
	r := openRig(t, disk, st, c, limits)
	if _, err := r.Replay(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func openRig(t *testing.T, disk *vfs.Mem, st *testStore, c *testClock, limits Limits) *rig {
	t.Helper()
	r := &rig{disk: disk, fs: vfs.NewInject(disk), store: st, clock: c}
	var err error
	r.log, err = file.Open(file.Config{Dir: "log", FS: r.fs, SegmentBytes: 4 << 10, LimitBytes: 1 << 20, ReserveBytes: -1, After: st.Applied()})
	if err != nil {
		t.Fatal(err)
	}
	r.Pipeline, err = New(Config{Log: r.log, Store: st, Clock: c, Limits: limits, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.stop(t) })
	return r
}

func (r *rig) stop(t *testing.T) {
	t.Helper()
	if err := r.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := r.log.Close(); err != nil && r.log.Broken() == nil {
		t.Error(err)
	}
}

// restart stops the rig and starts another on its disk, as it was durable.
func (r *rig) restart(t *testing.T, st *testStore) *rig {
	t.Helper()
	r.stop(t)
	return startRig(t, r.disk.Crash(), st, r.clock, Limits{})
}

func (r *rig) submit(t *testing.T, tenant string, body []byte) Result {
	t.Helper()
	res, err := r.Submit(t.Context(), Request{Tenant: tenant, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func wantReason(t *testing.T, err error, want Reason, retry bool) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != want || (r.Retry > 0) != retry {
		t.Errorf("got %v (retry %v), want %s (retry %v)", err, r != nil && r.Retry > 0, want, retry)
	}
}

// until waits for what no signal tells, a second at most.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// body is request number i, with n spans.
func body(i, n int) []byte {
	b := &span.Batch{
		Resources: []span.Resource{{Present: true}},
		Scopes:    []span.Scope{{Name: fmt.Sprintf("request %d", i), Present: true}},
	}
	for k := range n {
		s := span.Span{Name: "op", Start: 1_700_000_000_000_000_000, End: 1_700_000_000_000_001_000}
		s.TraceID[0], s.TraceID[15] = 1, byte(i)
		s.SpanID[0], s.SpanID[6], s.SpanID[7] = 1, byte(k>>8), byte(k)
		b.Spans = append(b.Spans, s)
	}
	return otlp.AppendRequest(nil, b)
}
