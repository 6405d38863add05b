package clickhouse

import (
	"context"
	"fmt"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Names counts in ClickHouse, over one row of each span.
func (s *Store) Names(ctx context.Context, q store.NameQuery) ([]store.Name, error) {
	f := fetch{tenant: q.Tenant, sees: s.snapshot()}
	where := f.where() + " AND " + whereWindow(q.Window)
	if q.Service != "" && q.Kind != store.ServiceNames {
		where += " AND service = " + quote(q.Service)
	}
	columns, list := namesOf(q)
	if q.Kind == store.OperationNames && q.SpanKind != nil {
		where += fmt.Sprintf(" AND kind = %d", *q.SpanKind)
	}
	sql := fmt.Sprintf("SELECT text, detail, scope, count() AS n FROM (SELECT %s FROM (SELECT %s FROM %s WHERE %s %s)) WHERE %s "+
		"GROUP BY text, detail, scope ORDER BY n DESC, text, scope, detail",
		list, columns, s.table("spans"), where, oneOfEach, prefixed(q))
	if q.Limit > 0 {
		sql += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	var out []store.Name
	err := s.query(ctx, sql, func(r *rowReader) {
		n := store.Name{Text: r.string()}
		detail := r.int32()
		n.Scope, n.Count = store.Scope(r.uint8()), r.int64()
		if q.Kind == store.OperationNames {
			n.Kind = span.Kind(detail)
		} else {
			n.Type = span.ValueKind(detail)
		}
		out = append(out, n)
	})
	if err != nil {
		return nil, fmt.Errorf("list names: %w", err)
	}
	return out, nil
}

// namesOf is the columns that the names lie in, and what makes them text, detail and scope.
func namesOf(q store.NameQuery) (columns, list string) {
	switch q.Kind {
	case store.ServiceNames:
		return "service", "toString(service) AS text, toInt32(0) AS detail, toUInt8(0) AS scope"
	case store.OperationNames:
		return "name, kind", "toString(name) AS text, kind AS detail, toUInt8(0) AS scope"
	case store.AttributeKeys:
		return "attr.scope AS scopes, attr.key AS keys, attr.type AS types",
			"arrayJoin(arrayZip(keys, types, scopes)) AS a, toString(a.1) AS text, toInt32(a.2) AS detail, a.3 AS scope"
	default:
		return "attr.scope AS scopes, attr.key AS keys, attr.type AS types, attr.text AS texts",
			"arrayJoin(arrayFilter(x -> x.4 = " + quote(q.Key) + ", arrayZip(texts, types, scopes, keys))) AS a, a.1 AS text, toInt32(a.2) AS detail, a.3 AS scope"
	}
}

// prefixed is the condition of the names that are wanted.
func prefixed(q store.NameQuery) string {
	out := "startsWith(text, " + quote(q.Prefix) + ")"
	switch q.Kind {
	case store.ServiceNames:
		return out + " AND text != ''"
	case store.OperationNames:
		return out
	case store.AttributeValues:
		out += fmt.Sprintf(" AND detail IN (%d, %d, %d, %d)", span.ValueString, span.ValueBool, span.ValueInt, span.ValueDouble)
	}
	out += fmt.Sprintf(" AND detail < %d", inArray)
	if q.Scope != store.ScopeAny {
		out += fmt.Sprintf(" AND scope = %d", q.Scope)
	}
	return out
}
