package query

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Complete is the function Complete with keys and values from the store, at most limit
// suggestions.
func (e *Engine) Complete(ctx context.Context, tenant, text string, pos, limit int) (Completion, error) {
	c := Complete(text, pos)
	if limit <= 0 {
		limit = 20
	}
	var err error
	switch c.Expect {
	case ExpectField:
		err = e.completeKeys(ctx, tenant, &c, limit)
	case ExpectValue:
		err = e.completeValues(ctx, tenant, &c, limit)
	}
	if err != nil {
		return Completion{}, fmt.Errorf("complete query: %w", err)
	}
	c.Suggestions = c.Suggestions[:min(limit, len(c.Suggestions))]
	return c, nil
}

func (e *Engine) completeKeys(ctx context.Context, tenant string, c *Completion, limit int) error {
	scopes := []store.Scope{store.ScopeSpan, store.ScopeResource}
	switch {
	case !c.Scoped:
	case c.Scope == store.ScopeAny, c.Scope == store.ScopeParent:
		// both look in span and resource
	default:
		scopes = []store.Scope{c.Scope}
	}
	seen := map[string]bool{}
	for _, s := range c.Suggestions {
		seen[s.Insert] = true
	}
	service := c.Service
	if c.Scoped && c.Scope == store.ScopeParent {
		service = "" // of the span, not of its parent
	}
	var keys []Suggestion
	for _, scope := range scopes {
		names, err := e.names(ctx, store.NameQuery{Tenant: tenant, Kind: store.AttributeKeys, Service: service, Scope: scope, Prefix: c.Prefix, Limit: limit})
		if err != nil {
			return err
		}
		for _, n := range names {
			f := store.Field{Scope: scope, Name: n.Text}
			if c.Scoped {
				f.Scope = c.Scope
			}
			insert := c.insertField(f)
			if seen[insert] {
				continue
			}
			seen[insert] = true
			keys = append(keys, Suggestion{Text: insert, Insert: insert, Kind: "key", Detail: typeName(n.Type), Count: n.Count})
		}
	}
	// What is stored comes first once something is typed, but for the service; before
	// that, the few built-in fields that are asked for most.
	first := c.lead
	if c.Prefix == "" {
		first = min(6, len(c.Suggestions))
	}
	c.Suggestions = slices.Insert(c.Suggestions, first, keys...)
	return nil
}

func (e *Engine) completeValues(ctx context.Context, tenant string, c *Completion, limit int) error {
	q := store.NameQuery{Tenant: tenant, Prefix: c.Prefix, Limit: limit}
	switch f := c.Field; {
	case f.Intrinsic == store.SpanName:
		q.Kind, q.Service = store.OperationNames, c.Service
	case f.Intrinsic == store.RootName:
		q.Kind, q.Service = store.OperationNames, c.RootService
	case f.Intrinsic == store.RootService, isServiceName(f):
		q.Kind = store.ServiceNames
	case f.Intrinsic == store.NotIntrinsic && f.Name != "":
		q.Kind, q.Service, q.Scope, q.Key = store.AttributeValues, c.Service, f.Scope, f.Name
		if f.Scope == store.ScopeParent {
			q.Service, q.Scope = "", store.ScopeAny
		}
	default:
		return nil
	}
	names, err := e.names(ctx, q)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, n := range names {
		s := Suggestion{Text: n.Text, Insert: c.insertText(n.Text), Kind: "value", Detail: typeName(n.Type), Count: n.Count}
		switch n.Type {
		case span.ValueInt, span.ValueDouble, span.ValueBool:
			s.Insert = n.Text
		}
		if !seen[s.Insert] {
			seen[s.Insert] = true
			c.Suggestions = append(c.Suggestions, s)
		}
	}
	if strings.HasPrefix("nil", c.Prefix) && c.Prefix != "" {
		c.suggest("value", "the attribute is missing", "nil")
	}
	return nil
}

func (e *Engine) names(ctx context.Context, q store.NameQuery) ([]store.Name, error) {
	q.Window = store.Window{End: math.MaxInt64}
	return e.cfg.Reader.Names(ctx, q)
}

func typeName(k span.ValueKind) string {
	switch k {
	case span.ValueString:
		return "text"
	case span.ValueBool:
		return "true or false"
	case span.ValueInt, span.ValueDouble:
		return "number"
	case span.ValueBytes:
		return "bytes"
	case span.ValueArray:
		return "list"
	case span.ValueMap:
		return "map"
	}
	return ""
}
