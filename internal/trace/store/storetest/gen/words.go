package gen

import (
	"math"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
)

// The vocabulary. Never changed.
var (
	services  = []string{"gateway", "payment", "ledger", "заказ", "mail"}
	names     = []string{"GET /", "POST /pay", "charge", "SELECT orders", "publish", "", "заказ"}
	scopes    = []string{"otelhttp", "database/sql", ""}
	versions  = []string{"1.2.0", "0.9", ""}
	events    = []string{"exception", "retry", "message"}
	messages  = []string{"boom", "deadline exceeded", ""}
	durations = []time.Duration{0, 1, time.Microsecond, 3 * time.Millisecond, 250 * time.Millisecond, 2 * time.Second, 90 * time.Minute}
	texts     = []string{"", "a", "GET", "POST", "eu-west", "with \"quotes\" and \\", "line\nbreak", "заказ", "\xff\xfe", "order-1234"}
	ints      = []int64{0, 1, -1, 200, 404, 500, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MinInt64}
	doubles   = []float64{0, math.Copysign(0, -1), 0.5, 200, -1.25, 1e300, 1 << 53, math.Inf(1), math.NaN()}

	keys = []key{
		{"http.method", strings("GET", "POST", "DELETE")},
		{"http.status_code", []span.Value{span.Int(200), span.Int(404), span.Int(500), span.String("200"), span.Double(200)}},
		{"order.id", strings("order-1", "order-2", "order-1234", "order-99999")},
		{"retry", []span.Value{span.Bool(true), span.Bool(false), span.Int(1)}},
		{"load", []span.Value{span.Double(0.5), span.Double(0.25), span.Int(1), span.Double(math.NaN())}},
		{"tags", []span.Value{Array(span.String("a"), span.String("b")), Array(span.String("b"), span.Int(3)), Array(), span.String("a")}},
		{"peer.service", strings("payment", "ledger")},
		{"weird key \"x\"", strings("yes")},
		{"", strings("an empty key")},
	}
)

type key struct {
	name   string
	values []span.Value
}

func strings(s ...string) []span.Value {
	var out []span.Value
	for _, t := range s {
		out = append(out, span.String(t))
	}
	return out
}
