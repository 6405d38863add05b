package app

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path"
	"strings"
)

// What store and log take for 0.
const (
	defaultHead Bytes = 32_000_000
	defaultLog  Bytes = 128 << 20
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
	// The log keeps what a head holds until that is a part, and the next head grows meanwhile.
	head, logCap := cmp.Or(c.HeadCap, defaultHead), cmp.Or(c.LogCap, defaultLog)
	if head > logCap/2 {
		bad("head", "%s does not fit log-cap, %s: the log would be full, and spans refused, before the head is written as a part; "+
			"set head to at most %s, or log-cap to at least %s", sizeText(int64(head)), sizeText(int64(logCap)), sizeDown(int64(logCap/2)), sizeUp(2*int64(head)))
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
