package app

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/reference/config.md")

const referenceFile = "../../../docs/reference/config.md"

// The reference of the configuration is what the code says; -update writes it.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Configuration

Written from ` + "`internal/server/app/config.go`" + ` by ` + "`make generate`" + `. A flag of ` + "`weft up`" + ` wins over the environment, that over the
file named by ` + "`--config`" + ` or ` + "`WEFT_CONFIG`" + ` (YAML or TOML), that over the default. Dots may be nesting: ` + "`otlp: {grpc: …}`" + `.
Sizes are written like 512MB or 64MiB, durations like 30s or 72h, lists with commas. ` + "`weft config print --origin`" + ` shows what
holds and why. Other variables: ` + "`WEFT_SERVER` and `WEFT_TOKEN`" + ` are what client commands send to and with.

| key, flag | variable | default | what |
| --- | --- | --- | --- |
`)
	for _, s := range Settings() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.Key, VariableOf(s.Key), code(s.Value), s.Doc)
	}
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
		t.Error("docs/reference/config.md is not current: run make generate")
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
