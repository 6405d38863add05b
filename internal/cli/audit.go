package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/server/api"
)

func (e *env) auditCommand() *cobra.Command {
	var data, page string
	var limit int
	var all bool
	c := &cobra.Command{
		Use: "audit", Short: "Show who changed what: tokens, kept and deleted traces, settings", Args: exactArgs(),
		Long: "Show who changed what, newest first: tokens made and revoked, traces kept, released and deleted, settings.\n" +
			"Whoever may read the data folder needs no token, as with weft token. Elsewhere give --server and a token\n" +
			"of scope admin, which shows its tenant's entries; one for every tenant shows all.",
		Example: "  weft audit\n  weft audit --all -o jsonl",
	}
	e.outputFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit < 1 || limit > 1000 {
			return usage("", "--limit wants 1 to 1000, not %d", limit)
		}
		k, err := e.tokens(cmd, data, false)
		if err != nil {
			return err
		}
		p := e.list([]column{
			{"TIME", false, func(v any) string { return at(v.(api.AuditEntry).AtUnixNano, "") }},
			{"TENANT", false, func(v any) string { return v.(api.AuditEntry).Tenant }},
			{"WHO", false, func(v any) string { return v.(api.AuditEntry).Actor }},
			{"ACTION", false, func(v any) string { return v.(api.AuditEntry).Action }},
			{"OBJECT", false, func(v any) string { return v.(api.AuditEntry).Object }},
			{"DETAIL", true, func(v any) string { return v.(api.AuditEntry).Detail }},
		})
		next, err := auditPages(cmd, k, p, page, limit, all)
		if err = errors.Join(err, p.close(), k.Close()); err != nil {
			return err
		}
		if next != "" {
			e.note("more: --page %s", next)
		}
		return nil
	}
	c.Flags().StringVar(&data, "data", envOr("WEFT_DATA", "weft-data"), "data folder")
	c.Flags().IntVar(&limit, "limit", 100, "entries on a page, at most 1000")
	c.Flags().StringVar(&page, "page", "", "token of the page to show, as the page before printed it")
	c.Flags().BoolVar(&all, "all", false, "every page, not only one")
	return c
}

// auditPages prints one page, or all from there on, and returns what comes next.
func auditPages(cmd *cobra.Command, k tokenKeeper, p *listPrinter, page string, limit int, all bool) (string, error) {
	for {
		entries, next, err := k.audit(cmd.Context(), page, limit)
		if err != nil {
			return "", err
		}
		for _, entry := range entries {
			if err := p.row(entry); err != nil {
				return "", err
			}
		}
		if !all || next == "" {
			return next, nil
		}
		page = next
	}
}
