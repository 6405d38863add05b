package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/server/app"
)

func (e *env) configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Show and check the server's configuration"}
	c.AddCommand(e.configPrint(), e.configCheck())
	return c
}

func (e *env) configPrint() *cobra.Command {
	var settings settingFlags
	var origin bool
	c := &cobra.Command{
		Use: "print", Short: "Print every key with its value, as a configuration file", Args: exactArgs(),
		Example: "  weft config print\n  weft config print --origin --config /etc/weft.yaml",
	}
	e.outputFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		_, all, err := settings.load(cmd)
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("output") {
			return e.printSettings(all)
		}
		w := tabwriter.NewWriter(e.Out, 0, 4, 2, ' ', 0)
		for _, s := range all {
			if origin {
				fmt.Fprintf(w, "%s: %s\t# %s\n", s.Key, quoted(s.Value), s.Origin)
			} else {
				fmt.Fprintf(w, "%s: %s\n", s.Key, quoted(s.Value))
			}
		}
		return w.Flush()
	}
	settings.register(c)
	c.Flags().BoolVar(&origin, "origin", false, "say where each value comes from")
	return c
}

func (e *env) printSettings(all []app.Setting) error {
	p := e.list([]column{
		{"KEY", false, func(v any) string { return v.(app.Setting).Key }},
		{"VALUE", false, func(v any) string { return v.(app.Setting).Value }},
		{"ORIGIN", false, func(v any) string { return v.(app.Setting).Origin }},
		{"WHAT", true, func(v any) string { return v.(app.Setting).Doc }},
	})
	for _, s := range all {
		if err := p.row(s); err != nil {
			return err
		}
	}
	return p.close()
}

// quoted is a value as YAML takes it for text.
func quoted(s string) string { return fmt.Sprintf("%q", s) }

func (e *env) configCheck() *cobra.Command {
	var settings settingFlags
	c := &cobra.Command{
		Use: "check", Short: "Say everything that is wrong with the configuration", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := settings.load(cmd); err != nil {
				return err
			}
			e.note("the configuration is good")
			return nil
		},
	}
	settings.register(c)
	return c
}
