package clients

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/proof"
)

// weft is the server all tests of the package send to. Each sends under a name of its own.
var weft *world

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) (code int) {
	complain := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	dir, err := os.MkdirTemp("", "weft-clients-")
	if err != nil {
		complain(err)
		return
	}
	defer func() { complain(os.RemoveAll(dir)) }()
	log := filepath.Join(dir, "weft.log")
	defer func() {
		if code != 0 {
			text, err := os.ReadFile(log)
			fmt.Fprintf(os.Stderr, "the server's log (%v):\n%s\n", err, text)
		}
	}()
	if weft, err = start(dir, log); err != nil {
		complain(err)
		return
	}
	code = m.Run()
	complain(weft.Stop())
	return
}

// world is the real server with its standard OTLP addresses on free ports.
type world struct {
	*proof.Server
	grpc, http string // base URLs of the standard addresses
}

func start(dir, log string) (*world, error) {
	binary := filepath.Join(dir, "weft")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/weft")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build weft: %w", err)
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	w := &world{
		Server: &proof.Server{Binary: binary, Dir: filepath.Join(dir, "data"), Log: log, Args: []string{
			"--otlp.grpc", ports[0], "--otlp.http", ports[1],
		}},
		grpc: "http://" + ports[0], http: "http://" + ports[1],
	}
	_, err = w.Start(context.Background())
	return w, err
}

// freePorts finds loopback addresses nobody listens on.
func freePorts(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // when all are found, so that they differ
		out = append(out, l.Addr().String())
	}
	return out, nil
}

// trace reads a trace with the decoder of the OpenTelemetry project, not our own.
func (w *world) trace(t *testing.T, id []byte) *tracepb.TracesData {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/api/v1/traces/"+hex.EncodeToString(id), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/x-protobuf")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("read trace %x: %s: %.200s", id, resp.Status, body)
	}
	var data tracepb.TracesData
	if err := proto.Unmarshal(body, &data); err != nil {
		t.Fatalf("read trace %x: %v", id, err)
	}
	return &data
}

// search returns the span counts of the traces that a query finds around now, by trace id.
func (w *world) search(t *testing.T, q string) map[string]int {
	t.Helper()
	found, err := w.Search(t.Context(), q, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// transport is one way a client sends.
type transport struct {
	protocol    string // as in OTEL_EXPORTER_OTLP_PROTOCOL
	compression string // as in OTEL_EXPORTER_OTLP_COMPRESSION, "" for none
}

func (tr transport) String() string {
	return strings.ReplaceAll(tr.protocol, "/", "-") + "-" + orNone(tr.compression)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// endpoint is where a client with this transport sends by default.
func (tr transport) endpoint() string {
	if tr.protocol == "grpc" {
		return weft.grpc
	}
	return weft.http
}

// environ is what a user sets for an OpenTelemetry SDK, and nothing else.
func (tr transport) environ(service string) []string {
	env := []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + tr.endpoint(),
		"OTEL_EXPORTER_OTLP_PROTOCOL=" + tr.protocol,
		"OTEL_SERVICE_NAME=" + service,
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test",
		"OTEL_METRICS_EXPORTER=none",
		"OTEL_LOGS_EXPORTER=none",
	}
	if tr.compression != "" {
		env = append(env, "OTEL_EXPORTER_OTLP_COMPRESSION="+tr.compression)
	}
	return env
}

// run runs a client and returns what it printed.
func run(t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(name), err, tail(stderr.Bytes(), 4000))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s says:\n%s", filepath.Base(name), tail(stderr.Bytes(), 4000))
		}
	})
	return out
}

// installed is install; the test is skipped if a command fails: then this machine has no
// such client.
func installed(t *testing.T, dir string, files, env []string, commands ...[]string) string {
	t.Helper()
	into, err := install(t, dir, files, env, commands...)
	if err != nil {
		t.Skipf("cannot be installed here: %v", err)
	}
	return into
}

// install returns the cache folder that holds the given files of dir and what commands,
// run in that folder, put beside them. The folder's name is a hash of all of these, so
// runs and checkouts share it; other processes that want it wait. The error is that of the
// first command that fails.
func install(t *testing.T, dir string, files, env []string, commands ...[]string) (string, error) {
	t.Helper()
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %q\n", env, commands)
	content := map[string][]byte{}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		content[name] = text
		fmt.Fprintf(hash, "%s %d\n%s", name, len(text), text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(cache, "weft-tests", filepath.Base(dir)+"-"+hex.EncodeToString(hash.Sum(nil))[:16])
	done := filepath.Join(into, ".installed")
	if err := os.MkdirAll(filepath.Dir(into), 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.OpenFile(into+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(done); err == nil {
		return into, nil
	}
	if err := errors.Join(os.RemoveAll(into), os.Mkdir(into, 0o755)); err != nil {
		t.Fatal(err)
	}
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(into, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range commands {
		cmd := exec.CommandContext(t.Context(), c[0], c[1:]...)
		cmd.Dir = into
		cmd.Env = append(append(os.Environ(), "PWD="+into), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", strings.Join(c, " "), err, tail(out, 2000))
		}
	}
	if err := os.WriteFile(done, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return into, nil
}

func tail(b []byte, n int) []byte {
	return b[max(0, len(b)-n):]
}

// need skips the test where a program is missing.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed; make deps installs it", p)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
