package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/demo"
	"github.com/weft-dev/weft/internal/server/app"
)

func (e *env) upCommand() *cobra.Command {
	var settings settingFlags
	var withDemo, open bool
	c := &cobra.Command{
		Use: "up", Short: "Start the server: UI, API and receivers on one port", Args: exactArgs(),
		Long: "Start the server: UI, API, OTLP over HTTP and gRPC on one port, and the standard OTLP ports.\n" +
			"Each flag is also an environment variable, WEFT_ and the name in capitals, and a key of the\n" +
			"configuration file; a flag wins over the environment, that over the file.",
		Example: "  weft up\n  weft up --data /var/lib/weft --config /etc/weft.yaml\n  weft up --demo --open",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := settings.load(cmd)
			if err != nil {
				return err
			}
			return e.up(cmd.Context(), cfg, withDemo, open)
		},
	}
	settings.register(c)
	c.Flags().BoolVar(&withDemo, "demo", false, "run a payment shop of six services that sends its traces here")
	c.Flags().BoolVar(&open, "open", false, "open the pages in a browser")
	return c
}

func (e *env) up(ctx context.Context, cfg app.Config, withDemo, open bool) (err error) {
	app.LimitMemory(&cfg, slog.New(slog.DiscardHandler))
	a, err := app.Open(ctx, cfg, app.Options{Version: version, Log: e.Err})
	if err != nil {
		return explainStart(err, cfg)
	}
	defer func() { err = errors.Join(err, a.Close(context.WithoutCancel(ctx))) }()
	banner(e.Err, a)
	if open {
		e.openBrowser(ctx, a.URL())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	demoEnded := make(chan error, 1)
	if withDemo {
		program, err := os.Executable()
		if err != nil {
			return fmt.Errorf("start the demo: %w", err)
		}
		go func() {
			demoEnded <- demo.Run(ctx, demo.Options{
				Program: program, Endpoint: a.URL(), Token: a.LocalSecret(), Started: func() { a.SetDemo(true) },
			})
		}()
	} else {
		close(demoEnded)
		demoEnded = nil
	}
	for {
		select {
		case <-ctx.Done():
			// From here a second Ctrl-C ends the process at once; what was acknowledged is
			// on disk.
			signal.Reset(os.Interrupt, syscall.SIGTERM)
			if demoEnded == nil {
				return nil
			}
			if err := <-demoEnded; err != nil && !errors.Is(err, context.Canceled) {
				e.note("weft: the demo has ended: %v", err)
			}
			return nil
		case err := <-a.Failed():
			return err
		case err := <-demoEnded:
			demoEnded = nil
			a.SetDemo(false)
			if err != nil && ctx.Err() == nil {
				e.note("weft: the demo has ended: %v", err)
			}
		}
	}
}

// explainStart adds what to do to the errors of a start that people meet.
func explainStart(err error, cfg app.Config) error {
	var taken *app.InUseError
	var locked *vfs.LockedError
	var exposed *app.ExposedError
	var newer *meta.NewerError
	switch {
	case errors.As(err, &taken):
		return withHint(err, "stop that program, or choose another address with --listen")
	case errors.As(err, &locked):
		by := "another process"
		if locked.PID > 0 {
			by = fmt.Sprintf("pid %d", locked.PID)
		}
		return withHint(fmt.Errorf("data folder %s is in use by %s", cfg.Data, by), "stop that server, or choose another folder with --data")
	case errors.As(err, &exposed):
		return withHint(err, "make a token first: weft token create --data %s --scope admin; or accept that anyone may read and delete: --insecure", cfg.Data)
	case errors.As(err, &newer):
		return withHint(err, "start the newer program, or restore a backup made before the upgrade")
	}
	return err
}

// banner says where everything is, once.
func banner(w io.Writer, a *app.App) {
	fmt.Fprintf(w, "\nWeft %s\n\n", version)
	line := func(mark, what, text string) { fmt.Fprintf(w, "  %s %-11s %s\n", mark, what, text) }
	titles := map[string]string{"main": "UI and API", "otlp/http": "OTLP/HTTP", "otlp/grpc": "OTLP/gRPC", "profiles": "Profiles"}
	main := ""
	for _, l := range a.Listeners() {
		text := l.Address
		switch l.Name {
		case "main":
			main = l.Address
			line("✓", titles[l.Name], a.URL())
			line("✓", "OTLP", a.URL()+", HTTP and gRPC")
			continue
		case "otlp/http":
			text = "http://" + text
		case "profiles":
			text = "http://" + text + "/debug/pprof/"
		}
		if l.Listening {
			line("✓", titles[l.Name], text)
		} else {
			line("✗", titles[l.Name], text+" is "+l.Detail+"; use "+main+" instead")
		}
	}
	fmt.Fprintln(w)
	limit := "no cap"
	if a.DiskCap() > 0 {
		limit = "at most " + bytesText(a.DiskCap()) + " of traces, the oldest go first"
	}
	line(" ", "Data", a.Data()+", "+limit)
	if a.TokensRequired() {
		line(" ", "Access", "with tokens; more with: weft token create")
	} else {
		line(" ", "Access", "open to whoever reaches these addresses; close it with: weft token create --scope admin")
	}
	line(" ", "Stop", "Ctrl-C; the data stays")
	fmt.Fprintln(w)
}

// openBrowser tries to; a machine without one is no error.
func (e *env) openBrowser(ctx context.Context, url string) {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	if err := cmd.Start(); err != nil {
		e.note("weft: no browser was opened (%v); the address is %s", err, url)
		return
	}
	go func() { _ = cmd.Wait() }() // so that it leaves no zombie; how it ends is its own matter
}

// settingFlags are the flags of the server's configuration.
type settingFlags struct{ file string }

func (s *settingFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&s.file, "config", os.Getenv("WEFT_CONFIG"), "configuration file, YAML or TOML")
	for _, k := range app.Settings() {
		if k.Switch {
			c.Flags().Bool(k.Key, false, k.Doc)
		} else {
			c.Flags().String(k.Key, "", strings.TrimSuffix(k.Doc+" (default "+k.Value+")", " (default )"))
		}
	}
}

// load reads the configuration with the flags that were given.
func (s *settingFlags) load(c *cobra.Command) (app.Config, []app.Setting, error) {
	flags := map[string]string{}
	for _, k := range app.Settings() {
		if f := c.Flags().Lookup(k.Key); f.Changed {
			flags[k.Key] = f.Value.String()
		}
	}
	cfg, settings, err := app.Load(app.Sources{File: s.file, Environ: os.Environ(), Flags: flags})
	if err == nil {
		err = cfg.Check()
	}
	if err != nil {
		return cfg, nil, &exitError{exitUsage, withHint(err, "weft config print --origin shows every key and where its value comes from")}
	}
	return cfg, settings, nil
}
