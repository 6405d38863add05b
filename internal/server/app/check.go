package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path"
	"strings"
)

// off is the address of what does not listen.
const off = "off"

// check fills what follows from other values and says everything that is wrong.
func (c Config) check() (Config, error) {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	address := func(key, value string, mayBeOff bool) {
		if mayBeOff && value == off {
			return
		}
		if _, _, err := net.SplitHostPort(value); err != nil {
			bad(key, "%q is not an address; write it like 127.0.0.1:8800", value)
		}
	}
	if c.Data == "" {
		bad("data", "no folder given")
	}
	address("listen", c.Listen, false)
	address("otlp.grpc", c.GRPC, true)
	address("otlp.http", c.HTTP, true)
	address("pprof", c.Pprof, true)
	if c.Pprof != off && !isLoopback(c.Pprof) {
		bad("pprof", "%s can be reached from other machines; profiles tell too much, use 127.0.0.1", c.Pprof)
	}
	c.BasePath = strings.TrimSuffix(path.Clean("/"+c.BasePath), "/") + "/"
	for _, o := range c.Origins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Host == "" || u.Path != "") {
			bad("cors.origins", "%q is not an origin; write it like https://shop.example", o)
		}
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		bad("log.format", "%q is neither text nor json", c.LogFormat)
	}
	if err := new(slog.Level).UnmarshalText([]byte(c.LogLevel)); err != nil {
		bad("log.level", "%q is none of debug, info, warn, error", c.LogLevel)
	}
	if c.WebDir != "" {
		if _, err := os.Stat(path.Join(c.WebDir, "index.html")); err != nil {
			bad("web-dir", "no web app there: %v", err)
		}
	}
	if c.MaxInFlight < 2*c.MaxRequest {
		bad("limits.in-flight", "%d bytes are less than twice limits.request", c.MaxInFlight)
	}
	if limits, err := c.tenantLimits(); err != nil {
		bad("tenant.disk-share", "%v", err)
	} else if err := limits.Check(); err != nil {
		bad("limits of tenants", "%v", err)
	}
	return c, errors.Join(errs...)
}

// Check says everything that is wrong with a configuration.
func (c Config) Check() error {
	_, err := c.check()
	return err
}
