// Package querytest runs the *.test files of its folder testdata: spans, queries over
// them, and what comes out. A file is a list of cases,
//
//	command
//	input
//	----
//	output
//
// with empty lines between them and # before comments. The commands:
//
//	spans     the trace the cases below ask, one span a line (see spans.go)
//	query     TraceQL → the matching spans, or the error
//	box       the search box's shorthand → canonical TraceQL and the matching spans
//	format    TraceQL → canonical TraceQL
//	plan      TraceQL → what the engine is asked
//	complete  text with ^ at the cursor → what may stand there
//
// Run checks the language against store.Matcher; given an engine, it also checks that the
// engine finds the traces with such spans and no others.
package querytest

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/query"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

//go:embed testdata/*.test
var files embed.FS

// tenant is whose traces the engine is asked for.
const tenant = "default"

// Run runs all files. open, if not nil, makes an engine that holds the spans for tenant
// "default". update, if not nil, gets each file with the outputs as they are instead of a
// comparison.
func Run(t *testing.T, open func(t *testing.T, spans *span.Batch) store.Reader, update func(name string, content []byte)) {
	entries, err := files.ReadDir("testdata")
	if err != nil || len(entries) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			content, err := files.ReadFile("testdata/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			r := &run{T: t, open: open, update: update != nil}
			out := r.file(string(content))
			if update != nil {
				update(e.Name(), out)
			}
		})
	}
}

// run is one file being run.
type run struct {
	*testing.T
	open   func(*testing.T, *span.Batch) store.Reader
	update bool
	spans  *span.Batch
	reader store.Reader
	// line is that of the case, for messages.
	line int
}

// file runs the cases and returns the file with their outputs.
func (r *run) file(content string) []byte {
	var out bytes.Buffer
	lines := strings.Split(strings.TrimRight(content, "\n"), "\n")
	for i := 0; i < len(lines); {
		if lines[i] == "" || strings.HasPrefix(lines[i], "#") {
			fmt.Fprintln(&out, lines[i])
			i++
			continue
		}
		r.line = i + 1
		command := lines[i]
		i++
		from := i
		for i < len(lines) && lines[i] != "----" {
			i++
		}
		input := strings.Join(lines[from:i], "\n")
		from = min(i+1, len(lines))
		for i = from; i < len(lines) && lines[i] != ""; i++ {
		}
		want := strings.Join(lines[from:i], "\n")
		got := strings.TrimRight(r.command(command, input), "\n")
		if got != want && !r.update {
			r.Errorf("line %d: %s %s\ngives\n%s\nwant\n%s", r.line, command, input, got, want)
		}
		fmt.Fprintf(&out, "%s\n%s\n----\n%s\n", command, input, got)
	}
	return out.Bytes()
}

func (r *run) command(name, input string) string {
	switch name {
	case "spans":
		spans, err := parseSpans(input)
		if err != nil {
			r.Fatalf("line %d: %v", r.line, err)
		}
		r.spans = spans
		if r.open != nil {
			r.reader = r.open(r.T, spans)
		}
		return fmt.Sprintf("%d spans", len(spans.Spans))
	case "query":
		q, err := query.Parse(input)
		if err != nil {
			return describe(err)
		}
		return r.matching(q)
	case "box":
		q, err := query.ParseBox(input)
		if err != nil {
			return describe(err)
		}
		if again, err := query.Parse(q.String()); err != nil || again.String() != q.String() {
			r.Errorf("line %d: %s is read back as %v, %v", r.line, q, again, err)
		}
		return q.String() + "\n" + r.matching(q)
	case "format", "plan":
		q, err := query.Parse(input)
		if err != nil {
			return describe(err)
		}
		if name == "plan" {
			q.Filter = query.Plan(q.Filter)
		}
		return q.String()
	case "complete":
		pos := strings.IndexByte(input, '^')
		if pos < 0 {
			r.Fatalf("line %d: no ^ in %q", r.line, input)
		}
		return completion(query.Complete(input[:pos]+input[pos+1:], pos))
	}
	r.Fatalf("line %d: unknown command %q", r.line, name)
	return ""
}

func describe(err error) string {
	var s *query.SyntaxError
	if !errors.As(err, &s) {
		return "not a syntax error: " + err.Error()
	}
	out := fmt.Sprintf("error at %d:%d %q: %s", s.Line, s.Col, s.Query[s.Pos:s.Pos+s.Len], s.Msg)
	if s.Hint != "" {
		out += "\nhint: " + s.Hint
	}
	return out
}

func completion(c query.Completion) string {
	if c.Expect == "" {
		return "nothing"
	}
	out := fmt.Sprintf("%s %d-%d", c.Expect, c.From, c.To)
	if c.Field != (store.Field{}) {
		out += " of " + query.Format(c.Field)
	}
	if c.Scoped {
		out += fmt.Sprintf(" in scope %d", c.Scope)
	}
	if c.Prefix != "" {
		out += fmt.Sprintf(" prefix %q", c.Prefix)
	}
	for _, s := range c.Suggestions {
		out += "\n" + s.Kind + " " + s.Insert
	}
	return out
}

// matching is the names of the matching spans, in order of the file; the planned filter
// and the engine must agree.
func (r *run) matching(q *query.Query) string {
	if r.spans == nil {
		r.Fatalf("line %d: no spans before this", r.line)
	}
	matcher, planned := store.NewMatcher(q.Filter), store.NewMatcher(query.Plan(q.Filter))
	var names []string
	var traces []span.TraceID
	for from := 0; from < len(r.spans.Spans); {
		id := r.spans.Spans[from].TraceID
		var w span.Builder
		for ; from < len(r.spans.Spans) && r.spans.Spans[from].TraceID == id; from++ {
			w.Append(r.spans, from)
		}
		trace := w.Batch()
		view := store.NewTraceView(trace)
		for i := range trace.Spans {
			match := matcher.Match(trace, i, view)
			if p := planned.Match(trace, i, view); p != match {
				r.Errorf("line %d: %s matches %s: %v; planned, as %s: %v", r.line, q, nameOf(trace, i), match,
					query.Format(query.Plan(q.Filter)), p)
			}
			if match {
				names = append(names, nameOf(trace, i))
				if !slices.Contains(traces, id) {
					traces = append(traces, id)
				}
			}
		}
	}
	r.checkEngine(q, traces)
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " ")
}

// checkEngine asks the engine for the same.
func (r *run) checkEngine(q *query.Query, want []span.TraceID) {
	if r.reader == nil {
		return
	}
	var got []span.TraceID
	ask := store.Query{Tenant: tenant, Filter: query.Plan(q.Filter), Order: q.Order, Limit: 1000, Window: store.Window{End: math.MaxInt64}}
	for row, err := range r.reader.Search(r.Context(), ask) {
		if err != nil {
			r.Errorf("line %d: search %s: %v", r.line, q, err)
			return
		}
		got = append(got, row.TraceID)
	}
	order := func(a, b span.TraceID) int { return bytes.Compare(a[:], b[:]) }
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if !slices.Equal(got, want) {
		r.Errorf("line %d: the engine finds for %s the traces %v, want %v", r.line, q, got, want)
	}
}

func nameOf(b *span.Batch, i int) string {
	id := b.Spans[i].SpanID
	return string(bytes.TrimRight(id[:], "\x00"))
}
