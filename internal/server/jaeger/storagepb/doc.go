// Package storagepb is the generated code of jaeger.storage.v2 and the filter expressions
// it uses.
//
// The .proto files are those of jaegertracing/jaeger-idl 0.14.0, which publishes no Go
// code for them, without the annotations that only its OpenAPI documents need; messages,
// fields and services are unchanged. protoc-gen-go 1.36.12 and protoc-gen-go-grpc 1.6.2,
// both with paths=source_relative, made the code; the import path of the files is
// jaeger/storagepb, beside opentelemetry/proto.
package storagepb
