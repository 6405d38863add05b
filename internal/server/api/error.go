package api

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/weft-dev/weft/internal/server/api/layout"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Fault is what an error means to a client: the one translation that every face of the
// server, /api/v1, /jaeger and gRPC, uses. Classify makes it.
type Fault struct {
	Code   string // machine word, Problem.Code
	Title  string
	Detail string // empty where the error's own text must not leave the server
	Hint   string
	HTTP   int
	GRPC   codes.Code
	Query  *QueryError // where in the query, for bad_query
	// RetryAfter is a number of whole seconds to wait, 0: not worth a retry.
	RetryAfter int
}

// clientClosedRequest is nginx's status for a client that went away; it is logged only.
const clientClosedRequest = 499

// Codes of RequestError that have a status of their own.
const (
	codeMethod = "method_not_allowed"
	codePath   = "no_such_path"
	// CodeKeptLimit: the tenant keeps as many traces as it may.
	CodeKeptLimit = "kept_limit"
)

// RequestError is a request that is wrong in itself.
type RequestError struct {
	Code   string // "" is bad_request
	Detail string
	Hint   string
}

func (e *RequestError) Error() string { return e.Detail }

func badRequest(detail, hint string) error { return &RequestError{Detail: detail, Hint: hint} }

// QuerySyntaxError is what a compiler of queries returns for text that is no query.
// Offset and Length are bytes of the text.
type QuerySyntaxError struct {
	Query          string
	Offset, Length int
	Message, Hint  string
}

func (e *QuerySyntaxError) Error() string { return "query: " + e.Message }

var (
	// ErrUnauthorized: no credentials, or unknown ones.
	ErrUnauthorized = errors.New("sign-in needed")
	// ErrForbidden: the caller lacks a scope.
	ErrForbidden = errors.New("not allowed")
	// ErrBusy: the caller has too many requests open.
	ErrBusy = errors.New("too many at once")
)

// LaterError says that the caller did something too often and when it may go on.
type LaterError struct {
	Detail string
	After  time.Duration
}

func (e *LaterError) Error() string { return e.Detail }

// Classify says what err means to a client. What it does not know is "internal", whose
// text stays in the server.
func Classify(err error) Fault {
	var (
		request  *RequestError
		syntax   *QuerySyntaxError
		tooLarge *http.MaxBytesError
		format   *InvalidParamFormatError
		missing  *RequiredParamError
		header   *RequiredHeaderError
		several  *TooManyValuesForParamError
		damaged  *store.CorruptError
		later    *LaterError
	)
	switch {
	case errors.As(err, &syntax):
		return Fault{
			Code: "bad_query", Title: "The query is not valid", HTTP: http.StatusBadRequest, GRPC: codes.InvalidArgument,
			Detail: syntax.Message, Hint: syntax.Hint, Query: queryError(syntax),
		}
	case errors.As(err, &request):
		f := Fault{Code: "bad_request", Title: "The request is not valid", HTTP: http.StatusBadRequest, GRPC: codes.InvalidArgument}
		switch request.Code {
		case "":
		case codeMethod:
			f.Code, f.Title, f.HTTP, f.GRPC = request.Code, "Wrong method", http.StatusMethodNotAllowed, codes.Unimplemented
		case codePath:
			f.Code, f.Title, f.HTTP, f.GRPC = request.Code, "No such path", http.StatusNotFound, codes.Unimplemented
		case CodeKeptLimit:
			f.Code, f.Title, f.HTTP, f.GRPC = request.Code, "Too many kept traces", http.StatusConflict, codes.ResourceExhausted
		default:
			f.Code = request.Code
		}
		f.Detail, f.Hint = request.Detail, request.Hint
		return f
	case errors.As(err, &format), errors.As(err, &missing), errors.As(err, &header), errors.As(err, &several), errors.Is(err, span.ErrBadID):
		return Fault{Code: "bad_request", Title: "The request is not valid", HTTP: http.StatusBadRequest, GRPC: codes.InvalidArgument, Detail: err.Error()}
	case errors.As(err, &tooLarge):
		return Fault{
			Code: "too_large", Title: "The request is too large", HTTP: http.StatusRequestEntityTooLarge, GRPC: codes.ResourceExhausted,
			Detail: "at most " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes",
		}
	case errors.Is(err, ErrUnauthorized):
		return Fault{
			Code: "unauthorized", Title: "Sign-in needed", HTTP: http.StatusUnauthorized, GRPC: codes.Unauthenticated,
			Hint: "send Authorization: Bearer with a token; `weft token create` makes one",
		}
	case errors.Is(err, ErrForbidden):
		return Fault{Code: "forbidden", Title: "Not allowed", HTTP: http.StatusForbidden, GRPC: codes.PermissionDenied, Detail: err.Error()}
	case errors.Is(err, store.ErrNotFound), errors.Is(err, layout.ErrNoRoot):
		return Fault{
			Code: "not_found", Title: "Not found", HTTP: http.StatusNotFound, GRPC: codes.NotFound,
			Detail: err.Error(), Hint: "it may not have arrived yet, be past retention, or be deleted",
		}
	case errors.As(err, &damaged):
		return Fault{
			Code: "damaged", Title: "Damaged on disk", HTTP: http.StatusInternalServerError, GRPC: codes.DataLoss,
			Detail: "the block that holds it does not read; other data is served as before",
			Hint:   "run weft store check on the server; weft store repair saves what reads",
		}
	case errors.Is(err, ErrBusy):
		return Fault{
			Code: "too_many", Title: "Too many requests at once", HTTP: http.StatusTooManyRequests, GRPC: codes.ResourceExhausted,
			Detail: err.Error(), RetryAfter: 1,
		}
	case errors.As(err, &later):
		seconds := int((later.After + time.Second - 1) / time.Second)
		return Fault{
			Code: "too_many", Title: "Too often", HTTP: http.StatusTooManyRequests, GRPC: codes.ResourceExhausted,
			Detail: later.Detail, Hint: "try again in " + strconv.Itoa(seconds) + " s", RetryAfter: max(1, seconds),
		}
	case errors.Is(err, store.ErrUnsupported):
		return Fault{Code: "unsupported", Title: "Not supported", HTTP: http.StatusNotImplemented, GRPC: codes.Unimplemented, Detail: err.Error()}
	case errors.Is(err, store.ErrRefused):
		return Fault{
			Code: "unavailable", Title: "Not possible now", HTTP: http.StatusServiceUnavailable, GRPC: codes.Unavailable,
			Detail: err.Error(), RetryAfter: 5,
		}
	case errors.Is(err, context.Canceled):
		return Fault{Code: "cancelled", Title: "The client went away", HTTP: clientClosedRequest, GRPC: codes.Canceled}
	case errors.Is(err, context.DeadlineExceeded):
		return Fault{
			Code: "deadline", Title: "It took too long", HTTP: http.StatusGatewayTimeout, GRPC: codes.DeadlineExceeded,
			Hint: "ask for a shorter time or a narrower query",
		}
	}
	return Fault{
		Code: "internal", Title: "Something went wrong in the server", HTTP: http.StatusInternalServerError, GRPC: codes.Internal,
		Hint: "the server's log has the cause under this id",
	}
}

// Report classifies err and logs it under a new id: faults of the server as errors, of the
// client for those who debug one.
func Report(ctx context.Context, log *slog.Logger, err error, args ...any) (Fault, string) {
	f, id := Classify(err), newID()
	level := slog.LevelDebug
	if f.HTTP >= 500 {
		level = slog.LevelError
	}
	log.Log(ctx, level, "request refused", append([]any{"id", id, "code", f.Code, "err", err}, args...)...)
	return f, id
}

// newID names one problem, in the answer and in the log.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails: it aborts the program instead
	return base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
}

// Problem is the fault as an RFC 9457 document.
func (f Fault) Problem(id, instance string) Problem {
	p := Problem{
		Type: "urn:weft:problem:" + f.Code, Title: f.Title, Status: f.HTTP, Code: f.Code,
		Detail: f.Detail, Hint: f.Hint, Id: id, Instance: instance,
	}
	if f.Query != nil {
		p.Query = *f.Query
	}
	return p
}

// SetHeader adds the headers that belong to the status.
func (f Fault) SetHeader(h http.Header) {
	if f.HTTP == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="weft"`)
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
}

// WriteError answers the request with the problem that err is.
func WriteError(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	f, id := Report(r.Context(), log, err, "method", r.Method, "path", r.URL.Path)
	h := w.Header()
	for _, k := range []string{"Content-Length", "Content-Encoding", "Content-Disposition", "ETag"} {
		h.Del(k)
	}
	f.SetHeader(h)
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(f.HTTP)
	if f.HTTP != clientClosedRequest {
		_ = writeJSONBody(w, f.Problem(id, r.URL.Path))
	}
}

// queryError translates byte positions to those JavaScript counts.
func queryError(e *QuerySyntaxError) *QueryError {
	at := min(max(e.Offset, 0), len(e.Query))
	end := min(at+max(e.Length, 0), len(e.Query))
	return &QueryError{
		Message: e.Message, Hint: e.Hint, ByteOffset: at,
		Position: utf16Len(e.Query[:at]), Length: max(utf16Len(e.Query[at:end]), 1),
	}
}

// utf16Len is the number of UTF-16 code units of s.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// byteOffset is the byte position of the UTF-16 position pos in s, its end if it is past
// it.
func byteOffset(s string, pos int) int {
	n := 0
	for i, r := range s {
		if n >= pos {
			return i
		}
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return len(s)
}

func writeJSONBody(w http.ResponseWriter, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
