package colstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Dependencies walks the traces of the window and counts the calls that cross services. A
// call counts if the called span starts in the window.
func (s *Store) Dependencies(ctx context.Context, tenant string, w store.Window) ([]store.Dependency, error) {
	type edge struct{ parent, child string }
	calls := map[edge]*store.Dependency{}
	for b, err := range s.Scan(ctx, tenant, w) {
		if err != nil {
			return nil, err
		}
		services := make(map[span.SpanID]string, len(b.Spans))
		for i := range b.Spans {
			services[b.Spans[i].SpanID] = b.Service(&b.Spans[i])
		}
		for i := range b.Spans {
			sp := &b.Spans[i]
			parent, ok := services[sp.Parent]
			child := b.Service(sp)
			if !ok || sp.Parent.IsZero() || parent == child || !w.Contains(sp.Start) {
				continue
			}
			d := calls[edge{parent, child}]
			if d == nil {
				d = &store.Dependency{Parent: parent, Child: child}
				calls[edge{parent, child}] = d
			}
			d.Calls++
			if sp.Status == span.StatusError {
				d.Errors++
			}
		}
	}
	out := make([]store.Dependency, 0, len(calls))
	for _, d := range calls {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b store.Dependency) int {
		return cmp.Or(cmp.Compare(a.Parent, b.Parent), cmp.Compare(a.Child, b.Child))
	})
	return out, nil
}
