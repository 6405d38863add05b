package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/client"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/app"
)

func (e *env) tenantCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "tenant", Short: "Show and set what a tenant may store and send",
		Long: "Show and set what a tenant may store and send. Changes hold at once and are in the audit log.\n" +
			"It takes a token of scope admin: one for the tenant itself may narrow its limits, one for\n" +
			"every tenant may do all. Without a name it is about the token's own tenant.",
	}
	c.AddCommand(e.tenantShow(), e.tenantSet())
	return c
}

func (e *env) tenantShow() *cobra.Command {
	c := &cobra.Command{Use: "show [TENANT]", Short: "Show a tenant's limits and what it stores", Args: atMostOne("TENANT")}
	e.outputFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := e.limitsPath(cmd.Context(), args)
		if err != nil {
			return err
		}
		var l api.TenantLimits
		if err := e.client().JSON(cmd.Context(), http.MethodGet, path, nil, nil, &l); err != nil {
			return tenantError(err)
		}
		return e.printLimits(l)
	}
	return c
}

func (e *env) tenantSet() *cobra.Command {
	var age, share, spans, bytes, queries, kept string
	c := &cobra.Command{
		Use: "set [TENANT]", Short: "Set limits of a tenant; others stay as they are", Args: atMostOne("TENANT"),
		Long: "Set limits of a tenant; others stay as they are. Each takes the word default, for what the server\n" +
			"gives everyone; 0 is no limit.",
		Example: "  weft tenant set acme --max-age 30d --disk-share 25%\n  weft tenant set acme --spans-per-second 5000 --bytes-per-second 5MB\n" +
			"  weft tenant set acme --max-age default",
	}
	e.outputFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := e.limitsPath(cmd.Context(), args)
		if err != nil {
			return err
		}
		var l api.TenantLimits
		if err := e.client().JSON(cmd.Context(), http.MethodGet, path, nil, nil, &l); err != nil {
			return tenantError(err)
		}
		own, given := l.Own, 0
		for _, f := range []struct {
			flag, text string
			set        func(text string) error
		}{
			{"max-age", age, func(s string) (err error) { own.MaxAge, err = ageText(s); return err }},
			{"disk-share", share, func(s string) error { own.DiskShare = s; return nil }},
			{"spans-per-second", spans, func(s string) (err error) { own.SpansPerSecond, err = countOf[int64](s); return err }},
			{"bytes-per-second", bytes, func(s string) (err error) { own.BytesPerSecond, err = sizeOf(s); return err }},
			{"queries", queries, func(s string) (err error) { own.QueriesAtOnce, err = countOf[int](s); return err }},
			{"kept-traces", kept, func(s string) (err error) { own.KeptTraces, err = countOf[int](s); return err }},
		} {
			if !cmd.Flags().Changed(f.flag) {
				continue
			}
			given++
			text := f.text
			if text == "default" {
				text = ""
			}
			if err := f.set(text); err != nil {
				return usage("see: weft tenant set --help", "--%s: %v", f.flag, err)
			}
		}
		if given == 0 {
			return usage("see: weft tenant set --help", "no limit is given")
		}
		if err := e.client().JSON(cmd.Context(), http.MethodPut, path, nil, own, &l); err != nil {
			return tenantError(err)
		}
		return e.printLimits(l)
	}
	c.Flags().StringVar(&age, "max-age", "", "drop spans this long after their arrival, at least 1h: 72h, 30d")
	c.Flags().StringVar(&share, "disk-share", "", "most of the disk cap: 25%, 10GB")
	c.Flags().StringVar(&spans, "spans-per-second", "", "spans it may send each second, on average over five")
	c.Flags().StringVar(&bytes, "bytes-per-second", "", "bytes it may send each second, decompressed: 5MB")
	c.Flags().StringVar(&queries, "queries", "", "queries it may run at once")
	c.Flags().StringVar(&kept, "kept-traces", "", "traces it may keep past retention")
	return c
}

// atMostOne wants one argument or none.
func atMostOne(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return usage("see: "+c.CommandPath()+" --help", "%s takes at most one argument (%s), not %d", c.CommandPath(), name, len(args))
	}
}

// limitsPath is where the limits of the named tenant are, or of the token's own.
func (e *env) limitsPath(ctx context.Context, args []string) (string, error) {
	if len(args) > 0 {
		return api.BasePath + "/tenants/" + url.PathEscape(args[0]) + "/limits", nil
	}
	var s api.Session
	if err := e.client().JSON(ctx, http.MethodGet, api.BasePath+"/session", nil, nil, &s); err != nil {
		return "", err
	}
	if s.Required && !s.SignedIn {
		return "", withHint(errors.New("this needs a token"), "give one of scope admin in WEFT_TOKEN")
	}
	return api.BasePath + "/tenants/" + url.PathEscape(s.Tenant) + "/limits", nil
}

func tenantError(err error) error {
	var problem *client.APIError
	if errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		return &exitError{exitNotFound, withHint(err, "the token may act for one tenant only, or this is no name of a tenant")}
	}
	return err
}

func ageText(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if s == "0" {
		return "0s", nil
	}
	d, err := parseDays(s)
	if err != nil {
		return "", fmt.Errorf("%q is not a duration; write it like 72h or 30d", s)
	}
	return d.String(), nil
}

func countOf[T int | int64](s string) (*T, error) {
	if s == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("%q is not a number from 0 up", s)
	}
	v := T(n)
	return &v, nil
}

func sizeOf(s string) (*int64, error) {
	if s == "" {
		return nil, nil
	}
	n, err := app.ParseBytes(s)
	v := int64(n)
	return &v, err
}

func (e *env) printLimits(l api.TenantLimits) error {
	if e.output != "table" && e.output != "wide" {
		return e.print(l)
	}
	w := tabwriter.NewWriter(e.Out, 0, 4, 2, ' ', 0)
	line := func(name, value, none string, own bool) {
		if value == "0" || value == "0s" {
			value = none
		}
		if !own {
			value += "\t(default)"
		}
		fmt.Fprintln(w, strings.TrimRight(name+"\t"+value, "\t"))
	}
	own, now := l.Own, l.Effective
	fmt.Fprintf(w, "tenant\t%s\n", plain(l.Tenant))
	line("max age", now.MaxAge, "none", own.MaxAge != "")
	line("disk share", now.DiskShare, "none", own.DiskShare != "")
	line("spans per second", strconv.FormatInt(now.SpansPerSecond, 10), "any", own.SpansPerSecond != nil)
	line("bytes per second", strconv.FormatInt(now.BytesPerSecond, 10), "any", own.BytesPerSecond != nil)
	line("queries at once", strconv.Itoa(now.QueriesAtOnce), "", own.QueriesAtOnce != nil)
	line("kept traces", strconv.Itoa(now.KeptTraces), "any", own.KeptTraces != nil)
	fmt.Fprintf(w, "stored\t%d bytes, %d spans, %d kept traces\n", l.StoredBytes, l.StoredSpans, l.KeptTraces)
	return w.Flush()
}
