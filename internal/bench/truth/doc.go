// Package truth knows the exact answers to the questions that `make bench` asks.
//
//	spans of the workload, trace by trace → Add → per trace a summary, per likely question its newest traces
//
// It is a scan over the spans as they are sent, written apart from the store and its
// query language, and keeps of them only what an answer holds: a few dozen bytes a trace,
// the 20 newest traces of every service and operation, of a service's errors, durations
// and users, and a sample of the values seen once. One goroutine adds; once all is added,
// any number may ask.
package truth
