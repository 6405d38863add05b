package storetest

import (
	"encoding/binary"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// sp is a span in few words, for cases where the reader has to see the data.
type sp struct {
	trace, id, parent uint64
	service, name     string
	start, end        time.Duration // after gen.Base
	kind              span.Kind
	failed            bool
	attrs             []span.Attr
	events            []span.Event // without attributes
}

// batch makes spans of it.
func batch(spans ...sp) *span.Batch {
	b := &span.Batch{}
	scopes := map[string]uint32{}
	attrs := func(a []span.Attr) span.Range {
		from := uint32(len(b.Attrs))
		b.Attrs = append(b.Attrs, a...)
		return span.Range{From: from, To: uint32(len(b.Attrs))}
	}
	for _, p := range spans {
		scope, ok := scopes[p.service]
		if !ok {
			scope = uint32(len(b.Scopes))
			scopes[p.service] = scope
			r := span.Resource{Present: true}
			if p.service != "" {
				r.Attrs = attrs([]span.Attr{{Key: "service.name", Value: span.String(p.service)}})
			}
			b.Resources = append(b.Resources, r)
			b.Scopes = append(b.Scopes, span.Scope{Resource: uint32(len(b.Resources) - 1), Present: true, Name: "storetest"})
		}
		s := span.Span{
			TraceID: traceID(p.trace), SpanID: spanID(p.id), Parent: spanID(p.parent), Scope: scope, Name: p.name, Kind: p.kind,
			Start: gen.Base + int64(p.start), End: gen.Base + int64(p.end), Attrs: attrs(p.attrs),
		}
		if p.failed {
			s.Presence, s.Status = span.HasStatus, span.StatusError
		}
		s.Events.From = uint32(len(b.Events))
		b.Events = append(b.Events, p.events...)
		s.Events.To = uint32(len(b.Events))
		b.Spans = append(b.Spans, s)
	}
	return b
}

func traceID(n uint64) (id span.TraceID) {
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

// spanID is zero for 0.
func spanID(n uint64) (id span.SpanID) {
	binary.BigEndian.PutUint64(id[:], n)
	return id
}

func text(key, value string) span.Attr { return span.Attr{Key: key, Value: span.String(value)} }

// eq is the predicate field = value.
func eq(f store.Field, v span.Value) store.Expr {
	return store.Compare{Op: store.Eq, X: f, Y: store.Literal{Value: v}}
}

func attr(scope store.Scope, name string) store.Field { return store.Field{Scope: scope, Name: name} }

// at is the half-open window of these times after gen.Base.
func at(start, end time.Duration) store.Window {
	return store.Window{Start: gen.Base + int64(start), End: gen.Base + int64(end)}
}
