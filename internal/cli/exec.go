package cli

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/demo"
)

func (e *env) execCommand() *cobra.Command {
	var service string
	c := &cobra.Command{
		Use: "exec -- COMMAND [ARG...]", Short: "Run a program with OTEL_* set to send here",
		Example: "  weft exec -- ./my-service\n  weft exec --service checkout -- node server.js",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if service == "" {
				service = filepath.Base(args[0])
			}
			cmd := exec.Command(args[0], args[1:]...) // signals reach it as a member of our process group
			cmd.Env = append(os.Environ(), e.otelVariables(service)...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = e.In, e.Out, e.Err
			err := cmd.Run()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return &exitError{code: exit.ExitCode()}
			}
			if err != nil {
				return fmt.Errorf("run %s: %w", args[0], err)
			}
			return nil
		},
	}
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
