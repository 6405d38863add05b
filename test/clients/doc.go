// Package clients proves that real OpenTelemetry clients work against the real server:
// what their SDKs put on the wire is stored whole and found again.
//
//	Go SDK          in the test's own process      gRPC, HTTP/protobuf
//	Node SDK        node/send.mjs                  gRPC, HTTP/protobuf, HTTP/JSON
//	Python SDK      python/send.py                 gRPC, HTTP/protobuf
//	Java agent      java/Main.java                 gRPC, HTTP/protobuf; it knows of no tracing
//	telemetrygen    ../tools, the Collector's load generator
//	Jaeger          a stock one that stores in and reads from Weft (TEST_JAEGER=1)
//
// The SDKs all send one story (story_test.go): traces in which each kind of attribute,
// event, link and status occurs, at times the test chooses. A program prints the ids it
// was given; the test then reads every trace and compares every field.
//
// Clients are installed once into the user's cache folder, under the hash of their lock
// files. One that cannot be installed here is skipped with the reason. The package has
// tests only.
package clients
