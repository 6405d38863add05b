// Package otlphttp receives OTLP over HTTP: POST /v1/traces, protobuf or JSON, plain,
// gzip, deflate or zstd.
//
//	body → decompressed, counted → ingest.Pipeline.Submit → ExportTraceServiceResponse
//
// Answers follow the OTLP specification: 200 with a partial success where spans were left
// out, 429 and 503 with Retry-After where trying again helps, and 400, 404, 405, 413 or 415
// with a google.rpc.Status where it does not, each in the encoding of the request. Every
// request to send that is refused, on a wrong path too, is noted with the pipeline and
// gets a hint for the person who set the sender up.
//
// Memory follows the bytes that have arrived, decompressed, never a length that a sender
// claims; reading stops at the pipeline's limit. Handlers run concurrently; nothing here
// touches the disk.
package otlphttp
