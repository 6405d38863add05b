package colstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore/pack"
	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// Names counts by the tables of the row groups and by the spans of the heads, and takes
// away what is held twice.
func (s *Store) Names(ctx context.Context, q store.NameQuery) ([]store.Name, error) {
	defer s.ask()()
	v := s.acquire()
	defer s.release(v)
	blocks := make([][]*block, len(v.heads))
	for i, h := range v.heads {
		blocks[i] = h.snapshot()
	}
	for {
		twice, err := s.copiesIn(ctx, v, blocks)
		if err != nil {
			return nil, err
		}
		c := nameCounter{q: q, counts: map[store.Name]*int64{}, deleted: &s.deleted, twice: twice}
		if err := s.namesOfParts(ctx, v, &c); err != nil {
			return nil, err
		}
		if c.again {
			continue // a part does not read: copies of what it has count
		}
		if err := c.addHeads(ctx, blocks); err != nil {
			return nil, err
		}
		return c.list(), nil
	}
}

func (s *Store) namesOfParts(ctx context.Context, v *view, c *nameCounter) error {
	var hidden map[TraceKey]bool
	if !s.deleted.none() {
		hidden = s.deleted.unpurged(time.Time{})
	}
	for _, p := range v.parts {
		count := s.namesOfGroup
		if holds, err := p.holdsAny(hidden); holds || err != nil {
			// The tables still have what only a deleted trace said: look at the spans.
			count = s.namesOfSpans
		}
		twice := c.twice.of(p)
		for i, g := range p.Groups() {
			if err := ctx.Err(); err != nil {
				return err
			}
			st := g.Stats()
			if g.Tenant() != c.q.Tenant || st.MaxStart < c.q.Start || st.MinStart >= c.q.End {
				continue
			}
			if err := count(ctx, p, i, twice[i], c); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				s.noteCorrupt(p, err)
				c.again = !p.unread.Swap(true) || c.again
			}
		}
	}
	return nil
}

// namesOfGroup counts by the tables of a group. Rows that are held twice are read and taken
// away; there are none as a rule.
func (s *Store) namesOfGroup(ctx context.Context, p *livePart, number int, twice groupCopies, c *nameCounter) error {
	g := p.Groups()[number]
	count := twice.count()
	if count == g.Stats().Spans {
		return nil
	}
	names, err := g.Names(ctx, c.q)
	if err != nil {
		return err
	}
	for _, n := range names {
		c.add(n)
	}
	if count == 0 {
		return nil
	}
	names, err = g.NamesOf(ctx, c.q, twice.pages)
	if err != nil && ctx.Err() == nil {
		s.noteCorrupt(p, err) // these may be counted twice
	}
	for _, n := range names {
		n.Count = -n.Count
		c.add(n)
	}
	return nil
}

// namesOfSpans counts the spans of a group one by one.
func (s *Store) namesOfSpans(ctx context.Context, p *livePart, number int, twice groupCopies, c *nameCounter) error {
	pages, err := p.Groups()[number].Pages()
	if err != nil {
		return err
	}
	var damage error
	for n, pg := range pages {
		b, err := pg.Read(ctx, part.All())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			damage = err
			s.noteCorrupt(p, err)
			continue
		}
		held := twice[n]
		for i := range b.Spans {
			if !held.has(i) {
				c.addSpan(b, i)
			}
		}
	}
	return damage
}

// nameCounter adds up names of one query; Count of the keys is 0.
type nameCounter struct {
	q       store.NameQuery
	counts  map[store.Name]*int64
	deleted *deleted
	twice   copies
	again   bool // twice is to be asked for once more, and all to be counted anew
}

func (c *nameCounter) add(n store.Name) {
	if !strings.HasPrefix(n.Text, c.q.Prefix) {
		return
	}
	count := n.Count
	n.Count = 0
	sum := c.counts[n]
	if sum == nil {
		sum = new(int64)
		n.Text = strings.Clone(n.Text) // it may be a head's
		c.counts[n] = sum
	}
	*sum += count
}

// addHeads counts what the spans of heads say.
func (c *nameCounter) addHeads(ctx context.Context, heads [][]*block) error {
	var r pack.Reader
	for i, blocks := range heads {
		for n, b := range blocks {
			if err := ctx.Err(); err != nil {
				return err
			}
			if b.tenant != c.q.Tenant || b.maxStart < c.q.Start || b.minStart >= c.q.End {
				continue
			}
			held := c.twice.heads[i][rowsAt{page: int32(n)}]
			batch := r.All(b.rows)
			for i := range batch.Spans {
				if !held.has(i) {
					c.addSpan(batch, i)
				}
			}
		}
	}
	return nil
}

func (c *nameCounter) list() []store.Name {
	out := make([]store.Name, 0, len(c.counts))
	for n, sum := range c.counts {
		if n.Count = *sum; n.Count > 0 {
			out = append(out, n)
		}
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
