package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/server/auth"
)

// Every way in leads to the same store, and what was acknowledged is there at once by id
// and by search, and again after a restart.
func TestOnePort(t *testing.T) {
	w := newWorld(t)
	n := 0
	send := func(name string, export func(r *coltrace.ExportTraceServiceRequest) error) {
		t.Helper()
		n++
		if err := export(request(traceID(n), name)); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if status, body := w.do("GET", "/api/v1/traces/"+hexOf(traceID(n)), nil); status != 200 || !strings.Contains(body, name) {
			t.Errorf("%s: the trace is %d %s", name, status, body)
		}
		if status, body := w.do("GET", "/api/v1/search?q=service%3D"+name, nil); status != 200 || !strings.Contains(body, hexOf(traceID(n))) {
			t.Errorf("%s: the search is %d %s", name, status, body)
		}
	}
	overHTTP := func(base string) func(*coltrace.ExportTraceServiceRequest) error {
		return func(r *coltrace.ExportTraceServiceRequest) error {
			if status, body := w.do("POST", base+"/v1/traces", encoded(t, r), protobufType); status != 200 {
				return fmt.Errorf("%d %s", status, body)
			}
			return nil
		}
	}
	overGRPC := func(address string) func(*coltrace.ExportTraceServiceRequest) error {
		return func(r *coltrace.ExportTraceServiceRequest) error {
			_, err := coltrace.NewTraceServiceClient(w.dial(address)).Export(t.Context(), r)
			return err
		}
	}
	send("main-http", overHTTP(w.URL()))
	send("own-http", overHTTP("http://"+w.address("otlp/http")))
	send("main-grpc", overGRPC(w.address("main")))
	send("own-grpc", overGRPC(w.address("otlp/grpc")))
	send("main-json", func(r *coltrace.ExportTraceServiceRequest) error {
		text, err := protojson.Marshal(r)
		if err != nil {
			return err
		}
		// Ids of OTLP/JSON are hex, which protojson does not know.
		text = []byte(strings.NewReplacer(base64Of(r.ResourceSpans[0].ScopeSpans[0].Spans[0].TraceId), hexOf(traceID(n)),
			base64Of(r.ResourceSpans[0].ScopeSpans[0].Spans[0].SpanId), hexOf(traceID(n))[16:]).Replace(string(text)))
		if status, body := w.do("POST", "/v1/traces", text, "Content-Type: application/json"); status != 200 {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	w.stop()
	w.start()
	for i := range n {
		if status, _ := w.do("GET", "/api/v1/traces/"+hexOf(traceID(i+1)), nil); status != 200 {
			t.Errorf("after a restart trace %d is %d", i+1, status)
		}
	}
}

// The paths that are neither API nor receiver: pages, health, metrics, and what a sender
// with a wrong path is told.
func TestOtherPaths(t *testing.T) {
	w := newWorld(t)
	f := func(method, url string, wantStatus int, wantBody, wantType string, headers ...string) {
		t.Helper()
		status, body, h := w.answer(method, url, nil, headers...)
		if status != wantStatus || !strings.Contains(body, wantBody) || !strings.HasPrefix(h.Get("Content-Type"), wantType) {
			t.Errorf("%s %s: %d %s %.300s, want %d %s with %q", method, url, status, h.Get("Content-Type"), body, wantStatus, wantType, wantBody)
		}
	}
	f("GET", "/", 200, "<base href=\"/\">", "text/html")
	f("GET", "/trace/5b8efff798038103d269b633813fc60c", 200, "<base", "text/html")
	f("GET", "/healthz", 200, "ok", "text/plain")
	f("GET", "/readyz", 200, "ready", "text/plain")
	f("GET", "/readyz?verbose", 200, "[+] store ok", "text/plain")
	f("GET", "/metrics", 200, "weft_store_spans", "text/plain")
	f("GET", "/metrics", 200, "# EOF", "application/openmetrics-text", "Accept: application/openmetrics-text")
	f("GET", "/api/v1/none", 404, "no_such_path", "application/problem+json")
	f("POST", "/v1/metrics", 404, "OTEL_METRICS_EXPORTER", "")
	f("POST", "/v1/traces/v1/traces", 404, "OTEL_EXPORTER_OTLP_ENDPOINT", "")
	f("GET", "/api/v1/refused", 200, "/v1/traces/v1/traces", "application/json")
	f("GET", "http://"+w.address("profiles")+"/debug/pprof/", 200, "goroutine", "text/html")
	f("GET", "http://"+w.address("profiles")+"/metrics", 200, "weft_store_spans", "")
	f("GET", "http://"+w.address("profiles")+"/debug/pprof/", 403, "", "", "Host: attacker.example")
	f("GET", "/debug/pprof/", 200, "<base", "text/html") // a page, not a profile
	f("GET", "/", 403, "attacker.example", "application/problem+json", "Host: attacker.example")
}

// Behind a proxy with a path prefix, which may or may not take it off, everything works.
func TestBasePath(t *testing.T) {
	w := newWorld(t, "base-path=/tools/weft")
	for _, prefix := range []string{"", "/tools/weft"} {
		if status, body := w.do("GET", prefix+"/search", nil); status != 200 || !strings.Contains(body, `<base href="/tools/weft/">`) {
			t.Errorf("page under %q: %d %s", prefix, status, body)
		}
		if status, body := w.do("GET", prefix+"/api/v1/session", nil); status != 200 {
			t.Errorf("API under %q: %d %s", prefix, status, body)
		}
	}
	if status, body := w.do("GET", "/tools/weftish/api/v1/session", nil); status != 200 || !strings.Contains(body, "<base") {
		t.Errorf("a path that only begins like the prefix: %d %s", status, body)
	}
}

// A taken standard port is a warning that names who has it; a taken main port and a folder
// in use are errors, and leave nothing behind.
func TestTaken(t *testing.T) {
	w := newWorld(t)
	main, native := w.address("main"), w.address("otlp/grpc")
	other := filepath.Join(t.TempDir(), "other")

	_, err := Open(t.Context(), testConfig(t, other, "listen="+main), Options{})
	var taken *InUseError
	if !errors.As(err, &taken) || !strings.Contains(taken.Owner, fmt.Sprintf("(pid %d)", os.Getpid())) {
		t.Errorf("taken main port: %v", err)
	}
	if _, err := os.Stat(other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the refused server made its folder: %v", err)
	}

	_, err = Open(t.Context(), testConfig(t, w.data), Options{})
	var locked *vfs.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("folder in use: %v", err)
	}
	if _, err := ReadServerFile(w.data); err != nil {
		t.Errorf("the refused server removed the file of the running one: %v", err)
	}

	a, err := Open(t.Context(), testConfig(t, other, "otlp.grpc="+native), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(t.Context())
	found := false
	for _, l := range a.Listeners() {
		if l.Name == "otlp/grpc" {
			found = !l.Listening && strings.Contains(l.Detail, fmt.Sprintf("(pid %d)", os.Getpid()))
		}
	}
	if !found {
		t.Errorf("the taken standard port is not said: %+v", a.Listeners())
	}
}

// An address that other machines reach needs tokens, or a decision.
func TestExposed(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	exposed := []string{"listen=127.0.0.1:0", "otlp.http=0.0.0.0:0"}
	_, err := Open(t.Context(), testConfig(t, data, exposed...), Options{})
	var e *ExposedError
	if !errors.As(err, &e) || !strings.Contains(e.Address, "[::]:") && !strings.Contains(e.Address, "0.0.0.0:") {
		t.Fatalf("Open = %v, want an *ExposedError", err)
	}
	if _, err := ReadServerFile(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the refused server left its file: %v", err)
	}
	start := func(flags ...string) {
		t.Helper()
		a, err := Open(t.Context(), testConfig(t, data, flags...), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	start(append(exposed, "insecure=true")...)
	tokens, err := OpenTokens(t.Context(), data, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := tokens.Create(t.Context(), auth.NewToken{Tenant: "a", Scopes: []auth.Scope{auth.Admin}}, "test"); err != nil {
		t.Fatal(err)
	}
	if err := tokens.Close(); err != nil {
		t.Fatal(err)
	}
	start(exposed...)
}

// When the server stops, a live tail ends at once, a request under way is answered, and a
// new one is not taken.
func TestDrain(t *testing.T) {
	w := newWorld(t)
	// A request under way: its headers are in, its body is not.
	conn, err := net.Dial("tcp", w.address("main"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := encoded(t, request(traceID(1), "slow"))
	fmt.Fprintf(conn, "POST /v1/traces HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-protobuf\r\nContent-Length: %d\r\n\r\n", w.address("main"), len(body))
	if _, err := conn.Write(body[:len(body)/2]); err != nil {
		t.Fatal(err)
	}
	// The server is in its handler when it has reserved the memory of the request.
	await(t, "the request to be read", func() bool { return w.pipeline.InFlight() > 0 })

	r, err := http.NewRequestWithContext(t.Context(), "GET", w.URL()+"/api/v1/tail", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	tail, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Body.Close()

	a, main := w.App, w.address("main")
	w.App = nil
	closed := make(chan error, 1)
	go func() { closed <- a.Close(context.Background()) }()
	for s := bufio.NewScanner(tail.Body); s.Scan(); { // ends, or the test never does
	}
	<-a.draining
	await(t, "the address to be closed", func() bool {
		c, err := net.DialTimeout("tcp", main, time.Second)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if _, err := conn.Write(body[len(body)/2:]); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("the request under way: %v, %v", resp, err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	w.start()
	if status, _ := w.do("GET", "/api/v1/traces/"+hexOf(traceID(1)), nil); status != 200 {
		t.Errorf("the span acknowledged while stopping is %d", status)
	}
}

// await polls for what no signal tells.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// The file that leads to a running server is for its user only, changes with each start,
// and goes with the server.
func TestServerFile(t *testing.T) {
	w := newWorld(t)
	first, err := ReadServerFile(w.data)
	if err != nil || first.PID != os.Getpid() || first.URL != w.URL() {
		t.Fatalf("server file %+v, %v", first, err)
	}
	info, err := os.Stat(serverFile(w.data))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("permissions %v, %v", info.Mode(), err)
	}
	w.token("acme", auth.Read)
	if status, body := w.do("GET", "/api/v1/tokens", nil, bearer(first.Secret)); status != 200 || !strings.Contains(body, "acme") {
		t.Errorf("with its secret: %d %s", status, body)
	}
	w.stop()
	if _, err := ReadServerFile(w.data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the stopped server left its file: %v", err)
	}
	w.start()
	if status, _ := w.do("GET", "/api/v1/tokens", nil, bearer(first.Secret)); status != 401 {
		t.Errorf("the secret of an earlier start is %d", status)
	}
}
