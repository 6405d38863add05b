package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/bench/truth"
)

// report is what bench.json keeps: the figures of every stream. bench.md is made of it.
type report struct {
	Date    string   `json:"date"`
	Commit  string   `json:"commit"`
	Machine string   `json:"machine"`
	Spans   int      `json:"spans"`
	Hours   float64  `json:"hours"`
	Columns []column `json:"columns"`
}

type column struct {
	Stream  string  `json:"stream"`
	Figures figures `json:"figures"`
}

func newReport(ctx context.Context, p plan) *report {
	commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	return &report{
		Date: time.Now().UTC().Format("2 January 2006"), Commit: strings.TrimSpace(string(commit)), Machine: machine(),
		Spans: p.spans, Hours: p.over.Hours(),
	}
}

func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s", runtime.GOOS, runtime.NumCPU(), model)
}

// committed is the report of the last commit; nil if there is none.
func committed(ctx context.Context, dir string) (*report, error) {
	cmd := exec.CommandContext(ctx, "git", "show", "HEAD:./bench.json")
	cmd.Dir = dir
	text, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, nil
		}
		return nil, fmt.Errorf("ask git for the last bench.json: %w", err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read the last bench.json: %w", err)
	}
	return &r, nil
}

func (r *report) write(dir, text string) error {
	if err := os.WriteFile(filepath.Join(dir, "bench.md"), []byte(text), 0o644); err != nil {
		return err
	}
	out, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "bench.json"), append(out, '\n'), 0o644)
}

// row is a line of the table. verbs show the values of a cell, one each.
type row struct {
	key, label, peer, target, verbs string
}

// rows are the lines of the table in order. The peers' figures are of 1 or 2 million spans
// of the shop on a machine like this one, each the best of all peers.
func rows() []row {
	list := []row{
		{"cpu.multiple", "ingest CPU as a multiple of `zstd -3`, log and merges included", "38 (12 in memory only)", "≤ 5", "%.1f"},
		{"cpu", "CPU s per million spans, at the last acknowledgement / after the rest", "54.2 / 56.8", "", "%.2f / %.2f"},
		{"zstd", "`zstd -3 -T1` on the same bytes, CPU s per million spans", "1.46", "", "%.2f"},
		{"zstd.bytes", "bytes a span as sent / after `zstd -3`", "414 / 54", "", "%.1f / %.1f"},
		{"rate", "spans/s, 2 cores shared with the sender", "33,500 (86,000 in memory only)", "≥ 200,000", "%.0f"},
		{"bytes", "bytes a span of the folder after the rest", "68.1", "≤ 28", "%.1f"},
		{"bytes.settled", "the same once merges settled", "", "", "%.1f"},
		{"written", "bytes a span handed to the disk, log and all, until the rest is over", "138", "", "%.1f"},
		{"amplification", "bytes of all parts ever written ÷ of those left after the rest", "2.0", "≤ 3", "%.2f"},
		{"rss", "peak RSS while ingesting, MiB", "265", "≤ 250", "%.0f"},
		{"ack", "request → acknowledged, p50 / p99, ms", "45 / 369", "p99 ≤ 250", "%.1f / %.1f"},
		{"visible", "sent → read by id, under full load, p50 / p99, ms", "7–30 s", "p99 ≤ 100", "%.1f / %.1f"},
		{"again", "requests sent again", "0", "", "%.0f"},
		{"ready", "restart → ready, ms", "", "≤ 1000", "%.0f"},
	}
	peers := map[truth.Kind][2]string{
		truth.ByID: {"3.4 / 11", "≤ 1.5 / 5"}, truth.UnknownID: {"230", "≤ 1"}, truth.Operation: {"44", "≤ 15"},
		truth.RareUser: {"4.5", "≤ 2"}, truth.User: {"49", "≤ 15"}, truth.MinDuration: {"94", "≤ 20"},
		truth.Errors: {"62", "≤ 15"}, truth.OrderIn: {"5.4", ""}, truth.OrderAnywhere: {"3.0", "≤ 2"},
	}
	for _, k := range truth.Kinds() {
		list = append(list, row{"warm " + k.String(), k.String() + ", warm, p50 / p95, ms", peers[k][0], peers[k][1], "%.2f / %.2f"})
	}
	for _, k := range truth.Kinds() {
		list = append(list, row{"cold " + k.String(), k.String() + ", cold, p50 / p95, ms", "", "≤ 2 × warm", "%.2f / %.2f"})
	}
	return append(list,
		row{"again " + truth.Operation.String(), truth.Operation.String() + ", the same again at once: no answer is kept", "", "as warm", "%.2f / %.2f"},
		row{"beside", "spans/s that arrived while questions were asked", "", "", "%.0f"},
		row{"answers", "answers compared / wrong", "", "0 wrong", "%.0f / %.0f"},
		row{"traces", "traces listed / missing, doubled or with other numbers", "", "0", "%.0f / %.0f"},
		row{"spans", "spans in them", "", "", "%.0f"},
		row{"killed", "kill -9: spans acknowledged / missing / doubled", "2.7–100 % missing", "0 / 0", "%.0f / %.0f / %.0f"})
}

// text is the report as Markdown. Behind each figure stands how far its first value is from
// that of last, the report last committed.
func (r *report) text(last *report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The store, against the best of its peers\n\n`make bench`, %s, commit %s, %s. Written by the command; do not edit.\n\n", r.Date, r.Commit, r.Machine)
	fmt.Fprintf(&b, "%d spans a stream, their times spread over %g h; a column is a world of services, its seed, and how spans were sent if not as plain HTTP. ", r.Spans, r.Hours)
	if last == nil {
		b.WriteString("Nothing was committed to compare with.\n\n")
	} else {
		fmt.Fprintf(&b, "In brackets: the change since %s, commit %s.\n\n", last.Date, last.Commit)
	}
	b.WriteString("| | best peer | target |")
	for _, c := range r.Columns {
		fmt.Fprintf(&b, " %s |", c.Stream)
	}
	b.WriteString("\n| --- | --- | --- |" + strings.Repeat(" --- |", len(r.Columns)) + "\n")
	for _, row := range rows() {
		cells, any := "", false
		for _, c := range r.Columns {
			cell := row.cell(c.Figures[row.key])
			any = any || cell != ""
			cells += " " + cell + change(c.Figures[row.key], last.figure(c.Stream, row.key)) + " |"
		}
		if any {
			fmt.Fprintf(&b, "| %s | %s | %s |%s\n", row.label, row.peer, row.target, cells)
		}
	}
	return b.String()
}

func (w row) cell(values []float64) string {
	if len(values) == 0 {
		return ""
	}
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return fmt.Sprintf(w.verbs, list...)
}

// figure is a cell of the report; nil if it has none, or is none.
func (r *report) figure(stream, key string) []float64 {
	if r == nil {
		return nil
	}
	for _, c := range r.Columns {
		if c.Stream == stream {
			return c.Figures[key]
		}
	}
	return nil
}

// change is " (+3 %)", or nothing where there is nothing to compare or no change to speak of.
func change(now, was []float64) string {
	if len(now) == 0 || len(was) == 0 || was[0] == 0 {
		return ""
	}
	percent := fmt.Sprintf("%+.0f", 100*(now[0]/was[0]-1))
	if percent == "+0" || percent == "-0" {
		return ""
	}
	return " (" + string(bytes.ReplaceAll([]byte(percent), []byte("-"), []byte("−"))) + " %)"
}
