package workload

import (
	"fmt"
	"math/rand/v2"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
)

// World is a set of services: who they are, what they serve, how they name things. Who
// calls whom is drawn from the seed.
type World struct {
	Name, Namespace, Domain string
	// UserKey is the attribute of who asked; few users ask often, most seldom. OrderKey is
	// the attribute whose value is of one trace only.
	UserKey, OrderKey string

	services  string // a line a service: name | language | database | tables | entry points
	gateways  int    // the first services, which nobody calls
	traffic   []int  // gateways, as often as their share of the traces
	known     int    // gateways whose users are known
	user      string // format of a user's number
	order     string // format of random hex digits
	ordering  []string
	orderPath string // part of the routes that carry an order, too
	inner     []string
	rename    map[string]string // attribute keys, where not as in the shop
}

// Worlds are all there are, by name.
func Worlds() map[string]World {
	return map[string]World{"shop": Shop(), "fleet": Fleet()}
}

type kind uint8

const (
	httpServer kind = iota
	rpcServer
	consumer
	internal
)

type service struct {
	name   string
	lang   string
	db     string // system of its database, "" for none
	tables []string
	ops    []*op // entry points
	inner  []*op // internal functions
	pods   []*pod
	frames []string // of its stack traces
}

type op struct {
	svc     *service
	kind    kind
	name    string
	method  string // HTTP method or RPC method
	route   string // HTTP route, RPC service or topic
	mu      float64
	callees []*op
	order   bool // carries the order
}

type pod struct {
	svc   *service
	res   *resourcepb.Resource
	phase int64 // offset of its export ticks
	addr  string
}

// newService reads a line of World.services.
func newService(line string) *service {
	f := strings.Split(line, "|")
	s := &service{name: f[0], lang: f[1], db: f[2]}
	if f[3] != "" {
		s.tables = strings.Split(f[3], ",")
	}
	for _, e := range strings.Split(f[4], ";") {
		switch p := strings.SplitN(e, " ", 3); p[0] {
		case "rpc":
			for _, m := range strings.Split(p[2], ",") {
				s.ops = append(s.ops, &op{svc: s, kind: rpcServer, name: p[1] + "/" + m, route: p[1], method: m})
			}
		case "topic":
			s.ops = append(s.ops, &op{svc: s, kind: consumer, name: p[1] + " process", route: p[1]})
		default:
			s.ops = append(s.ops, &op{svc: s, kind: httpServer, name: e, method: p[0], route: p[1]})
		}
	}
	return s
}

// build draws the world's services, pods and calls.
func (w World) build(r *rand.Rand) []*service {
	var all []*service
	for _, line := range strings.Split(strings.TrimSpace(w.services), "\n") {
		s := newService(line)
		for range 1 + r.IntN(2) {
			s.inner = append(s.inner, &op{svc: s, kind: internal, name: w.inner[r.IntN(len(w.inner))]})
		}
		for i := range 12 + r.IntN(20) {
			s.frames = append(s.frames, w.frame(s, i, r))
		}
		all = append(all, s)
	}
	nodes := make([]string, 40)
	for i := range nodes {
		nodes[i] = fmt.Sprintf("ip-10-%d-%d-%d.eu-central-1.compute.internal", r.IntN(4), r.IntN(256), r.IntN(256))
	}
	for i, s := range all {
		version := fmt.Sprintf("%d.%d.%d", 1+r.IntN(5), r.IntN(40), r.IntN(10))
		hash := fmt.Sprintf("%08x", r.Uint32())
		for range 2 + r.IntN(6) {
			s.pods = append(s.pods, w.pod(s, version, hash, nodes[r.IntN(len(nodes))], r))
		}
		for _, o := range append(s.ops[:len(s.ops):len(s.ops)], s.inner...) {
			o.mu = 12.5 + 2.5*r.Float64() // ln nanoseconds: about 0.3 to 3 ms of own time
			o.order = w.carriesOrder(o)
			if i < 3 && o.kind == httpServer || o.kind != internal {
				for range 2 + r.IntN(4) {
					c := all[w.gateways+r.IntN(len(all)-w.gateways)]
					if c != s {
						o.callees = append(o.callees, c.ops[r.IntN(len(c.ops))])
					}
				}
			}
		}
	}
	return all
}

func (w World) carriesOrder(o *op) bool {
	for _, name := range w.ordering {
		if o.svc.name == name {
			return true
		}
	}
	return o.kind == httpServer && strings.Contains(o.route, w.orderPath)
}

func sdkVersion(lang string) string {
	switch lang {
	case "java":
		return "1.40.0"
	case "python":
		return "1.25.0"
	case "nodejs":
		return "1.26.0"
	}
	return "1.28.0"
}

func (w World) pod(s *service, version, hash, node string, r *rand.Rand) *pod {
	name := fmt.Sprintf("%s-%s-%05x", s.name, hash, r.IntN(1<<20))
	addr := fmt.Sprintf("10.42.%d.%d", r.IntN(256), r.IntN(256))
	return &pod{svc: s, phase: r.Int64N(exportEvery), addr: addr, res: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
		w.str("service.name", s.name),
		w.str("service.namespace", w.Namespace),
		w.str("service.version", version),
		w.str("service.instance.id", uuid(r)),
		w.str("deployment.environment", "production"),
		w.str("cloud.provider", "aws"),
		w.str("cloud.region", "eu-central-1"),
		w.str("k8s.cluster.name", w.Namespace+"-prod-1"),
		w.str("k8s.namespace.name", w.Namespace),
		w.str("k8s.deployment.name", s.name),
		w.str("k8s.pod.name", name),
		w.str("k8s.pod.ip", addr),
		w.str("k8s.node.name", node),
		w.str("container.id", hexString(r, 32)),
		w.str("telemetry.sdk.name", "opentelemetry"),
		w.str("telemetry.sdk.language", s.lang),
		w.str("telemetry.sdk.version", sdkVersion(s.lang)),
		w.num("process.pid", int64(1+r.IntN(60))),
	}}}
}

// frame is a line of a stack trace as the language of s writes it.
func (w World) frame(s *service, i int, r *rand.Rand) string {
	fn := w.inner[r.IntN(len(w.inner))]
	ns := w.Namespace
	switch s.lang {
	case "java":
		class := strings.ToUpper(s.name[:1]) + s.name[1:]
		return fmt.Sprintf("\tat com.%s.%s.internal.%sHandler%d.%s(%sHandler%d.java:%d)", ns, s.name, class, i, fn, class, i, 20+r.IntN(600))
	case "python":
		return fmt.Sprintf("  File \"/app/%s/handlers/h%d.py\", line %d, in %s\n    return self.%s(request, ctx)", s.name, i, 20+r.IntN(600), fn, fn)
	case "nodejs":
		return fmt.Sprintf("    at %s (/usr/src/app/dist/%s/h%d.js:%d:%d)", fn, s.name, i, 20+r.IntN(600), 1+r.IntN(80))
	}
	return fmt.Sprintf("%s/%s/internal/h%d.(*Handler).%s(0xc%09x, {0x%x, 0x%x})\n\t/src/%s/internal/h%d/handler.go:%d +0x%x",
		ns, s.name, i, fn, r.IntN(1<<30), r.IntN(1<<24), r.IntN(64), s.name, i, 20+r.IntN(600), r.IntN(4096))
}

// key is how this world names an attribute of the shop.
func (w World) key(k string) string {
	if to, ok := w.rename[k]; ok {
		return to
	}
	return k
}

func (w World) str(k, v string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: w.key(k), Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}}
}

func (w World) num(k string, v int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: w.key(k), Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}}
}

func (w World) float(k string, v float64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: w.key(k), Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v}}}
}

func (w World) boolean(k string, v bool) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: w.key(k), Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v}}}
}

const hexDigits = "0123456789abcdef"

func hexString(r *rand.Rand, bytes int) string {
	b := make([]byte, 0, 2*bytes)
	for range bytes {
		x := byte(r.Uint32())
		b = append(b, hexDigits[x>>4], hexDigits[x&15])
	}
	return string(b)
}

func uuid(r *rand.Rand) string {
	h := hexString(r, 16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}
