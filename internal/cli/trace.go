package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/client"
	"github.com/weft-dev/weft/internal/trace/span"
)

func (e *env) traceCommand() *cobra.Command {
	c := &cobra.Command{Use: "trace", Short: "Find, read, follow, keep and delete traces"}
	c.AddCommand(e.traceSearch(), e.traceGet(), e.traceTail(), e.traceKeep(), e.traceDelete())
	return c
}

// window are the flags of a time range.
type window struct {
	start, end, last string
}

func (w *window) flags(c *cobra.Command) {
	c.Flags().StringVar(&w.last, "last", "1h", "how far back from the end: 15m, 6h, 30d")
	c.Flags().StringVar(&w.start, "start", "", "begin of the range, RFC 3339 or Unix seconds; instead of --last")
	c.Flags().StringVar(&w.end, "end", "", "end of the range, RFC 3339 or Unix seconds; default now")
	c.MarkFlagsMutuallyExclusive("last", "start")
}

// query fills start and end, absolute.
func (w *window) query(v url.Values, now time.Time) error {
	end := now
	var err error
	if w.end != "" {
		if end, err = parseMoment("--end", w.end); err != nil {
			return err
		}
	}
	var start time.Time
	if w.start != "" {
		if start, err = parseMoment("--start", w.start); err != nil {
			return err
		}
	} else {
		d, err := parseDays(w.last)
		if err != nil || d <= 0 {
			return usage("write it like 15m, 6h or 30d", "--last %q is no length of time", w.last)
		}
		start = end.Add(-d)
	}
	if !start.Before(end) {
		return usage("give an earlier --start or a later --end", "the range ends at %s, before it begins at %s", stamp(end), stamp(start))
	}
	v.Set("start", stamp(start))
	v.Set("end", stamp(end))
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseMoment reads RFC 3339 or Unix seconds, with a fraction if need be.
func parseMoment(flag, text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	// As text: a float would move a moment by some hundred nanoseconds.
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	nanos, ferr := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
	if err != nil || ferr != nil {
		return time.Time{}, usage("write it like 2026-01-31T14:59:00Z or as Unix seconds", "%s %q is no time", flag, text)
	}
	return time.Unix(seconds, int64(nanos)), nil
}

// parseDays is time.ParseDuration with days.
func parseDays(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		return time.Duration(n * float64(24*time.Hour)), err
	}
	return time.ParseDuration(s)
}

func (e *env) traceSearch() *cobra.Command {
	var w window
	var limit int
	var order, page string
	var all bool
	c := &cobra.Command{
		Use: "search [QUERY]", Short: "Find traces by TraceQL",
		Example: "  weft trace search '{ resource.service.name = \"payment\" && status = error }' --last 6h\n  weft trace search 'service = payment status = error' -o json",
		Args:    queryArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			v := url.Values{"limit": {strconv.Itoa(limit)}, "order": {order}}
			if len(args) > 0 {
				v.Set("q", args[0])
			}
			if e.output == "wide" {
				v.Set("preview", "true")
			}
			if err := w.query(v, time.Now()); err != nil {
				return err
			}
			return e.search(cmd.Context(), v, page, all)
		},
	}
	e.outputFlag(c)
	w.flags(c)
	c.Flags().IntVar(&limit, "limit", 20, "results on a page, at most 1000")
	c.Flags().StringVar(&order, "order", "newest", "newest or duration")
	c.Flags().StringVar(&page, "page", "", "token of the page to show, as the page before printed it")
	c.Flags().BoolVar(&all, "all", false, "every page, not only one")
	return c
}

func (e *env) search(ctx context.Context, v url.Values, page string, all bool) error {
	p := e.list(traceColumns)
	found := 0
	for {
		if page != "" {
			v.Set("page", page)
		}
		end, err := e.client().Search(ctx, v, func(r client.TraceRow) error {
			found++
			return p.row(r)
		})
		if err != nil {
			return errors.Join(inQuery(v.Get("q"), err), p.close())
		}
		page = end.NextPage
		if end.Partial == "" && all && page != "" {
			continue
		}
		if err := p.close(); err != nil {
			return err
		}
		if found == 0 {
			e.note("no trace matches from %s to %s; --last 30d looks further back", v.Get("start"), v.Get("end"))
		}
		if page != "" {
			e.note("more: --page %s", page)
		}
		if end.Partial != "" {
			return &exitError{exitPartial, errors.New("partial answer: " + end.Partial)}
		}
		return nil
	}
}

var traceColumns = []column{
	{"START", false, func(v any) string { return v.(client.TraceRow).StartTime().Format("2006-01-02 15:04:05.000") }},
	{"TRACE", false, func(v any) string { return v.(client.TraceRow).TraceID }},
	{"SERVICE", false, func(v any) string { return v.(client.TraceRow).RootService }},
	{"NAME", false, func(v any) string { return v.(client.TraceRow).RootName }},
	{"DURATION", false, func(v any) string { return human(v.(client.TraceRow).Took()) }},
	{"SPANS", false, func(v any) string { return strconv.Itoa(v.(client.TraceRow).Spans) }},
	{"STATUS", false, func(v any) string {
		if n := v.(client.TraceRow).Errors; n > 0 {
			return errorsText(n)
		}
		return "ok"
	}},
	{"SERVICES", true, func(v any) string {
		var names []string
		for _, s := range v.(client.TraceRow).Services {
			names = append(names, s.Name)
		}
		return strings.Join(names, " ")
	}},
	{"ERROR", true, func(v any) string {
		r := v.(client.TraceRow)
		return strings.TrimSpace(strings.Join(r.ErrorPath, " › ") + " " + r.ErrorText)
	}},
}

func errorsText(n int) string {
	if n == 1 {
		return "1 error"
	}
	return fmt.Sprintf("%d errors", n)
}

func traceIDArg(c *cobra.Command, args []string) error {
	if err := exactArgs("TRACE_ID")(c, args); err != nil {
		return err
	}
	if _, err := span.ParseTraceID(args[0]); err != nil {
		return usage("a trace id is 32 hexadecimal digits, as weft trace search prints them", "%w", err)
	}
	return nil
}

func (e *env) traceGet() *cobra.Command {
	c := &cobra.Command{
		Use: "get TRACE_ID", Short: "Print a trace: as a tree, or as OTLP JSON", Args: traceIDArg,
		Long: "Print a trace: as a tree, with its attributes too (-o wide), or whole, as OTLP JSON (-o json, jsonl)\n" +
			"or the same as YAML.",
		Example: "  weft trace get 5b8efff798038103d269b633813fc60c\n  weft trace get 5b8efff798038103d269b633813fc60c -o json > trace.otlp.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, _ := span.ParseTraceID(args[0])
			if e.output == "table" || e.output == "wide" {
				b, err := e.client().Trace(cmd.Context(), id)
				if err != nil {
					return err
				}
				return printTree(e.Out, b, e.output == "wide")
			}
			var v json.RawMessage // as it came: members stay in their order, numbers as exact as they are
			if err := e.client().JSON(cmd.Context(), http.MethodGet, "/api/v1/traces/"+id.String(), nil, nil, &v); err != nil {
				return err
			}
			return e.print(v)
		},
	}
	e.outputFlag(c)
	return c
}

func (e *env) traceTail() *cobra.Command {
	var spans bool
	c := &cobra.Command{
		Use: "tail [QUERY]", Short: "Follow matching traces, or spans, as they arrive", Args: queryArg,
		Long: "Follow matching traces, or spans, as they arrive, until Ctrl-C. A trace is printed again when it has grown.\n" +
			"When the server restarts or the connection breaks, the command connects again and goes on after what it has printed.\n" +
			"-o json is one object a line, as -o jsonl is; -o yaml is one document each.",
		RunE: func(cmd *cobra.Command, args []string) error {
			v := url.Values{"rows": {"traces"}}
			if spans {
				v.Set("rows", "spans")
			}
			if len(args) > 0 {
				v.Set("q", args[0])
			}
			for ev, err := range e.client().Follow(cmd.Context(), "/api/v1/tail", v) {
				if err == nil {
					err = e.tailEvent(ev)
				}
				if err != nil {
					return inQuery(v.Get("q"), err)
				}
			}
			return nil
		},
	}
	e.outputFlag(c)
	c.Flags().BoolVar(&spans, "spans", false, "spans instead of traces")
	return c
}

func (e *env) tailEvent(ev client.Event) error {
	switch ev.Name {
	case client.Opened:
		e.note("following %s; Ctrl-C ends it", e.client().Base())
		return nil
	case client.Broken:
		e.note("%s; connecting again", ev.Data)
		return nil
	case client.Resumed:
		e.note("connected again; going on")
		return nil
	case "lost":
		var lost struct {
			Spans  int64
			Reason string
		}
		if err := json.Unmarshal([]byte(ev.Data), &lost); err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		if lost.Spans == 0 {
			e.note("rows may be missing here: %s", lost.Reason)
		} else {
			e.note("%d rows are missing here: %s", lost.Spans, lost.Reason)
		}
		return nil
	}
	switch e.output {
	case "json", "jsonl":
		_, err := fmt.Fprintln(e.Out, ev.Data)
		return err
	case "yaml":
		if _, err := fmt.Fprintln(e.Out, "---"); err != nil {
			return err
		}
		return e.print(json.RawMessage(ev.Data))
	}
	var row struct {
		client.TraceRow
		SpanID  string `json:"span_id"`
		Service string `json:"service"`
		Name    string `json:"name"`
		Status  string `json:"status"`
	}
	if err := json.Unmarshal([]byte(ev.Data), &row); err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	service, name := or(row.Service, row.RootService), or(row.Name, row.RootName)
	state := ""
	if row.Errors > 0 {
		state = "  " + errorsText(row.Errors)
	} else if row.Status == "error" {
		state = "  error"
	}
	_, err := fmt.Fprintf(e.Out, "%s  %s  %-16s %s  %s%s\n", row.StartTime().Format("15:04:05.000"), row.TraceID,
		plain(service), plain(name), human(row.Took()), state)
	return err
}

func (e *env) traceKeep() *cobra.Command {
	var note string
	var release bool
	c := &cobra.Command{
		Use: "keep TRACE_ID", Short: "Keep a trace past retention", Args: traceIDArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, _ := span.ParseTraceID(args[0])
			method, body := http.MethodPut, any(map[string]string{"note": note})
			if release {
				method, body = http.MethodDelete, nil
			}
			if err := e.client().JSON(cmd.Context(), method, "/api/v1/traces/"+id.String()+"/keep", nil, body, nil); err != nil {
				return err
			}
			if release {
				e.note("trace %s is no longer kept; retention may drop it", id)
			} else {
				e.note("trace %s is kept; let it go with: weft trace keep --release %s", id, id)
			}
			return nil
		},
	}
	c.Flags().StringVar(&note, "note", "", "why it is kept")
	c.Flags().BoolVar(&release, "release", false, "no longer keep it")
	return c
}

func (e *env) traceDelete() *cobra.Command {
	var now, yes bool
	c := &cobra.Command{
		Use: "delete TRACE_ID", Short: "Delete a trace for good", Args: traceIDArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, _ := span.ParseTraceID(args[0])
			if !yes {
				return usage("add --yes", "deleting trace %s cannot be taken back", id)
			}
			v := url.Values{}
			if now {
				v.Set("now", "1")
			}
			if err := e.client().JSON(cmd.Context(), http.MethodDelete, "/api/v1/traces/"+id.String(), v, nil, nil); err != nil {
				return err
			}
			if now {
				e.note("trace %s is deleted and its bytes are off the disk", id)
			} else {
				e.note("trace %s is deleted; its bytes leave the disk within an hour", id)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&now, "now", false, "wait until the bytes have left the disk")
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

// children lists the spans of a trace as a tree: roots and spans whose parent is not
// there first, each level by start. Cycles are cut where they are met again.
func children(b *span.Batch) (roots []int, below map[span.SpanID][]int) {
	below = map[span.SpanID][]int{}
	known := map[span.SpanID]bool{}
	for i := range b.Spans {
		known[b.Spans[i].SpanID] = true
	}
	for i := range b.Spans {
		if p := b.Spans[i].Parent; p.IsZero() || !known[p] {
			roots = append(roots, i)
		} else {
			below[p] = append(below[p], i)
		}
	}
	byStart := func(x, y int) int { return int(min(1, max(-1, b.Spans[x].Start-b.Spans[y].Start))) }
	slices.SortStableFunc(roots, byStart)
	for _, list := range below {
		slices.SortStableFunc(list, byStart)
	}
	return roots, below
}
