package ingest

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrorMessage is OTLP's error message of a partial success, "" if nothing was rejected.
func (r *Result) ErrorMessage() string {
	if r.Rejected == 0 {
		return ""
	}
	return strings.Join(r.Reasons, "; ")
}

// AppendResponse writes the ExportTraceServiceResponse of the result: nothing, or a
// partial success with the number of spans left out and the first reasons.
func (r *Result) AppendResponse(dst []byte) []byte {
	if r.Rejected == 0 {
		return dst
	}
	var p []byte
	p = protowire.AppendTag(p, 1, protowire.VarintType)
	p = protowire.AppendVarint(p, uint64(r.Rejected))
	p = protowire.AppendTag(p, 2, protowire.BytesType)
	p = protowire.AppendString(p, strings.ToValidUTF8(r.ErrorMessage(), "\ufffd"))
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	return protowire.AppendBytes(dst, p)
}
