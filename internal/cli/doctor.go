package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/client"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/app"
)

func (e *env) doctorCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use: "doctor", Short: "Find out why spans do not arrive", Args: exactArgs(),
		Long: "Find out why spans do not arrive: looks at the server, its addresses, what it refused lately, its data\n" +
			"folder where that is here, and the OTEL_* variables of this shell. Run it where your program runs.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &doctor{e: e, c: e.client()}
			d.server(cmd.Context())
			d.folder(cmd.Context(), data, cmd.Flags().Changed("data") || os.Getenv("WEFT_DATA") != "")
			d.variables()
			switch {
			case d.bad == 1:
				return &exitError{exitFailed, errors.New("1 finding, marked ✗")}
			case d.bad > 1:
				return &exitError{exitFailed, fmt.Errorf("%d findings, marked ✗", d.bad)}
			}
			return nil
		},
	}
	c.Flags().StringVar(&data, "data", envOr("WEFT_DATA", "weft-data"), "data folder")
	return c
}

// doctor prints findings: data, so they go to standard output.
type doctor struct {
	e   *env
	c   *client.Client
	bad int
}

func (d *doctor) good(format string, args ...any) {
	fmt.Fprintf(d.e.Out, "✓ "+format+"\n", args...)
}

func (d *doctor) finding(hint, format string, args ...any) {
	d.bad++
	fmt.Fprintf(d.e.Out, "✗ "+format+"\n", args...)
	if hint != "" {
		fmt.Fprintln(d.e.Out, "  "+hint)
	}
}

func (d *doctor) server(ctx context.Context) {
	resp, err := d.c.Do(ctx, http.MethodGet, "/readyz", url.Values{"verbose": {""}}, nil, nil)
	var refused *client.APIError
	switch {
	case errors.As(err, &refused):
		before := d.bad
		for line := range strings.Lines(refused.Detail) {
			if what, ok := strings.CutPrefix(line, "[-] "); ok {
				d.finding("its log says why", "the server is not well: %s", strings.TrimSpace(what))
			}
		}
		if d.bad == before {
			d.notWeft(fmt.Sprintf("it answers /readyz with %d", refused.Status))
		}
		return
	case errors.Is(err, syscall.ECONNREFUSED):
		d.finding("start it with: weft up; or name it with --server or WEFT_SERVER", "nothing listens at %s", d.c.Base())
		return
	case err != nil:
		var unknown *net.DNSError
		if errors.As(err, &unknown) {
			d.finding("name it with --server or WEFT_SERVER", "there is no host %s", plain(unknown.Name))
		} else if dial := new(net.OpError); errors.As(err, &dial) && dial.Op == "dial" {
			d.finding("start it with: weft up; or name it with --server or WEFT_SERVER", "%v", err)
		} else {
			d.notWeft(err.Error())
		}
		return
	}
	resp.Body.Close()
	d.good("the server at %s is ready", d.c.Base())
	var status api.Status
	if err := d.get(ctx, "/status", &status); err != nil {
		if !errors.As(err, &refused) {
			d.notWeft(err.Error())
			return
		}
		d.finding("give a token of scope read with --token or WEFT_TOKEN", "it does not say how it is: %v", err)
		return
	}
	for _, l := range status.Listeners {
		if l.Listening {
			d.good("it takes %s on %s", strings.Join(l.Protocols, ", "), l.Address)
		} else {
			d.finding("stop that program, or send to "+d.c.Base(), "%s: %s is %s", l.Name, l.Address, l.Detail)
		}
	}
	for _, w := range status.Warnings {
		d.finding("", "%s", w)
	}
	if status.WaitingForFirstSpan {
		d.finding("try: weft demo", "tenant %s has never had a span", status.Tenant)
	} else {
		d.good("tenant %s has spans", status.Tenant)
	}
	var list struct{ Refused []api.Refused }
	if err := d.get(ctx, "/refused", &list); err != nil {
		d.finding("", "it does not say what it refused: %v", err)
		return
	}
	for _, r := range list.Refused {
		d.finding(plain(r.Hint), "refused %s: %s %s from %s: %s", times(r.Count), r.Protocol, plain(r.Path), plain(r.Remote), plain(or(r.Detail, r.Reason)))
	}
}

// notWeft is the finding that something else has the server's address.
func (d *doctor) notWeft(how string) {
	who := "what answers"
	if u, err := url.Parse(d.c.Base()); err == nil {
		ip, _ := netip.ParseAddr(u.Hostname())
		if ip.IsLoopback() || u.Hostname() == "localhost" {
			who = or(app.PortOwner(u.Host), who)
		}
	}
	d.finding("stop that program, or start Weft elsewhere with: weft up --listen 127.0.0.1:PORT, and name it with --server",
		"%s at %s is not Weft: %s", who, d.c.Base(), how)
}

// folder looks at the data folder, if there is one here: a server of which commands do not
// know, or a folder that no server could write.
func (d *doctor) folder(ctx context.Context, data string, given bool) {
	switch info, err := os.Stat(data); {
	case errors.Is(err, fs.ErrNotExist) && !given:
		return // the server may be anywhere
	case errors.Is(err, fs.ErrNotExist):
		d.finding("weft up makes it; if it should be there, name the right one with --data", "there is no data folder %s", data)
		return
	case err != nil:
		d.finding("choose another one with --data", "data folder: %v", err)
		return
	case !info.IsDir():
		d.finding("choose another one with --data", "%s is a file, not a data folder", data)
		return
	}
	probe, err := os.CreateTemp(data, ".doctor-*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		d.finding("give it to the user who starts the server, make room, or choose another one with --data", "data folder %s cannot be written: %v", data, err)
		return
	}
	if f, err := app.ReadServerFile(data); err == nil && f.URL != d.c.Base() && runs(ctx, f.URL) {
		d.finding("name it: --server "+f.URL, "the server of data folder %s (pid %d) is at %s, not at %s", data, f.PID, f.URL, d.c.Base())
		return
	}
	d.good("data folder %s can be written", data)
}

// runs tells a server from the file that a crashed one left behind.
func runs(ctx context.Context, url string) bool {
	resp, err := client.New(url, "").Do(ctx, http.MethodGet, "/healthz", nil, nil, nil)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}

func (d *doctor) get(ctx context.Context, path string, out any) error {
	resp, err := d.c.Do(ctx, http.MethodGet, api.BasePath+path, nil, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(out)
}

// variables looks at what the OpenTelemetry SDKs of this shell will read.
func (d *doctor) variables() {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		d.finding("unset it", "OTEL_SDK_DISABLED is true: programs record nothing")
	}
	if s := os.Getenv("OTEL_TRACES_SAMPLER"); s != "" && !strings.Contains(s, "always_on") {
		d.finding("most traces may never be sent; unset it to send all", "OTEL_TRACES_SAMPLER is %s", plain(s))
	}
	if s := os.Getenv("OTEL_TRACES_EXPORTER"); s != "" && s != "otlp" {
		d.finding("set it to otlp", "OTEL_TRACES_EXPORTER is %s", plain(s))
	}
	endpoint := or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	if endpoint == "" {
		d.good("OTEL_EXPORTER_OTLP_ENDPOINT is not set here: SDKs send to port 4317 or 4318 of this machine; weft exec sets it")
		return
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		d.finding("write it like http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_ENDPOINT is no address: %s", plain(endpoint))
		return
	}
	grpc := or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")) == "grpc"
	switch {
	case u.Port() == "4318" && grpc:
		d.finding("use port 4317, or the main port, which takes both", "gRPC goes to %s, which takes HTTP", plain(endpoint))
	case u.Port() == "4317" && !grpc:
		d.finding("use port 4318, or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "HTTP goes to %s, which takes gRPC", plain(endpoint))
	case u.Scheme == "https":
		d.finding("use http://, or put a proxy with TLS in front", "%s wants TLS, which the server itself does not speak", plain(endpoint))
	default:
		d.good("programs of this shell send to %s", plain(endpoint))
	}
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
