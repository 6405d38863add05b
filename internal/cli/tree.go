package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// printTree prints a trace as a person reads it: one span a line, indented, with when it
// began, how long it took and what went wrong; wide adds attributes.
func printTree(out io.Writer, b *span.Batch, wide bool) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICE\tSPAN\tAT\tDURATION\tSTATUS")
	first := b.Spans[0].Start
	for i := range b.Spans {
		first = min(first, b.Spans[i].Start)
	}
	roots, below := children(b)
	done := make([]bool, len(b.Spans))
	var walk func(i, depth int)
	walk = func(i, depth int) {
		if done[i] {
			return
		}
		done[i] = true
		s := &b.Spans[i]
		fmt.Fprintf(w, "%s\t%s%s\t%s\t%s\t%s\n", plain(b.Service(s)), strings.Repeat("  ", min(depth, 40)), plain(s.Name),
			human(time.Duration(s.Start-first)), human(time.Duration(s.Duration())), statusText(b, s))
		if wide {
			for _, a := range b.AttrsOf(s.Attrs) {
				fmt.Fprintf(w, "\t%s· %s = %s\t\t\t\n", strings.Repeat("  ", min(depth, 40)+1), plain(a.Key), plain(string(otlp.AppendPlainJSON(nil, a.Value))))
			}
		}
		for _, c := range below[s.SpanID] {
			walk(c, depth+1)
		}
	}
	for _, r := range roots {
		walk(r, 0)
	}
	for i := range b.Spans { // what only a cycle of parents reaches
		walk(i, 0)
	}
	return w.Flush()
}

func statusText(b *span.Batch, s *span.Span) string {
	if s.End == 0 {
		return "not ended"
	}
	if s.Status != span.StatusError {
		return "ok"
	}
	for _, e := range b.EventsOf(s) {
		if e.Name == "exception" {
			kind, _ := b.Get(e.Attrs, "exception.type")
			text, _ := b.Get(e.Attrs, "exception.message")
			return plain("error: " + kind.Str + ": " + text.Str)
		}
	}
	return plain(strings.TrimSuffix("error: "+s.StatusMessage, ": "))
}
