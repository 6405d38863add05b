// Package jaeger answers the query API of Jaeger, so that Grafana's Jaeger data source,
// Jaeger's own UI and scripts written for it work on Weft, and the gRPC services of
// jaeger.storage.v2, so that a stock Jaeger can use Weft as its storage.
//
//	/jaeger/api/…     v1 (JSON of Jaeger's own)  → criteria → query → store → jaegerjson
//	/jaeger/api/v3/…  v3 (OTLP)                  → criteria → query → store → otlp
//	jaeger.storage.v2 (gRPC)                     → criteria → query → store → TracesData
//
// Promise: an unknown trace is 404, never an empty list, which Grafana cannot read; a
// search without a window looks at the last two days, as Jaeger does; every condition of a
// search has to hold on one span. What Jaeger's API can ask and Weft cannot answer is
// refused, never ignored.
//
// The package keeps no data and touches no disk; handlers are safe for concurrent use.
package jaeger
