// Package trace holds no code; it is the map of a span's life, and its children
// are the stations:
//
//	span    the model: ids, Span, Attr, Batch; span/otlp turns bytes into it and back
//	ingest  receivers, admission and the ingest log: from the network to a durable record
//	store   the contract of a trace store, its engines and their conformance suite
//	query   the language: text → expression → search over store.Reader
//
// A request is decoded once, checked once, appended to the ingest log, synced, applied
// to the store's head and only then acknowledged. From that moment every query sees it.
package trace
