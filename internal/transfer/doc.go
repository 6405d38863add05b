// Package transfer moves traces between files and a server, for `weft import` and `weft
// export`.
//
// Import reads OTLP JSON lines, OTLP protobuf (one TracesData, or many with a length
// before each), Jaeger JSON and Zipkin v2 JSON, plain, gzip or zstd, told apart by their
// content. It sends batches and remembers, after each acknowledgement, how many of the
// input's items are done, so that a run that was cut goes on where it was; sending a
// batch twice does no harm.
//
// Export writes OTLP JSON lines, one trace a line, or Parquet, one row a span.
package transfer
