package storetest

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Model is what a store must answer, in the plainest way: it keeps all spans and looks at
// each of them for every question.
type Model struct {
	tenants map[string]map[span.TraceID]*span.Batch // whole traces, as Dedup orders them
	deleted map[string]map[span.TraceID]bool
}

// NewModel makes an empty model.
func NewModel() *Model {
	return &Model{tenants: map[string]map[span.TraceID]*span.Batch{}, deleted: map[string]map[span.TraceID]bool{}}
}

// Apply adds spans. Those of a deleted trace are refused.
func (m *Model) Apply(tenant string, b *span.Batch) {
	traces := m.tenants[tenant]
	if traces == nil {
		traces = map[span.TraceID]*span.Batch{}
		m.tenants[tenant] = traces
	}
	builders := map[span.TraceID]*span.Builder{}
	for i := range b.Spans {
		id := b.Spans[i].TraceID
		if m.deleted[tenant][id] {
			continue
		}
		if builders[id] == nil {
			builders[id] = &span.Builder{}
			if old := traces[id]; old != nil {
				for j := range old.Spans {
					builders[id].Append(old, j)
				}
			}
		}
		builders[id].Append(b, i)
	}
	for id, w := range builders {
		traces[id] = store.Dedup(w.Batch())
	}
}

// Delete forgets a trace and refuses its spans from then on.
func (m *Model) Delete(tenant string, id span.TraceID) {
	delete(m.tenants[tenant], id)
	if m.deleted[tenant] == nil {
		m.deleted[tenant] = map[span.TraceID]bool{}
	}
	m.deleted[tenant][id] = true
}

// Forget drops a trace, as retention does: its spans may come again.
func (m *Model) Forget(tenant string, id span.TraceID) { delete(m.tenants[tenant], id) }

// Undelete takes spans of the trace again.
func (m *Model) Undelete(tenant string, id span.TraceID) { delete(m.deleted[tenant], id) }

// Trace is the whole trace, nil if there is none.
func (m *Model) Trace(tenant string, id span.TraceID) *span.Batch { return m.tenants[tenant][id] }

// Search is the rows of q.
func (m *Model) Search(q store.Query) []store.Summary {
	var rows []store.Summary
	matcher := store.NewMatcher(q.Filter)
	for _, b := range m.tenants[q.Tenant] {
		if row, ok := matcher.MatchTrace(&q, b); ok && row.Behind(q.After) {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b store.Summary) int { return a.Cursor().Compare(b.Cursor()) })
	return rows[:min(len(rows), q.Limit)]
}

// Scan is the ids of the traces with a span in the window, in order.
func (m *Model) Scan(tenant string, w store.Window) []span.TraceID {
	var ids []span.TraceID
	for id, b := range m.tenants[tenant] {
		if slices.ContainsFunc(b.Spans, func(s span.Span) bool { return w.Contains(s.Start) }) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b span.TraceID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// Dependencies counts calls, ordered by parent and child. Where several spans have the
// parent's id, the first in order of start that is of another service counts.
func (m *Model) Dependencies(tenant string, w store.Window) []store.Dependency {
	type edge struct{ parent, child string }
	counts := map[edge]*store.Dependency{}
	for _, b := range m.tenants[tenant] {
		for i := range b.Spans {
			s := &b.Spans[i]
			if s.Parent.IsZero() || !w.Contains(s.Start) {
				continue
			}
			for j := range b.Spans {
				p := &b.Spans[j]
				if p.SpanID != s.Parent || b.Service(p) == b.Service(s) {
					continue
				}
				e := edge{b.Service(p), b.Service(s)}
				if counts[e] == nil {
					counts[e] = &store.Dependency{Parent: e.parent, Child: e.child}
				}
				counts[e].Calls++
				if s.Status == span.StatusError {
					counts[e].Errors++
				}
				break
			}
		}
	}
	var out []store.Dependency
	for _, d := range counts {
		out = append(out, *d)
	}
	slices.SortFunc(out, compareDependencies)
	return out
}

func compareDependencies(a, b store.Dependency) int {
	return cmp.Or(cmp.Compare(a.Parent, b.Parent), cmp.Compare(a.Child, b.Child))
}
