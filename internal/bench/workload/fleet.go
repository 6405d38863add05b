package workload

// Fleet is a dispatcher of vehicles: 17 services, keys of the semantic
// conventions of 2025, other ids than the shop's.
func Fleet() World {
	return World{
		Name: "fleet", Namespace: "dispatch", Domain: "fleet.example.net",
		UserKey: "enduser.id", OrderKey: "trip.id",
		services:  fleetServices,
		gateways:  3,
		traffic:   []int{0, 0, 0, 1, 1, 2},
		known:     3,
		user:      "driver-%08x",
		order:     "%s",
		ordering:  []string{"trips", "routing", "billing"},
		orderPath: "trips",
		inner: []string{
			"snapToRoad", "rankCandidates", "expandGeohash", "applySurge", "loadTile", "estimateArrival",
			"parseTelemetry", "dedupe", "foldWindows", "signReceipt",
		},
		rename: map[string]string{
			"http.method":                  "http.request.method",
			"http.status_code":             "http.response.status_code",
			"http.flavor":                  "network.protocol.version",
			"http.url":                     "url.full",
			"http.target":                  "url.path",
			"http.scheme":                  "url.scheme",
			"http.host":                    "server.address",
			"http.user_agent":              "user_agent.original",
			"http.client_ip":               "client.address",
			"http.response_content_length": "http.response.body.size",
			"net.peer.name":                "server.address",
			"net.peer.ip":                  "network.peer.address",
			"net.peer.port":                "network.peer.port",
			"db.system":                    "db.system.name",
			"db.name":                      "db.namespace",
			"db.operation":                 "db.operation.name",
			"db.statement":                 "db.query.text",
			"db.sql.table":                 "db.collection.name",
			"code.function":                "code.function.name",
			"deployment.environment":       "deployment.environment.name",
		},
	}
}

const fleetServices = `
rider-edge|nodejs|redis|sessions|POST /api/trips;GET /api/trips/{id};GET /api/quotes;GET /api/nearby;POST /api/trips/{id}/cancel;GET /api/me
driver-edge|go|redis|presence|POST /drive/heartbeat;POST /drive/accept;POST /drive/finish;GET /drive/trips/{id}
ops-console|python|postgresql|alerts|GET /ops/map;GET /ops/trips/{id};POST /ops/reassign
trips|java|postgresql|trips,trip_events|rpc fleet.trips.v2.Trips Create,Get,Assign,Finish,Cancel
matching|go|redis|cells|rpc fleet.matching.v1.Matching Offer,Rank,Withdraw
positions|go|mongodb|positions|rpc fleet.positions.v1.Positions Put,Near,Trail;topic vehicle-positions
routing|go|||rpc fleet.routing.v3.Routing Route,Matrix,Arrival
geocode|python|elasticsearch|places-v3|GET /geo/search;GET /geo/reverse
surge|python|redis|zones|rpc fleet.surge.v1.Surge Factor,Recompute
quotes|java|postgresql|fares,quotes|POST /quotes;GET /quotes/{id}
billing|java|postgresql|invoices,charges|POST /charges;POST /charges/{id}/refund;GET /invoices/{id}
drivers|java|mysql|drivers,documents|rpc fleet.drivers.v1.Drivers Get,Status,Rate
riders|nodejs|mongodb|riders|GET /riders/{id};PUT /riders/{id}
vehicles|nodejs|mysql|vehicles,inspections|GET /vehicles/{id};POST /vehicles/{id}/telemetry
push|python|redis|devices|topic push-messages;POST /push/send
settlement|go|postgresql|ledger|topic trip-finished;rpc fleet.settlement.v1.Settlement Settle,Report
insight|python|clickhouse|facts|topic trip-events;topic vehicle-positions
`
