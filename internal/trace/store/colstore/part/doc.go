// Package part is the immutable column file of the embedded trace store: writing one,
// reading it, checking it.
//
//	traces → group (64k spans of one tenant) → pages (2k spans, whole traces) → columns
//
// Promise: a span read back equals the span written, bit for bit (span.Batch.EqualSpan,
// marks too). What does not read is a *store.CorruptError that names file and offset;
// damaged or hostile bytes never panic and never allocate more than they can justify.
//
// Path: Write takes traces in order of tenant, start and id, gathers a row group, interns
// what repeats (names, resources, scopes and shapes in a schema, which the groups of a tenant
// share; values in dictionaries, which are the group's own), and writes the group's pages,
// then its tables; behind the last group of a schema the schema. The trace index and the
// footer come last. Open reads the footer only; schemas and tables are loaded when first
// needed, through a Cache that all parts of a store share.
//
// Concurrency: a Part and everything got from it is safe for concurrent use. Close waits
// for nobody: the owner closes a part when no reader is left.
//
// Disk: a part is a folder with one file, "spans". FORMAT.md in the parent folder
// specifies every byte of it.
package part
