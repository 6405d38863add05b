// Package colstore keeps spans in immutable column files on local disk. It is the
// embedded engine behind the contract of package store.
//
//	Apply → head (searchable) → flush → part → merge → retain
//
// Promise: a span is searchable when Apply returns. It is durable already then, in the
// ingest log, and durable here once Applied covers its position. Nothing but retention
// and Delete removes a span.
//
// Path: Apply packs a record's batch into the active head, which has its rows (package pack),
// an index by trace, and what a search needs to skip a record. A head that has grown enough,
// or whose requests take much of the log, is frozen, written as one part by the flusher, and dropped. The merger
// rewrites small neighbouring parts into larger ones. A part is written to a temporary
// folder and synced; it exists when MANIFEST, replaced atomically, names it.
//
// Concurrency: a reader works on a view, an immutable list of heads and parts that it
// holds a count on; writers publish new views and never change one. Lock order: flushMu
// or mergeMu, then Store.mu, then head.mu. Store.looking, of readers that count names, goes
// before head.mu and with no other. One flusher, one merger, one janitor (retention, purge
// of deleted traces) run in the background; Close stops them in reverse.
//
// Disk: FORMAT.md specifies every file. All of a store's files lie in one folder:
//
//	LOCK           held by the process that has the store open
//	MANIFEST       the live parts, the log positions they hold, deleted traces
//	parts/NNNNNNNN one folder per part
package colstore
