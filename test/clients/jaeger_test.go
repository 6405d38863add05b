package clients

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// buildJaeger builds Jaeger 2.13, which is in version 1.76.0 of its Go module, with the
// versions of its own go.mod; "go install" refuses a module that replaces others.
const buildJaeger = `
set -e
into=$PWD
cd "$(go mod download -json github.com/jaegertracing/jaeger@v1.76.0 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')"
exec go build -mod=readonly -trimpath -o "$into/jaeger" ./cmd/jaeger
`

// A stock Jaeger with Weft as its remote storage: what it receives is stored in Weft,
// whole, and its own UI's API finds and shows it from there.
//
// TEST_JAEGER is the program, or 1 to build it, which takes some minutes. (A name that
// begins with WEFT_ would be a setting of the server, and refused.)
func TestJaeger(t *testing.T) {
	t.Parallel()
	program := os.Getenv("TEST_JAEGER")
	switch program {
	case "":
		t.Skip("building Jaeger takes minutes; TEST_JAEGER=1 does it, or names a jaeger of version 2")
	case "1":
		dir, err := install(t, "jaeger", nil, nil, []string{"sh", "-c", buildJaeger})
		if err != nil {
			t.Fatal(err) // whoever asks for it wants to know
		}
		program = filepath.Join(dir, "jaeger")
	}
	j := startJaeger(t, program)
	service, base := "through-jaeger", newBase()
	exporter, err := goExporter(t.Context(), transport{"grpc", "gzip"}, j.otlp)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tellStory(t.Context(), exporter, service, base, &out); err != nil {
		t.Fatal(err)
	}
	ids := parseRefs(t, out.Bytes())
	checkStory(t, ids, base, service, "go")

	for trace := range traces {
		ids.checkTrace(t, j.trace(t, ids[trace][0].trace), base, trace, service, "go", sorted)
	}
	var services, operations struct{ Data []string }
	j.get(t, "/api/services", &services)
	if !slices.Contains(services.Data, service) {
		t.Errorf("Jaeger's services are %v", services.Data)
	}
	j.get(t, "/api/services/"+service+"/operations", &operations)
	if len(operations.Data) != steps || !slices.Contains(operations.Data, nameOf(0)) {
		t.Errorf("Jaeger's operations are %v, want %d", operations.Data, steps)
	}

	// Searches as Jaeger's UI makes them.
	f := func(criteria url.Values, from, to int) {
		t.Helper()
		criteria.Set("service", service)
		criteria.Set("limit", "1000")
		criteria.Set("start", fmt.Sprint((base-1)*1e6))
		criteria.Set("end", fmt.Sprint((base+traces+1)*1e6))
		var answer struct {
			Data []struct {
				TraceID string
				Spans   []json.RawMessage
			}
		}
		j.get(t, "/api/traces?"+criteria.Encode(), &answer)
		got, want := []string{}, []string{}
		for _, d := range answer.Data {
			got = append(got, fmt.Sprint(d.TraceID, " of ", len(d.Spans)))
		}
		for trace := from; trace < to; trace++ {
			want = append(want, fmt.Sprint(hex.EncodeToString(ids[trace][0].trace), " of ", steps))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("Jaeger's search %s finds %d traces, want %d:\n%v", criteria.Encode(), len(got), len(want), got)
		}
	}
	f(url.Values{}, 0, traces)
	f(url.Values{"operation": {"step 5"}, "tags": {`{"error":"true"}`}}, 0, traces)
	f(url.Values{"tags": {`{"order.id":"order-7-3"}`}}, 7, 8)
	f(url.Values{"tags": {`{"story.trace":"9","even":"true"}`}, "minDuration": {"10ms"}}, 9, 10)
	f(url.Values{"operation": {"step 9"}, "minDuration": {"1s"}}, 0, 0)
}

// jaeger is a running Jaeger.
type jaeger struct {
	otlp, query string // base URLs
}

const jaegerConfig = `
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}
  telemetry:
    metrics: {level: none}
extensions:
  jaeger_query:
    storage: {traces: weft}
    http: {endpoint: "%[2]s"}
    grpc: {endpoint: "%[3]s"}
  jaeger_storage:
    backends:
      weft:
        grpc:
          endpoint: "%[1]s"
          tls: {insecure: true}
          writer:
            endpoint: "%[1]s"
            tls: {insecure: true}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "%[4]s"}
exporters:
  jaeger_storage_exporter: {trace_storage: weft}
`

func startJaeger(t *testing.T, program string) *jaeger {
	t.Helper()
	ports, err := freePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := fmt.Sprintf(jaegerConfig, strings.TrimPrefix(weft.URL, "http://"), ports[0], ports[1], ports[2])
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(program, "--config", filepath.Join(dir, "config.yaml"))
	cmd.Env = append(os.Environ(), "OTEL_TRACES_SAMPLER=always_off") // it would trace itself to port 4317
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := errors.Join(cmd.Process.Signal(os.Interrupt), <-ended); err != nil {
			t.Errorf("stop Jaeger: %v", err)
		}
		if t.Failed() {
			text, err := os.ReadFile(log.Name())
			t.Logf("Jaeger says (%v):\n%s", err, tail(text, 4000))
		}
	})
	j := &jaeger{query: "http://" + ports[0], otlp: "http://" + ports[2]}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if body, err := fetch(ctx, j.query+"/api/services"); err == nil && len(body) > 0 {
			return j
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("Jaeger ended: %v", err)
		case <-ctx.Done():
			t.Fatal("Jaeger did not start in a minute")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.500s", resp.Status, body)
	}
	return body, err
}

func (j *jaeger) get(t *testing.T, path string, into any) {
	t.Helper()
	body, err := fetch(t.Context(), j.query+path)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		t.Fatalf("Jaeger's %s: %v", path, err)
	}
}

// sorted puts attributes and events in the order in which Jaeger shows them.
func sorted(s *tracepb.Span) {
	attrs := func(list []*commonpb.KeyValue) {
		slices.SortFunc(list, func(a, b *commonpb.KeyValue) int { return strings.Compare(a.GetKey(), b.GetKey()) })
	}
	attrs(s.Attributes)
	slices.SortFunc(s.Events, func(a, b *tracepb.Span_Event) int { return strings.Compare(a.GetName(), b.GetName()) })
	for _, e := range s.Events {
		attrs(e.Attributes)
	}
	for _, l := range s.Links {
		attrs(l.Attributes)
	}
}

// trace reads a trace through Jaeger, as OTLP.
func (j *jaeger) trace(t *testing.T, id []byte) *tracepb.TracesData {
	t.Helper()
	var answer struct{ Result json.RawMessage }
	j.get(t, "/api/v3/traces/"+hex.EncodeToString(id), &answer)
	b, _, err := otlp.DecodeJSON(answer.Result, otlp.Limits{})
	if err != nil {
		t.Fatalf("Jaeger's trace %x: %v", id, err)
	}
	var data tracepb.TracesData
	if err := proto.Unmarshal(otlp.AppendRequest(nil, b), &data); err != nil {
		t.Fatal(err)
	}
	return &data
}
