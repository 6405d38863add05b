package storetest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// memStore is the simplest store there is: a list of records, looked through from end to
// end for every question. Its faults, one at a time, are mistakes an engine could make.
type memStore struct {
	fault string
	clock clock.Clock
	allow func(string) store.Allowance
	disk  *disk

	mu     sync.Mutex
	head   []store.Record // not flushed. Guarded by mu.
	subs   map[*memSub]struct{}
	closed chan struct{}
}

// disk is what survives a kill. Guarded by memStore.mu.
type disk struct {
	records []store.Record
	deleted map[string]time.Time // by tenant and trace id
}

type memSub struct {
	tenant  string
	batches chan *span.Batch
	lost    int
}

func openMem(fault string) func(*testing.T, Options) Instance {
	return func(_ *testing.T, o Options) Instance {
		d := &disk{deleted: map[string]time.Time{}}
		var s *memStore
		start := func() *memStore {
			s = &memStore{fault: fault, clock: o.Clock, allow: o.Allowance, disk: d, subs: map[*memSub]struct{}{}, closed: make(chan struct{})}
			return s
		}
		return Instance{
			Store:  start(),
			Retain: func(testing.TB) { s.retain() },
			Reopen: func(t testing.TB) store.Store {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if fault == "forgets deletes at a restart" {
					d.deleted = map[string]time.Time{}
				}
				return start()
			},
			Kill: func(testing.TB) store.Store {
				if fault == "forgets what it wrote" && len(d.records) > 0 {
					d.records[0].Batch = &span.Batch{}
				}
				return start()
			},
		}
	}
}

// retain empties records, newest to oldest, that are too old or over the share.
func (s *memStore) retain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := map[string]int64{}
	for i := range s.disk.records {
		i = len(s.disk.records) - 1 - i
		r := &s.disk.records[i]
		allow, tenant := s.allow(r.Tenant), r.Tenant
		switch s.fault {
		case "goes by the shortest age":
			allow.Age = 8 * time.Hour
		case "knows no age":
			allow.Age = 0
		case "waits too long":
			allow.Age *= 2
		case "remembers the first age":
			allow.Age = map[string]time.Duration{"brief": 8 * time.Hour, "long": 32 * time.Hour, "both": 8 * time.Hour}[tenant]
		case "one share for all":
			tenant = ""
		}
		for range r.Batch.Spans {
			held[tenant] += 4000
		}
		over := allow.Bytes > 0 && held[tenant] > allow.Bytes
		if s.fault == "newest first" {
			over = allow.Bytes > 0 && len(r.Batch.Spans) > 0 && i > len(s.disk.records)-20
		}
		if over || allow.Age > 0 && s.clock.Now().Sub(r.Arrival) > allow.Age {
			r.Batch = &span.Batch{}
		}
	}
}

func deletedKey(tenant string, id span.TraceID) string { return tenant + "\x01" + id.String() }

func (s *memStore) Apply(_ context.Context, r store.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := store.RefuseDeleted
	if s.fault == "refuses for an hour" {
		refuse = time.Hour
	}
	var w span.Builder
	for i := range r.Batch.Spans {
		at, deleted := s.disk.deleted[deletedKey(r.Tenant, r.Batch.Spans[i].TraceID)]
		if !deleted || s.clock.Now().Sub(at) > refuse {
			w.Append(r.Batch, i)
		}
	}
	r.Batch = w.Batch()
	if s.fault != "keeps what it was given" {
		r.Batch.CopyTexts()
	}
	if s.fault == "loses trace state" {
		for i := range r.Batch.Spans {
			r.Batch.Spans[i].TraceState = ""
		}
	}
	s.head = append(s.head, r)
	for sub := range s.subs {
		if sub.tenant != r.Tenant && s.fault != "tails all tenants" || len(r.Batch.Spans) == 0 {
			continue
		}
		select {
		case sub.batches <- r.Batch:
		default:
			sub.lost += len(r.Batch.Spans)
		}
	}
	return nil
}

func (s *memStore) Flush(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disk.records = append(s.disk.records, s.head...)
	if s.fault == "lends what it holds" {
		for _, r := range s.head {
			for i := range r.Batch.Spans {
				r.Batch.Spans[i].Name = "#"
			}
		}
	}
	s.head = nil
	return nil
}

func (s *memStore) Close() error {
	close(s.closed)
	return s.Flush(context.Background())
}

func (s *memStore) Applied() log.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := map[log.Position]bool{}
	for _, r := range s.disk.records {
		held[r.Pos] = true
	}
	if s.fault == "claims what it skipped" {
		return slices.Max(append(slices.Collect(maps.Keys(held)), 0))
	}
	p := log.Position(0)
	for held[p+1] {
		p++
	}
	return p
}

func (s *memStore) Digests(since time.Time) iter.Seq2[log.Digest, time.Time] {
	return func(yield func(log.Digest, time.Time) bool) {
		for _, r := range s.records() {
			if !r.Arrival.Before(since) && !yield(r.Digest, r.Arrival) {
				return
			}
		}
	}
}

func (s *memStore) records() []store.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == "shows what is flushed only" {
		return slices.Clone(s.disk.records)
	}
	return slices.Concat(s.disk.records, s.head)
}

// traces is every trace of a tenant, whole.
func (s *memStore) traces(tenant string) map[span.TraceID]*span.Batch {
	builders := map[span.TraceID]*span.Builder{}
	for _, r := range s.records() {
		if r.Tenant != tenant && s.fault != "mixes tenants" {
			continue
		}
		for i := range r.Batch.Spans {
			id := r.Batch.Spans[i].TraceID
			if builders[id] == nil {
				builders[id] = &span.Builder{}
			}
			builders[id].Append(r.Batch, i)
		}
	}
	out := map[span.TraceID]*span.Batch{}
	for id, w := range builders {
		out[id] = s.dedup(w.Batch())
	}
	return out
}

func (s *memStore) dedup(b *span.Batch) *span.Batch {
	switch s.fault {
	case "keeps copies":
		slices.SortStableFunc(b.Spans, func(x, y span.Span) int {
			return cmp.Or(cmp.Compare(x.Start, y.Start), slices.Compare(x.SpanID[:], y.SpanID[:]))
		})
		return b
	case "one span per id":
		b = store.Dedup(b)
		b.Spans = slices.CompactFunc(b.Spans, func(x, y span.Span) bool { return x.SpanID == y.SpanID })
		return b
	}
	return store.Dedup(b)
}

func (s *memStore) Trace(_ context.Context, tenant string, id span.TraceID) (*span.Batch, error) {
	b := s.traces(tenant)[id]
	if b == nil {
		if s.fault == "answers an empty trace" {
			return &span.Batch{}, nil
		}
		return nil, fmt.Errorf("read trace %s: %w", id, store.ErrNotFound)
	}
	return b, nil
}

func (s *memStore) Search(ctx context.Context, q store.Query) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		if q.Budget.Time == 1 || q.Budget.Bytes == 1 {
			if s.fault != "knows no budget" {
				yield(store.Summary{}, &store.PartialError{Reason: "the budget is used up"})
				return
			}
		}
		for _, row := range s.rows(q) {
			if err := ctx.Err(); err != nil && s.fault != "knows no cancel" {
				yield(store.Summary{}, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (s *memStore) rows(q store.Query) []store.Summary {
	m := store.NewMatcher(q.Filter)
	if s.fault == "closed window" {
		q.End++
	}
	var rows []store.Summary
	for _, b := range s.traces(q.Tenant) {
		row, ok := m.MatchTrace(&q, b)
		if s.fault == "trace-level terms see a span" && m.NeedsTrace() {
			ok = false
			for i := range b.Spans {
				var w span.Builder
				w.Append(b, i)
				_, one := m.MatchTrace(&q, w.Batch())
				ok = ok || one
			}
		}
		if s.fault == "ends at the last start" && len(b.Spans) > 0 {
			row.End = b.Spans[len(b.Spans)-1].Start
		}
		if ok && (row.Behind(q.After) || s.fault == "repeats the last row" && row.Cursor() == *q.After) {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b store.Summary) int {
		if s.fault == "ties the other way" && a.Key == b.Key {
			return b.Cursor().Compare(a.Cursor())
		}
		return a.Cursor().Compare(b.Cursor())
	})
	if s.fault == "one row too many" {
		q.Limit++
	}
	return rows[:min(q.Limit, len(rows))]
}

func (s *memStore) Names(_ context.Context, q store.NameQuery) ([]store.Name, error) {
	m := NewModel()
	m.tenants[q.Tenant] = s.traces(q.Tenant)
	if s.fault == "forgets the prefix" {
		q.Prefix = ""
	}
	if s.fault == "counts one name twice" {
		if out := m.Names(q); len(out) > 0 {
			out[0].Count *= 2
			return out, nil
		}
	}
	return m.Names(q), nil
}

func (s *memStore) Dependencies(_ context.Context, tenant string, w store.Window) ([]store.Dependency, error) {
	m := NewModel()
	m.tenants[tenant] = s.traces(tenant)
	out := m.Dependencies(tenant, w)
	if s.fault == "counts calls from the parent's start" {
		out = m.Dependencies(tenant, store.Window{Start: w.Start - 1, End: w.End - 1})
	}
	return out, nil
}

func (s *memStore) Aggregate(ctx context.Context, q store.AggregateQuery) (store.Aggregates, error) {
	if err := q.Check(); err != nil && s.fault != "refuses nothing" {
		return store.Aggregates{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Aggregates{}, err
	}
	if q.Budget.Time == 1 {
		return store.Aggregates{}, &store.PartialError{Reason: "the budget is used up"}
	}
	m := NewModel()
	m.tenants[q.Tenant] = s.traces(q.Tenant)
	if s.fault == "counts the end of the window" {
		q.End += int64(time.Millisecond)
	}
	out := m.Aggregate(q)
	for i := range out.Series {
		points := out.Series[i].Points
		switch {
		case s.fault == "starts buckets at midnight" && q.Step > 0:
			for k := range points {
				points[k].Start -= points[k].Start % q.Step
			}
		case s.fault == "interpolates quantiles":
			for k := range points {
				if quantiles := points[k].Quantiles; len(quantiles) > 0 {
					quantiles[0] = (quantiles[0] + points[k].Max) / 2
				}
			}
		}
	}
	if s.fault == "forgets who has no value" {
		out.Series = slices.DeleteFunc(out.Series, func(x store.Series) bool { return slices.Contains(x.By, span.Value{}) })
	}
	return out, nil
}

func (s *memStore) Scan(ctx context.Context, tenant string, w store.Window) iter.Seq2[*span.Batch, error] {
	return func(yield func(*span.Batch, error) bool) {
		for _, b := range s.traces(tenant) {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			inside := func(x span.Span) bool { return w.Contains(x.Start) }
			if !slices.ContainsFunc(b.Spans, inside) {
				continue
			}
			if s.fault == "scans what is inside" {
				b.Spans = slices.DeleteFunc(b.Spans, func(x span.Span) bool { return !inside(x) })
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

func (s *memStore) Tail(ctx context.Context, tenant string) iter.Seq2[*span.Batch, error] {
	sub := &memSub{tenant: tenant, batches: make(chan *span.Batch, 100)}
	s.mu.Lock()
	s.subs[sub] = struct{}{}
	s.mu.Unlock()
	return func(yield func(*span.Batch, error) bool) {
		defer func() {
			s.mu.Lock()
			delete(s.subs, sub)
			s.mu.Unlock()
		}()
		for {
			s.mu.Lock()
			lost := sub.lost
			sub.lost = 0
			s.mu.Unlock()
			if s.fault == "halves its lag" {
				lost = (lost + 1) / 2
			}
			if lost > 0 && !yield(nil, &store.LagError{Spans: lost}) {
				return
			}
			select {
			case b := <-sub.batches:
				if !yield(b, nil) {
					return
				}
			case <-ctx.Done():
				return
			case <-s.closed:
				return
			}
		}
	}
}

func (s *memStore) Delete(_ context.Context, tenant string, id span.TraceID, _ bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disk.deleted[deletedKey(tenant, id)] = s.clock.Now()
	strip := func(records []store.Record) {
		for i, r := range records {
			if r.Tenant != tenant {
				continue
			}
			var w span.Builder
			for k := range r.Batch.Spans {
				if r.Batch.Spans[k].TraceID != id {
					w.Append(r.Batch, k)
				}
			}
			records[i].Batch = w.Batch()
		}
	}
	strip(s.disk.records)
	if s.fault != "deletes from disk only" {
		strip(s.head)
	}
	return nil
}
