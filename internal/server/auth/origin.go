package auth

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/weft-dev/weft/internal/server/api"
)

// Names is the names a server may be reached by. Loopback names and addresses, and the
// address a connection arrived at, always are.
//
// A page of attacker.example whose name was made to resolve to 127.0.0.1 sends that name
// as Host; it is how such a request is told from a local one.
type Names struct {
	Hosts []string // names or addresses, with or without a port
}

// CheckHost is nil if host may be asked for on a connection to local, nil if unknown. An
// empty host, as HTTP/1.0 sends it, is no browser's.
func (n Names) CheckHost(host string, local net.Addr) error {
	if host == "" {
		return nil
	}
	name := hostname(host)
	if name == "localhost" || n.configured(host) {
		return nil
	}
	if ip, err := netip.ParseAddr(name); err == nil && (ip.IsLoopback() || ip.Unmap() == addressOf(local)) {
		return nil
	}
	return fmt.Errorf("host %q is none of this server's names; if it should be, start the server with --hosts %s: %w", host, name, api.ErrForbidden)
}

func (n Names) configured(host string) bool {
	return slices.ContainsFunc(n.Hosts, func(h string) bool { return hostname(h) == hostname(host) })
}

// hostname is the host without port, brackets and final dot, in lower case.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func addressOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// ours reports whether a page of origin is one of this server, asked for as host.
func (n Names) ours(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false // "null" among them: sandboxed pages and files
	}
	return withoutDefaultPort(u.Host) == withoutDefaultPort(host) || n.configured(u.Host)
}

// withoutDefaultPort drops the ports of both schemes: a proxy that ends TLS says https to
// the browser and http to us.
func withoutDefaultPort(host string) string {
	if h, port, err := net.SplitHostPort(host); err == nil && (port == "80" || port == "443") {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// changes reports whether the request may change something.
func changes(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}

// checkOrigin is nil unless a page of another origin sent the request. Programs send
// neither Origin nor Sec-Fetch-Site; every browser of today sends one of them with what
// may change something.
func (n Names) checkOrigin(r *http.Request) error {
	if origin := r.Header.Get("Origin"); origin != "" {
		if n.ours(origin, r.Host) {
			return nil
		}
		return fmt.Errorf("a page of %s may not use this server: %w", origin, api.ErrForbidden)
	}
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "none", "same-origin":
		return nil
	default:
		// A link on another site may lead here; a frame, a script or a fetch may not.
		if !changes(r) && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
			return nil
		}
		return fmt.Errorf("a page of another site (%s) may not use this server: %w", site, api.ErrForbidden)
	}
}

// vouched reports whether a browser says that a page of ours sent the request. A cookie
// alone is no proof: older browsers add it to what other pages send.
func (n Names) vouched(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		return n.ours(origin, r.Host)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "same-origin" || site == "none"
}
