// Package file is the embedded ingest log: append-only segment files in one folder.
//
//	Append → group → one write, one fdatasync → position
//
// A record is durable when Append returns. All appends that wait while a sync runs become
// the next commit, so a lone append costs one write and one fdatasync, and a thousand at
// once cost hardly more. A failed write or sync ends writing until the log is opened
// again, because the kernel may have dropped what it could not write; reading goes on.
//
// # Concurrency
//
// One goroutine, the committer, owns the active segment and is the only writer. Append
// copies its record into the pending group under Log.mu and waits. A second goroutine
// makes the next segment's file ahead of need, so that the committer finds its name
// durable. Readers open files of their own, all at once while no Trim runs, and stop at the
// durable end. Lock order: Log.trimMu, then Log.mu.
//
// # Files
//
// All numbers are little-endian. A segment is named by its number in the folder and a
// random salt, "%08x-%016x.log"; it holds a header and frames, one frame for a record.
//
//	header, 32 bytes
//	   0  8  "weftlog\n"
//	   8  4  format version, 1
//	  12  4  0
//	  16  8  position of the first record
//	  24  8  xxh3 of bytes 0 to 23, seeded with the salt
//
//	frame, 64 bytes and the tenant and payload
//	   0  4  F5 57 52 D7
//	   4  2  length of the tenant
//	   6  2  0
//	   8  8  position
//	  16  4  index of the record in its commit
//	  20  4  length of the payload
//	  24  8  arrival, Unix nanoseconds
//	  32 16  digest
//	  48  8  xxh3 of the payload
//	  56  8  xxh3 of bytes 0 to 55 and the tenant, seeded with the salt
//	  64     tenant, payload
//
// The salt is unknown to senders, so no payload can hold bytes that pass for a frame.
// Payloads are not compressed: they live for minutes, the disk takes them faster than a
// core compresses them, and a start has to read them all.
//
// # Torn or damaged
//
// A commit is written only after the one before it is synced. So bytes that do not read
// are a torn tail, never acknowledged and dropped, if nothing of a later commit follows
// them; otherwise they are damage, which Read reports with the position at which it can
// go on. The last commit found at an open may never have been synced, although it reads
// well from the page cache. It is copied to a new segment, made durable there under a
// temporary name and then renamed. A segment's records end where the next one's begin, so
// the copy replaces the original and whatever follows it.
package file
