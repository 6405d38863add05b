package transfer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func itemsOf(t *testing.T, text string) items {
	t.Helper()
	in := &input{Reader: bufio.NewReader(strings.NewReader(text))}
	i, err := sniff(in)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return i
}

// The format is told by the first bytes, also where those of protobuf look like the begin
// of JSON: a tag is a line end, lengths are brackets and quotes.
func TestSniff(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := itemsOf(t, text).format(); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	const message, delimited = "OTLP protobuf", "OTLP protobuf, length-delimited"
	f(`{"resourceSpans":[]}`, "JSON")
	f("\n\r\t {\n  \"data\": []}", "JSON")
	f("\xef\xbb\xbf[\n{\"traceId\":1}]", "JSON")
	f("{}", "JSON")
	f("[]", "JSON")
	f("\n{\n\"resourceSpans\":[]}", "JSON")
	f("\n\x20\n\x05\n\x03\n\x01k", message)
	f("\n{\n\"\n\x20\n\x05k", message)  // 123 bytes, of which 34 are the resource
	f("\n[\n[\n\"\x12\x05", message)    // 91
	f("{\n\x79\n\x03", delimited)       // 123 bytes
	f("[\n\x59\n\x22\n\x20", delimited) // 91
	f("\x90\x4e\n\x8d\x4e", delimited)  // 10,000
	for _, empty := range []string{"", " \n", "\xef\xbb\xbf"} {
		if _, err := sniff(&input{Reader: bufio.NewReader(strings.NewReader(empty))}); err == nil {
			t.Errorf("%q is an input", empty)
		}
	}
}

// An item that cannot be read is named by its line, across values of several lines, empty
// lines and more text than one read takes.
func TestPlace(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		i := itemsOf(t, text)
		for {
			raw, err := i.next()
			if err == nil {
				_, _, err = i.decode(raw)
			}
			if errors.Is(err, io.EOF) {
				t.Fatalf("%.40q was read to its end", text)
			}
			if err != nil {
				if got := i.place(0); got != want {
					t.Errorf("%.40q: trouble at %s, want %s: %v", text, got, want, err)
				}
				return
			}
		}
	}
	const good = `{"resourceSpans":[]}` + "\n"
	f(`{"a"`, "line 1")
	f("\n\n"+good+"{\n\"resourceSpans\":\n[]}\nx", "line 7")
	f(good+`{"other":1}`, "line 2")
	f(good+"{\"resourceSpans\":\n[\n}", "line 4")
	f("[]\n{\"data\":7}", "line 2")
	f(strings.Repeat(good, 5000)+"nonsense\n"+strings.Repeat(good, 5000), "line 5001")
	f(strings.Repeat(good, 100)+"{\"resourceSpans\":[", "line 101")
}

// One item with many spans, as a whole Jaeger or Zipkin file is, becomes requests of the
// usual size, with each span once.
func TestLargeItem(t *testing.T) {
	var spans []map[string]any
	for i := range 10_500 {
		spans = append(spans, map[string]any{
			"traceId": fmt.Sprintf("%032x", i/10+1), "id": fmt.Sprintf("%016x", i+1), "name": "x",
			"timestamp": 1_700_000_000_000_000 + i, "duration": 5, "localEndpoint": map[string]any{"serviceName": "s"},
		})
	}
	text, err := json.Marshal(spans)
	if err != nil {
		t.Fatal(err)
	}
	i := itemsOf(t, string(text))
	var res ImportResult
	skip := int64(0)
	batches, n, err := collect(i, &skip, &res)
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	seen := map[string]bool{}
	for k, b := range batches {
		if len(b.Spans) > batchSpans {
			t.Errorf("batch %d has %d spans", k, len(b.Spans))
		}
		for _, s := range b.Spans {
			seen[s.SpanID.String()] = true
		}
	}
	if len(batches) != 3 || len(seen) != 10_500 {
		t.Errorf("%d batches with %d spans, want 3 with 10500", len(batches), len(seen))
	}
}
