package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// Server is a Weft process under test.
type Server struct {
	Binary  string
	Dir     string   // data folder
	Args    []string // further flags of `weft up`
	Log     string   // file its output is appended to
	URL     string
	cmd     *exec.Cmd
	client  *http.Client
	address string
}

// Start starts the server and waits until it is ready; it returns how long that took.
func (s *Server) Start(ctx context.Context) (time.Duration, error) {
	if s.address == "" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		s.address = l.Addr().String()
		l.Close()
		s.URL = "http://" + s.address
	}
	if s.Log == "" {
		s.Log = filepath.Join(filepath.Dir(s.Dir), "weft.log")
	}
	out, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	s.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	s.cmd = exec.Command(s.Binary, append([]string{"up", "--data", s.Dir, "--listen", s.address}, s.Args...)...)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	dieWithParent(s.cmd)
	from := time.Now()
	if err := s.cmd.Start(); err != nil {
		return 0, err
	}
	exited := make(chan error, 1)
	cmd := s.cmd
	go func() { exited <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		if resp, err := s.get(ctx, "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return time.Since(from), nil
			}
		}
		select {
		case err := <-exited:
			return 0, fmt.Errorf("the server ended before it was ready: %w; see %s", errors.Join(err, errors.New("exit")), s.Log)
		case <-ctx.Done():
			return 0, fmt.Errorf("the server was not ready in time; see %s", s.Log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// PID is the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Kill ends the process as a crash does.
func (s *Server) Kill() error {
	s.client.CloseIdleConnections()
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	return s.gone()
}

// Stop ends the process as an operator does, and fails if it does not drain.
func (s *Server) Stop() error {
	s.client.CloseIdleConnections()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.gone()
}

// gone waits until the process no longer is; Start's goroutine reaps it.
func (s *Server) gone() error {
	for range 6000 {
		if err := s.cmd.Process.Signal(syscall.Signal(0)); errors.Is(err, os.ErrProcessDone) {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("process %d did not end", s.cmd.Process.Pid)
}

func (s *Server) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/x-protobuf, application/json")
	return s.client.Do(req)
}

// Post sends an OTLP request; nil means acknowledged.
func (s *Server) Post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("post: %s: %.200s", resp.Status, text)
	}
	return nil
}

// Trace reads a trace; nil if the server does not know it.
func (s *Server) Trace(ctx context.Context, id span.TraceID) (*span.Batch, error) {
	resp, err := s.get(ctx, "/api/v1/traces/"+id.String())
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if resp.Header.Get("Content-Type") != "application/x-protobuf" {
			return nil, fmt.Errorf("read trace %s: content type %q, want protobuf", id, resp.Header.Get("Content-Type"))
		}
		b, _, err := otlp.Decode(body, otlp.Limits{})
		return b, err
	case http.StatusNotFound:
		return nil, nil
	}
	return nil, fmt.Errorf("read trace %s: %s: %.200s", id, resp.Status, body)
}

// Search returns the trace ids and span counts found for a query, all pages.
func (s *Server) Search(ctx context.Context, q string, start, end time.Time) (map[string]int, error) {
	found := map[string]int{}
	page := ""
	for {
		v := url.Values{"q": {q}, "start": {start.UTC().Format(time.RFC3339Nano)}, "end": {end.UTC().Format(time.RFC3339Nano)}, "limit": {"500"}}
		if page != "" {
			v.Set("page", page)
		}
		resp, err := s.get(ctx, "/api/v1/search?"+v.Encode())
		if err != nil {
			return nil, err
		}
		var r struct {
			Traces []struct {
				TraceID string `json:"trace_id"`
				Spans   int    `json:"spans"`
			} `json:"traces"`
			NextPage string `json:"next_page"`
			Partial  string `json:"partial"`
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("search %s: %s: %.200s", q, resp.Status, body)
		}
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, err
		}
		if r.Partial != "" {
			return nil, fmt.Errorf("search %s: partial: %s", q, r.Partial)
		}
		for _, t := range r.Traces {
			if _, twice := found[t.TraceID]; twice {
				return nil, fmt.Errorf("search %s: trace %s is on two pages", q, t.TraceID)
			}
			found[t.TraceID] = t.Spans
		}
		if page = r.NextPage; page == "" {
			return found, nil
		}
	}
}
