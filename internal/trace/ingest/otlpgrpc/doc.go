// Package otlpgrpc receives OTLP over gRPC: TraceService.Export, plain, gzip or zstd.
//
//	message → raw bytes → ingest.Pipeline.Submit → ExportTraceServiceResponse
//
// The bytes of a message go to our own decoder, past the generated types; the codec that
// does so leaves every other service of the same server alone. Errors carry RetryInfo
// exactly where trying again helps: RESOURCE_EXHAUSTED for too many bytes in progress,
// UNAVAILABLE where disk or store cannot take spans. Every refused request is noted with
// the pipeline, also those that gRPC itself refuses: too large, unknown compression,
// unknown service, no token.
//
// A server is made with Options and Register. Calls run concurrently; nothing here
// touches the disk.
package otlpgrpc
