package client

import (
	"fmt"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// parseResponse reads an ExportTraceServiceResponse.
func parseResponse(body []byte) (rejected int64, reason string, err error) {
	var r collector.ExportTraceServiceResponse
	if err := proto.Unmarshal(body, &r); err != nil {
		return 0, "", fmt.Errorf("read the answer to an export: %w", err)
	}
	return r.GetPartialSuccess().GetRejectedSpans(), r.GetPartialSuccess().GetErrorMessage(), nil
}
