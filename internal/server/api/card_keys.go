package api

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
)

var inputExact = map[string]bool{
	"http.request.method": true, "http.method": true, "url.full": true, "http.url": true, "url.path": true,
	"url.query": true, "http.route": true, "http.target": true, "http.request.body": true,
	"rpc.service": true, "rpc.method": true, "rpc.system": true, "graphql.document": true, "graphql.operation.name": true,
	"db.query.text": true, "db.statement": true, "db.collection.name": true, "db.operation.name": true,
	"messaging.destination.name": true, "messaging.destination": true, "messaging.operation": true,
	"peer.service": true, "provider": true,
	"code.function": true, "code.function.name": true, "faas.trigger": true,
}

var outputExact = map[string]bool{
	"http.response.status_code": true, "http.status_code": true, "http.response.body": true,
	"rpc.grpc.status_code": true, "rpc.connect_rpc.error_code": true, "db.response.status_code": true,
	"db.response.returned_rows": true, "messaging.message.id": true, "error.type": true, "result": true,
}

func inputKeys(key string) bool {
	return inputExact[key] || hasWord(key, "input", "request", "params", "args") && !outputExact[key]
}

func outputKeys(key string) bool {
	return outputExact[key] || hasWord(key, "output", "response", "result")
}

// hasWord reports whether the first or second part of a dotted key is one of the words,
// as in input.amount or rpc.request.metadata.
func hasWord(key string, words ...string) bool {
	first, rest, _ := strings.Cut(key, ".")
	second, _, _ := strings.Cut(rest, ".")
	for _, w := range words {
		if first == w || second == w {
			return true
		}
	}
	return false
}

// relatedFirst are the ids people ask for, in that order.
var relatedFirst = []string{"global_trace_id", "customer", "provider", "order.id", "payment.id", "transaction.id", "user.id", "enduser.id", "session.id", "tenant.id"}

// relatedNever are ids of machinery: every span has them, and none leads to a person.
var relatedNever = regexp.MustCompile(`^(thread|process|container|host|k8s|cloud|faas|os|device|telemetry|otel|aws|gcp|azure|service|net|network|server|client|db|rpc|code|exception|span|trace|parent|webengine|opencensus|internal|messaging\.(kafka|consumer|client|partition))([._]|$)`)

// relatedShape is a key that names an id.
var relatedShape = regexp.MustCompile(`([._-](id|uuid|guid|no|number|ref|reference)|[a-z](Id|ID|Uuid|UUID|Ref))$`)

// maxRelatedValues: a key with more values in one trace is a measurement of it, no way on.
const maxRelatedValues = 4

// related are the values that lead to other traces.
func (c *cardMaker) related() []RelatedID {
	type found struct {
		RelatedID
		rank int
	}
	type place struct {
		scope AttributeScope
		key   string
		text  string
	}
	at := map[place]int{}
	values := map[string]int{}
	var all []found
	add := func(scope AttributeScope, a span.Attr) {
		rank := relatedRank(a.Key)
		if rank < 0 || a.Value.Kind != span.ValueString && a.Value.Kind != span.ValueInt {
			return
		}
		v := valueText(a.Value)
		if v == "" || len(v) > 200 {
			return
		}
		p := place{scope, a.Key, v}
		i, ok := at[p]
		if !ok {
			if values[a.Key] > maxRelatedValues {
				return
			}
			values[a.Key]++
			i = len(all)
			at[p] = i
			all = append(all, found{RelatedID{Key: text(a.Key), Value: v, Scope: scope, Query: equalsQuery(scope, a)}, rank})
		}
		all[i].Spans++
	}
	for r := range c.t.Rows {
		s := c.t.SpanOf(int32(r))
		if s == nil {
			continue
		}
		for _, a := range c.b.AttrsOf(s.Attrs) {
			add(AttributeScopeSpan, a)
		}
		for _, a := range c.b.AttrsOf(c.b.ResourceOf(s).Attrs) {
			add(AttributeScopeResource, a)
		}
	}
	all = slices.DeleteFunc(all, func(f found) bool { return values[f.Key] > maxRelatedValues })
	slices.SortStableFunc(all, func(x, y found) int {
		return cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(y.Spans, x.Spans))
	})
	out := []RelatedID{}
	for _, f := range all[:min(len(all), cardRelated)] {
		out = append(out, f.RelatedID)
	}
	return out
}

// relatedRank is the place of a key in the list, -1 for one that does not belong there.
func relatedRank(key string) int {
	if i := slices.Index(relatedFirst, key); i >= 0 {
		return i
	}
	if len(key) <= 100 && relatedShape.MatchString(key) && !relatedNever.MatchString(key) {
		return len(relatedFirst)
	}
	return -1
}

// equalsQuery finds every trace with the attribute.
func equalsQuery(scope AttributeScope, a span.Attr) string {
	value := strconv.FormatInt(a.Value.Int(), 10)
	if a.Value.Kind == span.ValueString {
		value = quoteQuery(a.Value.Str)
	}
	return "{ " + string(scope) + "." + quoteKey(a.Key) + " = " + value + " }"
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]*$`)

func quoteKey(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return quoteQuery(key)
}

// quoteQuery writes s as a string of the query language.
func quoteQuery(s string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return `"` + r.Replace(text(s)) + `"`
}
