package jaegerjson_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/weft-dev/weft/internal/trace/ingest/jaegerjson"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// sample has every kind of value, both kinds of reference, events, marks, and the same
// process twice.
func sample() *span.Batch {
	b := &span.Batch{}
	attrs := func(list ...span.Attr) span.Range {
		from := uint32(len(b.Attrs))
		b.Attrs = append(b.Attrs, list...)
		return span.Range{From: from, To: uint32(len(b.Attrs))}
	}
	gateway := []span.Attr{{Key: "service.name", Value: span.String("gateway")}, {Key: "host.name", Value: span.String("web-1")}}
	b.Resources = []span.Resource{{Attrs: attrs(gateway...)}, {Attrs: attrs(gateway...)}, {}}
	b.Scopes = []span.Scope{{Resource: 0, Name: "net/http", Version: "1.2"}, {Resource: 1}, {Resource: 2}}
	b.Events = []span.Event{{Time: 1_700_000_000_000_500_000, Name: "exception", Attrs: attrs(span.Attr{Key: "exception.message", Value: span.String("no \"reply\"")})}}
	b.Links = []span.Link{
		{TraceID: span.TraceID{15: 9}, SpanID: span.SpanID{7: 8}},
		{TraceID: span.TraceID{15: 1}, SpanID: span.SpanID{7: 7}, Attrs: attrs(span.Attr{Key: "opentracing.ref_type", Value: span.String("child_of")})},
	}
	id := span.TraceID{0: 0xab, 15: 1}
	b.Spans = []span.Span{
		{
			TraceID: id, SpanID: span.SpanID{7: 1}, Start: 1_700_000_000_000_000_999, End: 1_700_000_000_001_240_000,
			Kind: span.KindServer, Status: span.StatusError, StatusMessage: "upstream", Flags: 1, Name: "POST /pay", TraceState: "a=b",
			Attrs: attrs(
				span.Attr{Key: "s", Value: span.String("x")}, span.Attr{Key: "b", Value: span.Bool(true)},
				span.Attr{Key: "i", Value: span.Int(-7)}, span.Attr{Key: "big", Value: span.Int(math.MaxInt64)},
				span.Attr{Key: "d", Value: span.Double(1.5)}, span.Attr{Key: "nan", Value: span.Double(math.NaN())},
				span.Attr{Key: "bytes", Value: span.Value{Kind: span.ValueBytes, Str: "\x00\xff"}},
				span.Attr{Key: "list", Value: otlp.Array(span.Int(1), span.String("two"))},
				span.Attr{Key: "map", Value: otlp.Map(span.Attr{Key: "k", Value: span.Bool(false)})},
				span.Attr{Key: "empty", Value: span.Value{Kind: span.ValueEmpty}},
				span.Attr{Key: "error", Value: span.String("timeout")}, // the sender's own stays alone
			),
			Events: span.Range{From: 0, To: 1},
		},
		{
			TraceID: id, SpanID: span.SpanID{7: 2}, Parent: span.SpanID{7: 1}, Scope: 1, Start: 1_700_000_000_000_100_000,
			Name: "bad \xff", Marks: span.MarkTruncated | span.MarkInvalidUTF8, Status: span.StatusOK, Kind: span.KindClient,
			Links: span.Range{From: 0, To: 2},
		},
		{TraceID: id, SpanID: span.SpanID{7: 3}, Scope: 2, Start: 1_700_000_000_000_200_000, End: 1_700_000_000_000_100_000, Name: "no service"},
	}
	return b
}

// The document is golden, and valid JSON.
func TestAppendTraces(t *testing.T) {
	var got bytes.Buffer
	if err := json.Indent(&got, jaegerjson.AppendTraces(nil, sample()), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	const path = "testdata/encode.json"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
	}
}
