package app

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/server/jaeger/storagepb"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

const open = auth.Scope("")

// endpoints is every method and path that answers, with the scope it needs.
var endpoints = map[string]auth.Scope{
	"GET /healthz": open,
	"GET /readyz":  open,
	"GET /metrics": auth.Read,

	"POST /v1/traces": auth.Ingest,

	"GET /api/v1/openapi.yaml":                open,
	"GET /api/v1/session":                     open,
	"POST /api/v1/session":                    open,
	"DELETE /api/v1/session":                  open,
	"GET /api/v1/search":                      auth.Read,
	"GET /api/v1/heatmap":                     auth.Read,
	"GET /api/v1/tail":                        auth.Read,
	"GET /api/v1/traces/{id}":                 auth.Read,
	"DELETE /api/v1/traces/{id}":              auth.Operate,
	"GET /api/v1/traces/{id}/layout":          auth.Read,
	"GET /api/v1/traces/{id}/card":            auth.Read,
	"GET /api/v1/traces/{id}/spans/{span_id}": auth.Read,
	"PUT /api/v1/traces/{id}/keep":            auth.Operate,
	"DELETE /api/v1/traces/{id}/keep":         auth.Operate,
	"GET /api/v1/services":                    auth.Read,
	"GET /api/v1/operations":                  auth.Read,
	"GET /api/v1/attributes/keys":             auth.Read,
	"GET /api/v1/attributes/values":           auth.Read,
	"GET /api/v1/complete":                    auth.Read,
	"GET /api/v1/refused":                     auth.Read,
	"GET /api/v1/status":                      auth.Read,
	"GET /api/v1/tokens":                      auth.Admin,
	"POST /api/v1/tokens":                     auth.Admin,
	"DELETE /api/v1/tokens/{token_id}":        auth.Admin,
	"GET /api/v1/audit":                       auth.Admin,
	"GET /api/v1/tenants/{tenant}/limits":     auth.Admin,
	"PUT /api/v1/tenants/{tenant}/limits":     auth.Admin,

	"GET /jaeger/api/services":                      auth.Read,
	"GET /jaeger/api/services/{service}/operations": auth.Read,
	"GET /jaeger/api/operations":                    auth.Read,
	"GET /jaeger/api/traces":                        auth.Read,
	"GET /jaeger/api/traces/{id}":                   auth.Read,
	"GET /jaeger/api/dependencies":                  auth.Read,
	"POST /jaeger/api/archive/{id}":                 auth.Operate,
	"POST /jaeger/api/transform":                    auth.Read,
	"GET /jaeger/api/v3/services":                   auth.Read,
	"GET /jaeger/api/v3/operations":                 auth.Read,
	"GET /jaeger/api/v3/traces":                     auth.Read,
	"GET /jaeger/api/v3/traces/{id}":                auth.Read,
	"GET /jaeger/api/v3/trace-summaries":            auth.Read,
	"GET /jaeger/api/v3/dependencies":               auth.Read,
	"GET /jaeger/api/v3/capabilities":               auth.Read,
}

// endpointQueries make an endpoint answer with data where it can.
var endpointQueries = map[string]string{
	"GET /api/v1/attributes/values":                 "key=owner&scope=span",
	"GET /api/v1/complete":                          "q=service%3D&pos=8",
	"GET /api/v1/operations":                        "service=SERVICE",
	"GET /jaeger/api/operations":                    "service=SERVICE",
	"GET /jaeger/api/traces":                        "service=SERVICE&lookback=1h",
	"GET /jaeger/api/dependencies":                  "endTs=99999999999999&lookback=99999999999999",
	"GET /jaeger/api/v3/operations":                 "service=SERVICE",
	"GET /jaeger/api/v3/traces":                     "query.service_name=SERVICE&query.start_time_min=2020-01-01T00:00:00Z&query.start_time_max=2100-01-01T00:00:00Z",
	"GET /jaeger/api/v3/trace-summaries":            "query.service_name=SERVICE&query.start_time_min=2020-01-01T00:00:00Z&query.start_time_max=2100-01-01T00:00:00Z",
	"GET /jaeger/api/services/{service}/operations": "",
}

// The table above knows every endpoint of the API's own description and of the Jaeger face.
func TestEndpointsListed(t *testing.T) {
	described, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := ""
	n := 0
	for line := range strings.Lines(string(described)) {
		if m := regexp.MustCompile(`^  (/\S*):\s*$`).FindStringSubmatch(line); m != nil {
			path = m[1]
		}
		if m := regexp.MustCompile(`^    (get|put|post|delete|patch):\s*$`).FindStringSubmatch(line); m != nil && path != "" {
			n++
			if e := strings.ToUpper(m[1]) + " /api/v1" + path; !known(e) {
				t.Errorf("%s is not in the table of endpoints: which scope does it need?", e)
			}
		}
	}
	source, err := os.ReadFile("../jaeger/handler.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`v1\("(\w+)", "([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		n++
		if e := m[1] + " /jaeger/api" + m[2]; !known(e) {
			t.Errorf("%s is not in the table of endpoints", e)
		}
	}
	for _, m := range regexp.MustCompile(`v3\("([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		n++
		if e := "GET /jaeger/api/v3" + m[1]; !known(e) {
			t.Errorf("%s is not in the table of endpoints", e)
		}
	}
	if n < 35 {
		t.Errorf("found only %d endpoints: the test reads the wrong place", n)
	}
}

func known(endpoint string) bool { _, ok := endpoints[endpoint]; return ok }

// Every endpoint with every scope of each of two tenants, which hold the same trace id:
// without a token 401, with the wrong scope 403, and never a word of the other tenant.
func TestEndpointsScopesTenants(t *testing.T) {
	w := newWorld(t)
	tenants := map[string]string{"acme": "service-of-acme", "globex": "service-of-globex"}
	shared := traceID(7)
	w.token(auth.AllTenants, auth.Admin) // from here tokens are needed
	for tenant, service := range tenants {
		secret := w.token(tenant, auth.Ingest)
		for _, id := range [][16]byte{shared, traceID(len(tenant))} {
			if status, body := w.do("POST", "/v1/traces", encoded(t, request(id, service)), protobufType, bearer(secret)); status != 200 {
				t.Fatalf("send as %s: %d %s", tenant, status, body)
			}
		}
	}
	type caller struct {
		name, tenant string
		scope        auth.Scope
		header       string
	}
	callers := []caller{{name: "nobody"}, {name: "unknown", header: bearer("weft_unknown_token")}}
	for tenant := range tenants {
		for _, scope := range auth.Scopes() {
			callers = append(callers, caller{string(scope) + " of " + tenant, tenant, scope, bearer(w.token(tenant, scope))})
		}
	}
	sawOwn := 0
	for _, endpoint := range slices.Sorted(maps.Keys(endpoints)) {
		need := endpoints[endpoint]
		for _, c := range callers {
			own, other := tenants[c.tenant], "service-of-"
			switch c.tenant {
			case "acme":
				other = tenants["globex"]
			case "globex":
				other = tenants["acme"]
			}
			code, body := w.probe(endpoint, cmp.Or(own, "any"), hexOf(shared), c.header)
			want := 0 // anything but a refusal
			switch {
			case c.name == "unknown", c.name == "nobody" && need != open:
				want = 401
			case need != open && c.tenant != "" && !(auth.Identity{Scopes: []auth.Scope{c.scope}}).May(need):
				want = 403
			}
			if want != 0 && code != want || want == 0 && (code == 401 && endpoint != "POST /api/v1/session" || code == 403 || code >= 500) {
				t.Errorf("%s as %s: %d %.200s, want %d", endpoint, c.name, code, body, want)
			}
			if strings.Contains(body, other) {
				t.Errorf("%s as %s shows another tenant: %.500s", endpoint, c.name, body)
			}
			if own != "" && strings.Contains(body, own) {
				sawOwn++
			}
			// What one tenant has the other has not.
			if c.tenant == "acme" && strings.Contains(endpoint, "{id}") && strings.HasPrefix(endpoint, "GET") && want == 0 {
				if code, body := w.probe(endpoint, own, hexOf(traceID(len("globex"))), c.header); code != 404 {
					t.Errorf("%s as %s for a trace of globex: %d %.200s, want 404", endpoint, c.name, code, body)
				}
			}
		}
	}
	if sawOwn < 50 {
		t.Errorf("only %d answers held the tenant's own data: the probes prove little", sawOwn)
	}
}

// probe calls an endpoint. Requests that would change what others probe are malformed.
func (w *world) probe(endpoint, service, id, header string) (int, string) {
	w.t.Helper()
	method, path, _ := strings.Cut(endpoint, " ")
	path = strings.NewReplacer("{id}", id, "{span_id}", id[16:], "{service}", service, "{token_id}", "weft_none",
		"{tenant}", strings.TrimPrefix(service, "service-of-")).Replace(path)
	query := strings.ReplaceAll(endpointQueries[endpoint], "SERVICE", service)
	headers := []string{"Content-Type: application/json"}
	if header != "" {
		headers = append(headers, header)
	}
	body := []byte("{")
	switch endpoint {
	case "DELETE /api/v1/traces/{id}":
		path = strings.Replace(path, id, hexOf(traceID(9999)), 1) // nobody's
	case "POST /v1/traces":
		headers[0] = protobufType
		body = nil // an empty request is a good one
	case "GET /api/v1/tail":
		headers = append(headers, "Accept: text/event-stream")
		return w.firstLine(path, headers)
	}
	if method == "GET" {
		body = nil
	}
	code, text := w.do(method, path+"?"+query, body, headers...)
	return code, text
}

// firstLine reads the beginning of an answer without an end.
func (w *world) firstLine(path string, headers []string) (int, string) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	r, err := newRequest(ctx, "GET", w.URL()+path, headers)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b := make([]byte, 1)
	if resp.StatusCode != 200 {
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	_, _ = resp.Body.Read(b)
	return resp.StatusCode, ""
}

// The same for gRPC, on both addresses.
func TestMethodsScopesTenants(t *testing.T) {
	w := newWorld(t)
	secrets := map[string]string{"": "", "unknown": "weft_unknown_token"}
	w.token(auth.AllTenants, auth.Admin)
	for _, tenant := range []string{"acme", "globex"} {
		for _, scope := range auth.Scopes() {
			secrets[tenant+" "+string(scope)] = w.token(tenant, scope)
		}
		status, body := w.do("POST", "/v1/traces", encoded(t, request(traceID(7), "service-of-"+tenant)), protobufType, bearer(secrets[tenant+" ingest"]))
		if status != 200 {
			t.Fatal(status, body)
		}
	}
	id := traceID(7)
	calls := map[string]struct {
		need auth.Scope
		call func(ctx context.Context, c grpc.ClientConnInterface) (any, error)
	}{
		"Export": {auth.Ingest, func(ctx context.Context, c grpc.ClientConnInterface) (any, error) {
			return coltrace.NewTraceServiceClient(c).Export(ctx, &coltrace.ExportTraceServiceRequest{})
		}},
		"GetServices": {auth.Read, func(ctx context.Context, c grpc.ClientConnInterface) (any, error) {
			return storagepb.NewTraceReaderClient(c).GetServices(ctx, &storagepb.GetServicesRequest{})
		}},
		"GetDependencies": {auth.Read, func(ctx context.Context, c grpc.ClientConnInterface) (any, error) {
			return storagepb.NewDependencyReaderClient(c).GetDependencies(ctx, &storagepb.GetDependenciesRequest{})
		}},
		"GetTraces": {auth.Read, func(ctx context.Context, c grpc.ClientConnInterface) (any, error) {
			s, err := storagepb.NewTraceReaderClient(c).GetTraces(ctx, &storagepb.GetTracesRequest{Query: []*storagepb.GetTraceParams{{TraceId: id[:]}}})
			if err != nil {
				return nil, err
			}
			return s.Recv()
		}},
	}
	seen := 0
	for _, address := range []string{w.address("main"), w.address("otlp/grpc")} {
		conn := w.dial(address)
		for method, c := range calls {
			for name, secret := range secrets {
				ctx := t.Context()
				if secret != "" {
					ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+secret)
				}
				tenant, scope, _ := strings.Cut(name, " ")
				want := codes.OK
				switch {
				case scope == "":
					want = codes.Unauthenticated
				case !(auth.Identity{Scopes: []auth.Scope{auth.Scope(scope)}}).May(c.need):
					want = codes.PermissionDenied
				}
				answer, err := c.call(ctx, conn)
				if errors.Is(err, io.EOF) {
					err = nil
				}
				if got := status.Code(err); got != want {
					t.Errorf("%s on %s as %q: %v, want %v", method, address, name, err, want)
				}
				text := fmt.Sprint(answer)
				if other := map[string]string{"acme": "globex", "globex": "acme"}[tenant]; other != "" && strings.Contains(text, "service-of-"+other) {
					t.Errorf("%s as %q shows another tenant: %s", method, name, text)
				}
				if strings.Contains(text, "service-of-"+tenant) {
					seen++
				}
			}
		}
	}
	if seen < 12 {
		t.Errorf("only %d answers held the tenant's own data", seen)
	}
}

// A call for a name that is not ours is refused on both addresses.
func TestAuthority(t *testing.T) {
	w := newWorld(t, "hosts=tracing.example")
	for _, address := range []string{w.address("main"), w.address("otlp/grpc")} {
		for authority, want := range map[string]codes.Code{
			"attacker.example": codes.PermissionDenied, "tracing.example:4317": codes.OK, "localhost": codes.OK,
		} {
			c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(authority))
			if err != nil {
				t.Fatal(err)
			}
			_, err = coltrace.NewTraceServiceClient(c).Export(t.Context(), &coltrace.ExportTraceServiceRequest{})
			if got := status.Code(err); got != want {
				t.Errorf("authority %s on %s: %v, want %v", authority, address, err, want)
			}
			c.Close()
		}
	}
}

// A tenant's token sees its own series of /metrics, one for every tenant sees all.
func TestMetricsOfTenants(t *testing.T) {
	w := newWorld(t)
	every := w.token(auth.AllTenants, auth.Admin)
	for _, tenant := range []string{"acme", "globex"} {
		if status, body := w.do("POST", "/v1/traces", encoded(t, request(traceID(1), "x")), protobufType, bearer(w.token(tenant, auth.Ingest))); status != 200 {
			t.Fatal(status, body)
		}
	}
	f := func(secret string, acme, globex bool) {
		t.Helper()
		status, body := w.do("GET", "/metrics", nil, bearer(secret))
		if status != 200 || strings.Contains(body, `tenant="acme"`) != acme || strings.Contains(body, `tenant="globex"`) != globex {
			t.Errorf("%d, acme %v, globex %v", status, strings.Contains(body, `tenant="acme"`), strings.Contains(body, `tenant="globex"`))
		}
	}
	f(every, true, true)
	f(w.token("acme", auth.Read), true, false)
	f(w.token("globex", auth.Admin), false, true)
}
