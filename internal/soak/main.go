// Command soak runs the long proofs at full count and writes docs/perf/soak.md: a hundred
// rounds of kill -9 against the real binary, and a hundred power cuts.
//
//	go run ./internal/soak -weft bin/weft
//
// It is resumable: proofs that the state file has as done, with the same seed and commit,
// are not run again. The exit code is 1 if a proof failed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/proof"
)

// outcome of one proof, as the state file and the report have it.
type outcome struct {
	Proof, Result string
	Seed          uint64
	Commit        string
	Took          time.Duration
	Failed        bool
}

func main() {
	weft := flag.String("weft", "bin/weft", "the binary to prove")
	seed := flag.Uint64("seed", 20261122, "seed of all choices")
	rounds := flag.Int("rounds", 100, "rounds of each proof")
	report := flag.String("out", "docs/perf/soak.md", "report to write")
	state := flag.String("state", "bin/soak.json", "what is done, to resume from")
	flag.Parse()
	if err := run(context.Background(), *weft, *seed, *rounds, *report, *state); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, weft string, seed uint64, rounds int, report, state string) error {
	commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return fmt.Errorf("ask git for the commit: %w", err)
	}
	binary, err := filepath.Abs(weft)
	if err != nil {
		return err
	}
	proofs := []struct {
		name string
		run  func() (string, error)
	}{
		{fmt.Sprintf("kill -9 under load, %d rounds", rounds), func() (string, error) { return kill(ctx, binary, seed, rounds) }},
		{fmt.Sprintf("power cut at a random file operation, %d rounds", rounds), func() (string, error) {
			res, err := proof.PowerCut(ctx, proof.PowerCutOptions{Rounds: rounds, Seed: seed, Out: os.Stdout})
			return fmt.Sprintf("%d requests acknowledged, none lost, none doubled", res.Acked), err
		}},
	}
	done := load(state)
	var all []outcome
	failed := false
	for _, p := range proofs {
		o := outcome{Proof: p.name, Seed: seed, Commit: strings.TrimSpace(string(commit))}
		if was, ok := done[p.name]; ok && was.Seed == o.Seed && was.Commit == o.Commit && !was.Failed {
			all = append(all, was)
			continue
		}
		from := time.Now()
		result, err := p.run()
		o.Took = time.Since(from).Round(time.Second)
		if o.Result = result; err != nil {
			o.Failed, o.Result, failed = true, err.Error(), true
		}
		all = append(all, o)
		done[p.name] = o
		if err := save(state, done); err != nil {
			return err
		}
	}
	if err := os.WriteFile(report, []byte(table(all)), 0o644); err != nil {
		return err
	}
	if failed {
		return fmt.Errorf("a proof failed, see %s", report)
	}
	return nil
}

func kill(ctx context.Context, binary string, seed uint64, rounds int) (string, error) {
	dir, err := os.MkdirTemp("", "weft-soak-")
	if err != nil {
		return "", err
	}
	s := &proof.Server{Binary: binary, Dir: filepath.Join(dir, "data")}
	res, err := proof.Kill(ctx, proof.KillOptions{Server: s, Rounds: rounds, Seed: seed, Out: os.Stdout})
	if err != nil {
		return "", fmt.Errorf("%w; the data is kept in %s", err, dir)
	}
	return fmt.Sprintf("%d requests acknowledged, none lost, none doubled, %d sent again; slowest start %s",
		res.Acked, res.Resent, res.SlowestReady.Round(time.Millisecond)), os.RemoveAll(dir)
}

func table(all []outcome) string {
	var b strings.Builder
	b.WriteString("# The long proofs\n\n`make soak`. Written by the command; do not edit.\n\n| proof | result | seed | commit | took |\n| --- | --- | --- | --- | --- |\n")
	for _, o := range all {
		verdict := o.Result
		if o.Failed {
			verdict = "**failed**: " + strings.ReplaceAll(o.Result, "|", "/")
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %s |\n", o.Proof, verdict, o.Seed, o.Commit, o.Took)
	}
	return b.String()
}

func load(state string) map[string]outcome {
	done := map[string]outcome{}
	if text, err := os.ReadFile(state); err == nil {
		if json.Unmarshal(text, &done) != nil {
			return map[string]outcome{}
		}
	}
	return done
}

func save(state string, done map[string]outcome) error {
	text, err := json.MarshalIndent(done, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(state), 0o755); err != nil {
		return err
	}
	return os.WriteFile(state, text, 0o644)
}
