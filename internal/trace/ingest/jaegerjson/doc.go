// Package jaegerjson translates between Jaeger's JSON, as its query API and its UI speak
// it, and span.Batch.
//
// Promise: a trace that Jaeger's UI saved comes in whole, and what goes out is what that
// UI and Grafana expect of a Jaeger server. Functions keep no state and may run
// concurrently; nothing touches the network or the disk.
package jaegerjson
