package workload

import (
	"fmt"
	"math"
	"slices"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// node is a span while its trace is being made.
type node struct {
	op       *op
	pod      *pod
	kind     tracepb.Span_SpanKind
	scope    string
	name     string
	parent   int
	depth    int
	async    bool // starts after the parent ended
	parallel bool
	remote   *node // the other side of a client or producer span
	table    string
	own      int64
	start    int64
	dur      int64
	cursor   int64
	longest  int64
	id       []byte
	failed   bool
	origin   bool
}

// trace makes a call tree of random size and shape that starts at start.
func (g *generator) trace(start int64, out []item) []item {
	r := g.r
	want := int(g.lognormal(math.Log(medianSpans), sigmaSpans))
	want = max(1, min(want, maxSpans))
	roots := g.services[g.world.traffic[r.IntN(len(g.world.traffic))]]
	root := roots.ops[min(r.IntN(len(roots.ops)), r.IntN(len(roots.ops)))] // the first ones are the busiest
	nodes := []*node{{
		op: root, pod: g.pod(root.svc), kind: tracepb.Span_SPAN_KIND_SERVER,
		scope: scopeName(root.svc.lang, "http"), name: root.name, parent: -1,
	}}
	open := []int{0} // nodes that can have children
	add := func(n node) int {
		n.depth = nodes[n.parent].depth + 1
		nodes = append(nodes, &n)
		return len(nodes) - 1
	}
	for len(nodes) < want {
		at := open[r.IntN(len(open))]
		if len(open) > 6 && r.Float64() < 0.6 {
			at = open[len(open)-1-r.IntN(6)]
		}
		p := nodes[at]
		s := p.op.svc
		room := want - len(nodes)
		switch x := r.Float64(); {
		case x < 0.40 && s.db != "":
			repeat := 1
			if room > 20 && r.Float64() < 0.3 {
				repeat = 1 + r.IntN(min(room, 60)) // a query in a loop
			}
			table := s.tables[r.IntN(len(s.tables))]
			for range repeat {
				add(node{op: p.op, pod: p.pod, kind: tracepb.Span_SPAN_KIND_CLIENT, scope: scopeName(s.lang, s.db), parent: at, table: table})
			}
		case x < 0.52 || len(p.op.callees) == 0 && p.op.kind != internal:
			o := s.inner[r.IntN(len(s.inner))]
			i := add(node{op: o, pod: p.pod, kind: tracepb.Span_SPAN_KIND_INTERNAL, scope: g.world.Namespace + "/" + s.name, name: o.name, parent: at})
			if nodes[i].depth < 20 {
				open = append(open, i)
			}
		default:
			callees := p.op.callees
			if len(callees) == 0 {
				callees = s.ops[r.IntN(len(s.ops))].callees
			}
			if len(callees) == 0 {
				continue
			}
			o := callees[r.IntN(len(callees))]
			c := node{op: o, pod: p.pod, kind: tracepb.Span_SPAN_KIND_CLIENT, parent: at, parallel: r.Float64() < 0.3}
			d := node{op: o, pod: g.pod(o.svc), kind: tracepb.Span_SPAN_KIND_SERVER, name: o.name}
			switch o.kind {
			case rpcServer:
				c.name = o.name
				c.scope, d.scope = scopeName(s.lang, "grpc"), scopeName(o.svc.lang, "grpc")
			case consumer:
				c.name = o.route + " publish"
				c.kind, d.kind = tracepb.Span_SPAN_KIND_PRODUCER, tracepb.Span_SPAN_KIND_CONSUMER
				c.scope, d.scope = scopeName(s.lang, "kafka"), scopeName(o.svc.lang, "kafka")
				d.async = true
			default:
				c.name = o.method
				c.scope, d.scope = scopeName(s.lang, "http"), scopeName(o.svc.lang, "http")
			}
			d.parent = add(c)
			i := add(d)
			nodes[d.parent].remote, nodes[i].remote = nodes[i], nodes[d.parent]
			if nodes[i].depth < 20 {
				open = append(open, i)
			}
		}
	}
	g.time(nodes, start)
	g.fail(nodes)
	return g.spans(nodes, out)
}

// time lays the spans out: a span lasts its own time and what its children take.
func (g *generator) time(nodes []*node, start int64) {
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		mu, sigma := n.op.mu, 0.9
		if n.kind == tracepb.Span_SPAN_KIND_CLIENT || n.kind == tracepb.Span_SPAN_KIND_PRODUCER {
			mu, sigma = 12.2, 0.7 // network
			if n.table != "" {
				mu, sigma = 13.4, 1.1
			}
		}
		n.own = int64(g.lognormal(mu, sigma))
		n.dur += n.own + n.longest
		n.id = g.bytes(8)
		if i == 0 || n.async {
			continue
		}
		if p := nodes[n.parent]; n.parallel {
			p.longest = max(p.longest, n.dur)
		} else {
			p.dur += n.dur
		}
	}
	nodes[0].start = start
	for i, n := range nodes {
		if i > 0 {
			p := nodes[n.parent]
			if n.async {
				n.start = p.start + p.dur + int64(g.lognormal(math.Log(float64(20*ms)), 1))
			} else {
				n.start = p.start + p.cursor
				if !n.parallel {
					p.cursor += n.dur
				}
			}
		}
		n.cursor += n.own / 3
	}
}

// fail has one span in a hundred fail, and half of the callers with it.
func (g *generator) fail(nodes []*node) {
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if g.r.Float64() < 0.01 {
			n.failed, n.origin = true, true
		}
		if n.failed && i > 0 && !n.async && g.r.Float64() < 0.5 {
			nodes[n.parent].failed = true
		}
	}
}

// spans turns the nodes into spans and has each wait for its pod's next export.
func (g *generator) spans(nodes []*node, out []item) []item {
	r, w := g.r, g.world
	id := g.bytes(16)
	user, order := "", ""
	if slices.Index(g.services, nodes[0].pod.svc) < w.known && r.Float64() < 0.85 {
		user = fmt.Sprintf(w.user, (g.zipf.Uint64()*7919+13)%users*37+1000003)
	}
	g.whole = g.whole[:0]
	for i, n := range nodes {
		s := &tracepb.Span{
			TraceId: id, SpanId: n.id, Name: n.name, Kind: n.kind, Flags: 0x101,
			StartTimeUnixNano: uint64(n.start), EndTimeUnixNano: uint64(n.start + n.dur),
		}
		if i > 0 {
			s.ParentSpanId = nodes[n.parent].id
		}
		if n.remote != nil && n.parent >= 0 && nodes[n.parent] == n.remote {
			s.Flags = 0x301 // the parent is remote
		}
		g.attributes(n, s, i, user)
		if n.op.order && n.table == "" && n.kind != tracepb.Span_SPAN_KIND_CLIENT && n.kind != tracepb.Span_SPAN_KIND_PRODUCER {
			if order == "" {
				order = fmt.Sprintf(w.order, strings.ToUpper(hexString(r, 7)))
			}
			s.Attributes = append(s.Attributes, w.str(w.OrderKey, order))
		}
		g.status(n, s)
		if r.Float64() < 0.01 && len(g.recent) > 0 {
			l := g.recent[r.IntN(len(g.recent))]
			s.Links = append(s.Links, &tracepb.Span_Link{
				TraceId: l[0], SpanId: l[1], Flags: 0x101,
				Attributes: []*commonpb.KeyValue{w.str("messaging.operation", "receive")},
			})
		}
		end := n.start + n.dur
		at := end - end%exportEvery + n.pod.phase
		if at < end {
			at += exportEvery
		}
		out = append(out, item{at: at, pod: n.pod, scope: n.scope, span: s})
		g.whole = append(g.whole, Span{n.pod.svc.name, s})
	}
	g.remember([2][]byte{id, nodes[len(nodes)-1].id})
	if g.onTrace != nil {
		g.onTrace(g.whole)
	}
	return out
}

// remember keeps a span that later ones may link to.
func (g *generator) remember(l [2][]byte) {
	if len(g.recent) < 1000 {
		g.recent = append(g.recent, l)
	} else {
		g.recent[g.r.IntN(1000)] = l
	}
}
