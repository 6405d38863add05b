package clients

import (
	"bufio"
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// A Java program that knows nothing of tracing runs under the OpenTelemetry agent: every
// call it makes is there as a client's and a server's span of one trace.
func TestJavaAgent(t *testing.T) {
	t.Parallel()
	need(t, "java", "javac", "mvn")
	const calls = 20
	lib := installed(t, "java", []string{"pom.xml"}, nil,
		[]string{"mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies", "-DoutputDirectory=.", "-Dmdep.stripVersion=true", "-DexcludeTransitive=true"})
	classes := t.TempDir()
	run(t, nil, "javac", "-d", classes, "java/Main.java")
	for _, tr := range []transport{{"grpc", ""}, {"grpc", "gzip"}, {"http/protobuf", ""}, {"http/protobuf", "gzip"}} {
		t.Run(tr.String(), func(t *testing.T) {
			service := "java-" + tr.String()
			out := run(t, append(tr.environ(service), "OTEL_JAVAAGENT_LOGGING=none"), "java",
				"-javaagent:"+filepath.Join(lib, "opentelemetry-javaagent.jar"), "-XX:TieredStopAtLevel=1", "-cp", classes, "Main", strconv.Itoa(calls))
			n := 0
			lines := bufio.NewScanner(bytes.NewReader(out))
			for ; lines.Scan(); n++ {
				path, parent, _ := strings.Cut(lines.Text(), " ")
				ids := strings.Split(parent, "-")
				if path != fmt.Sprintf("/item/%d", n) || len(ids) != 4 {
					t.Fatalf("line %d of the program is %q", n, lines.Text())
				}
				checkCall(t, service, path, unhex(t, ids[1]), unhex(t, ids[2]), n%5 == 0)
			}
			if n != calls {
				t.Fatalf("the program's server saw %d calls, want %d", n, calls)
			}
			f := func(condition string, want int) {
				t.Helper()
				found := weft.search(t, fmt.Sprintf("{ resource.service.name = %q && %s }", service, condition))
				for id, spans := range found {
					if spans != 2 {
						t.Errorf("trace %s has %d spans, want a client's and a server's", id, spans)
					}
				}
				if len(found) != want {
					t.Errorf("search %s finds %d traces, want %d", condition, len(found), want)
				}
			}
			f(`kind = server && name = "GET /"`, calls)
			f(`kind = client && span.http.request.method = "GET"`, calls)
			f(`kind = server && span.url.path = "/item/7" && span.url.query = "color=blue"`, 1)
			f(`status = error && span.http.response.status_code = 500`, calls/5)
			f(`resource.telemetry.distro.name = "opentelemetry-java-instrumentation"`, calls)
		})
	}
}

// checkCall: the trace is the client's span, whose id went out in traceparent, and below
// it the server's.
func checkCall(t *testing.T, service, path string, trace, caller []byte, fails bool) {
	t.Helper()
	status, code := tracepb.Status_STATUS_CODE_UNSET, int64(200)
	if fails {
		status, code = tracepb.Status_STATUS_CODE_ERROR, 500
	}
	var kinds []string
	for _, rs := range weft.trace(t, trace).GetResourceSpans() {
		checkResource(t, rs.GetResource(), service, "java")
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				kinds = append(kinds, strings.ToLower(strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_")))
				got := map[string]*commonpb.AnyValue{}
				for _, a := range s.GetAttributes() {
					got[a.GetKey()] = a.GetValue()
				}
				if s.GetStatus().GetCode() != status || got["http.response.status_code"].GetIntValue() != code {
					t.Errorf("%s: %v, code %v; want %v, %d", path, s.GetStatus(), got["http.response.status_code"], status, code)
				}
				switch s.GetKind() {
				case tracepb.Span_SPAN_KIND_CLIENT:
					if !bytes.Equal(s.GetSpanId(), caller) || len(s.GetParentSpanId()) != 0 || ss.GetScope().GetName() != "io.opentelemetry.java-http-client" {
						t.Errorf("%s: the client's span is %x below %x, of %s", path, s.GetSpanId(), s.GetParentSpanId(), ss.GetScope().GetName())
					}
					if full := got["url.full"].GetStringValue(); !strings.HasSuffix(full, path+"?color=blue") {
						t.Errorf("%s: the client's URL is %q", path, full)
					}
				case tracepb.Span_SPAN_KIND_SERVER:
					if !bytes.Equal(s.GetParentSpanId(), caller) || ss.GetScope().GetName() != "io.opentelemetry.java-http-server" {
						t.Errorf("%s: the server's span is below %x, of %s", path, s.GetParentSpanId(), ss.GetScope().GetName())
					}
					if p := got["url.path"].GetStringValue(); p != path {
						t.Errorf("%s: the server's path is %q", path, p)
					}
				}
			}
		}
	}
	if fmt.Sprint(kinds) != "[client server]" && fmt.Sprint(kinds) != "[server client]" {
		t.Errorf("%s: trace %x has spans of kinds %v, want a client's and a server's", path, trace, kinds)
	}
}
