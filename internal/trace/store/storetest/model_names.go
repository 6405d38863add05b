package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Names is the names of q, of spans in its window only. Names of the same count and text
// are in order of kind, scope and type, which an engine need not keep.
func (m *Model) Names(q store.NameQuery) []store.Name { return m.names(q, q.Contains) }

// names is Names of the spans that start when inside says.
func (m *Model) names(q store.NameQuery, inside func(start int64) bool) []store.Name {
	counts := map[store.Name]int64{}
	add := func(n store.Name) {
		if strings.HasPrefix(n.Text, q.Prefix) {
			counts[n]++
		}
	}
	for _, b := range m.tenants[q.Tenant] {
		for i := range b.Spans {
			if s := &b.Spans[i]; inside(s.Start) {
				namesOfSpan(&q, b, s, add)
			}
		}
	}
	var out []store.Name
	for n, count := range counts {
		n.Count = count
		out = append(out, n)
	}
	slices.SortFunc(out, compareNames)
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out
}

// compareNames orders by count, then text, then what tells them apart.
func compareNames(a, b store.Name) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Type, b.Type))
}

func namesOfSpan(q *store.NameQuery, b *span.Batch, s *span.Span, add func(store.Name)) {
	service := b.Service(s)
	if q.Kind == store.ServiceNames {
		if service != "" {
			add(store.Name{Text: service})
		}
		return
	}
	if q.Service != "" && service != q.Service {
		return
	}
	if q.Kind == store.OperationNames {
		if q.SpanKind == nil || s.Kind == *q.SpanKind {
			add(store.Name{Text: s.Name, Kind: s.Kind})
		}
		return
	}
	list := func(scope store.Scope, attrs span.Range) {
		for _, a := range b.AttrsOf(attrs) {
			n := store.Name{Text: a.Key, Type: a.Value.Kind, Scope: scope}
			ok := q.Kind == store.AttributeKeys
			if !ok && a.Key == q.Key {
				n.Text, ok = store.ValueText(a.Value)
			}
			if ok && (q.Scope == scope || q.Scope == store.ScopeAny) {
				add(n)
			}
		}
	}
	list(store.ScopeSpan, s.Attrs)
	list(store.ScopeResource, b.ResourceOf(s).Attrs)
	list(store.ScopeInstrumentation, b.Scopes[s.Scope].Attrs)
	for _, e := range b.EventsOf(s) {
		list(store.ScopeEvent, e.Attrs)
	}
	for _, l := range b.LinksOf(s) {
		list(store.ScopeLink, l.Attrs)
	}
}

// names compares the store's names for q with the model's. Where the window leaves spans
// out, they may count too, each once.
func (w *world) names(q store.NameQuery) error {
	got, err := w.store.Names(w.Context(), q)
	if err != nil {
		return fmt.Errorf("names %+v: %w", q, err)
	}
	if !slices.IsSortedFunc(got, func(a, b store.Name) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text)) }) {
		return fmt.Errorf("names %+v are not ordered by count, then text: %+v", q, got)
	}
	if q.Limit > 0 && len(got) > q.Limit {
		return fmt.Errorf("names %+v: %d, more than the limit", q, len(got))
	}
	limit := q.Limit
	q.Limit = 0
	least := counted(w.model.Names(q))
	most := counted(w.model.names(q, func(int64) bool { return true }))
	have := counted(got)
	for n, count := range have {
		if count < max(1, least[n]) || count > most[n] {
			return fmt.Errorf("names %+v: %+v counts %d, want %d in the window and no more than %d", q, n, count, least[n], most[n])
		}
	}
	for n, count := range least {
		if have[n] == 0 && (limit == 0 || len(got) < limit || count > got[len(got)-1].Count) {
			return fmt.Errorf("names %+v: %+v is missing, of %d spans", q, n, count)
		}
	}
	return nil
}

// counted is the counts by name; Count of the keys is 0.
func counted(list []store.Name) map[store.Name]int64 {
	out := make(map[store.Name]int64, len(list))
	for _, n := range list {
		count := n.Count
		n.Count = 0
		out[n] += count
	}
	return out
}

// everyName compares all kinds of names of a tenant.
func (w *world) everyName(tenant string) error {
	q := store.NameQuery{Tenant: tenant, Window: all()}
	for _, q.Kind = range []store.NameKind{store.ServiceNames, store.OperationNames, store.AttributeKeys} {
		if err := w.names(q); err != nil {
			return err
		}
	}
	q.Kind = store.AttributeValues
	seen := map[string]bool{}
	for _, key := range w.model.Names(store.NameQuery{Tenant: tenant, Kind: store.AttributeKeys, Window: all()}) {
		if q.Key = key.Text; seen[q.Key] || len(seen) == 8 {
			continue
		}
		seen[q.Key] = true
		if err := w.names(q); err != nil {
			return err
		}
	}
	return nil
}
