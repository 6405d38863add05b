package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profile takes a CPU profile of the server over the time into a file of p.profiles, beside
// what the caller does next; wait waits for its end. Without p.profiles it does nothing.
func (p plan) profile(ctx context.Context, name string, over time.Duration) (wait func() error) {
	if p.profiles == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() { done <- p.fetchProfile(ctx, name, over) }()
	return func() error { return <-done }
}

// pprofArgs has the server serve profiles, if they are wanted.
func (p plan) pprofArgs() []string {
	if p.profiles == "" {
		return nil
	}
	return []string{"--pprof", p.pprof}
}

func (p plan) fetchProfile(ctx context.Context, name string, over time.Duration) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", p.pprof, over.Seconds())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("profile of %s: %w", name, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.200s", resp.Status, text)
	}
	if err != nil {
		return fmt.Errorf("profile of %s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(p.profiles, name+".pprof"), text, 0o644)
}
