// Package logtest is the conformance suite of the ingest log: what every engine of
// log.Log has to show. An engine's own test is a call of Run, and of RunFS if it keeps its
// records on a vfs.FS.
package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// Opener opens the same log again at every call; the one before is closed first.
type Opener func() (log.Log, error)

// Run shows the contract of log.Log on an engine. newLog makes a place for one log, empty.
func Run(t *testing.T, newLog func(t *testing.T) Opener) {
	f := func(name string, test func(t *testing.T, open Opener)) {
		t.Run(name, func(t *testing.T) { test(t, newLog(t)) })
	}
	f("RoundTrip", roundTrip)
	f("Empty", empty)
	f("Reopen", reopen)
	f("Concurrent", concurrent)
	f("ReadWhileAppending", readWhileAppending)
	f("Trim", trim)
	f("Cancel", cancel)
	f("Close", closed)
}

// roundTrip shows that every field of a record comes back, and that the log has copied
// the payload when Append returns.
func roundTrip(t *testing.T, open Opener) {
	l := mustOpen(t, open)
	var want []log.Record
	for i := range 20 {
		r := Record(i)
		sent := r
		sent.Payload = bytes.Clone(r.Payload)
		pos, err := l.Append(t.Context(), sent)
		if err != nil {
			t.Fatal(err)
		}
		clear(sent.Payload)
		r.Pos = pos
		want = append(want, r)
	}
	wantRecords(t, l, 1, want)
	wantRecords(t, l, want[7].Pos, want[7:])
	wantRecords(t, l, want[19].Pos+1, nil)
	if l.Last() != want[19].Pos {
		t.Errorf("Last = %d, want %d", l.Last(), want[19].Pos)
	}
	if l.Size() <= 0 {
		t.Errorf("Size = %d with 20 records", l.Size())
	}
	for r, err := range l.Read(t.Context(), 1) {
		if err != nil || r.Pos != want[0].Pos {
			t.Errorf("first record is %d, %v, want %d", r.Pos, err, want[0].Pos)
		}
		break // a reader may leave early
	}
}

// empty shows a log without records, before and after it was opened again.
func empty(t *testing.T, open Opener) {
	for range 2 {
		l := mustOpen(t, open)
		if l.Last() != 0 {
			t.Errorf("Last = %d in an empty log", l.Last())
		}
		wantRecords(t, l, 0, nil)
		if err := l.Trim(0); err != nil {
			t.Error(err)
		}
		mustClose(t, l)
	}
}

// reopen shows that records and positions go on over many openings, with and without
// appends between.
func reopen(t *testing.T, open Opener) {
	var want []log.Record
	for round := range 6 {
		l := mustOpen(t, open)
		wantRecords(t, l, 1, want)
		for i := range round * 3 {
			want = append(want, mustAppend(t, l, round*100+i))
		}
		wantRecords(t, l, 1, want)
		mustClose(t, l)
	}
	for i, r := range want {
		if r.Pos != log.Position(i+1) {
			t.Fatalf("record %d has position %d, want no gaps", i, r.Pos)
		}
	}
}

// concurrent shows that appends from many goroutines each get a position of their own and
// that one goroutine's come in its order.
func concurrent(t *testing.T, open Opener) {
	const writers, each = 16, 25
	l := mustOpen(t, open)
	got := make([][]log.Record, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				r := Record(w*each + i)
				var err error
				if r.Pos, err = l.Append(t.Context(), r); err != nil {
					t.Error(err)
					return
				}
				got[w] = append(got[w], r)
			}
		})
	}
	wg.Wait()
	for w := range got {
		if !slices.IsSortedFunc(got[w], byPosition) {
			t.Errorf("the records of writer %d are out of order", w)
		}
	}
	want := slices.SortedFunc(slices.Values(slices.Concat(got...)), byPosition)
	wantRecords(t, l, 1, want)
	mustClose(t, l)
	wantRecords(t, mustOpen(t, open), 1, want)
}

// readWhileAppending shows that a reader sees whole records in order, all those that were
// durable when it began, while others are appended and trimmed.
func readWhileAppending(t *testing.T, open Opener) {
	l := mustOpen(t, open)
	mustAppend(t, l, 0)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			r := Record(i)
			if _, err := l.Append(t.Context(), r); err != nil && !errors.Is(err, log.ErrFull) {
				t.Error(err)
				return
			}
			if i%50 == 0 {
				if err := l.Trim(l.Last() - 20); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 30 {
		last, at := l.Last(), log.Position(0)
		for r, err := range l.Read(t.Context(), 1) {
			if err != nil {
				t.Fatal(err)
			}
			if at != 0 && r.Pos != at+1 {
				t.Fatalf("record %d came after %d", r.Pos, at)
			}
			at = r.Pos
			if want := Record(int(r.Pos) - 1); !bytes.Equal(r.Payload, want.Payload) {
				t.Fatalf("record %d has another record's payload", r.Pos)
			}
		}
		if at < last {
			t.Fatalf("reading ended at %d, %d was durable before", at, last)
		}
	}
}

// trim shows that Trim frees space sooner or later, takes no record above its position,
// and that positions go on after a restart although all was trimmed.
func trim(t *testing.T, open Opener) {
	l := mustOpen(t, open)
	var all []log.Record
	for i := range 200 {
		all = append(all, mustAppend(t, l, i))
	}
	before := l.Size()
	if err := l.Trim(all[149].Pos); err != nil {
		t.Fatal(err)
	}
	if l.Size() >= before {
		t.Errorf("size is %d after Trim, was %d", l.Size(), before)
	}
	wantRecords(t, l, all[150].Pos, all[150:])
	if err := l.Trim(l.Last()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		mustClose(t, l)
		l = mustOpen(t, open)
		if l.Last() != all[199].Pos {
			t.Fatalf("Last = %d after a restart, want %d", l.Last(), all[199].Pos)
		}
		if err := l.Trim(l.Last()); err != nil {
			t.Fatal(err)
		}
	}
	r := mustAppend(t, l, 200)
	if r.Pos != all[199].Pos+1 {
		t.Errorf("position %d after a restart, want %d", r.Pos, all[199].Pos+1)
	}
	wantRecords(t, l, r.Pos, []log.Record{r})
}

// cancel shows that a done context ends Append and Read.
func cancel(t *testing.T, open Opener) {
	l := mustOpen(t, open)
	mustAppend(t, l, 0)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := l.Append(ctx, Record(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append gave %v, want context.Canceled", err)
	}
	n := 0
	for _, err := range l.Read(ctx, 1) {
		n++
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Read gave %v, want context.Canceled", err)
		}
	}
	if n != 1 {
		t.Errorf("Read yielded %d times, want once with the error", n)
	}
}

// closed shows that a closed log refuses appends and may be closed again.
func closed(t *testing.T, open Opener) {
	l := mustOpen(t, open)
	mustClose(t, l)
	if _, err := l.Append(t.Context(), Record(0)); !errors.Is(err, log.ErrBroken) {
		t.Errorf("Append to a closed log gave %v, want ErrBroken", err)
	}
	mustClose(t, l)
}

// Record is the i-th record of the suite: its content is fixed by i, its sizes vary.
func Record(i int) log.Record {
	r := log.Record{
		Tenant:  fmt.Sprintf("tenant-%d", i%3),
		Arrival: time.Unix(1_700_000_000, int64(i)),
		Payload: bytes.Repeat([]byte{byte(i), byte(i >> 8), 0xf5, 'W', 'R', 0xd7}, i%7*9),
	}
	copy(r.Digest[:], fmt.Sprintf("digest %08d", i))
	r.Payload = fmt.Appendf(r.Payload, "record %d", i)
	return r
}

func byPosition(a, b log.Record) int { return int(a.Pos) - int(b.Pos) }

func mustOpen(t *testing.T, open Opener) log.Log {
	t.Helper()
	l, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func mustClose(t *testing.T, l log.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustAppend(t *testing.T, l log.Log, i int) log.Record {
	t.Helper()
	r := Record(i)
	pos, err := l.Append(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Pos = pos
	return r
}

func wantRecords(t *testing.T, l log.Log, from log.Position, want []log.Record) {
	t.Helper()
	var got []log.Record
	for r, err := range l.Read(t.Context(), from) {
		if err != nil {
			t.Fatalf("read from %d: %v", from, err)
		}
		r.Payload = bytes.Clone(r.Payload)
		got = append(got, r)
	}
	if len(got) != len(want) {
		t.Fatalf("read %d records from %d on, want %d", len(got), from, len(want))
	}
	for i := range got {
		if err := equal(got[i], want[i]); err != nil {
			t.Fatal(err)
		}
	}
}

func equal(got, want log.Record) error {
	if got.Pos != want.Pos || got.Tenant != want.Tenant || !got.Arrival.Equal(want.Arrival) ||
		got.Digest != want.Digest || !bytes.Equal(got.Payload, want.Payload) {
		return fmt.Errorf("record %d (%s, %v, %q) differs from %d (%s, %v, %q)", got.Pos, got.Tenant, got.Arrival,
			got.Payload, want.Pos, want.Tenant, want.Arrival, want.Payload)
	}
	return nil
}
