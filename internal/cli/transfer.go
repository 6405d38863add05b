package cli

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/transfer"
)

func (e *env) importCommand() *cobra.Command {
	var fresh bool
	c := &cobra.Command{
		Use: "import FILE...", Short: "Send traces from files: OTLP, Jaeger or Zipkin, plain, gzip or zstd",
		Long: "Send traces from files to the server. Formats, told apart by content: OTLP JSON lines, OTLP protobuf,\n" +
			"Jaeger JSON, Zipkin v2 JSON; plain, .gz or .zst; - is standard input. An import that was cut goes on\n" +
			"where it was; sending spans twice does no harm.",
		Example: "  weft import traces.jsonl.zst\n  zcat old.json.gz | weft import -",
		Args:    someArgs("file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if err := e.importFile(cmd, name, fresh); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&fresh, "restart", false, "begin at the start, also where an earlier import was cut")
	return c
}

func (e *env) importFile(cmd *cobra.Command, name string, fresh bool) error {
	bar := e.bar("import " + name)
	res, err := transfer.Import(cmd.Context(), e.client(), name, fresh, func(p transfer.Progress) {
		if p.Total > 0 {
			bar.ChangeMax64(p.Total)
		}
		_ = bar.Set64(p.Done)
	})
	_ = bar.Exit()
	if res.Resumed > 0 {
		e.note("%s: went on behind %d lines or messages of an earlier run", name, res.Resumed)
	}
	switch {
	case err != nil && res.Saved:
		return withHint(err, "%d spans are in; run the same command again: it goes on behind them", res.Spans)
	case err != nil && res.Spans > 0:
		return withHint(err, "%d spans are in; importing them again does no harm", res.Spans)
	case err != nil:
		return err
	}
	e.note("%s: %d spans imported", name, res.Spans)
	if res.First <= res.Last {
		v := url.Values{"start": {time.Unix(0, res.First).UTC().Format(time.RFC3339)}, "end": {time.Unix(0, res.Last).Add(time.Second).UTC().Format(time.RFC3339)}}
		fmt.Fprintln(e.Out, e.client().Base()+"/search?"+v.Encode())
	}
	if res.Rejected > 0 {
		return &exitError{exitPartial, fmt.Errorf("%d spans were rejected, the first because: %s", res.Rejected, res.Reason)}
	}
	return nil
}

func (e *env) exportCommand() *cobra.Command {
	var w window
	var query, format, file string
	c := &cobra.Command{
		Use: "export", Short: "Write traces to a file: OTLP JSON lines or Parquet",
		Example: "  weft export --query '{ status = error }' --last 24h --to errors.jsonl\n  weft export --last 30d --to spans.parquet",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := url.Values{"q": {query}}
			if err := w.query(v, time.Now()); err != nil {
				return err
			}
			if format == "" {
				format = transfer.FormatOf(file)
			}
			if !slices.Contains(transfer.Formats(), format) {
				return usage("use one of: "+strings.Join(transfer.Formats(), ", "), "unknown format %q", format)
			}
			return inQuery(query, e.export(cmd, v, format, file))
		},
	}
	w.flags(c)
	c.Flags().StringVar(&query, "query", "{}", "TraceQL; every trace with a matching span is written whole")
	c.Flags().StringVar(&format, "format", "", "otlp or parquet; default by the file's name")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(transfer.Formats(), cobra.ShellCompDirectiveNoFileComp))
	c.Flags().StringVar(&file, "to", "-", "file to write, - for standard output")
	return c
}

func (e *env) export(cmd *cobra.Command, v url.Values, format, file string) (err error) {
	out := e.Out
	if file != "-" {
		// Under its name only when it is whole: half a file looks like few traces.
		f, ferr := os.Create(file + ".new")
		if ferr != nil {
			return ferr
		}
		defer func() {
			cerr := f.Close()
			var partial *exitError
			if cerr == nil && (err == nil || errors.As(err, &partial)) {
				err = errors.Join(err, os.Rename(f.Name(), file))
			} else {
				err = errors.Join(err, cerr, os.Remove(f.Name()))
			}
		}()
		out = f
	}
	bar := e.bar("export")
	res, err := transfer.Export(cmd.Context(), e.client(), v, format, out, func(r transfer.ExportResult) { _ = bar.Set64(r.Traces) })
	_ = bar.Exit()
	if err != nil {
		return err
	}
	e.note("%d traces, %d spans written", res.Traces, res.Spans)
	if res.Traces == 0 {
		e.note("no trace matches from %s to %s; --last 30d looks further back", v.Get("start"), v.Get("end"))
	}
	if res.Partial != "" {
		return &exitError{exitPartial, fmt.Errorf("partial answer: %s", res.Partial)}
	}
	return nil
}

// bar is a progress bar on standard error; on anything but a terminal it is silent.
func (e *env) bar(what string) *progressbar.ProgressBar {
	w := io.Discard
	if f, ok := e.Err.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			w = f
		}
	}
	return progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(false), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
}
