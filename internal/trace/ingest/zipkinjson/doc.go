// Package zipkinjson reads Zipkin's v2 JSON into span.Batch.
//
// Promise: every span of a list, or of a list of traces as Zipkin's query API answers, is
// translated as OpenTelemetry's collector does: the local endpoint is the resource, the
// remote one the peer, annotations are events, and the tags in which OpenTelemetry's
// Zipkin exporters hide status, links, scope and trace state become those again. Both
// halves of a shared span keep their id; the server's has the attribute zipkin.shared.
// Functions keep no state and may run concurrently; nothing touches the network or the disk.
package zipkinjson
