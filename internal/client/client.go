// Package client speaks Weft's HTTP API for the command line.
//
// Errors are *APIError where the server answered with a problem, so that callers can tell
// "not found" from "not allowed", and *DialError where nobody answered. A Client is safe
// for concurrent use.
package client

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

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// Client talks to one server.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New makes a client of the server at base, for instance http://127.0.0.1:8800, with an
// API token, "" where the server wants none.
func New(base, token string) *Client {
	return &Client{base: strings.TrimSuffix(base, "/"), token: token, http: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8},
	}}
}

// APIError is an RFC 9457 problem the server answered with.
type APIError struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
	ID     string `json:"id"`
	// Query is where a query is wrong, nil if that is not what is wrong.
	Query *QueryFault `json:"query"`

	// RetryAfter is how long the server asks to wait, 0 if it does not say.
	RetryAfter time.Duration `json:"-"`
}

// QueryFault is a place in the text of a query.
type QueryFault struct {
	ByteOffset int `json:"byte_offset"`
}

func (e *APIError) Error() string {
	switch {
	case e.Detail != "":
		return e.Detail
	case e.Title != "":
		return strings.ToLower(e.Title)
	}
	return strings.ToLower(http.StatusText(e.Status))
}

// DialError says that no server answered at an address.
type DialError struct {
	Base string
	Err  error
}

func (e *DialError) Error() string { return "no answer from " + e.Base + ": " + e.Err.Error() }
func (e *DialError) Unwrap() error { return e.Err }

// Base is the server's address.
func (c *Client) Base() string { return c.base }

// Do sends a request to a path of the API and returns the answer if it is a success.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body io.Reader, header http.Header) (*http.Response, error) {
	u := c.base + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, &DialError{c.base, err}
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readProblem(resp)
}

func readProblem(resp *http.Response) error {
	e := &APIError{}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || json.Unmarshal(text, e) != nil {
		e.Detail = strings.TrimSpace(string(text))
	}
	e.Status = resp.StatusCode
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}

// JSON gets a path and decodes the answer into v.
func (c *Client) JSON(ctx context.Context, method, path string, query url.Values, body, v any) error {
	header := http.Header{"Accept": {"application/json"}}
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(text)
		header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(ctx, method, path, query, in, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if v == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// Trace reads a whole trace, exactly as it was received.
func (c *Client) Trace(ctx context.Context, id span.TraceID) (*span.Batch, error) {
	body, err := c.Raw(ctx, "/api/v1/traces/"+id.String(), nil, "application/x-protobuf")
	if err != nil {
		return nil, err
	}
	b, _, err := otlp.Decode(body, otlp.NoLimits())
	return b, err
}

// Raw gets a path with the given Accept.
func (c *Client) Raw(ctx context.Context, path string, query url.Values, accept string) ([]byte, error) {
	resp, err := c.Do(ctx, http.MethodGet, path, query, nil, http.Header{"Accept": {accept}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// TraceRow is one search result.
type TraceRow struct {
	TraceID     string         `json:"trace_id"`
	RootService string         `json:"root_service"`
	RootName    string         `json:"root_name"`
	Start       string         `json:"start_unix_nano"`
	Duration    string         `json:"duration_ns"`
	Spans       int            `json:"spans"`
	Errors      int            `json:"errors"`
	Matched     int            `json:"matched"`
	Services    []ServiceCount `json:"services,omitempty"`
	ErrorPath   []string       `json:"error_path,omitempty"`
	ErrorText   string         `json:"error_message,omitempty"`
}

// ServiceCount is a service's share of a trace.
type ServiceCount struct {
	Name   string `json:"name"`
	Spans  int    `json:"spans"`
	Errors int    `json:"errors"`
}

// StartTime is when the trace began.
func (r TraceRow) StartTime() time.Time {
	n, _ := strconv.ParseInt(r.Start, 10, 64)
	return time.Unix(0, n)
}

// Took is the duration of the trace.
func (r TraceRow) Took() time.Duration {
	n, _ := strconv.ParseInt(r.Duration, 10, 64)
	return time.Duration(n)
}

// SearchEnd is how a search ended.
type SearchEnd struct {
	NextPage string `json:"next_page"`
	Partial  string `json:"partial"`
}

// Search streams the rows of one page to row and returns how it ended.
func (c *Client) Search(ctx context.Context, query url.Values, row func(TraceRow) error) (SearchEnd, error) {
	resp, err := c.Do(ctx, http.MethodGet, "/api/v1/search", query, nil, http.Header{"Accept": {"application/x-ndjson"}})
	if err != nil {
		return SearchEnd{}, err
	}
	defer resp.Body.Close()
	d := json.NewDecoder(resp.Body)
	for {
		var line struct {
			TraceRow
			SearchEnd
			Error *APIError `json:"error"`
		}
		if err := d.Decode(&line); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return SearchEnd{}, fmt.Errorf("read search results: %w", err)
		}
		if line.Error != nil {
			return SearchEnd{}, line.Error
		}
		if line.TraceID == "" {
			return line.SearchEnd, nil
		}
		if err := row(line.TraceRow); err != nil {
			return SearchEnd{}, err
		}
	}
}

// Send exports spans and returns how many the server rejected, with its reason. It tries
// again, for about a minute, where the server is busy or away.
func (c *Client) Send(ctx context.Context, body []byte) (rejected int64, reason string, err error) {
	wait := 100 * time.Millisecond
	for try := 0; ; try++ {
		rejected, reason, err = c.send(ctx, body)
		var api *APIError
		var dial *DialError
		retry := errors.As(err, &dial) || (errors.As(err, &api) && (api.Status == http.StatusTooManyRequests || api.Status == http.StatusServiceUnavailable))
		if err == nil || !retry || try >= 10 {
			return rejected, reason, err
		}
		pause := wait
		if api != nil && api.RetryAfter > 0 {
			pause = api.RetryAfter
		}
		select {
		case <-ctx.Done():
			return 0, "", ctx.Err()
		case <-time.After(pause):
		}
		wait = min(2*wait, 10*time.Second)
	}
}

func (c *Client) send(ctx context.Context, body []byte) (int64, string, error) {
	resp, err := c.Do(ctx, http.MethodPost, "/v1/traces", nil, bytes.NewReader(body),
		http.Header{"Content-Type": {"application/x-protobuf"}, "Accept": {"application/x-protobuf"}})
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err
	}
	return parseResponse(text)
}
