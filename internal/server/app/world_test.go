package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/server/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testConfig is a server on free ports; flags are "key=value".
func testConfig(t *testing.T, data string, flags ...string) Config {
	t.Helper()
	given := map[string]string{
		"data": data, "listen": "127.0.0.1:0", "otlp.grpc": "127.0.0.1:0", "otlp.http": "127.0.0.1:0", "log.level": "error",
	}
	for _, f := range flags {
		k, v, _ := strings.Cut(f, "=")
		given[k] = v
	}
	cfg, _, err := Load(Sources{Flags: given})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// world is a running server and its folder.
type world struct {
	t    *testing.T
	data string
	*App
	client *http.Client
	fs     vfs.FS // nil: the machine's
}

// newWorld starts a server in a new folder and stops it at the end of the test.
func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	return newWorldOn(t, nil, flags...)
}

// newWorldOn keeps the traces on a file system of the test's.
func newWorldOn(t *testing.T, fsys vfs.FS, flags ...string) *world {
	t.Helper()
	w := &world{t: t, fs: fsys, data: filepath.Join(t.TempDir(), "data"), client: &http.Client{Transport: &http.Transport{}}}
	w.start(flags...)
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) start(flags ...string) {
	w.t.Helper()
	a, err := Open(context.Background(), testConfig(w.t, w.data, flags...), Options{Version: "test", Log: os.Stderr, FS: w.fs})
	if err != nil {
		w.t.Fatal(err)
	}
	w.App = a
}

func (w *world) stop() {
	w.t.Helper()
	w.client.CloseIdleConnections()
	if w.App == nil {
		return
	}
	if err := w.Close(context.Background()); err != nil {
		w.t.Error(err)
	}
	w.App = nil
}

// token makes a token and returns its secret.
func (w *world) token(tenant string, scopes ...auth.Scope) string {
	w.t.Helper()
	_, secret, _, err := w.access.Create(w.t.Context(), auth.NewToken{Tenant: tenant, Scopes: scopes}, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	return secret
}

// address of a listener, by name.
func (w *world) address(name string) string {
	w.t.Helper()
	for _, l := range w.Listeners() {
		if l.Name == name && l.Listening {
			return l.Address
		}
	}
	w.t.Fatalf("no listener %q in %+v", name, w.Listeners())
	return ""
}

// do sends a request with headers given as "Name: value" and returns status and body.
func (w *world) do(method, url string, body []byte, headers ...string) (int, string) {
	w.t.Helper()
	status, text, _ := w.answer(method, url, body, headers...)
	return status, text
}

func (w *world) answer(method, url string, body []byte, headers ...string) (int, string, http.Header) {
	w.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = w.URL() + url
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	resp, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// request is an export of one trace of one span, now, of a service.
func request(id [16]byte, service string) *coltrace.ExportTraceServiceRequest {
	now := uint64(time.Now().UnixNano())
	text := func(s string) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
	}
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{{Key: "service.name", Value: text(service)}}},
		ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{{
			TraceId: id[:], SpanId: id[8:], Name: "work of " + service, Kind: trace.Span_SPAN_KIND_SERVER,
			StartTimeUnixNano: now, EndTimeUnixNano: now + 1e6,
			Attributes: []*common.KeyValue{{Key: "owner", Value: text(service)}},
		}}}},
	}}}
}

func encoded(t *testing.T, r *coltrace.ExportTraceServiceRequest) []byte {
	t.Helper()
	b, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const protobufType = "Content-Type: application/x-protobuf"

// dial connects over gRPC.
func (w *world) dial(address string) *grpc.ClientConn {
	w.t.Helper()
	c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

func bearer(secret string) string { return "Authorization: Bearer " + secret }

func traceID(n int) (id [16]byte) {
	copy(id[:], fmt.Sprintf("trace %09d!", n))
	return id
}

func hexOf(id [16]byte) string { return hex.EncodeToString(id[:]) }

// newRequest is a GET whose headers are given as "Name: value".
func newRequest(ctx context.Context, method, url string, headers []string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r, nil
}

// post sends protobuf and wants 200.
func (w *world) post(ctx context.Context, url string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := w.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s from %s", resp.Status, url)
	}
	return nil
}
