package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// The values of -o.
var outputs = []string{"table", "wide", "json", "jsonl", "yaml"}

func (e *env) outputFlag(c *cobra.Command) {
	c.Flags().StringVarP(&e.output, "output", "o", "table", "output: "+strings.Join(outputs, ", "))
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoFileComp))
	c.PreRunE = func(*cobra.Command, []string) error {
		for _, o := range outputs {
			if e.output == o {
				return nil
			}
		}
		return usage("use one of: "+strings.Join(outputs, ", "), "unknown output %q", e.output)
	}
}

// listPrinter prints rows in the chosen output: streamed where the format allows.
type listPrinter struct {
	e       *env
	w       io.Writer
	table   *tabwriter.Writer
	columns []column
	rows    []any
}

// column of a table; wide ones are shown with -o wide only.
type column struct {
	title string
	wide  bool
	text  func(row any) string
}

func (e *env) list(columns []column) *listPrinter {
	p := &listPrinter{e: e, w: e.Out}
	if e.output == "table" || e.output == "wide" {
		p.table = tabwriter.NewWriter(e.Out, 0, 4, 2, ' ', 0)
		for _, c := range columns {
			if !c.wide || e.output == "wide" {
				p.columns = append(p.columns, c)
			}
		}
	}
	return p
}

func (p *listPrinter) row(v any) error {
	switch {
	case p.table != nil:
		if len(p.rows) == 0 {
			var titles []string
			for _, c := range p.columns {
				titles = append(titles, c.title)
			}
			if _, err := fmt.Fprintln(p.table, strings.Join(titles, "\t")); err != nil {
				return err
			}
			p.rows = append(p.rows, nil)
		}
		var cells []string
		for _, c := range p.columns {
			cells = append(cells, plain(c.text(v)))
		}
		_, err := fmt.Fprintln(p.table, strings.Join(cells, "\t"))
		return err
	case p.e.output == "jsonl":
		return json.NewEncoder(p.w).Encode(v)
	}
	p.rows = append(p.rows, v)
	return nil
}

func (p *listPrinter) close() error {
	if p.table != nil {
		return p.table.Flush()
	}
	if p.e.output == "jsonl" {
		return nil
	}
	if p.rows == nil {
		p.rows = []any{}
	}
	return p.e.print(p.rows)
}

// print writes one value as JSON or YAML.
func (e *env) print(v any) error {
	if e.output == "yaml" {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		y, err := yaml.JSONToYAML(text)
		if err != nil {
			return err
		}
		_, err = e.Out.Write(y)
		return err
	}
	enc := json.NewEncoder(e.Out)
	enc.SetEscapeHTML(false)
	if e.output != "jsonl" {
		enc.SetIndent("", "  ")
	}
	return enc.Encode(v)
}

// plain keeps a value from playing with the terminal: control characters are shown as
// they are written in Go.
func plain(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			fmt.Fprintf(&b, "\\x%02x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// human is a duration with three significant digits.
func human(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < time.Millisecond:
		return digits(float64(d)/1e3) + " µs"
	case d < time.Second:
		return digits(float64(d)/1e6) + " ms"
	case d < time.Minute:
		return digits(float64(d)/1e9) + " s"
	}
	return d.Round(time.Second).String()
}

func digits(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

func bytesText(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	f, u := float64(n), 0
	for f >= 1000 && u < len(units)-1 {
		f, u = f/1000, u+1
	}
	if u == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return digits(f) + " " + units[u]
}
