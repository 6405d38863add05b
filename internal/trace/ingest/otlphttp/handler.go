package otlphttp

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest"
)

// Path is where requests go.
const Path = "/v1/traces"

// Config is what a Handler works with.
type Config struct {
	Pipeline *ingest.Pipeline
}

// Handler serves Path and explains every other one.
type Handler struct {
	cfg   Config
	limit int64 // bytes of a body, as sent and decompressed

	gzips    sync.Pool // *gzip.Reader
	deflates sync.Pool // zlibReader
	zstds    sync.Pool // *zstd.Decoder
}

// New makes a handler.
func New(cfg Config) *Handler {
	return &Handler{cfg: cfg, limit: cfg.Pipeline.Limits().RequestBytes}
}

// ServeHTTP answers any request: one at Path is taken, others get an error that says
// where to go.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != Path:
		h.Refuse(w, r, &ingest.Refusal{
			Reason: ingest.WrongPath, Detail: "nothing takes spans at " + r.URL.Path, Hint: pathHint(r),
		})
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		h.Refuse(w, r, &ingest.Refusal{
			Reason: ingest.WrongMethod, Detail: r.Method + " is not how spans are sent", Hint: "send with POST",
		})
	default:
		h.export(w, r)
	}
}

// encoding is how the message in a body is written.
type encoding uint8

const (
	encodingUnknown encoding = iota
	encodingProtobuf
	encodingJSON
)

func encodingOf(r *http.Request) encoding {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return encodingUnknown
	}
	switch t {
	case "application/x-protobuf", "application/protobuf":
		return encodingProtobuf
	case "application/json":
		return encodingJSON
	}
	return encodingUnknown
}

func (h *Handler) export(w http.ResponseWriter, r *http.Request) {
	enc := encodingOf(r)
	if enc == encodingUnknown {
		h.Refuse(w, r, &ingest.Refusal{
			Reason: ingest.BadContentType,
			Detail: "content type " + strconv.Quote(r.Header.Get("Content-Type")) + " is not taken",
			Hint:   typeHint(r),
		})
		return
	}
	tenant := ingest.TenantFrom(r.Context())
	if err := h.cfg.Pipeline.Admit(tenant); err != nil {
		h.Refuse(w, r, ingest.AsRefusal(err))
		return
	}
	mem := h.cfg.Pipeline.Reserve(tenant)
	body, err := h.read(w, r, mem)
	if err != nil {
		mem.Release()
		h.Refuse(w, r, ingest.AsRefusal(err))
		return
	}
	res, err := h.cfg.Pipeline.Submit(r.Context(), ingest.Request{
		Tenant: tenant,
		Body:   body,
		Lent:   true,
		JSON:   enc == encodingJSON,
		Memory: mem,
	})
	if err != nil {
		h.Refuse(w, r, ingest.AsRefusal(err))
		return
	}
	writeResult(w, enc, &res)
}

// Refuse answers with an error in the encoding of the request, and notes it. Layers in
// front, such as authentication, use it too.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, why *ingest.Refusal) {
	status := statusOf(why.Reason)
	if r.Method != http.MethodGet && r.Method != http.MethodHead { // a person looking around sends nothing
		h.cfg.Pipeline.NoteRefused(ingest.Refused{
			Tenant: tenantOf(r, why.Reason), Protocol: "otlp/http", Remote: r.RemoteAddr, Path: r.URL.Path,
			ContentType: r.Header.Get("Content-Type"), UserAgent: r.UserAgent(), Bytes: max(0, r.ContentLength),
			Status: status, Reason: why.Reason, Detail: why.Message(), Hint: why.Hint,
		})
	}
	if why.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((why.Retry+time.Second-1)/time.Second)))
	}
	if why.Reason == ingest.Unauthenticated {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeError(w, encodingOf(r), status, why)
}

// tenantOf is whose list a refusal goes to: everyone's, where the sender is not known or
// is looking for the right door.
func tenantOf(r *http.Request, reason ingest.Reason) string {
	switch reason {
	case ingest.WrongPath, ingest.WrongMethod, ingest.Unauthenticated:
		return ""
	}
	return ingest.TenantFrom(r.Context())
}

func statusOf(reason ingest.Reason) int {
	switch reason {
	case ingest.WrongPath, ingest.WrongService:
		return http.StatusNotFound
	case ingest.WrongMethod:
		return http.StatusMethodNotAllowed
	case ingest.BadContentType, ingest.BadEncoding:
		return http.StatusUnsupportedMediaType
	case ingest.BadBody, ingest.BadProtobuf, ingest.BadJSON:
		return http.StatusBadRequest
	case ingest.TooLarge:
		return http.StatusRequestEntityTooLarge
	case ingest.Unauthenticated:
		return http.StatusUnauthorized
	case ingest.Forbidden:
		return http.StatusForbidden
	case ingest.OutOfMemory, ingest.TooManySpans, ingest.TooManyBytes:
		return http.StatusTooManyRequests
	}
	return http.StatusServiceUnavailable
}

// pathHint says what the sender of a wrong path probably meant.
func pathHint(r *http.Request) string {
	path := strings.TrimSuffix(r.URL.Path, "/")
	switch {
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
		return "this port takes OTLP over HTTP; OTLP over gRPC goes to port 4317 or the main port"
	case strings.HasSuffix(path, "/v1/metrics") || strings.HasSuffix(path, "/v1/logs"):
		return "Weft takes traces; set OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER to none"
	case strings.HasSuffix(path, Path+Path):
		return "the exporter adds " + Path + " to OTEL_EXPORTER_OTLP_ENDPOINT by itself; take it off there"
	case strings.HasPrefix(path, "/api/"):
		return "this is another protocol's path; send OTLP over HTTP to " + Path
	}
	return "OTLP over HTTP goes to " + Path + "; OTEL_EXPORTER_OTLP_ENDPOINT is the address without it, " +
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT the one with it"
}

func typeHint(r *http.Request) string {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return "this port takes OTLP over HTTP; set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or use the gRPC port 4317"
	}
	return "send application/x-protobuf or application/json"
}
