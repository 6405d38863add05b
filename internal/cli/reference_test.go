package cli

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/server/app"
)

var update = flag.Bool("update", false, "write docs/reference/cli.md")

const referenceFile = "../../docs/reference/cli.md"

// The reference of the commands is what their help says; -update writes it.
func TestReference(t *testing.T) {
	for _, name := range []string{"WEFT_DATA", "WEFT_CONFIG"} {
		t.Setenv(name, "") // they are defaults in the help
	}
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten from the commands' own help by `make generate`; `weft COMMAND --help` says the same. Data goes to standard output, all\n" +
		"else to standard error. `-o` is `table`, `wide`, `json`, `jsonl` or `yaml`.\n\n" +
		"| exit code | meaning |\n| --- | --- |\n| 0 | done |\n| 1 | failed |\n| 2 | the command line, or the query, is wrong |\n| 3 | what is named is not there |\n" +
		"| 4 | a part was done: a limit cut the answer, or spans of an import were rejected |\n\n" +
		"`weft exec` ends as its program does. Flags of every command: `--server` (or `WEFT_SERVER`) is the server's address,\n" +
		"`--token` (or `WEFT_TOKEN`) an API token.\n")
	describe(&b, (&env{}).root())
	if *update {
		if err := os.WriteFile(referenceFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/reference/cli.md is not current: run make generate")
	}
}

func describe(b *strings.Builder, c *cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		if !sub.HasSubCommands() {
			describeOne(b, sub)
		}
		describe(b, sub)
	}
}

func describeOne(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", c.CommandPath(), strings.TrimSuffix(c.Short, "."))
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", c.Long)
	}
	fmt.Fprintf(b, "\n```\n%s\n", c.UseLine())
	if c.Example != "" {
		fmt.Fprintf(b, "\n%s\n", c.Example)
	}
	b.WriteString("```\n")
	hide := []string{"help", "server", "token"}
	if c.Flags().Lookup("limits.request") != nil {
		b.WriteString("\nEach key of [config.md](config.md) is a flag.\n")
		for _, key := range app.Settings() {
			hide = append(hide, key.Key)
		}
	}
	own, inherited := c.LocalFlags(), c.InheritedFlags()
	for _, name := range hide {
		_, _ = own.MarkHidden(name), inherited.MarkHidden(name) // one of them has it
	}
	if flags := own.FlagUsages() + inherited.FlagUsages(); flags != "" {
		fmt.Fprintf(b, "\n```\n%s```\n", flags)
	}
}
