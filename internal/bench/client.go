package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"github.com/weft-dev/weft/internal/bench/truth"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// client asks and sends as clients do. One for each connection.
type client struct {
	base string
	http *http.Client
}

func newClient(base string) *client {
	return &client{base, &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{DisableCompression: true}}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// errAgain marks what a client may send again.
var errAgain = errors.New("may be sent again")

// post sends an OTLP request over HTTP.
func (c *client) post(ctx context.Context, body []byte, zipped bool) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if zipped {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	err = fmt.Errorf("send: %s: %.200s", resp.Status, text)
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
		err = fmt.Errorf("%w: %w", errAgain, err)
	}
	return err
}

// zip is body as a sender that cares for its own CPU packs it.
func zip(body []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// get reads a path; nil for 404.
func (c *client) get(ctx context.Context, path, accept string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("get %s: %w", path, err)
	case resp.StatusCode == http.StatusNotFound:
		return nil, nil
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("get %s: %s: %.200s", path, resp.Status, body)
	}
	return body, nil
}

// traceBytes is a trace as the server sends it; nil if it knows none.
func (c *client) traceBytes(ctx context.Context, id span.TraceID) ([]byte, error) {
	return c.get(ctx, "/api/v1/traces/"+id.String(), "application/x-protobuf")
}

// decodeTrace reads what traceBytes returned; nil of nil.
func decodeTrace(body []byte) (*span.Batch, error) {
	if body == nil {
		return nil, nil
	}
	b, bad, err := otlp.Decode(body, otlp.NoLimits())
	if err == nil && bad.Spans > 0 {
		err = fmt.Errorf("%d spans of the answer are not valid", bad.Spans)
	}
	return b, err
}

// searchBytes is a page of a search.
func (c *client) searchBytes(ctx context.Context, q string, from, to time.Time, limit int, page string) ([]byte, error) {
	v := url.Values{
		"q": {q}, "limit": {strconv.Itoa(limit)},
		"start": {from.UTC().Format(time.RFC3339Nano)}, "end": {to.UTC().Format(time.RFC3339Nano)},
	}
	if page != "" {
		v.Set("page", page)
	}
	body, err := c.get(ctx, "/api/v1/search?"+v.Encode(), "application/json")
	if err == nil && body == nil {
		err = errors.New("search: not found")
	}
	return body, err
}

// decodeSearch reads what searchBytes returned. A partial answer is an error.
func decodeSearch(body []byte) (rows []truth.Row, next string, err error) {
	var r struct {
		Traces []struct {
			TraceID  string `json:"trace_id"`
			Start    int64  `json:"start_unix_nano,string"`
			Duration int64  `json:"duration_ns,string"`
			Spans    int    `json:"spans"`
			Errors   int    `json:"errors"`
		} `json:"traces"`
		NextPage string `json:"next_page"`
		Partial  string `json:"partial"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, "", fmt.Errorf("read the answer to a search: %w", err)
	}
	if r.Partial != "" {
		return nil, "", fmt.Errorf("search: partial: %s", r.Partial)
	}
	for _, t := range r.Traces {
		id, err := span.ParseTraceID(t.TraceID)
		if err != nil {
			return nil, "", err
		}
		rows = append(rows, truth.Row{ID: id, Spans: t.Spans, Errors: t.Errors, Start: t.Start, Duration: t.Duration})
	}
	return rows, r.NextPage, nil
}

// grpcClient sends OTLP over gRPC, one request under way.
type grpcClient struct{ conn *grpc.ClientConn }

func newGRPCClient(base string) (*grpcClient, error) {
	conn, err := grpc.NewClient(strings.TrimPrefix(base, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	return &grpcClient{conn}, err
}

func (c *grpcClient) post(ctx context.Context, body []byte) error {
	var answer []byte
	err := c.conn.Invoke(ctx, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", &body, &answer, grpc.ForceCodecV2(bytesCodec{}))
	switch status.Code(err) {
	case codes.ResourceExhausted, codes.Unavailable:
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	return err
}

// bytesCodec sends messages that are encoded already.
type bytesCodec struct{}

var _ encoding.CodecV2 = bytesCodec{}

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

func (bytesCodec) Name() string { return "proto" }
