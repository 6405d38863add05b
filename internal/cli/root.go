// Package cli is Weft's command line: commands, flags, output and exit codes.
//
// Only data goes to standard output; progress, hints and errors go to standard error, as
//
//	weft: error: what happened, to what
//	weft: hint: what to do next
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 partial answer.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/client"
)

// version is set when the binary is linked.
var version = "dev"

// Streams are the standard streams of a command.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// env is what every command works with.
type env struct {
	Streams
	server string // --server
	token  string // --token
	output string // -o
}

// Main runs a command line and returns its exit code.
func Main(ctx context.Context, args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{Streams: s}
	root := e.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	return e.report(err)
}

func (e *env) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "weft",
		Short:         "See every request of every service, whole and at once",
		SilenceErrors: true, SilenceUsage: true,
		Version: version,
	}
	root.SetVersionTemplate("weft {{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{err: err, hint: "see: " + c.CommandPath() + " --help"}
	})
	flags := root.PersistentFlags()
	flags.StringVar(&e.server, "server", envOr("WEFT_SERVER", "http://127.0.0.1:8800"), "address of the server")
	flags.StringVar(&e.token, "token", os.Getenv("WEFT_TOKEN"), "API token; better in the environment, WEFT_TOKEN")
	root.AddCommand(e.upCommand(), e.demoCommand(), e.demoServiceCommand(), e.execCommand(), e.traceCommand(),
		e.importCommand(), e.exportCommand(), e.tokenCommand(), e.tenantCommand(), e.storeCommand(), e.configCommand(), e.doctorCommand(), e.versionCommand())
	return root
}

func envOr(name, value string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return value
}

func (e *env) client() *client.Client { return client.New(e.server, e.token) }

// progress prints a line to standard error.
func (e *env) note(format string, args ...any) { fmt.Fprintf(e.Err, format+"\n", args...) }

// The exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
	exitNotFound
	exitPartial
)

// usageError is a command line that makes no sense.
type usageError struct {
	err  error
	hint string
}

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usage(hint, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), hint}
}

// hinted is an error with the next thing to do.
type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

func withHint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// exitError ends a command with a code of its own, and without a message where err is nil.
type exitError struct {
	code int
	err  error
}

func (x *exitError) Error() string {
	if x.err == nil {
		return ""
	}
	return x.err.Error()
}
func (x *exitError) Unwrap() error { return x.err }

// report prints an error with its hint and returns the exit code.
func (e *env) report(err error) int {
	if err == nil {
		return exitOK
	}
	code, hint := exitFailed, ""
	var exit *exitError
	var wrong *usageError
	var next *hinted
	var api *client.APIError
	var dial *client.DialError
	switch {
	case errors.As(err, &exit):
		code = exit.code
	case errors.As(err, &wrong):
		code, hint = exitUsage, wrong.hint
	case errors.As(err, &api):
		hint = api.Hint
		switch api.Status {
		case http.StatusNotFound:
			code = exitNotFound
		case http.StatusBadRequest:
			code = exitUsage
		case http.StatusUnauthorized:
			hint = or(hint, "give a token with --token or WEFT_TOKEN; make one with: weft token create")
		}
	case errors.As(err, &dial):
		hint = "is the server running? start it with: weft up; or name it with --server or WEFT_SERVER"
	case strings.HasPrefix(err.Error(), "unknown command"):
		code, hint = exitUsage, "see: weft --help"
	}
	if errors.As(err, &next) {
		hint = next.hint
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(e.Err, "weft: error: %s\n", text)
	}
	if hint != "" {
		fmt.Fprintf(e.Err, "weft: hint: %s\n", hint)
	}
	return code
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// exactArgs wants n arguments and says which.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return usage("see: "+c.CommandPath()+" --help", "%s takes %d arguments (%s), not %d",
			c.CommandPath(), len(names), strings.Join(names, ", "), len(args))
	}
}

func (e *env) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(e.Out, "weft", version)
			return err
		},
	}
}
