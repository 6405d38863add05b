package jaeger_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/server/api/spantext"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

const realConfig = `
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}
  telemetry:
    metrics: {level: none}
extensions:
  jaeger_query:
    storage: {traces: weft}
    http: {endpoint: %[1]q}
    grpc: {endpoint: %[2]q}
  jaeger_storage:
    backends:
      weft:
        grpc:
          endpoint: %[4]q
          tls: {insecure: true}
          writer:
            endpoint: %[4]q
            tls: {insecure: true}
receivers:
  otlp:
    protocols:
      http: {endpoint: %[3]q}
exporters:
  jaeger_storage_exporter: {trace_storage: weft}
`

// A real Jaeger v2 writes to Weft and reads from it. It runs where TEST_JAEGER names the
// binary; with TEST_JAEGER=1 the tests of the clients build one. (A name that begins with
// WEFT_ would be taken for a setting of the server.)
func TestRealJaeger(t *testing.T) {
	binary := os.Getenv("TEST_JAEGER")
	if binary == "" || binary == "1" {
		t.Skip("TEST_JAEGER names no jaeger binary")
	}
	w := newWorld(t)
	ports := make([]string, 3)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = l.Addr().String()
		l.Close()
	}
	config := filepath.Join(t.TempDir(), "jaeger.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, realConfig, ports[0], ports[1], ports[2], w.conn.Target()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "--config", config)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})

	// eventually repeats a request until it is answered as wanted: Jaeger starts, and
	// batches what it writes, without telling when it is done.
	eventually := func(do func() (*http.Response, error), status int, says string) string {
		t.Helper()
		var last string
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
			resp, err := do()
			if err != nil {
				last = err.Error()
			} else {
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				last = fmt.Sprint(resp.Status, " ", string(body), " ", err)
				if err == nil && resp.StatusCode == status && strings.Contains(string(body), says) {
					return string(body)
				}
			}
			select {
			case <-t.Context().Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
		t.Fatalf("want %d and %q, got %s", status, says, last)
		return ""
	}
	get := func(path string, status int, says string) string {
		t.Helper()
		return eventually(func() (*http.Response, error) { return http.Get("http://" + ports[0] + path) }, status, says)
	}
	eventually(func() (*http.Response, error) {
		return http.Post("http://"+ports[2]+"/v1/traces", "application/json", strings.NewReader(string(otlp.AppendJSON(nil, spantext.Parse(shop)))))
	}, http.StatusOK, "")

	get("/api/services", http.StatusOK, "bank")
	get("/api/services/bank/operations", http.StatusOK, "AUTH")
	from, to := spantext.Epoch.Add(-time.Minute).UnixMicro(), spantext.Epoch.Add(time.Minute).UnixMicro()
	search := fmt.Sprintf("/api/traces?service=bank&start=%d&end=%d&limit=10&tags=%s", from, to, url.QueryEscape(`{"error":"true"}`))
	if got := get(search, http.StatusOK, "BankTimeout"); strings.Contains(got, "GET /") {
		t.Errorf("the search found more: %s", got)
	}
	get("/api/traces/1", http.StatusOK, "POST /pay")
	get("/api/traces/77", http.StatusNotFound, "trace not found")
	get(fmt.Sprintf("/api/dependencies?endTs=%d&lookback=3600000", to/1000), http.StatusOK, `"callCount":1`)
	// What Jaeger wrote, Weft's own face shows too.
	if status, body := w.get("/api/traces/2"); status != http.StatusOK || !strings.Contains(string(body), "GET /") {
		t.Errorf("%d %s", status, body)
	}
}
