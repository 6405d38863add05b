package colstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Names collects from the dictionaries of the row groups and from the spans of the heads.
func (s *Store) Names(ctx context.Context, q store.NameQuery) ([]store.Name, error) {
	v := s.acquire()
	defer s.release(v)
	c := nameCounter{q: q, counts: map[store.Name]int64{}, deleted: &s.deleted}
	var hidden map[TraceKey]bool
	if !s.deleted.none() {
		hidden = s.deleted.unpurged(time.Time{})
	}
	for _, p := range v.parts {
		if holds, err := p.holdsAny(hidden); holds || err != nil {
			// The tables still have what only a deleted trace said: look at the spans.
			if err := s.namesOfSpans(ctx, p, &c); err != nil {
				return nil, err
			}
			continue
		}
		for _, g := range p.Groups() {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			st := g.Stats()
			if g.Tenant() != q.Tenant || st.MaxStart < q.Start || st.MinStart >= q.End {
				continue
			}
			names, err := g.Names(ctx, q)
			if err != nil {
				s.noteCorrupt(p, err)
				continue
			}
			for _, n := range names {
				c.add(n)
			}
		}
	}
	for _, h := range v.heads {
		for _, b := range h.snapshot() {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if b.tenant == q.Tenant && b.maxStart >= q.Start && b.minStart < q.End {
				for i := range b.indexes {
					c.addSpan(b.batch, i)
				}
			}
		}
	}
	return c.list(), nil
}

// nameCounter adds up names of one query; Count of the keys is 0.
type nameCounter struct {
	q       store.NameQuery
	counts  map[store.Name]int64
	deleted *deleted
}

func (c *nameCounter) add(n store.Name) {
	if !strings.HasPrefix(n.Text, c.q.Prefix) {
		return
	}
	count := n.Count
	n.Count = 0
	c.counts[n] += count
}

func (c *nameCounter) list() []store.Name {
	out := make([]store.Name, 0, len(c.counts))
	for n, count := range c.counts {
		n.Count = count
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b store.Name) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Type, b.Type))
	})
	if c.q.Limit > 0 && len(out) > c.q.Limit {
		out = out[:c.q.Limit]
	}
	return out
}

// namesOfSpans counts a part's spans one by one.
func (s *Store) namesOfSpans(ctx context.Context, p *livePart, c *nameCounter) error {
	for _, g := range p.Groups() {
		if g.Tenant() != c.q.Tenant {
			continue
		}
		pages, err := g.Pages()
		if err != nil {
			s.noteCorrupt(p, err)
			continue
		}
		for _, pg := range pages {
			b, err := pg.Read(ctx, part.All())
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				s.noteCorrupt(p, err)
				continue
			}
			for i := range b.Spans {
				c.addSpan(b, i)
			}
		}
	}
	return nil
}

// addSpan counts what one span says.
func (c *nameCounter) addSpan(b *span.Batch, i int) {
	sp := &b.Spans[i]
	if c.deleted.has(TraceKey{c.q.Tenant, sp.TraceID}) || (c.q.Service != "" && b.Service(sp) != c.q.Service) {
		return
	}
	switch c.q.Kind {
	case store.ServiceNames:
		if name := b.Service(sp); name != "" {
			c.add(store.Name{Text: name, Count: 1})
		}
	case store.OperationNames:
		if c.q.SpanKind == nil || *c.q.SpanKind == sp.Kind {
			c.add(store.Name{Text: sp.Name, Kind: sp.Kind, Count: 1})
		}
	case store.AttributeKeys, store.AttributeValues:
		c.addAttributes(b, sp)
	}
}

func (c *nameCounter) addAttributes(b *span.Batch, sp *span.Span) {
	in := func(s store.Scope) bool { return c.q.Scope == s || c.q.Scope == store.ScopeAny }
	if in(store.ScopeSpan) {
		c.addRange(b, sp.Attrs, store.ScopeSpan)
	}
	if in(store.ScopeResource) {
		c.addRange(b, b.ResourceOf(sp).Attrs, store.ScopeResource)
	}
	if in(store.ScopeInstrumentation) {
		c.addRange(b, b.Scopes[sp.Scope].Attrs, store.ScopeInstrumentation)
	}
	if in(store.ScopeEvent) {
		for _, e := range b.EventsOf(sp) {
			c.addRange(b, e.Attrs, store.ScopeEvent)
		}
	}
	if in(store.ScopeLink) {
		for _, l := range b.LinksOf(sp) {
			c.addRange(b, l.Attrs, store.ScopeLink)
		}
	}
}

func (c *nameCounter) addRange(b *span.Batch, r span.Range, scope store.Scope) {
	for _, a := range b.AttrsOf(r) {
		if c.q.Kind == store.AttributeKeys {
			c.add(store.Name{Text: a.Key, Type: a.Value.Kind, Scope: scope, Count: 1})
			continue
		}
		if text, ok := store.ValueText(a.Value); ok && a.Key == c.q.Key {
			c.add(store.Name{Text: text, Type: a.Value.Kind, Scope: scope, Count: 1})
		}
	}
}
