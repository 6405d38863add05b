package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/weft-dev/weft/internal/bench/truth"
	"github.com/weft-dev/weft/internal/proof"
)

// kept is a store's data folder and the questions to ask of it, in a folder that outlives the
// bench: another build is asked the same within a minute, without sending the spans again.
type kept struct {
	From, To  time.Time // the window of the workload
	Questions []truth.Question
}

const (
	keptData = "data"
	keptFile = "questions.json"
)

// write copies the folder of a stopped server into dir, with the questions.
func (k *kept) write(dir, data string) error {
	text, err := json.Marshal(k)
	if err == nil {
		err = os.CopyFS(filepath.Join(dir, keptData), os.DirFS(data))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, keptFile), text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("keep the store: %w", err)
	}
	return nil
}

// askKept asks a copy of what write left in dir, and prints the latencies of each kind.
func askKept(ctx context.Context, p plan, dir string) (err error) {
	text, err := os.ReadFile(filepath.Join(dir, keptFile))
	if err != nil {
		return fmt.Errorf("a folder that -keep wrote: %w", err)
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return fmt.Errorf("%s: %w", keptFile, err)
	}
	temp, err := os.MkdirTemp("", "weft-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	server := &proof.Server{Binary: p.binary, Dir: filepath.Join(temp, keptData), Args: p.pprofArgs()}
	if err := os.CopyFS(server.Dir, os.DirFS(filepath.Join(dir, keptData))); err != nil {
		return err
	}
	if err := forget(server.Dir); err != nil {
		return err
	}
	if _, err := server.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	stop := p.arriving(ctx, server)
	f := figures{}
	wrong, err := askAll(ctx, server, k, f)
	if err == nil {
		err = p.profileKinds(ctx, server, k)
	}
	rate, stopErr := stop()
	if err := errors.Join(err, stopErr, errors.Join(wrong...)); err != nil {
		return err
	}
	fmt.Printf("%-40s %18s %18s\n", "p50 / p95, ms", "cold", "warm")
	for _, kind := range truth.Kinds() {
		cold, warm := f["cold "+kind.String()], f["warm "+kind.String()]
		fmt.Printf("%-40s %8.2f / %7.2f %8.2f / %7.2f\n", kind, cold[0], cold[1], warm[0], warm[1])
	}
	if p.beside > 0 {
		fmt.Printf("%.0f spans/s arrived beside\n", rate)
	}
	return nil
}

// profileKinds takes a CPU profile of some seconds of each kind, asked again and again.
func (p plan) profileKinds(ctx context.Context, server *proof.Server, k kept) error {
	if p.profiles == "" {
		return nil
	}
	const over = 6 * time.Second
	c := newClient(server.URL)
	defer c.close()
	for i, kind := range truth.Kinds() {
		profiled := p.profile(ctx, fmt.Sprintf("query-%d", i), over)
		var err error
		for end := time.Now().Add(over); err == nil && time.Now().Before(end); {
			_, err = k.ask(ctx, c, kind)
		}
		if err := errors.Join(err, profiled()); err != nil {
			return err
		}
	}
	return nil
}
