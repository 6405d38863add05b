package api

import (
	"fmt"
	"net/http"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

const (
	defaultNames = 100
	maxNames     = 1000
	maxName      = 1024 // bytes of a prefix, service or key
)

// ListServices lists services.
func (s *server) ListServices(w http.ResponseWriter, r *http.Request, p ListServicesParams) {
	q := store.NameQuery{Kind: store.ServiceNames, Prefix: p.Prefix}
	answerNames(s, w, r, q, nameParams{p.Start, p.End, p.Limit, ""}, "services", func(n store.Name) ServiceName {
		return ServiceName{Name: text(n.Text), Spans: n.Count}
	})
}

// ListOperations lists span names.
func (s *server) ListOperations(w http.ResponseWriter, r *http.Request, p ListOperationsParams) {
	q := store.NameQuery{Kind: store.OperationNames, Service: p.Service, Prefix: p.Prefix}
	if p.Kind != "" {
		k, ok := kindOf(p.Kind)
		if !ok {
			s.fail(w, r, badRequest("kind: want unspecified, internal, server, client, producer or consumer", ""))
			return
		}
		q.SpanKind = &k
	}
	answerNames(s, w, r, q, nameParams{p.Start, p.End, p.Limit, ""}, "operations", func(n store.Name) OperationName {
		return OperationName{Name: text(n.Text), Kind: kindWord(n.Kind), Spans: n.Count}
	})
}

// ListAttributeKeys lists attribute keys.
func (s *server) ListAttributeKeys(w http.ResponseWriter, r *http.Request, p ListAttributeKeysParams) {
	q := store.NameQuery{Kind: store.AttributeKeys, Service: p.Service, Prefix: p.Prefix}
	answerNames(s, w, r, q, nameParams{p.Start, p.End, p.Limit, p.Scope}, "keys", func(n store.Name) AttributeKey {
		return AttributeKey{Key: text(n.Text), Scope: scopeWord(n.Scope), Type: typeWord(n.Type), Spans: n.Count}
	})
}

// ListAttributeValues lists the values of one attribute.
func (s *server) ListAttributeValues(w http.ResponseWriter, r *http.Request, p ListAttributeValuesParams) {
	if p.Key == "" {
		s.fail(w, r, badRequest("key: want an attribute key", ""))
		return
	}
	q := store.NameQuery{Kind: store.AttributeValues, Service: p.Service, Prefix: p.Prefix, Key: p.Key}
	answerNames(s, w, r, q, nameParams{p.Start, p.End, p.Limit, p.Scope}, "values", func(n store.Name) AttributeText {
		return AttributeText{Value: text(n.Text), Type: typeWord(n.Type), Spans: n.Count}
	})
}

// nameParams are the parameters all name lists share.
type nameParams struct {
	start, end string
	limit      int
	scope      AttributeScope
}

func answerNames[T any](s *server, w http.ResponseWriter, r *http.Request, q store.NameQuery, p nameParams, member string, row func(store.Name) T) {
	names, err := s.names(r, q, p)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	out := make([]T, 0, len(names))
	for _, n := range names {
		out = append(out, row(n))
	}
	s.writeJSON(w, map[string][]T{member: out})
}

func (s *server) names(r *http.Request, q store.NameQuery, p nameParams) ([]store.Name, error) {
	q.Tenant, q.Window = s.tenant(r), allTime
	if len(q.Prefix) > maxName || len(q.Service) > maxName || len(q.Key) > maxName {
		return nil, badRequest(fmt.Sprintf("prefix, service and key: at most %d bytes", maxName), "")
	}
	var err error
	if q.Limit, err = limitParam(r, p.limit, defaultNames, maxNames); err != nil {
		return nil, err
	}
	if p.start != "" {
		if q.Start, err = parseTime(p.start); err != nil {
			return nil, badRequest("start: "+err.Error(), "")
		}
	}
	if p.end != "" {
		if q.End, err = parseTime(p.end); err != nil {
			return nil, badRequest("end: "+err.Error(), "")
		}
	}
	if p.scope != "" {
		var ok bool
		if q.Scope, ok = scopeOfWord(p.scope); !ok {
			return nil, badRequest("scope: want any, span, resource, event, link or instrumentation", "")
		}
	}
	names, err := s.Reader.Names(r.Context(), q)
	if err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	return names, nil
}

var scopeWords = map[store.Scope]AttributeScope{
	store.ScopeAny:             AttributeScopeAny,
	store.ScopeSpan:            AttributeScopeSpan,
	store.ScopeResource:        AttributeScopeResource,
	store.ScopeEvent:           AttributeScopeEvent,
	store.ScopeLink:            AttributeScopeLink,
	store.ScopeInstrumentation: AttributeScopeInstrumentation,
}

func scopeWord(s store.Scope) AttributeScope { return scopeWords[s] }

func scopeOfWord(word AttributeScope) (store.Scope, bool) {
	for s, w := range scopeWords {
		if w == word {
			return s, true
		}
	}
	return 0, false
}

var typeWords = map[span.ValueKind]ValueType{
	span.ValueAbsent: ValueTypeAbsent, span.ValueEmpty: ValueTypeEmpty, span.ValueString: ValueTypeString,
	span.ValueBool: ValueTypeBool, span.ValueInt: ValueTypeInt, span.ValueDouble: ValueTypeDouble,
	span.ValueBytes: ValueTypeBytes, span.ValueArray: ValueTypeArray, span.ValueMap: ValueTypeMap, span.ValueOpaque: ValueTypeOpaque,
}

func typeWord(k span.ValueKind) ValueType { return typeWords[k] }

// Complete completes a query at the cursor.
func (s *server) Complete(w http.ResponseWriter, r *http.Request, p CompleteParams) {
	if len(p.Q) > maxQuery {
		s.fail(w, r, badRequest(fmt.Sprintf("q: %d bytes, at most %d", len(p.Q), maxQuery), ""))
		return
	}
	limit, err := limitParam(r, p.Limit, 20, 200)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	pos := len(p.Q)
	if p.Pos != nil {
		pos = byteOffset(p.Q, *p.Pos)
	}
	out, err := s.Queries.Complete(r.Context(), s.tenant(r), p.Q, pos, limit)
	if err != nil {
		s.fail(w, r, fmt.Errorf("complete: %w", err))
		return
	}
	out.From, out.To = utf16Len(p.Q[:out.From]), utf16Len(p.Q[:out.To])
	s.writeJSON(w, out)
}
