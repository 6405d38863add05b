// Package otlp translates between OTLP trace data, as protobuf and as JSON, and span.Batch.
//
// Promise: what an ExportTraceServiceRequest says is in the Batch and comes out again.
// Decode followed by AppendRequest gives a message that protobuf calls equal, with these
// exceptions: resources and scopes without a span are left out, as are unknown fields of
// the request itself (it has none today); groups of equal resource or scope that do not
// follow one another stay apart. What the model has no place for (unknown fields of every
// other message, ids of links with a wrong length, the id of a parent that is eight zero
// bytes, event times past 2262) is kept as raw protobuf fields in the Unknown strings.
// AppendRequest writes those last, and in protobuf the last one wins. Two encodings that
// protobuf reads alike, such as an empty parent id and none, give the same Batch.
//
//	Decode      bytes → count → spans, attributes, events, links → Batch + Rejected
//	DecodeJSON  JSON → protobuf (TranscodeJSON) → Decode
//	AppendRequest, AppendJSON, AppendSpanJSON, AppendValueJSON  the way back
//	ArrayValues, MapEntries, Walk  nested values, which stay in their protobuf encoding
//
// Bad input costs only itself: a span without a valid id or with a time past 2262 is left
// out and counted, a value over its limit is cut and the span marked, a count over its
// limit is added to OTLP's own dropped counts. Only bytes that are not protobuf (or not
// JSON) fail the whole request, with a *SyntaxError. Text that is not UTF-8 is kept and
// the span marked.
//
// Memory: strings of the Batch alias the buffer; the caller gives it away. Functions keep
// no state and may run concurrently. The package touches no network and no disk.
package otlp
