package ingest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// TestSubmit shows that a request that was taken is in the log byte for byte and in the
// store span for span, before Submit returns.
func TestSubmit(t *testing.T) {
	r := newRig(t, Limits{})
	sent := body(1, 3)
	if res := r.submit(t, "a", bytes.Clone(sent)); res.Spans != 3 || res.Rejected != 0 || res.Duplicate {
		t.Errorf("result %+v, want 3 spans", res)
	}
	for rec, err := range r.log.Read(t.Context(), 1) {
		if err != nil || rec.Tenant != "a" || !bytes.Equal(rec.Payload, sent) || !rec.Arrival.Equal(r.clock.Now()) {
			t.Errorf("log holds %q of %s at %v, %v", rec.Payload, rec.Tenant, rec.Arrival, err)
		}
	}
	got := r.store.records[1]
	if got.Tenant != "a" || len(got.Batch.Spans) != 3 || got.Bytes != len(sent) || got.Digest != digestOf("a", sent) {
		t.Errorf("store was given %+v", got)
	}
	if r.InFlight() != 0 {
		// The memory goes back just after the answer.
		until(t, "memory is given back", func() bool { return r.InFlight() == 0 })
	}
}

// TestJSON shows that a JSON request is logged as protobuf and stored the same.
func TestJSON(t *testing.T) {
	r := newRig(t, Limits{})
	b, _, err := otlp.Decode(body(1, 2), otlp.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Submit(t.Context(), Request{Tenant: "a", Body: otlp.AppendJSON(nil, b), JSON: true})
	if err != nil || res.Spans != 2 {
		t.Fatalf("result %+v, %v, want 2 spans", res, err)
	}
	for rec, err := range r.log.Read(t.Context(), 1) {
		again, _, derr := otlp.Decode(bytes.Clone(rec.Payload), otlp.NoLimits())
		if err != nil || derr != nil || len(again.Spans) != 2 || !again.EqualSpan(1, b, 1) {
			t.Errorf("log holds %q, %v, %v", rec.Payload, err, derr)
		}
	}
}

// TestPartial shows that bad spans cost only themselves, that what is cut is marked, and
// that the log holds what the store was given, not what was sent.
func TestPartial(t *testing.T) {
	r := newRig(t, Limits{Spans: otlp.Limits{NameBytes: 4}})
	b, _, err := otlp.Decode(body(1, 3), otlp.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b.Spans[1].TraceID = span.TraceID{}
	b.Spans[2].Name = "too long a name"
	res := r.submit(t, "a", otlp.AppendRequest(nil, b))
	if res.Spans != 2 || res.Rejected != 1 || len(res.Reasons) != 1 {
		t.Errorf("result %+v, want 2 spans, 1 rejected and why", res)
	}
	st := newStore()
	r2 := r.restart(t, st)
	was, is := r.store.records[1].Batch, st.records[1].Batch
	if len(is.Spans) != 2 || !is.EqualSpan(0, was, 0) || !is.EqualSpan(1, was, 1) || is.Spans[1].Marks != was.Spans[1].Marks {
		t.Errorf("replayed %+v, stored before %+v", is.Spans, was.Spans)
	}
	s := r.Stats()[0]
	if s.AcceptedSpans != 2 || s.Dropped[DroppedSpans] != 1 || s.Dropped[TruncatedValue] != 1 {
		t.Errorf("stats %+v", s)
	}

	// Without a good span there is nothing to store, and the answer is no error.
	b.Spans = b.Spans[1:2]
	res = r2.submit(t, "a", otlp.AppendRequest(nil, b))
	if res.Spans != 0 || res.Rejected != 1 {
		t.Errorf("result %+v, want 1 rejected", res)
	}
	if res := r2.submit(t, "a", []byte{}); res.Spans != 0 || res.Rejected != 0 {
		t.Errorf("an empty request gave %+v", res)
	}
	if r2.log.Last() != 1 {
		t.Errorf("the log grew to %d without spans", r2.log.Last())
	}
}

// TestBadRequest shows that bytes that are no request are refused for good.
func TestBadRequest(t *testing.T) {
	r := newRig(t, Limits{})
	f := func(body string, json bool, want Reason) {
		t.Helper()
		_, err := r.Submit(t.Context(), Request{Tenant: "a", Body: []byte(body), JSON: json})
		wantReason(t, err, want, false)
	}
	f("not protobuf", false, BadProtobuf)
	f(`{"resourceSpans":[]}`, false, BadProtobuf)
	f("not json", true, BadJSON)
	f(`{"resourceSpans":7}`, true, BadJSON)
	until(t, "memory is given back", func() bool { return r.InFlight() == 0 })
}

// TestDuplicate shows that a request is stored once in 15 minutes and tenant, across a
// restart that finds its digest in the log, and one that finds it with the store only.
func TestDuplicate(t *testing.T) {
	r := newRig(t, Limits{})
	f := func(tenant string, want bool) {
		t.Helper()
		if res := r.submit(t, tenant, body(1, 2)); res.Duplicate != want {
			t.Errorf("%s at %v: duplicate %v, want %v", tenant, r.clock.Now(), res.Duplicate, want)
		}
	}
	f("a", false)
	f("a", true)
	f("b", false)
	r.clock.advance(14 * time.Minute)
	f("a", true)
	r = r.restart(t, newStore())
	f("a", true)
	f("b", true)
	r.clock.advance(2 * time.Minute)
	f("a", false)

	st := newStore()
	st.durable = r.log.Last()
	st.digests[digestOf("c", body(1, 2))] = r.clock.Now().Add(-time.Minute)
	st.digests[digestOf("d", body(1, 2))] = r.clock.Now().Add(-time.Hour)
	r.stop(t)
	r = startRig(t, vfs.NewMem(), st, r.clock, Limits{})
	f("c", true)
	f("d", false)
	if n := st.spans("c") + st.spans("d"); n != 2 {
		t.Errorf("%d spans stored, want the 2 of d", n)
	}
	if s := r.Stats(); s[0].Tenant != "c" || s[0].DuplicateRequests != 1 || s[1].AcceptedRequests != 1 {
		t.Errorf("stats %+v", s)
	}
}

// TestDuplicateUnderWay shows that a request identical to one under way waits for it: it
// is stored once, and if the first fails, the second goes by itself.
func TestDuplicateUnderWay(t *testing.T) {
	const copies = 5
	r := newRig(t, Limits{})
	entered, release := r.store.hold()
	var wg sync.WaitGroup
	results := make(chan Result, copies)
	send := func() {
		res, err := r.Submit(t.Context(), Request{Tenant: "a", Body: body(1, 2)})
		if err != nil {
			t.Error(err)
		}
		results <- res
	}
	wg.Go(send)
	<-entered
	for range copies - 1 {
		wg.Go(send)
	}
	until(t, "all copies are in", func() bool { return r.InFlight() >= copies*int64(len(body(1, 2))) })
	release()
	wg.Wait()
	first := 0
	for range copies {
		if !(<-results).Duplicate {
			first++
		}
	}
	if first != 1 || r.store.spans("a") != 2 || r.log.Last() != 1 {
		t.Errorf("%d were stored, the store has %d spans, the log %d records", first, r.store.spans("a"), r.log.Last())
	}

	// The first write fails while the second copy waits.
	inWrite, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r.fs.Hook(func(op vfs.Op) (f vfs.Fault) {
		if op.Kind == vfs.OpWrite {
			once.Do(func() {
				close(inWrite)
				<-goOn
				f.Err = syscall.ENOSPC
			})
		}
		return f
	})
	errs := make(chan error, 2)
	two := func() {
		_, err := r.Submit(t.Context(), Request{Tenant: "a", Body: body(2, 2)})
		errs <- err
	}
	before := r.InFlight()
	wg.Go(two)
	<-inWrite
	wg.Go(two)
	until(t, "both are in", func() bool { return r.InFlight() >= before+2*int64(len(body(2, 2))) })
	close(goOn)
	wg.Wait()
	var failed []error
	for range 2 {
		if err := <-errs; err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) != 1 {
		t.Fatalf("failed: %v, want the first only", failed)
	}
	wantReason(t, failed[0], LogFull, true)
	if r.store.spans("a") != 4 {
		t.Errorf("the store has %d spans, want 4", r.store.spans("a"))
	}
}

// TestMemory shows that requests over the memory of all are told to come back, that memory
// is free when they are done, and that one that can never fit is told so.
func TestMemory(t *testing.T) {
	one := int64(len(body(1, 20)))
	b, _, err := otlp.Decode(body(1, 20), otlp.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	need := one + batchBytes(b)
	r := newRig(t, Limits{RequestBytes: one, InFlightBytes: 2*need + one/2})
	entered, release := r.store.hold()
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { r.submit(t, "a", body(i, 20)) })
		<-entered
	}
	_, err = r.Submit(t.Context(), Request{Tenant: "a", Body: body(2, 20)})
	wantReason(t, err, OutOfMemory, true)
	release()
	wg.Wait()
	until(t, "memory is given back", func() bool { return r.InFlight() == 0 })
	r.submit(t, "a", body(2, 20))
	_, err = r.Submit(t.Context(), Request{Tenant: "a", Body: body(3, 200)})
	wantReason(t, err, TooLarge, false)
}

// TestStoreRefuses shows that a record which the log has and the store refuses is offered
// again until it is taken, while senders are told to come back.
func TestStoreRefuses(t *testing.T) {
	r := newRig(t, Limits{})
	r.store.hook(func(store.Record) error { return store.ErrRefused })
	_, err := r.Submit(t.Context(), Request{Tenant: "a", Body: body(1, 2)})
	wantReason(t, err, StoreDown, true)
	_, err = r.Submit(t.Context(), Request{Tenant: "a", Body: body(2, 2)})
	wantReason(t, err, StoreDown, true)
	wantReason(t, r.Health(), StoreDown, true)
	if r.log.Last() != 1 {
		t.Errorf("the log took %d records, want the one only", r.log.Last())
	}
	r.store.hook(nil)
	r.clock.fire(applyAgain)
	until(t, "the store has it", func() bool { return r.Health() == nil && r.store.spans("a") == 2 })
	until(t, "the request is over", func() bool { return r.InFlight() == 0 })
	if res := r.submit(t, "a", body(1, 2)); !res.Duplicate {
		t.Error("sent again, it was stored again")
	}
}

// TestSlow shows that a sender does not wait longer than the patience, or than it wants
// to, and that the request goes on: sent again, it is a duplicate.
func TestSlow(t *testing.T) {
	r := newRig(t, Limits{Patience: 3 * time.Second})
	f := func(i int, giveUp func(stop context.CancelFunc), want Reason) {
		t.Helper()
		entered, release := r.store.hold()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		errs := make(chan error)
		go func() {
			_, err := r.Submit(ctx, Request{Tenant: "a", Body: body(i, 2)})
			errs <- err
		}()
		<-entered
		giveUp(stop)
		wantReason(t, <-errs, want, true)
		release()
		if res := r.submit(t, "a", body(i, 2)); !res.Duplicate {
			t.Errorf("%s: sent again, it was stored again", want)
		}
	}
	f(1, func(context.CancelFunc) { r.clock.fire(3 * time.Second) }, StoreBusy)
	f(2, func(stop context.CancelFunc) { stop() }, Gone)
	if r.store.spans("a") != 4 {
		t.Errorf("the store has %d spans, want 4", r.store.spans("a"))
	}
}

// TestLogFails shows the answers to a log that is full, which passes, and to one that is
// broken, which does not.
func TestLogFails(t *testing.T) {
	r := newRig(t, Limits{})
	r.fs.Hook(vfs.FailIf(func(op vfs.Op) bool { return op.Kind == vfs.OpWrite }, vfs.Fault{Err: syscall.ENOSPC}))
	_, err := r.Submit(t.Context(), Request{Tenant: "a", Body: body(1, 2)})
	wantReason(t, err, LogFull, true)
	r.fs.Hook(nil)
	r.submit(t, "a", body(1, 2))

	r.fs.Hook(vfs.FailIf(func(op vfs.Op) bool { return op.Kind == vfs.OpSync }, vfs.Fault{Err: syscall.EIO}))
	_, err = r.Submit(t.Context(), Request{Tenant: "a", Body: body(2, 2)})
	wantReason(t, err, LogBroken, true)
	if strings.Contains(AsRefusal(err).Message(), "log/") {
		t.Errorf("the message %q shows our files to senders", AsRefusal(err).Message())
	}
	r.fs.Hook(nil)
	_, err = r.Submit(t.Context(), Request{Tenant: "a", Body: body(3, 2)})
	wantReason(t, err, LogBroken, true)
	wantReason(t, r.Health(), LogBroken, true)
	if r.store.spans("a") != 2 {
		t.Errorf("the store has %d spans, want those acknowledged", r.store.spans("a"))
	}
}

// TestTrim shows that the log forgets what the store holds, when told and by itself.
func TestTrim(t *testing.T) {
	r := newRig(t, Limits{})
	for i := range 40 {
		r.submit(t, "a", body(i, 5))
	}
	f := func(trigger func()) {
		t.Helper()
		before := r.log.Size()
		r.store.mu.Lock()
		r.store.durable += 15
		r.store.mu.Unlock()
		trigger()
		until(t, "the log is shorter", func() bool { return r.log.Size() < before })
	}
	f(func() { r.StoreApplied(15) })
	f(func() { r.clock.fire(trimEvery) })
}

// TestClose shows that Close waits for requests under way and takes no new ones; and that
// one that cannot end in time is in the log for the next start.
func TestClose(t *testing.T) {
	r := newRig(t, Limits{})
	entered, release := r.store.hold()
	errs := make(chan error, 2)
	go func() {
		_, err := r.Submit(t.Context(), Request{Tenant: "a", Body: body(1, 2)})
		errs <- err
	}()
	<-entered
	closed := make(chan error)
	go func() { closed <- r.Close(t.Context()) }()
	until(t, "it closes", func() bool { return r.Health() != nil })
	_, err := r.Submit(t.Context(), Request{Tenant: "a", Body: body(2, 2)})
	wantReason(t, err, Closing, true)
	release()
	if err := errors.Join(<-errs, <-closed); err != nil {
		t.Fatal(err)
	}

	r = r.restart(t, newStore())
	r.store.hook(func(store.Record) error { return store.ErrRefused })
	_, err = r.Submit(t.Context(), Request{Tenant: "a", Body: body(3, 2)})
	wantReason(t, err, StoreDown, true)
	over, stop := context.WithCancel(t.Context())
	stop()
	if err := r.Close(over); !errors.Is(err, context.Canceled) {
		t.Errorf("Close gave %v, want that requests were under way", err)
	}
	if r = r.restart(t, newStore()); r.store.spans("a") != 4 {
		t.Errorf("%d spans after the restart, want 4", r.store.spans("a"))
	}
}

// TestReplay shows that a start gives the store what it lacks and nothing that it has, and
// is refused where the log has lost its place.
func TestReplay(t *testing.T) {
	r := newRig(t, Limits{})
	for i := range 10 {
		r.submit(t, "a", body(i, 3))
	}
	r.stop(t)
	st := newStore()
	st.durable = 4
	r = openRig(t, r.disk.Crash(), st, r.clock, Limits{})
	if _, err := r.Submit(t.Context(), Request{Tenant: "a", Body: body(1, 1)}); err == nil {
		t.Error("a request was taken before the replay")
	} else {
		wantReason(t, err, Starting, true)
	}
	got, err := r.Replay(t.Context())
	if err != nil || got.Records != 6 || got.Spans != 18 || len(got.Lost) != 0 {
		t.Errorf("replayed %+v, %v, want 6 records of 3 spans", got, err)
	}
	if len(st.records) != 6 || st.records[5].Batch == nil || st.records[10].Batch == nil {
		t.Errorf("the store was given %d records, want 5 to 10", len(st.records))
	}
	r.stop(t)

	st = newStore()
	r = openRig(t, r.disk.Crash(), st, r.clock, Limits{})
	st.mu.Lock()
	st.durable = 11
	st.mu.Unlock()
	if _, err := r.Replay(t.Context()); err == nil || !strings.Contains(err.Error(), "11") {
		t.Errorf("replay of a log behind the store gave %v", err)
	}
}

// TestReplayDamage shows that damaged records are left out and said, that the store hears
// of every position, and that requests are taken afterwards.
func TestReplayDamage(t *testing.T) {
	r := newRig(t, Limits{})
	for i := range 30 {
		r.submit(t, "a", body(i, 5))
	}
	r.stop(t)
	disk := r.disk.Crash()
	flip(t, disk, 1500)
	st := newStore()
	r = openRig(t, disk, st, r.clock, Limits{})
	got, err := r.Replay(t.Context())
	if err != nil || len(got.Lost) != 1 || got.Lost[0].From != got.Lost[0].To {
		t.Fatalf("replayed %+v, %v, want one record lost", got, err)
	}
	var damage *log.CorruptError
	if !errors.As(got.Lost[0].Err, &damage) {
		t.Errorf("lost for %v, want *log.CorruptError", got.Lost[0].Err)
	}
	if got.Records != 29 || len(st.records) != 30 || st.spans("a") != 29*5 {
		t.Errorf("%d records read, the store was given %d with %d spans", got.Records, len(st.records), st.spans("a"))
	}
	if res := r.submit(t, "a", body(100, 1)); res.Spans != 1 {
		t.Errorf("result %+v after the damage", res)
	}
}

// flip damages a byte of the oldest segment.
func flip(t *testing.T, disk *vfs.Mem, at int) {
	t.Helper()
	list, err := disk.ReadDir("log")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if !strings.HasSuffix(e.Name(), ".log") {
			continue
		}
		f, err := disk.OpenWrite("log/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		size, err := f.Size()
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, size)
		if _, err := f.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		b[at] ^= 1
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("the log has no segment")
}
