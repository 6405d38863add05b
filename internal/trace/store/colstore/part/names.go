package part

import (
	"context"
	"iter"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Names lists what q asks for with the number of spans (or attributes) that have it, by
// prefix, without order and limit. It reads pages only where the tables do not tell: values
// without a dictionary, values of one service, shapes that are not in the table.
func (g *Group) Names(ctx context.Context, q store.NameQuery) ([]store.Name, error) {
	t, err := g.tables()
	if err != nil {
		return nil, err
	}
	n := &namer{t: t, q: q, counts: map[store.Name]*int64{}}
	if !n.fromTables() {
		clear(n.counts)
		if err := n.fromPages(ctx, g); err != nil {
			return nil, err
		}
	}
	return n.names(), nil
}

// NamesOf is Names of single spans: the rows of pages, which are counted in the group.
func (g *Group) NamesOf(ctx context.Context, q store.NameQuery, rows iter.Seq2[int, iter.Seq[int]]) ([]store.Name, error) {
	t, err := g.tables()
	if err != nil {
		return nil, err
	}
	pages, err := g.Pages()
	if err != nil {
		return nil, err
	}
	n := &namer{t: t, q: q, counts: map[store.Name]*int64{}}
	scan := NewScan(n.columns())
	var damage error
	for page, list := range rows {
		b, err := scan.Read(ctx, pages[page])
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			damage = err
			continue
		}
		for i := range list {
			n.span(b, &b.Spans[i])
		}
	}
	return n.names(), damage
}

type namer struct {
	t      *tables
	q      store.NameQuery
	counts map[store.Name]*int64 // Count of the keys is 0
}

// names is what was counted.
func (n *namer) names() []store.Name {
	out := make([]store.Name, 0, len(n.counts))
	for name, count := range n.counts {
		name.Count = *count
		out = append(out, name)
	}
	return out
}

func (n *namer) add(name store.Name, count uint64) {
	if count == 0 || !strings.HasPrefix(name.Text, n.q.Prefix) {
		return
	}
	sum := n.counts[name]
	if sum == nil {
		sum = new(int64)
		name.Text = strings.Clone(name.Text) // the page it lies in goes
		n.counts[name] = sum
	}
	*sum += int64(count)
}

func (n *namer) in(s store.Scope) bool { return n.q.Scope == s || n.q.Scope == store.ScopeAny }

// scopes of the three owners in a query.
var ownerScopes = [numOwners]store.Scope{store.ScopeSpan, store.ScopeEvent, store.ScopeLink}

// fromTables counts by the tables; false if they do not tell everything.
func (n *namer) fromTables() bool {
	switch n.q.Kind {
	case store.ServiceNames:
		for i := range n.t.scopes {
			s := &n.t.scopes[i]
			if name := n.t.resources[s.Resource].service; name != "" {
				n.add(store.Name{Text: name}, uint64(n.t.scopeCount[i]))
			}
		}
		return true
	case store.OperationNames:
		return n.operations()
	case store.AttributeKeys, store.AttributeValues:
		return n.attributes()
	}
	return true
}

// ofService reports whether a scope is of the service asked for.
func (n *namer) ofService(scope uint32) bool {
	return n.q.Service == "" || n.t.resources[n.t.scopes[scope].Resource].service == n.q.Service
}

func (n *namer) operations() bool {
	if n.t.hasInline(ownSpan) || n.t.columns[colName].values > 0 {
		return false
	}
	for i := range n.t.classes {
		c := &n.t.classes[i]
		s := &n.t.shapes[c.shape]
		if n.ofService(c.scope) && (n.q.SpanKind == nil || *n.q.SpanKind == s.kind) {
			n.add(store.Name{Text: s.name, Kind: s.kind}, uint64(c.count))
		}
	}
	return true
}

func (n *namer) attributes() bool {
	for own, scope := range ownerScopes {
		if n.in(scope) && !n.owned(owner(own), scope) {
			return false
		}
	}
	for i := range n.t.scopes {
		s, count := &n.t.scopes[i], uint64(n.t.scopeCount[i])
		if count == 0 || !n.ofService(uint32(i)) {
			continue
		}
		if n.in(store.ScopeResource) {
			n.list(n.t.resources[s.Resource].attrs, store.ScopeResource, count)
		}
		if n.in(store.ScopeInstrumentation) {
			n.list(s.attrs, store.ScopeInstrumentation, count)
		}
	}
	return true
}

// owned counts attributes of spans, events or links.
func (n *namer) owned(own owner, scope store.Scope) bool {
	if n.t.hasInline(own) {
		return false
	}
	counts := make([]uint64, len(n.t.shapes))
	for i := range n.t.shapes {
		if n.t.shapes[i].own == own {
			counts[i] = uint64(n.t.shapeCount[i])
		}
	}
	if n.q.Service != "" {
		if own != ownSpan {
			return false
		}
		clear(counts)
		for i := range n.t.classes {
			if c := &n.t.classes[i]; n.ofService(c.scope) {
				counts[c.shape] += uint64(c.count)
			}
		}
	}
	if n.q.Kind == store.AttributeKeys {
		for i := range n.t.shapes {
			if counts[i] == 0 {
				continue
			}
			for _, id := range n.t.shapes[i].slots {
				n.one(&n.t.slots[id].Attr, scope, counts[i])
			}
		}
		return true
	}
	for i := range n.t.shapes {
		if s := &n.t.shapes[i]; counts[i] > 0 && !n.constants(s, scope, counts[i]) {
			return false
		}
	}
	return n.q.Service != "" || n.dictionaries(own, scope)
}

// constants counts the values stored with a shape; false if values of a service are in a
// column, which does not say whose they are.
func (n *namer) constants(s *shape, scope store.Scope, count uint64) bool {
	for _, id := range s.slots {
		switch in := &n.t.slots[id]; {
		case in.col == 0:
			n.one(&in.Attr, scope, count)
		case n.q.Service != "" && in.Key == n.q.Key:
			return false
		}
	}
	return true
}

func (n *namer) dictionaries(own owner, scope store.Scope) bool {
	for i := firstAttr; int(i) < len(n.t.columns); i++ {
		c := &n.t.columns[i]
		if c.attr.own != own || c.attr.key != n.q.Key || c.values == 0 {
			continue
		}
		if _, ok := store.ValueText(span.Value{Kind: c.attr.kind}); !ok {
			continue // no text
		}
		if !c.hasDict() {
			return false
		}
		for i, count := range c.count {
			v := span.Value{Kind: c.attr.kind}
			if c.phys == physText {
				v.Str = c.texts[i]
			} else {
				v.Num = c.nums[i]
			}
			n.one(&span.Attr{Key: n.q.Key, Value: v}, scope, count)
		}
	}
	return true
}

// list counts keys or values of attributes that count spans have.
func (n *namer) list(attrs []span.Attr, scope store.Scope, count uint64) {
	for i := range attrs {
		n.one(&attrs[i], scope, count)
	}
}

func (n *namer) one(a *span.Attr, scope store.Scope, count uint64) {
	if n.q.Kind == store.AttributeKeys {
		n.add(store.Name{Text: a.Key, Type: a.Value.Kind, Scope: scope}, count)
	} else if text, ok := store.ValueText(a.Value); ok && a.Key == n.q.Key {
		n.add(store.Name{Text: text, Type: a.Value.Kind, Scope: scope}, count)
	}
}

// fromPages counts by the spans themselves.
func (n *namer) fromPages(ctx context.Context, g *Group) error {
	pages, err := g.Pages()
	if err != nil {
		return err
	}
	scan := NewScan(n.columns())
	for _, pg := range pages {
		b, err := scan.Read(ctx, pg)
		if err != nil {
			return err
		}
		for i := range b.Spans {
			n.span(b, &b.Spans[i])
		}
	}
	return nil
}

func (n *namer) columns() Columns {
	switch {
	case n.q.Kind == store.OperationNames:
		return ColumnsOf([]store.Field{{Intrinsic: store.SpanName}, {Scope: store.ScopeResource, Name: "service.name"}})
	case n.q.Kind == store.AttributeKeys:
		return All()
	}
	fields := []store.Field{{Scope: store.ScopeResource, Name: "service.name"}}
	if n.q.Kind == store.ServiceNames {
		return ColumnsOf(fields)
	}
	for _, s := range []store.Scope{store.ScopeSpan, store.ScopeResource, store.ScopeInstrumentation, store.ScopeEvent, store.ScopeLink} {
		if n.in(s) {
			fields = append(fields, store.Field{Scope: s, Name: n.q.Key})
		}
	}
	return ColumnsOf(fields)
}

func (n *namer) span(b *span.Batch, s *span.Span) {
	if n.q.Kind == store.ServiceNames {
		if name := b.Service(s); name != "" {
			n.add(store.Name{Text: name}, 1)
		}
		return
	}
	if n.q.Service != "" && b.Service(s) != n.q.Service {
		return
	}
	if n.q.Kind == store.OperationNames {
		if n.q.SpanKind == nil || *n.q.SpanKind == s.Kind {
			n.add(store.Name{Text: s.Name, Kind: s.Kind}, 1)
		}
		return
	}
	add := func(r span.Range, scope store.Scope) {
		if n.in(scope) {
			n.list(b.AttrsOf(r), scope, 1)
		}
	}
	add(s.Attrs, store.ScopeSpan)
	add(b.ResourceOf(s).Attrs, store.ScopeResource)
	add(b.Scopes[s.Scope].Attrs, store.ScopeInstrumentation)
	for _, e := range b.EventsOf(s) {
		add(e.Attrs, store.ScopeEvent)
	}
	for _, l := range b.LinksOf(s) {
		add(l.Attrs, store.ScopeLink)
	}
}
