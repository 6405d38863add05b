package ingest

import (
	"errors"
	"fmt"
	"time"
)

// Reason says why a request was refused. Reasons are labels of metrics and words of the
// API; they do not change.
type Reason string

// The reasons of refusals. Receivers map each to a status of their protocol.
const (
	// The request is at fault; sending it again gives the same answer.
	WrongPath       Reason = "wrong_path"
	WrongMethod     Reason = "wrong_method"
	WrongService    Reason = "wrong_service" // of gRPC
	BadContentType  Reason = "unsupported_content_type"
	BadEncoding     Reason = "unsupported_encoding" // of compression
	BadBody         Reason = "bad_body"             // cut off, or not what its encoding says
	BadProtobuf     Reason = "bad_protobuf"
	BadJSON         Reason = "bad_json"
	TooLarge        Reason = "too_large"
	Unauthenticated Reason = "unauthenticated"
	Forbidden       Reason = "forbidden"

	// The server has too much to do for the moment.
	OutOfMemory Reason = "out_of_memory"

	// The tenant has sent more than it may.
	TooManySpans Reason = "span_rate"
	TooManyBytes Reason = "byte_rate"

	// The server cannot take requests for a while.
	LogFull   Reason = "log_full"
	LogBroken Reason = "log_broken"
	StoreBusy Reason = "store_busy" // the disk or the store is slow
	StoreDown Reason = "store_down"
	Starting  Reason = "starting"
	Closing   Reason = "closing"

	// The sender went away before its answer.
	Gone Reason = "gone"
)

// Refusal is the error of a request that was not taken.
type Refusal struct {
	Reason Reason
	Detail string        // a sentence about this request
	Hint   string        // what to do, for people
	Retry  time.Duration // when to try again; 0: trying again does not help
	Err    error         // the cause, if there is one
}

func (r *Refusal) Error() string {
	if r.Err != nil && r.Detail == "" {
		return fmt.Sprintf("%s: %v", r.Reason, r.Err)
	}
	return fmt.Sprintf("%s: %s", r.Reason, r.Detail)
}

func (r *Refusal) Unwrap() error { return r.Err }

// Message is the text a sender may see: the detail, and nothing about our own files.
func (r *Refusal) Message() string {
	if r.Detail != "" {
		return r.Detail
	}
	return string(r.Reason)
}

// AsRefusal is the refusal in err; any other error is one of the store's, told to come
// back.
func AsRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return &Refusal{Reason: StoreDown, Detail: "the server cannot take spans now", Retry: retryBroken, Err: err}
}

// How long to wait: until other requests are done, until the store has written a part,
// until a person has restarted the server or cleared its disk.
const (
	retryMemory = time.Second
	retryFull   = 5 * time.Second
	retryBroken = 30 * time.Second
)
