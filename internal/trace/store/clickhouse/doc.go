// Package clickhouse keeps traces in a ClickHouse server, over its HTTP interface and with
// the standard library alone.
//
//	Apply → INSERT (visible, synced) → … background: records noted → Applied → log trimmed
//
// It is the plain engine: one table of spans, read by SQL that prunes and decided by
// store.Matcher in here. It is there to hold the contract of package store honest; its speed
// is no aim yet. A row holds a span's ids, times, names and attributes as columns to search
// by, and the rest, whole, as its OTLP message.
//
// A span is visible when Apply returns: an INSERT of one block becomes one part, and a part is
// there as a whole. ClickHouse does not sync by itself; the tables are made with
// fsync_after_insert and fsync_part_directory, so that what an INSERT has confirmed survives a
// power cut of the server. Applied moves only behind a second, synced INSERT that notes which
// records are in; a crash in between has the log apply some again. Copies are collapsed by
// every read (LIMIT 1 BY), never by merges, so that a span stays as long as its last copy.
//
// A search takes several statements. All of them see the same spans: rows carry the number
// of their INSERT, and a query names the newest it may see and those that were under way.
// For that the process must be the only one that writes to its database.
//
// Store.gate is held shared by Apply from the check against deleted traces to the end of its
// INSERT, and alone by Delete while it notes the trace. Store.mu is held for moments only.
// Store.flushMu, which lets one Flush run at a time, comes before Store.mu.
package clickhouse
