package otlphttp

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/trace/ingest"
)

// writeResult answers 200 with an ExportTraceServiceResponse.
func writeResult(w http.ResponseWriter, enc encoding, res *ingest.Result) {
	if enc == encodingJSON {
		write(w, http.StatusOK, enc, resultJSON(res))
		return
	}
	write(w, http.StatusOK, enc, res.AppendResponse(nil))
}

func resultJSON(res *ingest.Result) []byte {
	type partial struct {
		RejectedSpans string `json:"rejectedSpans"`
		ErrorMessage  string `json:"errorMessage"`
	}
	var answer struct {
		PartialSuccess *partial `json:"partialSuccess,omitempty"`
	}
	if res.Rejected > 0 {
		answer.PartialSuccess = &partial{strconv.Itoa(res.Rejected), res.ErrorMessage()}
	}
	return marshal(answer)
}

// writeError answers with a google.rpc.Status. A sender whose encoding is not known, most
// likely a person, gets JSON.
func writeError(w http.ResponseWriter, enc encoding, code int, why *ingest.Refusal) {
	text := why.Message()
	if why.Hint != "" {
		text += "; " + why.Hint
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	st := &status.Status{Code: int32(grpcCode(code)), Message: text}
	if enc == encodingProtobuf {
		b, err := proto.Marshal(st)
		if err != nil { // not for a number and valid text
			panic(err)
		}
		write(w, code, enc, b)
		return
	}
	write(w, code, encodingJSON, marshal(struct {
		Code    int32  `json:"code"`
		Message string `json:"message"`
	}{st.Code, st.Message}))
}

// grpcCode is the code of google.rpc.Status that goes with an HTTP status.
func grpcCode(code int) codes.Code {
	switch code {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return codes.InvalidArgument
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return codes.Unimplemented
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return codes.ResourceExhausted
	}
	return codes.Unavailable
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // not for structs of text and numbers
		panic(err)
	}
	return b
}

func write(w http.ResponseWriter, code int, enc encoding, body []byte) {
	t := "application/x-protobuf"
	if enc == encodingJSON {
		t = "application/json"
	}
	w.Header().Set("Content-Type", t)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(body) // a sender that has gone gets no answer
}
