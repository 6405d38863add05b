package clients

import (
	"fmt"
	"net/url"
	"path/filepath"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// What telemetrygen, the load generator of the OpenTelemetry Collector, sends over both
// protocols is there, whole and once.
func TestTelemetrygen(t *testing.T) {
	t.Parallel()
	need(t, "go")
	const traces, children, workers = 100, 4, 2
	dir := installed(t, "../tools", []string{"go.mod", "go.sum"}, []string{"GOFLAGS=-mod=readonly"},
		[]string{"go", "build", "-o", "telemetrygen", "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen"})
	f := func(name, endpoint string, flags ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			at, err := url.Parse(endpoint)
			if err != nil {
				t.Fatal(err)
			}
			service := "telemetrygen-" + name
			run(t, nil, filepath.Join(dir, "telemetrygen"), append([]string{
				"traces", "--otlp-insecure", "--otlp-endpoint", at.Host, "--service", service, "--rate", "0", "--workers", fmt.Sprint(workers),
				"--traces", fmt.Sprint(traces / workers), "--child-spans", fmt.Sprint(children), "--status-code", "Error",
				"--span-links", "1", "--telemetry-attributes", `text="a b"`, "--telemetry-attributes", "number=7",
			}, flags...)...)

			found := weft.search(t, fmt.Sprintf(`{ resource.service.name = %q && status = error && span.text = "a b" && span.number = 7 }`, service))
			if len(found) != traces {
				t.Fatalf("search finds %d traces, %d were sent", len(found), traces)
			}
			for id, n := range found {
				if n != 1+children {
					t.Errorf("trace %s has %d spans, %d were sent", id, n, 1+children)
				}
			}
			first := 0
			for id := range found {
				if checkGenerated(t, id, 1+children) {
					first++
				}
			}
			if first != workers {
				t.Errorf("%d roots without a link, want %d: the first of each worker has nothing to link to", first, workers)
			}
		})
	}
	f("grpc", weft.grpc)
	f("grpc-main", weft.URL)
	f("http", weft.http, "--otlp-http")
	f("http-main", weft.URL, "--otlp-http")
}

// checkGenerated: one root and its children, each with its link. It reports whether the root has
// none, which is right for the first trace of a worker.
func checkGenerated(t *testing.T, id string, spans int) (first bool) {
	t.Helper()
	var root []byte
	parents := map[string]int{}
	for _, rs := range weft.trace(t, unhex(t, id)).GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				parents[string(s.GetParentSpanId())]++
				if len(s.GetParentSpanId()) == 0 {
					root = s.GetSpanId()
				}
				if s.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || s.GetEndTimeUnixNano() <= s.GetStartTimeUnixNano() {
					t.Errorf("span %x: status %v, from %d to %d", s.GetSpanId(), s.GetStatus(), s.GetStartTimeUnixNano(), s.GetEndTimeUnixNano())
				}
				switch n := len(s.GetLinks()); {
				case n == 0 && len(s.GetParentSpanId()) == 0:
					first = true
				case n != 1:
					t.Errorf("span %x has %d links, want 1", s.GetSpanId(), len(s.GetLinks()))
				}
			}
		}
	}
	if parents[""] != 1 || parents[string(root)] != spans-1 {
		t.Errorf("trace %s: %d roots, %d children of one; want 1 and %d", id, parents[""], parents[string(root)], spans-1)
	}
	return first
}
