// Package log is the contract of the ingest log: what was accepted and is not yet in a
// store's parts. The engine "file" is the embedded default; logtest is the suite that
// every engine passes.
//
//	Append → position (durable) → … store applies it … → Trim(position)
//
// A record is acknowledged to its sender only after Append has returned and the store
// has applied it. After a crash the store is rebuilt by Read from the position behind the
// last one its parts hold.
package log

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Position orders records: later records have higher positions. Positions start at 1 and
// have no gaps unless the log says so; 0 is before the first record.
type Position uint64

// Digest is the 128-bit hash of a request's bytes and tenant; zero where there is none.
type Digest [16]byte

// Record is one accepted request.
type Record struct {
	Pos     Position // set by the log
	Tenant  string
	Arrival time.Time // when it was accepted, nanosecond precision
	Digest  Digest    // of the request as received, for idempotent delivery
	Payload []byte    // an OTLP ExportTraceServiceRequest in protobuf
}

// Log is an ingest log. Methods are safe for concurrent use.
type Log interface {
	// Append stores the record and returns its position once it is durable. Concurrent
	// appends share one sync. The log MUST NOT keep Payload after it has returned.
	// A record whose Append failed MUST NOT appear in any later Read, unless the error
	// is ErrUncertain. Errors: ErrFull, ErrBroken, ErrUncertain, the context's error
	// (the record may then still become durable).
	Append(ctx context.Context, r Record) (Position, error)
	// Read yields the durable records from position from on, in order, and ends at the
	// last one durable when it was called. Payload is valid until the next iteration. A
	// Trim meanwhile leaves no gap in the sequence.
	// A damaged record ends the iteration with a *CorruptError, unless it is a torn tail
	// that was never acknowledged, which is dropped silently. Reading again from the
	// error's Next goes on behind the damage.
	Read(ctx context.Context, from Position) iter.Seq2[Record, error]
	// Trim allows the log to forget all records up to and including to.
	Trim(to Position) error
	// Last is the position of the newest durable record, 0 if there was never one.
	Last() Position
	// Size is the bytes the log holds on disk.
	Size() int64
	Close() error
}

var (
	// ErrFull: the log has reached its size limit or the disk its reserve; try later.
	ErrFull = errors.New("ingest log is full")
	// ErrBroken: a write or sync failed. The log refuses all further appends until it is
	// opened again; reads go on.
	ErrBroken = errors.New("ingest log is broken until restart")
	// ErrUncertain: the write may or may not have become durable; the sender must retry.
	ErrUncertain = errors.New("ingest log cannot tell whether the record is durable")
)

// CorruptError reports records that cannot be read.
type CorruptError struct {
	File   string
	Offset int64
	Reason string
	From   Position // the first record lost
	Next   Position // the first record behind them, Last()+1 if there is none
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("read ingest log %s: %s at offset %d, records %d to %d are lost",
		e.File, e.Reason, e.Offset, e.From, e.Next-1)
}
