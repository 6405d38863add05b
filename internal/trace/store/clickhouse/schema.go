package clickhouse

// tables is the database schema; %s is the database. A table that is there stays as it is.
//
// spans is ordered as searches read: a tenant's half hour, in it a service's operations. A
// trace is found by a Bloom filter on its id. Partitions are days of arrival, not of span
// time: senders with a wrong clock would make thousands of them.
//
//   - seq numbers INSERTs; hash tells spans of the same ids apart.
//   - attr lists the attributes of all levels with their store.Scope; scalars in arrays
//     follow their array, marked in type. text is what menus show, number what compares.
//   - rest is the span as OTLP, without the ids and times that are columns.
//   - bytes is the row's size before compression.
//
// records notes what was applied. applied is up to where that left no gap: the position is
// right once the INSERT that brought the row is done.
var tables = []string{
	`CREATE DATABASE IF NOT EXISTS %s`,
	`CREATE TABLE IF NOT EXISTS %s.spans (
	tenant LowCardinality(String),
	seq UInt64 CODEC(Delta, ZSTD(1)),
	arrival_ns Int64 CODEC(Delta, ZSTD(1)),
	trace_id FixedString(16),
	span_id FixedString(8),
	parent_id FixedString(8),
	start_ns Int64 CODEC(Delta, ZSTD(1)),
	end_ns Int64 CODEC(Delta, ZSTD(1)),
	kind Int32 CODEC(ZSTD(1)),
	status Int32 CODEC(ZSTD(1)),
	marks UInt8 CODEC(ZSTD(1)),
	service LowCardinality(String),
	name LowCardinality(String),
	hash FixedString(16),
	attr Nested(
		scope UInt8,
		key LowCardinality(String),
		type UInt8,
		text String,
		number Float64
	) CODEC(ZSTD(1)),
	rest String CODEC(ZSTD(3)),
	bytes UInt64 CODEC(T64, ZSTD(1)),
	INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
	INDEX by_start start_ns TYPE minmax GRANULARITY 1,
	INDEX by_text attr.text TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY intDiv(arrival_ns, 86400000000000)
ORDER BY (tenant, intDiv(start_ns, 1800000000000), service, name, start_ns)
SETTINGS ` + synced,
	`CREATE TABLE IF NOT EXISTS %s.records (
	pos UInt64 CODEC(Delta, ZSTD(1)),
	applied UInt64 CODEC(Delta, ZSTD(1)),
	arrival_ns Int64 CODEC(Delta, ZSTD(1)),
	digest FixedString(16)
) ENGINE = MergeTree ORDER BY pos SETTINGS ` + synced,
	`CREATE TABLE IF NOT EXISTS %s.deleted (
	tenant String,
	trace_id FixedString(16),
	at_ns Int64
) ENGINE = MergeTree ORDER BY (tenant, trace_id) SETTINGS ` + synced,
}

// synced makes INSERT, and merges before they drop what they merged, sync files and folders.
const synced = `fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1`
