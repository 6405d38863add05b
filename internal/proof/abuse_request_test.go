package proof

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// bombs are a gigabyte of zeros in every compression, made once.
var bombs = sync.OnceValues(func() (map[string][]byte, error) {
	out := map[string][]byte{}
	f := func(coding string, mib, repeat int, open func(io.Writer) (io.WriteCloser, error)) error {
		var b bytes.Buffer
		z, err := open(&b)
		for zeros := make([]byte, 1<<20); err == nil && mib > 0; mib-- {
			_, err = z.Write(zeros)
		}
		if err == nil {
			err = z.Close()
		}
		out[coding] = bytes.Repeat(b.Bytes(), repeat)
		return err
	}
	return out, errors.Join(
		f("gzip", 64, 16, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) }),
		f("zstd", 64, 16, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w, zstd.WithWindowSize(1<<20)) }),
		// zlib's format has no members to repeat.
		f("deflate", 1<<10, 1, func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriterLevel(w, zlib.BestSpeed) }))
})

// A gigabyte behind some kilobytes of gzip, deflate or zstd, over HTTP and gRPC, many at
// once, costs its senders an answer for good and the server no more than the documented
// memory.
func TestAbuseBomb(t *testing.T) {
	a := abuse(t, nil)
	all, err := bombs()
	if err != nil {
		t.Fatal(err)
	}
	other := a.neighbour()
	var wg sync.WaitGroup
	for i := range 24 {
		address := []string{a.grpc, strings.TrimPrefix(a.URL, "http://")}[i%2]
		for _, coding := range []string{"gzip", "zstd"} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				code, message, err := rawGRPC(t.Context(), address, coding, all[coding])
				if err != nil || code != a.docs.answers["too_large"].grpc {
					t.Errorf("%s over gRPC: %v %q, %v", coding, code, message, err)
				}
			}()
		}
	}
	wg.Wait()
	for range 8 {
		for coding, bomb := range all {
			wg.Add(1)
			go func() {
				defer wg.Done()
				got, err := a.trySend(ingestPath, protobufType, coding, bomb)
				if err != nil {
					t.Errorf("%s over HTTP: %v", coding, err)
					return
				}
				if got.status == http.StatusTooManyRequests { // too many bombs at once
					a.wantAnswer(coding, got, "out_of_memory")
					return
				}
				a.wantAnswer(coding, got, "too_large")
				if want := fmt.Sprintf("larger than %d bytes", a.docs.limit(t, "bytes of a request, as sent and decompressed")); !strings.Contains(got.message, want) {
					t.Errorf("%s over HTTP: %q, want %q in it", coding, got.message, want)
				}
			}()
		}
	}
	wg.Wait()
	for coding, bomb := range all { // alone, so that memory cannot be the reason
		a.wantRefused(coding, a.send(ingestPath, protobufType, coding, bomb), "too_large")
	}
	other.wantUnharmed()
	a.wantSmall(512)
}

// rawGRPC sends one compressed message as it is, which no client would.
func rawGRPC(ctx context.Context, address, coding string, message []byte) (codes.Code, string, error) {
	body := binary.BigEndian.AppendUint32([]byte{1}, uint32(len(message)))
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	url := "http://" + address + coltrace.TraceService_Export_FullMethodName
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(append(body, message...)))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	req.Header.Set("Grpc-Encoding", coding)
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil {
		return 0, "", err
	}
	for _, h := range []http.Header{resp.Trailer, resp.Header} {
		if text := h.Get("Grpc-Status"); text != "" {
			var code codes.Code
			return code, h.Get("Grpc-Message"), code.UnmarshalJSON([]byte(text))
		}
	}
	return 0, "", fmt.Errorf("no gRPC status in the answer: %s %v", resp.Status, resp.Header)
}

// export sends a batch by gRPC.
func (a *abused) export(b *span.Batch) (*coltrace.ExportTraceServiceResponse, error) {
	conn, err := grpc.NewClient(a.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var req coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(otlp.AppendRequest(nil, b), &req); err != nil {
		return nil, err
	}
	return coltrace.NewTraceServiceClient(conn).Export(a.t.Context(), &req)
}

// A span over every limit at once, 100,000 attributes and a value of a megabyte among it,
// is taken over HTTP and over gRPC, cut to the documented figures and marked.
func TestAbuseLargeSpan(t *testing.T) {
	a := abuse(t, nil)
	other := a.neighbour()
	largeSpan := func(seed uint64) *span.Batch {
		b := oneSpan(seed)
		nested := span.Value{Kind: span.ValueInt, Num: 1}
		for range 200 {
			nested = otlp.Array(nested)
		}
		list := []span.Attr{
			{Key: "large", Value: span.String(strings.Repeat("é", 1<<19))},
			{Key: strings.Repeat("k", 5000), Value: span.Int(1)},
			{Key: "deep", Value: nested},
		}
		for i := range 100_000 {
			list = append(list, span.Attr{Key: fmt.Sprintf("attribute.%d", i), Value: span.Int(int64(i))})
		}
		s := &b.Spans[0]
		s.Name = strings.Repeat("n", 10_000)
		s.Attrs = attrs(b, list...)
		for i := range 10_000 {
			b.Events = append(b.Events, span.Event{Time: s.Start + int64(i), Name: "event"})
			b.Links = append(b.Links, span.Link{TraceID: span.TraceID{1, 15: byte(i)}, SpanID: span.SpanID{1, 7: byte(i)}})
		}
		for i := range 1000 {
			attrs(b, span.Attr{Key: fmt.Sprintf("e%d", i), Value: span.Bool(true)})
		}
		b.Events[0].Attrs = span.Range{From: uint32(len(b.Attrs) - 1000), To: uint32(len(b.Attrs))}
		s.Events, s.Links = span.Range{To: 10_000}, span.Range{To: 10_000}
		return b
	}
	over := largeSpan(1)
	a.sendBatch(over)
	a.wantCut(over)
	over = largeSpan(2)
	if res, err := a.export(over); err != nil || res.GetPartialSuccess() != nil {
		t.Errorf("over gRPC: %v, %v", res, err)
	}
	a.wantCut(over)

	under := oneSpan(3) // at the limit is not over it
	under.Spans[0].Attrs = attrs(under, span.Attr{Key: "v", Value: span.String(strings.Repeat("v", a.docs.limit(t, "bytes of a value")))})
	a.sendBatch(under)
	a.wantTraces(under)
	other.wantUnharmed()
	a.wantSmall(512)
}

// wantCut reads the only span of a batch and compares it with the documented limits.
func (a *abused) wantCut(b *span.Batch) {
	a.t.Helper()
	got, err := a.Trace(a.t.Context(), b.Spans[0].TraceID)
	if err != nil || got == nil || len(got.Spans) != 1 {
		a.t.Fatalf("read the large span: %v, %v", got != nil, err)
	}
	limit := func(what string) int { return a.docs.limit(a.t, what) }
	s := &got.Spans[0]
	list := got.Attrs[s.Attrs.From:s.Attrs.To]
	last := len(list) - 1
	f := func(what string, have, want int) {
		a.t.Helper()
		if have != want {
			a.t.Errorf("%s: %d, documented %d", what, have, want)
		}
	}
	f("attributes of a span", last, limit("attributes of a span")) // and the mark
	f("dropped attributes", int(s.DroppedAttrs), 100_003-limit("attributes of a span"))
	f("bytes of a value", len(list[0].Value.Str), limit("bytes of a value"))
	f("bytes of a key", len(list[1].Key), limit("bytes of a key"))
	f("bytes of a name", len(s.Name), limit("bytes of a name"))
	f("arrays and maps inside each other", depthOf(list[2].Value), limit("arrays and maps inside each other"))
	f("events of a span", s.Events.Len(), limit("events of a span"))
	f("dropped events", int(s.DroppedEvents), 10_000-limit("events of a span"))
	f("links of a span", s.Links.Len(), limit("links of a span"))
	f("dropped links", int(s.DroppedLinks), 10_000-limit("links of a span"))
	f("attributes of an event", got.Events[s.Events.From].Attrs.Len(), limit("attributes of an event"))
	if list[last].Key != otlp.TruncatedKey {
		a.t.Errorf("the last attribute is %q, want the mark", list[last].Key)
	}
	var marked []string
	for v := range otlp.ArrayValues(list[last].Value) {
		marked = append(marked, v.Str)
	}
	for _, want := range []string{"large", strings.Repeat("k", limit("bytes of a key")), "deep", "name"} {
		if !slices.Contains(marked, want) {
			a.t.Errorf("the mark %.60q does not list %.20q", marked, want)
		}
	}
	for i, at := range list[3:last] {
		if at.Key != fmt.Sprintf("attribute.%d", i) || at.Value.Int() != int64(i) {
			a.t.Errorf("attribute %d is %q", i+3, at.Key)
			break
		}
	}
}

func depthOf(v span.Value) int {
	depth := 0
	for v.Kind == span.ValueArray {
		depth++
		next := span.Value{}
		for e := range otlp.ArrayValues(v) {
			next = e
		}
		v = next
	}
	return depth
}

// Whatever is not an OTLP request gets the documented answer, and is on the list of refused
// requests with the reason and a hint.
func TestAbuseWrong(t *testing.T) {
	a := abuse(t, nil)
	other := a.neighbour()
	body := Workload(1, 1, 50, time.Unix(1_790_000_000, 0)).Body()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(path, contentType, coding string, body []byte, reason string) {
		t.Helper()
		a.wantRefused(fmt.Sprintf("%s %s %s", path, contentType, coding), a.send(path, contentType, coding, body), reason)
	}
	f("/v1/trace", protobufType, "", body, "wrong_path")
	f("/v1/traces/v1/traces", protobufType, "", body, "wrong_path")
	f(ingestPath, "text/plain", "", body, "unsupported_content_type")
	f(ingestPath, protobufType, "br", body, "unsupported_encoding")
	f(ingestPath, protobufType, "", []byte("{}"), "bad_protobuf")
	f(ingestPath, protobufType, "", body[:len(body)/2], "bad_protobuf")
	f(ingestPath, "application/json", "", body, "bad_json")
	f(ingestPath, protobufType, "gzip", zipped.Bytes()[:zipped.Len()/2], "bad_body")
	f(ingestPath, protobufType, "gzip", nil, "bad_body")
	f(ingestPath, protobufType, "deflate", zipped.Bytes(), "bad_body")
	f(ingestPath, protobufType, "zstd", body, "bad_body")
	f(ingestPath, protobufType, "", make([]byte, a.docs.limit(t, "bytes of a request, as sent and decompressed")+1), "too_large")

	f(ingestPath, "application/json", "", nil, "bad_json")

	// An empty body is the protobuf of a request without spans.
	if got := a.send(ingestPath, protobufType, "", nil); got.status != http.StatusOK || got.partial != nil {
		t.Errorf("empty body: %+v, want 200", got)
	}

	g := func(what string, err error, reason string) {
		t.Helper()
		if got := status.Code(err); got != a.docs.answers[reason].grpc {
			t.Errorf("%s over gRPC: %v (%v), documented %v", what, got, err, a.docs.answers[reason].grpc)
		}
		if !slices.ContainsFunc(a.refused(), func(r refused) bool { return r.Protocol == "otlp/grpc" && r.Reason == reason && r.Hint != "" }) {
			t.Errorf("%s over gRPC: no entry with reason %s and a hint among those refused", what, reason)
		}
	}
	g("metrics", a.invoke("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", body), "wrong_service")
	g("bad protobuf", a.invoke(coltrace.TraceService_Export_FullMethodName, body[:len(body)/2]), "bad_protobuf")
	g("too large", a.invoke(coltrace.TraceService_Export_FullMethodName,
		make([]byte, a.docs.limit(t, "bytes of a request, as sent and decompressed")+1)), "too_large")
	code, message, err := rawGRPC(t.Context(), a.grpc, "br", body)
	if err != nil || code != a.docs.answers["unsupported_encoding"].grpc {
		t.Errorf("unknown compression over gRPC: %v %q, %v", code, message, err)
	}

	// Of a request with bad spans the good ones are taken.
	mixed := func(seed uint64) (all, good *span.Batch) {
		all, good = oneSpan(seed), oneSpan(seed)
		bad, late := all.Spans[0], all.Spans[0]
		bad.SpanID = span.SpanID{}
		late.SpanID, late.Start = span.SpanID{9}, -1
		all.Spans = append(all.Spans, bad, late)
		return all, good
	}
	all, good := mixed(7)
	got := a.send(ingestPath, protobufType, "", otlp.AppendRequest(nil, all))
	if got.status != http.StatusOK || got.partial.GetRejectedSpans() != 2 || !strings.Contains(got.partial.GetErrorMessage(), "; ") {
		t.Errorf("two bad spans of three: %+v", got)
	}
	a.wantTraces(good)
	all, good = mixed(8)
	res, err := a.export(all)
	if p := res.GetPartialSuccess(); err != nil || p.GetRejectedSpans() != 2 || !strings.Contains(p.GetErrorMessage(), "; ") {
		t.Errorf("two bad spans of three over gRPC: %v, %v", res, err)
	}
	a.wantTraces(good)
	other.wantUnharmed()
	a.wantSmall(512)
}

// invoke makes a gRPC call with bytes for a message.
func (a *abused) invoke(method string, body []byte) error {
	conn, err := grpc.NewClient(a.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	var out []byte
	return conn.Invoke(a.t.Context(), method, body, &out, grpc.ForceCodec(rawCodec{}))
}

// rawCodec hands bytes through.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = b
	return nil
}
func (rawCodec) Name() string { return "proto" }
