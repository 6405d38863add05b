package query

import (
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// kind is the type of an expression.
type kind uint8

const (
	anything  kind = iota // an attribute: known when it is met
	condition             // what && takes
	text
	number
	boolean
	statusWord
	kindWord
	null
)

func (k kind) String() string {
	return [...]string{"an attribute", "a condition", "text", "a number", "true or false", "a status", "a span kind", "nil"}[k]
}

// intrinsic is a built-in field and how it is written; the first name of a field is its
// canonical one.
type intrinsic struct {
	name  string
	field store.Intrinsic
	kind  kind
	about string
}

// intrinsics is in the order completion shows them. Never changed.
var intrinsics = []intrinsic{
	{"name", store.SpanName, text, "name of the span"},
	{"status", store.StatusOf, statusWord, "ok, error or unset"},
	{"duration", store.Duration, number, "of the span, 10ms"},
	{"kind", store.KindOf, kindWord, "server, client, producer, consumer, internal"},
	{"statusMessage", store.StatusMessage, text, "what the span says about its status"},
	{"traceDuration", store.TraceDuration, number, "of the whole trace"},
	{"rootName", store.RootName, text, "name of the trace's root span"},
	{"rootServiceName", store.RootService, text, "service of the trace's root span"},
	{"childCount", store.ChildCount, number, "spans whose parent this is"},
	{"nestedSetParent", store.NestedSetParent, number, "-1 for a root"},
	{"nestedSetLeft", store.NestedSetLeft, number, "place in the tree"},
	{"nestedSetRight", store.NestedSetRight, number, "place in the tree"},
	{"trace:id", store.TraceIDOf, text, "32 hex digits"},
	{"span:id", store.SpanIDOf, text, "16 hex digits"},
	{"span:parentID", store.ParentIDOf, text, "16 hex digits, nil for a root"},
	{"event:name", store.EventName, text, "of some event"},
	{"event:timeSinceStart", store.EventTimeSinceStart, number, "from the span's start to the event"},
	{"link:traceID", store.LinkTraceID, text, "that some link names"},
	{"link:spanID", store.LinkSpanID, text, "that some link names"},
	{"instrumentation:name", store.ScopeName, text, "of the library that made the span"},
	{"instrumentation:version", store.ScopeVersion, text, "of that library"},
	{"span:name", store.SpanName, text, ""},
	{"span:status", store.StatusOf, statusWord, ""},
	{"span:duration", store.Duration, number, ""},
	{"span:kind", store.KindOf, kindWord, ""},
	{"span:statusMessage", store.StatusMessage, text, ""},
	{"span:childCount", store.ChildCount, number, ""},
	{"trace:duration", store.TraceDuration, number, ""},
	{"trace:rootName", store.RootName, text, ""},
	{"trace:rootService", store.RootService, text, ""},
}

func intrinsicNamed(name string) (intrinsic, bool) {
	for _, in := range intrinsics {
		if in.name == name {
			return in, true
		}
	}
	return intrinsic{}, false
}

// intrinsicOf is the canonical entry of a field.
func intrinsicOf(f store.Intrinsic) intrinsic {
	for _, in := range intrinsics {
		if in.field == f {
			return in
		}
	}
	return intrinsic{name: "unknown"}
}

// scopeNames are the prefixes of attributes, by store.Scope. Never changed.
var scopeNames = [...]string{
	store.ScopeAny: "", store.ScopeSpan: "span", store.ScopeResource: "resource", store.ScopeEvent: "event",
	store.ScopeLink: "link", store.ScopeInstrumentation: "instrumentation", store.ScopeParent: "parent",
}

func scopeNamed(name string) (store.Scope, bool) {
	for s, n := range scopeNames {
		if n == name && name != "" {
			return store.Scope(s), true
		}
	}
	return 0, false
}

// Words that are values, by their OTLP number. Never changed.
var (
	statusWords = [...]string{span.StatusUnset: "unset", span.StatusOK: "ok", span.StatusError: "error"}
	kindWords   = [...]string{
		span.KindUnspecified: "unspecified", span.KindInternal: "internal", span.KindServer: "server",
		span.KindClient: "client", span.KindProducer: "producer", span.KindConsumer: "consumer",
	}
)

// constant is the literal a word stands for.
func constant(word string) (store.Literal, kind, bool) {
	switch word {
	case "nil":
		return store.Literal{Nil: true}, null, true
	case "true", "false":
		return store.Literal{Value: span.Bool(word == "true")}, boolean, true
	}
	for n, w := range statusWords {
		if w == word {
			return store.Literal{Value: span.Int(int64(n)), Unit: store.UnitStatus}, statusWord, true
		}
	}
	for n, w := range kindWords {
		if w == word {
			return store.Literal{Value: span.Int(int64(n)), Unit: store.UnitKind}, kindWord, true
		}
	}
	return store.Literal{}, 0, false
}

// kindOf is the type of a field's values.
func kindOf(f store.Field) kind {
	if f.Intrinsic == store.NotIntrinsic {
		return anything
	}
	return intrinsicOf(f.Intrinsic).kind
}

// boxNames are the search box's short names. Never changed.
var boxNames = map[string]store.Field{
	"service":   {Scope: store.ScopeResource, Name: "service.name"},
	"operation": {Intrinsic: store.SpanName},
}

// nearest is the word of some that is at most two edits from word, "" if none is.
func nearest(word string, words func(yield func(string) bool)) string {
	best, most := "", min(2, len(word)/2)+1
	for w := range words {
		if d := edits(word, w); d < most {
			best, most = w, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two words, in bytes, without regard to case.
func edits(a, b string) int {
	lower := func(c byte) byte {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if lower(a[i]) != lower(b[j]) {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
