package jaeger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

const (
	defaultLimit = 100 // Jaeger's
	maxLimit     = 1500
	// defaultLookback is the window of a search that has none, as in Jaeger; Grafana's
	// data source sends none.
	defaultLookback = 48 * time.Hour
	// clockSlack finds spans of senders whose clock is ahead.
	clockSlack = time.Minute
)

// criteria is what all faces of Jaeger can ask for. Zero fields ask for nothing.
type criteria struct {
	Service, Operation       string
	Tags                     []tag
	DurationMin, DurationMax time.Duration
	Filter                   store.Expr
	Window                   store.Window
	Limit                    int
}

// tag is a key and the text of its value; Jaeger's searches have no types.
type tag struct{ Key, Value string }

func badRequest(format string, args ...any) error {
	return &api.RequestError{Detail: fmt.Sprintf(format, args...)}
}

// query is the criteria as a predicate that one span has to satisfy.
func (c *criteria) query(tenant string) (store.Query, error) {
	q := store.Query{Tenant: tenant, Window: c.Window, Limit: c.Limit, Filter: c.Filter}
	if c.Limit < 0 || c.Limit > maxLimit {
		return q, badRequest("limit: want 1 to %d", maxLimit)
	}
	if c.Limit == 0 {
		q.Limit = defaultLimit
	}
	and := func(e store.Expr) {
		if q.Filter == nil {
			q.Filter = e
			return
		}
		q.Filter = store.And{X: q.Filter, Y: e}
	}
	if c.Service != "" {
		and(equals(resource("service.name"), span.String(c.Service)))
	}
	if c.Operation != "" {
		and(equals(intrinsic(store.SpanName), span.String(c.Operation)))
	}
	if c.DurationMin > 0 {
		and(compare(store.Ge, intrinsic(store.Duration), duration(c.DurationMin)))
	}
	if c.DurationMax > 0 {
		if c.DurationMax < c.DurationMin {
			return q, badRequest("the longest duration is below the shortest")
		}
		and(compare(store.Le, intrinsic(store.Duration), duration(c.DurationMax)))
	}
	for _, t := range c.Tags {
		and(t.expr())
	}
	return q, nil
}

// expr is the tag as a predicate. Tags that Jaeger makes of a span's own fields mean the
// field; the rest are attributes of the span, its resource or its events, which Jaeger
// calls tags, process tags and logs.
func (t tag) expr() store.Expr {
	switch t.Key {
	case "error":
		failed := equals(intrinsic(store.StatusOf), span.Int(int64(span.StatusError)))
		switch t.Value {
		case "true":
			return store.Or{X: failed, Y: t.attribute()}
		case "false":
			return store.And{X: store.Not{X: failed}, Y: store.Not{X: equals(anyAttr("error"), span.Bool(true))}}
		}
	case "span.kind":
		if k, ok := kinds[strings.ToLower(t.Value)]; ok {
			return equals(intrinsic(store.KindOf), span.Int(int64(k)))
		}
	case "otel.status_code":
		if c, ok := statuses[strings.ToLower(t.Value)]; ok {
			return equals(intrinsic(store.StatusOf), span.Int(int64(c)))
		}
	case "otel.status_description":
		return equals(intrinsic(store.StatusMessage), span.String(t.Value))
	case "otel.scope.name", "otel.library.name":
		return equals(intrinsic(store.ScopeName), span.String(t.Value))
	case "otel.scope.version", "otel.library.version":
		return equals(intrinsic(store.ScopeVersion), span.String(t.Value))
	case "event":
		return store.Or{X: equals(intrinsic(store.EventName), span.String(t.Value)), Y: t.attribute()}
	}
	return t.attribute()
}

func (t tag) attribute() store.Expr {
	return or(
		anyType(store.Eq, store.Field{Scope: store.ScopeSpan, Name: t.Key}, t.Value),
		anyType(store.Eq, store.Field{Scope: store.ScopeResource, Name: t.Key}, t.Value),
		anyType(store.Eq, store.Field{Scope: store.ScopeEvent, Name: t.Key}, t.Value),
	)
}

// anyType compares a field with text as whatever type the text can be read as, because
// the sender chose a type and the asker cannot say one.
func anyType(op store.CompareOp, f store.Field, text string) store.Expr {
	e := compare(op, f, store.Literal{Value: span.String(text)})
	for _, v := range typesOf(text) {
		e = store.Or{X: e, Y: compare(op, f, store.Literal{Value: v})}
	}
	return e
}

// typesOf is the values beside the string itself that text can stand for.
func typesOf(text string) []span.Value {
	switch text {
	case "true", "false":
		return []span.Value{span.Bool(text == "true")}
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return []span.Value{span.Int(i)}
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return []span.Value{span.Double(f)}
	}
	return nil
}

var kinds = map[string]span.Kind{
	"unspecified": span.KindUnspecified, "internal": span.KindInternal, "server": span.KindServer,
	"client": span.KindClient, "producer": span.KindProducer, "consumer": span.KindConsumer,
}

var statuses = map[string]span.StatusCode{"unset": span.StatusUnset, "ok": span.StatusOK, "error": span.StatusError}

// kindWord is Jaeger's word for a kind, "" for unspecified.
func kindWord(k span.Kind) string {
	for word, kind := range kinds {
		if kind == k && k != span.KindUnspecified {
			return word
		}
	}
	return ""
}

func intrinsic(i store.Intrinsic) store.Field { return store.Field{Intrinsic: i} }

func resource(key string) store.Field { return store.Field{Scope: store.ScopeResource, Name: key} }

func anyAttr(key string) store.Field { return store.Field{Name: key} }

func compare(op store.CompareOp, f store.Field, l store.Literal) store.Expr {
	return store.Compare{Op: op, X: f, Y: l}
}

func equals(f store.Field, v span.Value) store.Expr {
	return compare(store.Eq, f, store.Literal{Value: v})
}

func duration(d time.Duration) store.Literal {
	return store.Literal{Value: span.Int(int64(d)), Unit: store.UnitDuration}
}

func or(list ...store.Expr) store.Expr {
	e := list[0]
	for _, x := range list[1:] {
		e = store.Or{X: e, Y: x}
	}
	return e
}

// lookback is the window of length d that ends now.
func (s *server) lookback(d time.Duration) store.Window {
	now := s.Clock.Now()
	return store.Window{Start: now.Add(-d).UnixNano(), End: now.Add(clockSlack).UnixNano()}
}

// found yields the rows of a search; where a limit cut it, why is set at the end.
func (s *server) found(ctx context.Context, q store.Query, why *string) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		for sum, err := range s.Queries.Search(ctx, q) {
			var cut *store.PartialError
			if errors.As(err, &cut) {
				*why = cut.Reason
				return
			}
			if !yield(sum, err) || err != nil {
				return
			}
		}
	}
}

// traces yields the traces a search finds, whole.
func (s *server) traces(ctx context.Context, q store.Query, why *string) iter.Seq2[*span.Batch, error] {
	return func(yield func(*span.Batch, error) bool) {
		for sum, err := range s.found(ctx, q, why) {
			var b *span.Batch
			if err == nil {
				b, err = s.Reader.Trace(ctx, q.Tenant, sum.TraceID)
				if errors.Is(err, store.ErrNotFound) {
					continue // deleted since it was found
				}
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}
