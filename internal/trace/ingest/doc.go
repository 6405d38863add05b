// Package ingest takes requests with spans in: it admits them, makes them durable and
// visible, and says exactly what it refused.
//
//	receiver → Submit: digest → decode, limits → log (durable) → store (visible) → answer
//
// When Submit has returned without an error, every span of the result is on disk and every
// query sees it. A request identical to one accepted in the last 15 minutes is answered
// again and not stored again; one identical to a request under way waits for that one.
// Bad spans cost only themselves. What is refused is a *Refusal with a reason, and a time
// to wait where trying again helps.
//
// A request that has reached the log is carried through to the store also when its sender
// has gone, because the log's records must all reach the store. Memory is bounded: bytes
// of requests in progress are reserved as they arrive, and refused over the limit.
//
// Receivers are in sub-packages: otlphttp and otlpgrpc. The tenant of a request is put in
// its context by the layer that knows tokens.
//
// Everything here is safe for concurrent use. The package itself keeps nothing on disk;
// the log does.
package ingest
