package jaeger

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Tags come as JSON or as logfmt, in the order they were written.
func TestParseTags(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got, err := parseTags(text)
		if s := fmt.Sprint(got); err != nil || s != want {
			t.Errorf("parseTags(%s) = %s, %v, want %s", text, s, err, want)
		}
	}
	f(``, "[]")
	f(`{}`, "[]")
	f(`{"b":"x","a":"1 2"}`, "[{b x} {a 1 2}]")
	f(`{"n":1.50,"t":true}`, "[{n 1.50} {t true}]")
	f(`a=1 b=two`, "[{a 1} {b two}]")
	f(`a="x y" b="say \"hi\""`, `[{a x y} {b say "hi"}]`)
	f(`a= b`, "[{a } {b true}]")
	f("  a=1\tb=2  ", "[{a 1} {b 2}]")
	f(`url=http://x/?q=1`, "[{url http://x/?q=1}]")
	bad := func(text string) {
		t.Helper()
		if got, err := parseTags(text); err == nil {
			t.Errorf("parseTags(%s) = %v, want an error", text, got)
		}
	}
	bad(`{"a"`)
	bad(`{"a":null}`)
	bad(`{"a":["x"]}`)
	bad(`{"a":"b"}{}`)
	bad(`=x`)
	bad(`a="x`)
}

// Any text is tags or an error, and tags make a predicate that can be evaluated.
func FuzzParseTags(f *testing.F) {
	for _, text := range []string{`{"a":"b","n":1}`, `error=true span.kind=client`, `a="\u00e9" b`, `{"a":{"b":1}}`, `a==b`} {
		f.Add(text)
	}
	b := &span.Batch{Resources: []span.Resource{{}}, Scopes: []span.Scope{{}}, Spans: []span.Span{{}}}
	f.Fuzz(func(t *testing.T, text string) {
		tags, err := parseTags(text)
		if err != nil {
			return
		}
		for _, tag := range tags {
			store.NewMatcher(tag.expr()).Match(b, 0, nil)
		}
	})
}

// Any filter is a predicate or an error.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		`{"op":"and","args":[{"call":{"op":"exists","args":[{"attr":{"key":"a"}}]}},{"call":{"op":"eq","args":[{"field":{"level":"span","name":"kind"}},{"scalar":{"value":"client"}}]}}]}`,
		`{"op":"in","args":[{"attr":{"key":"a","level":"event"}},{"list":{"values":["1","x"],"type":"int"}}]}`,
		`{"op":"regex","args":[{"field":{"level":"span","name":"name"}},{"scalar":{"value":"a|b"}}]}`,
		`{"op":"not","args":[{}]}`,
	} {
		f.Add(text)
	}
	b := &span.Batch{Resources: []span.Resource{{}}, Scopes: []span.Scope{{}}, Spans: []span.Span{{}}}
	f.Fuzz(func(t *testing.T, text string) {
		var call filterCall
		if json.Unmarshal([]byte(text), &call) != nil {
			return
		}
		if e, err := call.expr(); err == nil {
			store.NewMatcher(e).Match(b, 0, store.NewTraceView(b))
		}
	})
}
