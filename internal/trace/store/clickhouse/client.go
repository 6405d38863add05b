package clickhouse

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// client speaks the HTTP interface.
type client struct {
	url, user, password string
	http                *http.Client
}

// ServerError is what the server answered instead of doing what it was told.
type ServerError struct {
	Status int
	Code   int // ClickHouse's, 0 if it gave none
	Text   string
}

func (e *ServerError) Error() string {
	return fmt.Sprintf("ClickHouse answers %d: %s", e.Status, e.Text)
}

// The codes the engine tells apart.
const (
	codeTimeout       = 159 // TIMEOUT_EXCEEDED
	codeTooMany       = 202 // TOO_MANY_SIMULTANEOUS_QUERIES
	codeSocketTimeout = 209
	codeNetwork       = 210
	codeMemory        = 241 // MEMORY_LIMIT_EXCEEDED
	codeTooManyParts  = 252
	codeTooSlow       = 160
)

// passing reports whether the same statement may work a little later.
func (e *ServerError) passing() bool {
	switch e.Code {
	case codeTooMany, codeSocketTimeout, codeNetwork, codeMemory, codeTooManyParts, codeTimeout, codeTooSlow:
		return true
	}
	return e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout
}

// exec runs a statement without an answer.
func (c *client) exec(ctx context.Context, sql string) error {
	body, err := c.post(ctx, nil, strings.NewReader(sql))
	if err != nil {
		return err
	}
	return drain(body)
}

// insert sends rows in RowBinary. When it returns, they are visible and synced.
func (c *client) insert(ctx context.Context, table, columns string, rows []byte) error {
	sql := "INSERT INTO " + table + " (" + columns + ") SETTINGS async_insert = 0 FORMAT RowBinary"
	body, err := c.post(ctx, url.Values{"query": {sql}}, bytes.NewReader(rows))
	if err != nil {
		return err
	}
	return drain(body)
}

// rows runs a query and reads its answer in RowBinary. The caller closes the reader.
func (c *client) rows(ctx context.Context, sql string) (*rowReader, error) {
	// The server holds the answer back until it is complete, so that an error is never an
	// answer cut short; and it stops when the client leaves.
	flags := url.Values{"wait_end_of_query": {"1"}, "cancel_http_readonly_queries_on_client_close": {"1"}}
	body, err := c.post(ctx, flags, strings.NewReader(sql+" FORMAT RowBinary"))
	if err != nil {
		return nil, err
	}
	return &rowReader{body: body, r: bufio.NewReaderSize(body, 64<<10)}, nil
}

func (c *client) post(ctx context.Context, params url.Values, body io.Reader) (io.ReadCloser, error) {
	u := strings.TrimSuffix(c.url, "/") + "/?" + params.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, body)
	if err != nil {
		return nil, err
	}
	if c.user != "" {
		req.Header.Set("X-ClickHouse-User", c.user)
		req.Header.Set("X-ClickHouse-Key", c.password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return nil, err
	}
	// No code is code 0.
	code, _ := strconv.Atoi(resp.Header.Get("X-ClickHouse-Exception-Code"))
	return nil, &ServerError{Status: resp.StatusCode, Code: code, Text: strings.TrimSpace(string(text))}
}

// drain reads to the end, so that the connection is used again.
func drain(body io.ReadCloser) error {
	_, err := io.Copy(io.Discard, body)
	if e := body.Close(); err == nil {
		err = e
	}
	return err
}
