package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// check reports err as a failure of the case, which goes on.
func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Error(err)
	}
}

// trace compares the store's answer for a trace with the model's.
func (w *world) trace(tenant string, id span.TraceID) error {
	got, err := w.store.Trace(w.Context(), tenant, id)
	want := w.model.Trace(tenant, id)
	switch {
	case want == nil && errors.Is(err, store.ErrNotFound):
		return nil
	case want == nil && err == nil:
		return fmt.Errorf("trace %s of tenant %q: %d spans, want ErrNotFound", id, tenant, len(got.Spans))
	case err != nil:
		return fmt.Errorf("trace %s of tenant %q: %w", id, tenant, err)
	}
	if err := sameSpans(got, want); err != nil {
		return fmt.Errorf("trace %s of tenant %q: %w", id, tenant, err)
	}
	return nil
}

// sameSpans reports how got differs from want, which is deduplicated and in order. Spans
// that start together under one id may come in any order.
func sameSpans(got, want *span.Batch) error {
	order := func(s, t *span.Span) int {
		return cmp.Or(cmp.Compare(s.Start, t.Start), bytes.Compare(s.SpanID[:], t.SpanID[:]))
	}
	for i := range got.Spans[1:] {
		if order(&got.Spans[i], &got.Spans[i+1]) > 0 {
			return fmt.Errorf("span %d comes before span %d: not ordered by start, then span id", i, i+1)
		}
	}
	used := make([]bool, len(want.Spans))
	from := 0 // want before it is used up
	for i := range got.Spans {
		s := &got.Spans[i]
		for from < len(used) && used[from] {
			from++
		}
		j := from
		for j < len(used) && (used[j] || order(&want.Spans[j], s) < 0) {
			j++
		}
		for j < len(used) && order(&want.Spans[j], s) == 0 && (used[j] || !want.EqualSpan(j, got, i)) {
			j++
		}
		if j == len(used) || order(&want.Spans[j], s) != 0 {
			return fmt.Errorf("span %s of %d does not equal any that was sent and not returned yet: %s", s.SpanID, len(got.Spans), describe(got, i))
		}
		used[j] = true
	}
	if j := slices.Index(used, false); j >= 0 {
		return fmt.Errorf("%d of %d spans are missing, first %s", len(want.Spans)-len(got.Spans), len(want.Spans), describe(want, j))
	}
	return nil
}

// describe is a span in a line, for the eye.
func describe(b *span.Batch, i int) string {
	s := &b.Spans[i]
	out := fmt.Sprintf("{%s %s<-%s %q service %q %d+%d kind %d status %d", s.TraceID, s.SpanID, s.Parent, s.Name,
		b.Service(s), s.Start, s.End-s.Start, s.Kind, s.Status)
	for _, a := range b.AttrsOf(s.Attrs) {
		out += fmt.Sprintf(" %q=%d:%d:%q", a.Key, a.Value.Kind, int64(a.Value.Num), a.Value.Str)
	}
	return out + fmt.Sprintf(" events %d links %d}", s.Events.Len(), s.Links.Len())
}

// rows compares the store's rows for q with the model's.
func (w *world) rows(q store.Query) error {
	got, err := w.search(q)
	if err != nil {
		return fmt.Errorf("search %+v: %w", q, err)
	}
	if err := sameRows(got, w.model.Search(q)); err != nil {
		return fmt.Errorf("search %+v: %w", q, err)
	}
	return nil
}

func sameRows(got, want []store.Summary) error {
	for i := range min(len(got), len(want)) {
		if err := sameRow(got[i], want[i]); err != nil {
			return fmt.Errorf("row %d of %d: %w", i, len(got), err)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d rows, want %d; the first too few or many is %s", len(got), len(want),
			append(got, want[min(len(got), len(want)):]...)[min(len(got), len(want))].TraceID)
	}
	return nil
}

// sameRow compares rows. Matched may be less than all where the engine stopped early.
func sameRow(got, want store.Summary) error {
	if got.Matched < 1 || got.Matched > want.Matched {
		return fmt.Errorf("trace %s: %d spans matched, %d do", got.TraceID, got.Matched, want.Matched)
	}
	got.Matched = want.Matched
	if got != want {
		return fmt.Errorf("%+v, want %+v", got, want)
	}
	return nil
}

// collect reads a sequence to its end, or to its error, after which nothing may come.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var out []T
	var failed error
	for v, err := range seq {
		switch {
		case failed != nil:
			return out, fmt.Errorf("the sequence goes on behind its error: %w", failed)
		case err != nil:
			failed = err
		default:
			out = append(out, v)
		}
	}
	return out, failed
}

// scan compares what Scan yields with the model: the same traces, once and whole.
func (w *world) scan(tenant string, win store.Window) error {
	batches, err := collect(w.store.Scan(w.Context(), tenant, win))
	if err != nil {
		return fmt.Errorf("scan %+v: %w", win, err)
	}
	var ids []span.TraceID
	for _, b := range batches {
		if len(b.Spans) == 0 {
			return fmt.Errorf("scan %+v yields an empty batch", win)
		}
		id := b.Spans[0].TraceID
		want := w.model.Trace(tenant, id)
		if want == nil {
			return fmt.Errorf("scan %+v yields trace %s, which tenant %q does not have", win, id, tenant)
		}
		if err := sameSpans(b, want); err != nil {
			return fmt.Errorf("scan %+v, trace %s: %w", win, id, err)
		}
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b span.TraceID) int { return bytes.Compare(a[:], b[:]) })
	if want := w.model.Scan(tenant, win); !slices.Equal(ids, want) {
		return fmt.Errorf("scan %+v yields traces %v, want %v", win, ids, want)
	}
	return nil
}

// everything compares all that a tenant has, by every way to read it.
func (w *world) everything(tenant string) error {
	for _, order := range []store.Order{store.NewestFirst, store.LongestFirst} {
		if err := w.rows(store.Query{Tenant: tenant, Window: all(), Order: order, Limit: 1 << 20}); err != nil {
			return err
		}
	}
	for id := range w.model.tenants[tenant] {
		if err := w.trace(tenant, id); err != nil {
			return err
		}
	}
	if err := w.everyName(tenant); err != nil {
		return err
	}
	if err := w.everyAggregate(tenant); err != nil {
		return err
	}
	return w.scan(tenant, all())
}
