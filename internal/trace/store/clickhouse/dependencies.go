package clickhouse

import (
	"context"
	"fmt"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Dependencies counts calls in ClickHouse. Where several spans have the parent's id, the
// first of another service is the caller.
func (s *Store) Dependencies(ctx context.Context, tenant string, w store.Window) ([]store.Dependency, error) {
	f := fetch{tenant: tenant, sees: s.snapshot()}
	children := fmt.Sprintf("SELECT trace_id, span_id, hash, parent_id, service, status FROM %s WHERE %s AND %s AND parent_id != %s %s",
		s.table("spans"), f.where(), whereWindow(w), quoteID(make([]byte, len(span.SpanID{}))), oneOfEach)
	parents := fmt.Sprintf("SELECT trace_id, span_id, service, start_ns, seq FROM %s WHERE %s", s.table("spans"), f.where())
	sql := fmt.Sprintf(`SELECT toString(parent) AS p, toString(child) AS c, count() AS calls, countIf(failed) AS errors FROM (
		SELECT argMin(p.service, (p.start_ns, p.seq)) AS parent, any(c.service) AS child, any(c.status = %d) AS failed
		FROM (%s) AS c INNER JOIN (%s) AS p ON c.trace_id = p.trace_id AND c.parent_id = p.span_id
		WHERE p.service != c.service GROUP BY c.trace_id, c.span_id, c.hash
	) GROUP BY p, c ORDER BY p, c`, span.StatusError, children, parents)
	var out []store.Dependency
	err := s.query(ctx, sql, func(r *rowReader) {
		out = append(out, store.Dependency{Parent: r.string(), Child: r.string(), Calls: r.int64(), Errors: r.int64()})
	})
	if err != nil {
		return nil, fmt.Errorf("count calls: %w", err)
	}
	return out, nil
}
