package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Options say how the shop runs.
type Options struct {
	Program  string       // this program's path; it must know the command "demo-service"
	Endpoint string       // OTLP/HTTP base URL, for instance http://127.0.0.1:8800
	Token    string       // bearer token with scope ingest, if the server wants one
	Dir      string       // folder for the shop's databases; default: a temporary one
	Rate     float64      // requests a second at the busiest hour; default 12
	Output   io.Writer    // of the services; default: discard
	Logger   *slog.Logger // default: discard
	// Requests ends the traffic after so many; 0: until the context ends.
	Requests int
	// Started is called once all services answer.
	Started func()
}

// serviceNames in the order they start: who is called comes first.
var serviceNames = []string{"bank", "inventory", "catalog", "fulfilment", "payment", "gateway"}

// Run starts the shop and its visitors and returns when ctx is done or the traffic is over.
func Run(ctx context.Context, o Options) error {
	if o.Rate <= 0 {
		o.Rate = 12
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "weft-demo-")
		if err != nil {
			return fmt.Errorf("start demo: %w", err)
		}
		defer os.RemoveAll(dir)
		o.Dir = dir
	}
	ports, err := freePorts(len(serviceNames))
	if err != nil {
		return fmt.Errorf("start demo: %w", err)
	}
	addresses := map[string]string{}
	for i, name := range serviceNames {
		addresses[name] = fmt.Sprintf("127.0.0.1:%d", ports[i])
	}

	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	died := make(chan error, len(serviceNames))
	for _, name := range serviceNames {
		cmd := serviceCommand(ctx, o, name, addresses)
		if err := cmd.Start(); err != nil {
			cancel()
			wg.Wait()
			return fmt.Errorf("start demo service %s: %w", name, err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			err := cmd.Wait()
			if ctx.Err() == nil {
				died <- fmt.Errorf("demo service %s ended: %w", name, errors.Join(err))
			}
		}()
	}
	defer wg.Wait()
	defer cancel()
	if err := awaitReady(ctx, "http://"+addresses["gateway"]+"/healthz", died); err != nil {
		return err
	}
	if o.Started != nil {
		o.Started()
	}
	o.Logger.Info("demo shop is open", "gateway", addresses["gateway"])
	return visit(ctx, "http://"+addresses["gateway"], o, died)
}

func serviceCommand(ctx context.Context, o Options, name string, addresses map[string]string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.Program, "demo-service", name)
	cmd.Env = append(os.Environ(),
		"OTEL_SERVICE_NAME="+name,
		"OTEL_RESOURCE_ATTRIBUTES=service.version="+versions[name]+",deployment.environment.name=demo",
		"OTEL_EXPORTER_OTLP_ENDPOINT="+o.Endpoint,
		"OTEL_BSP_SCHEDULE_DELAY=500",
		"SHOP_DIR="+filepath.ToSlash(o.Dir),
	)
	if o.Token != "" {
		cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20"+o.Token)
	}
	for n, a := range addresses {
		cmd.Env = append(cmd.Env, addressVariable(n)+"="+a)
	}
	cmd.Stdout, cmd.Stderr = o.Output, o.Output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	dieWithParent(cmd)
	return cmd
}

var versions = map[string]string{
	"gateway": "3.8.0", "catalog": "1.14.2", "payment": "5.2.1", "bank": "2023.11", "inventory": "2.0.4", "fulfilment": "0.9.7",
}

func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		// Held until all are chosen, so that no two are the same.
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// awaitReady polls the gateway, which is ready once all it calls are.
func awaitReady(ctx context.Context, url string, died <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-died:
			return err
		case <-ctx.Done():
			return fmt.Errorf("start demo: the shop did not open: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func isClosed(err error) bool {
	return err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) || errors.Is(err, syscall.EPIPE)
}
