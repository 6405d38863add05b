package otlp

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// jsonLines calls f with every line of a compressed file.
func jsonLines(t *testing.T, path string, f func(line []byte)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		f(bytes.Clone(lines.Bytes()))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// Requests of real systems: every field is the one that encoding/json finds, and the spans
// are the same after a way through protobuf and one through JSON.
func TestRealRequests(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	type attrs []struct {
		Key   string
		Value struct{ StringValue string }
	}
	for _, path := range files {
		spans := 0
		jsonLines(t, path, func(line []byte) {
			var want struct {
				ResourceSpans []struct {
					Resource   struct{ Attributes attrs }
					ScopeSpans []struct {
						Scope struct{ Name string }
						Spans []struct {
							TraceID, SpanID, ParentSpanID      string
							Name                               string
							Kind                               int
							StartTimeUnixNano, EndTimeUnixNano string
						}
					}
				}
			}
			if err := json.Unmarshal(line, &want); err != nil {
				t.Fatal(err)
			}
			b, rej, err := DecodeJSON(line, Limits{})
			if err != nil || rej.Altered() {
				t.Fatalf("%s: %v %+v", path, err, rej)
			}
			i := 0
			for _, rs := range want.ResourceSpans {
				for _, ss := range rs.ScopeSpans {
					for _, w := range ss.Spans {
						s := &b.Spans[i]
						parent := ""
						if !s.Parent.IsZero() {
							parent = s.Parent.String()
						}
						if s.TraceID.String() != w.TraceID || s.SpanID.String() != w.SpanID || parent != w.ParentSpanID ||
							s.Name != w.Name || int(s.Kind) != w.Kind || b.Scopes[s.Scope].Name != ss.Scope.Name ||
							strconv.FormatInt(s.Start, 10) != w.StartTimeUnixNano || strconv.FormatInt(s.End, 10) != w.EndTimeUnixNano {
							t.Fatalf("%s: span %d is %+v, want %+v", path, i, s, w)
						}
						for k, a := range b.AttrsOf(b.ResourceOf(s).Attrs) {
							if w := rs.Resource.Attributes[k]; a.Key != w.Key || a.Value.Str != w.Value.StringValue {
								t.Fatalf("%s: resource attribute %+v, want %+v", path, a, w)
							}
						}
						i++
					}
				}
			}
			if i != len(b.Spans) {
				t.Fatalf("%s: %d spans, want %d", path, len(b.Spans), i)
			}
			spans += i
			pb, _ := decode(t, AppendRequest(nil, b), Limits{})
			js, _, err := DecodeJSON(AppendJSON(nil, b), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Spans {
				if !b.EqualSpan(i, pb, i) || !b.EqualSpan(i, js, i) {
					t.Fatalf("%s: span %d changed on its way", path, i)
				}
			}
		})
		if spans < 500 {
			t.Errorf("%s: only %d spans", path, spans)
		}
	}
}

// Spans ordered by time come out in one group per scope, each group in the old order.
func TestGrouped(t *testing.T) {
	b, _ := decode(t, benchRequest(30), Limits{})
	mixed := *b
	mixed.Spans = nil
	for i := range 10 {
		for k := range 3 {
			mixed.Spans = append(mixed.Spans, b.Spans[k*10+i])
		}
	}
	if n := bytes.Count(AppendJSON(nil, &mixed), []byte(`"scope":`)); n != 30 {
		t.Fatalf("%d groups before", n)
	}
	got := Grouped(&mixed)
	if n := bytes.Count(AppendJSON(nil, got), []byte(`"scope":`)); n != 3 {
		t.Errorf("%d groups, want 3", n)
	}
	for i := range b.Spans {
		if !b.EqualSpan(i, got, i) {
			t.Errorf("span %d is another", i)
		}
	}
}
