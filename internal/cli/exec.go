package cli

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/demo"
)

func (e *env) execCommand() *cobra.Command {
	var service string
	c := &cobra.Command{
		Use: "exec -- COMMAND [ARG...]", Short: "Run a program with OTEL_* set to send here",
		Example: "  weft exec -- ./my-service\n  weft exec --service checkout -- node server.js",
		Long: "Run a program with the variables set that OpenTelemetry SDKs read, so that it sends its traces here.\n" +
			"Variables that are set already stay as they are. The program takes the place of this one: signals and\n" +
			"its exit code are its own.",
		Args: someArgs("command"),
		RunE: func(_ *cobra.Command, args []string) error {
			if service == "" {
				service = filepath.Base(args[0])
			}
			program, err := exec.LookPath(args[0])
			if err != nil {
				return withHint(fmt.Errorf("run %s: %w", args[0], errors.Unwrap(err)), "give its path, as in: weft exec -- ./%s", filepath.Base(args[0]))
			}
			e.tellKept()
			return e.replace(program, args, append(unset(os.Environ()), e.otelVariables(service)...))
		},
	}
	c.Flags().SetInterspersed(false) // flags behind the command are the command's
	c.Flags().StringVar(&service, "service", "", "service.name; default the program's name")
	return c
}

// otelVariables is what the OpenTelemetry SDKs read; what is set already stays.
func (e *env) otelVariables(service string) []string {
	vars := [][2]string{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", e.server},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
		{"OTEL_TRACES_EXPORTER", "otlp"},
		{"OTEL_METRICS_EXPORTER", "none"},
		{"OTEL_LOGS_EXPORTER", "none"},
		{"OTEL_SERVICE_NAME", service},
	}
	if e.token != "" {
		vars = append(vars, [2]string{"OTEL_EXPORTER_OTLP_HEADERS", "Authorization=" + url.PathEscape("Bearer "+e.token)})
	}
	var out []string
	for _, v := range vars {
		if os.Getenv(v[0]) == "" {
			out = append(out, v[0]+"="+v[1])
		}
	}
	return out
}

// unset drops variables that are there and empty: C programs read the first of two.
func unset(environ []string) []string {
	return slices.DeleteFunc(environ, func(v string) bool {
		name, value, _ := strings.Cut(v, "=")
		return value == "" && strings.HasPrefix(name, "OTEL_")
	})
}

// tellKept says that spans go elsewhere, which is not what most people expect of exec.
func (e *env) tellKept() {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		if v := os.Getenv(name); v != "" && !strings.HasPrefix(v, e.client().Base()) {
			e.note("weft: %s is %s already: spans go there, not to %s", name, plain(v), e.client().Base())
		}
	}
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		e.note("weft: OTEL_SDK_DISABLED is true: the program records nothing")
	}
}

func (e *env) demoCommand() *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use: "demo", Short: "Run a payment shop of six services that sends its traces here", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return err
			}
			o.Program, o.Endpoint, o.Token = program, e.server, e.token
			o.Started = func() { e.note("the demo shop is open; its traces: %s/search", e.server) }
			return demo.Run(cmd.Context(), o)
		},
	}
	c.Flags().Float64Var(&o.Rate, "rate", 12, "requests a second at the busiest hour")
	c.Flags().IntVar(&o.Requests, "requests", 0, "stop after so many requests; 0: never")
	return c
}

// demoServiceCommand is one service of the demo, started by it.
func (e *env) demoServiceCommand() *cobra.Command {
	return &cobra.Command{
		Use: "demo-service NAME", Hidden: true, Args: exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error { return demo.RunService(cmd.Context(), args[0]) },
	}
}
