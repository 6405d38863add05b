// Package cli is Weft's command line: commands, flags, output and exit codes.
//
// Only data goes to standard output; progress, hints and errors go to standard error, as
//
//	weft: error: what happened, to what
//	weft: hint: what to do next
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 partial answer.
package cli

//go:generate go test -run TestReference -update .

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"unicode/utf8"

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
	server string // --server, else WEFT_SERVER
	token  string // --token, else WEFT_TOKEN
	output string // -o
	// started: the command line made sense and the command runs.
	started bool
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
	if err != nil && !e.started { // what cobra says itself: a missing flag, for instance
		var known *usageError
		if !errors.As(err, &known) {
			err = &usageError{err: err, hint: "see: weft --help"}
		}
	}
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
	// The environment is read later: a default would show the token in every help text.
	flags.StringVar(&e.server, "server", defaultServer, "address of the server; or WEFT_SERVER")
	flags.StringVar(&e.token, "token", "", "API token; better in the environment, WEFT_TOKEN")
	root.AddCommand(e.upCommand(), e.demoCommand(), e.demoServiceCommand(), e.execCommand(), e.traceCommand(),
		e.importCommand(), e.exportCommand(), e.tokenCommand(), e.tenantCommand(), e.auditCommand(), e.storeCommand(), e.configCommand(),
		e.doctorCommand(), e.versionCommand())
	e.prepare(root)
	return root
}

const defaultServer = "http://127.0.0.1:8800"

// prepare gives every command below c what they share: groups say which commands they have
// when given another one, and the rest notes that it runs.
func (e *env) prepare(c *cobra.Command) {
	for _, sub := range c.Commands() {
		e.prepare(sub)
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			e.started = true
			e.environment(c)
			return run(c, args)
		}
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		hint := "see: " + c.CommandPath() + " --help"
		c.SuggestionsMinimumDistance = 2
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			hint = "did you mean: " + c.CommandPath() + " " + near[0]
		}
		return usage(hint, "unknown command %q for %s", args[0], c.CommandPath())
	}
	c.DisableFlagsInUseLine = true
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}

// environment fills what was not given as a flag.
func (e *env) environment(c *cobra.Command) {
	if !c.Flags().Changed("server") {
		e.server = envOr("WEFT_SERVER", e.server)
	}
	if !c.Flags().Changed("token") {
		e.token = os.Getenv("WEFT_TOKEN")
	}
	if !strings.Contains(e.server, "://") {
		e.server = "http://" + e.server // people write host:port
	}
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
		if api.Query != nil {
			hint = or(hint, "weft trace search --help has examples; the search box of "+e.client().Base()+" completes queries")
		}
		switch api.Status {
		case http.StatusNotFound:
			code = exitNotFound
		case http.StatusBadRequest:
			code = exitUsage
		case http.StatusUnauthorized:
			hint = "give a token with --token or WEFT_TOKEN; make one with: weft token create"
		}
	case errors.As(err, &dial):
		hint = "is the server running? start it with: weft up; or name it with --server or WEFT_SERVER"
	}
	if errors.As(err, &next) {
		hint = next.hint
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(e.Err, "weft: error: %s\n", text)
	}
	var query *queryError
	if errors.As(err, &query) {
		fmt.Fprint(e.Err, query.place())
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

// queryError is an error of the server about a query, with its text.
type queryError struct {
	text string
	err  error
}

// inQuery remembers which query an error may be about.
func inQuery(text string, err error) error {
	var api *client.APIError
	if !errors.As(err, &api) || api.Query == nil {
		return err
	}
	return &queryError{text, err}
}

func (q *queryError) Error() string {
	return fmt.Sprintf("query, column %d: %v", utf8.RuneCountInString(q.text[:q.at()])+1, q.err)
}
func (q *queryError) Unwrap() error { return q.err }

// at is the byte where the query is wrong.
func (q *queryError) at() int {
	var api *client.APIError
	if !errors.As(q.err, &api) || api.Query == nil {
		return 0
	}
	return min(max(api.Query.ByteOffset, 0), len(q.text))
}

// place is the query's line with a mark under the place.
func (q *queryError) place() string {
	before, after := q.text[:q.at()], q.text[q.at():]
	before = before[strings.LastIndexByte(before, '\n')+1:]
	after, _, _ = strings.Cut(after, "\n")
	return fmt.Sprintf("  %s%s\n  %s^\n", plain(before), plain(after), strings.Repeat(" ", utf8.RuneCountInString(plain(before))))
}

// exactArgs wants n arguments and says which.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		hint := "see: " + c.CommandPath() + " --help"
		if len(names) == 0 {
			return usage(hint, "%s takes no arguments; %q is one", c.CommandPath(), args[0])
		}
		return usage(hint, "%s wants %s; it got %d arguments", c.CommandPath(), strings.Join(names, ", "), len(args))
	}
}

// someArgs wants one argument or more.
func someArgs(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return nil
		}
		return usage("see: "+c.CommandPath()+" --help", "%s takes one %s or more, not none", c.CommandPath(), name)
	}
}

// queryArg wants a query or none.
func queryArg(c *cobra.Command, args []string) error {
	if len(args) < 2 {
		return nil
	}
	return usage("put the whole query into one pair of single quotes", "%s takes one query, not %d", c.CommandPath(), len(args))
}

// about is what weft version prints.
type about struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (e *env) versionCommand() *cobra.Command {
	c := &cobra.Command{Use: "version", Short: "Print the version", Args: exactArgs()}
	e.outputFlag(c)
	c.RunE = func(*cobra.Command, []string) error {
		v := about{version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
		switch e.output {
		case "table":
			_, err := fmt.Fprintln(e.Out, "weft", v.Version)
			return err
		case "wide":
			_, err := fmt.Fprintln(e.Out, "weft", v.Version, v.Go, v.Platform)
			return err
		}
		return e.print(v)
	}
	return c
}
