package transfer

import (
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// spanRow is a span in Parquet. Attribute values are JSON, so that 1 and "1" differ.
type spanRow struct {
	TraceID            string            `parquet:"trace_id"`
	SpanID             string            `parquet:"span_id"`
	ParentSpanID       string            `parquet:"parent_span_id,optional"`
	Service            string            `parquet:"service_name,dict"`
	Name               string            `parquet:"name,dict"`
	Kind               int32             `parquet:"kind"`
	StartUnixNano      int64             `parquet:"start_unix_nano,delta"`
	DurationNS         int64             `parquet:"duration_ns"`
	EndUnixNano        int64             `parquet:"end_unix_nano,delta"`
	StatusCode         int32             `parquet:"status_code"`
	StatusMessage      string            `parquet:"status_message,optional"`
	TraceState         string            `parquet:"trace_state,optional"`
	Flags              int32             `parquet:"flags"`
	ScopeName          string            `parquet:"scope_name,dict"`
	ScopeVersion       string            `parquet:"scope_version,dict"`
	Attributes         map[string]string `parquet:"attributes"`
	ResourceAttributes map[string]string `parquet:"resource_attributes"`
	Events             string            `parquet:"events_json,optional"`
	Links              string            `parquet:"links_json,optional"`
}

type parquetWriter struct {
	w *parquet.GenericWriter[spanRow]
}

func newParquetWriter(out io.Writer) *parquetWriter {
	return &parquetWriter{parquet.NewGenericWriter[spanRow](out, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(100_000))}
}

func (p *parquetWriter) write(b *span.Batch) error {
	rows := make([]spanRow, len(b.Spans))
	for i := range b.Spans {
		s, sc := &b.Spans[i], &b.Scopes[b.Spans[i].Scope]
		rows[i] = spanRow{
			TraceID: s.TraceID.String(), SpanID: s.SpanID.String(), Service: b.Service(s), Name: s.Name,
			Kind: int32(s.Kind), StartUnixNano: s.Start, DurationNS: s.Duration(), EndUnixNano: s.End,
			StatusCode: int32(s.Status), StatusMessage: s.StatusMessage, TraceState: s.TraceState, Flags: int32(s.Flags),
			ScopeName: sc.Name, ScopeVersion: sc.Version,
			Attributes: attributeMap(b, s.Attrs), ResourceAttributes: attributeMap(b, b.ResourceOf(s).Attrs),
			Events: eventsJSON(b, s), Links: linksJSON(b, s),
		}
		if !s.Parent.IsZero() {
			rows[i].ParentSpanID = s.Parent.String()
		}
	}
	_, err := p.w.Write(rows)
	return err
}

func (p *parquetWriter) close() error { return p.w.Close() }

func attributeMap(b *span.Batch, r span.Range) map[string]string {
	m := make(map[string]string, r.Len())
	for _, a := range b.AttrsOf(r) {
		m[a.Key] = string(otlp.AppendPlainJSON(nil, a.Value))
	}
	return m
}

func eventsJSON(b *span.Batch, s *span.Span) string {
	var out []byte
	for _, e := range b.EventsOf(s) {
		out = append(separate(out), `{"time_unix_nano":"`...)
		out = appendInt(out, e.Time)
		out = append(out, `","name":`...)
		out = otlp.AppendQuoted(out, e.Name)
		out = append(appendAttributes(append(out, `,"attributes":`...), b, e.Attrs), '}')
	}
	return closeList(out)
}

func linksJSON(b *span.Batch, s *span.Span) string {
	var out []byte
	for _, l := range b.LinksOf(s) {
		out = append(separate(out), `{"trace_id":"`...)
		out = append(append(append(out, l.TraceID.String()...), `","span_id":"`...), l.SpanID.String()...)
		out = append(appendAttributes(append(out, `","attributes":`...), b, l.Attrs), '}')
	}
	return closeList(out)
}
