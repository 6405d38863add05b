package workload

import (
	"fmt"
	"math"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/127.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
	"shop-ios/8.14.2 CFNetwork/1498.700.2 Darwin/23.6.0",
	"okhttp/4.12.0",
	"partner-sync/2.3 (+https://partner.example.com)",
}

func (g *generator) url(route, user string) string {
	r := g.r
	var b strings.Builder
	for _, p := range strings.Split(strings.TrimPrefix(route, "/"), "/") {
		b.WriteByte('/')
		switch p {
		case "{id}":
			fmt.Fprintf(&b, "%d", 10_000_000+r.IntN(80_000_000))
		case "{sku}":
			fmt.Fprintf(&b, "SKU-%05d-%c", r.IntN(40_000), 'A'+rune(r.IntN(6)))
		case "{user}":
			b.WriteString(user)
		default:
			b.WriteString(p)
		}
	}
	if r.Float64() < 0.3 {
		fmt.Fprintf(&b, "?page=%d&size=%d&sort=%s", r.IntN(30), 20+20*r.IntN(3), []string{"price", "name", "newest"}[r.IntN(3)])
	}
	return b.String()
}

var codes = []int64{200, 200, 200, 200, 200, 200, 200, 200, 201, 204, 302, 304, 404}

func (g *generator) attributes(n *node, s *tracepb.Span, i int, user string) {
	r, w := g.r, g.world
	var a []*commonpb.KeyValue
	switch {
	case n.table != "":
		a = g.database(n, s)
	case n.kind == tracepb.Span_SPAN_KIND_INTERNAL:
		a = append(a, w.str("code.function", n.name), w.str("code.namespace", "com."+w.Namespace+"."+n.op.svc.name), w.num("thread.id", int64(1+r.IntN(200))))
		if r.Float64() < 0.5 {
			a = append(a, w.boolean("cache.hit", r.Float64() < 0.8), w.num("items.count", int64(g.lognormal(1.5, 1))))
		}
		if r.Float64() < 0.2 {
			a = append(a, w.float("cart.total", math.Round(g.lognormal(3.5, 1)*100)/100), w.str("currency", []string{"EUR", "USD", "GBP", "PLN"}[r.IntN(4)]))
		}
	case n.op.kind == rpcServer:
		code := int64(0)
		if n.failed {
			code = []int64{2, 4, 13, 14}[r.IntN(4)]
		}
		a = append(a, w.str("rpc.system", "grpc"), w.str("rpc.service", n.op.route), w.str("rpc.method", n.op.method), w.num("rpc.grpc.status_code", code))
		if n.kind == tracepb.Span_SPAN_KIND_CLIENT {
			a = append(a, w.str("net.peer.name", n.op.svc.name+"."+w.Namespace+".svc.cluster.local"), w.num("net.peer.port", 9090))
		} else {
			a = append(a, w.str("net.peer.ip", n.remote.pod.addr), w.num("net.peer.port", int64(32768+r.IntN(28000))))
		}
	case n.op.kind == consumer:
		a = append(a, w.str("messaging.system", "kafka"), w.str("messaging.destination.name", n.op.route),
			w.num("messaging.kafka.partition", int64(r.IntN(24))), w.num("messaging.message.body.size", int64(g.lognormal(6.5, 0.8))))
		if n.kind == tracepb.Span_SPAN_KIND_CONSUMER {
			g.offset += int64(1 + r.IntN(9))
			a = append(a, w.str("messaging.operation", "process"), w.str("messaging.kafka.consumer.group", n.op.svc.name+"-group"),
				w.num("messaging.kafka.message.offset", 481_516_234+g.offset), w.str("messaging.client_id", "consumer-"+n.pod.addr))
		} else {
			a = append(a, w.str("messaging.operation", "publish"), w.str("messaging.message.id", uuid(r)))
		}
	default:
		code := codes[r.IntN(len(codes))]
		if n.failed {
			code = []int64{500, 500, 502, 503, 504}[r.IntN(5)]
		}
		path := g.url(n.op.route, user)
		a = append(a, w.str("http.method", n.op.method), w.num("http.status_code", code), w.str("http.flavor", "1.1"))
		if n.kind == tracepb.Span_SPAN_KIND_CLIENT {
			a = append(a, w.str("http.url", "http://"+n.op.svc.name+"."+w.Namespace+".svc.cluster.local:8080"+path),
				w.str("net.peer.name", n.op.svc.name+"."+w.Namespace+".svc.cluster.local"), w.num("net.peer.port", 8080))
		} else {
			a = append(a, w.str("http.route", n.op.route), w.str("http.target", path), w.str("http.scheme", "http"),
				w.num("http.response_content_length", int64(g.lognormal(7.5, 1.3))))
			if i == 0 {
				a = append(a, w.str("http.host", "www."+w.Domain), w.str("http.user_agent", agents[min(r.IntN(len(agents)), r.IntN(len(agents)))]),
					w.str("http.client_ip", fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(220), r.IntN(256), r.IntN(256), r.IntN(256))), w.str("http.request_id", uuid(r)))
			} else {
				a = append(a, w.str("net.peer.ip", n.remote.pod.addr))
			}
		}
	}
	if user != "" && (i == 0 || s.Kind == tracepb.Span_SPAN_KIND_SERVER && r.Float64() < 0.3) {
		a = append(a, w.str(w.UserKey, user))
	}
	s.Attributes = a
}

func (g *generator) database(n *node, s *tracepb.Span) []*commonpb.KeyValue {
	r, w := g.r, g.world
	sv, id := n.op.svc, 10_000_000+r.IntN(80_000_000)
	host := fmt.Sprintf("%s-%s-%d.db.internal", sv.name, sv.db, r.IntN(3))
	base := []*commonpb.KeyValue{w.str("db.system", sv.db), w.str("net.peer.name", host)}
	switch sv.db {
	case "redis":
		verb := []string{"GET", "HGETALL", "SETEX", "MGET"}[r.IntN(4)]
		s.Name = verb
		return append(base, w.str("db.operation", verb), w.str("db.statement", fmt.Sprintf("%s %s:%d", verb, n.table, id)), w.num("db.redis.database_index", int64(r.IntN(4))))
	case "mongodb":
		s.Name = "find " + n.table
		return append(base, w.str("db.name", sv.name), w.str("db.operation", "find"), w.str("db.mongodb.collection", n.table),
			w.str("db.statement", fmt.Sprintf(`{"find":"%s","filter":{"_id":{"$in":[%d,%d]},"active":true},"limit":%d}`, n.table, id, id+r.IntN(5000), 1+r.IntN(100))))
	case "elasticsearch":
		s.Name = "POST /" + n.table + "/_search"
		return append(base, w.str("db.operation", "search"), w.str("http.method", "POST"), w.str("http.url", "http://"+host+":9200/"+n.table+"/_search"),
			w.str("db.statement", fmt.Sprintf(`{"query":{"bool":{"must":[{"match":{"title":"%s"}}],"filter":[{"range":{"price":{"lte":%d}}}]}},"size":%d}`,
				[]string{"running shoes", "usb c cable", "coffee grinder", "desk lamp", "winter jacket"}[r.IntN(5)], 5+r.IntN(500), 20+r.IntN(40))))
	}
	verb, sql := "SELECT", ""
	switch x := r.Float64(); {
	case x < 0.7:
		sql = fmt.Sprintf("SELECT id, status, created_at, updated_at, payload FROM %s WHERE id = %d AND tenant_id = %d ORDER BY created_at DESC LIMIT %d", n.table, id, r.IntN(40), 1+r.IntN(50))
	case x < 0.9:
		verb = "INSERT"
		sql = fmt.Sprintf("INSERT INTO %s (id, ref, amount, state, created_at) VALUES (%d, '%s', %d.%02d, 'NEW', now())", n.table, id, hexString(r, 6), r.IntN(900), r.IntN(100))
	default:
		verb = "UPDATE"
		sql = fmt.Sprintf("UPDATE %s SET state = 'DONE', version = version + 1, updated_at = now() WHERE id = %d AND version = %d", n.table, id, r.IntN(30))
	}
	s.Name = verb + " " + sv.name + "." + n.table
	return append(base, w.str("db.name", sv.name), w.str("db.user", sv.name+"_rw"), w.str("db.operation", verb), w.str("db.sql.table", n.table),
		w.str("db.statement", sql), w.num("db.rows_affected", int64(r.IntN(20))), w.num("net.peer.port", 5432))
}

var exceptions = []struct{ kind, text string }{
	{"TimeoutError", "deadline exceeded after %d ms calling %s"},
	{"ConnectionRefused", "dial tcp 10.42.7.%d:8080: connect: connection refused (%s)"},
	{"IllegalStateException", "unexpected state %d for entity of %s"},
	{"SQLException", "ERROR: deadlock detected, process %d waits for ShareLock on %s"},
	{"ValidationError", "field 'quantity' out of range: %d in %s"},
}

// status gives failed spans their message and, where the failure began, an exception with its stack.
func (g *generator) status(n *node, s *tracepb.Span) {
	if !n.failed {
		return
	}
	r, w := g.r, g.world
	e := exceptions[r.IntN(len(exceptions))]
	text := fmt.Sprintf(e.text, r.IntN(250), n.op.svc.name)
	s.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: text}
	s.Attributes = append(s.Attributes, w.str("error.type", e.kind))
	if !n.origin && r.Float64() < 0.7 {
		return
	}
	sv := n.pod.svc
	var st strings.Builder
	st.WriteString(e.kind + ": " + text)
	first := r.IntN(4)
	for i := range 6 + r.IntN(22) {
		st.WriteString("\n" + sv.frames[(first+i)%len(sv.frames)])
	}
	s.Events = append(s.Events, &tracepb.Span_Event{TimeUnixNano: s.EndTimeUnixNano - uint64(n.own/4), Name: "exception", Attributes: []*commonpb.KeyValue{
		w.str("exception.type", e.kind), w.str("exception.message", text), w.str("exception.stacktrace", st.String()),
	}})
}
