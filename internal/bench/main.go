// Command bench measures the built server from outside and writes docs/perf/server.md:
// time to ready, memory at rest, size of the binary; acknowledgement and visibility while
// spans arrive at a fixed rate; one lone request beside the disk's own fdatasync.
//
//	go run ./internal/bench -weft bin/weft
//
// It judges nothing: machines are noisy, figures are for reading. Load is open-loop:
// requests leave on schedule and latency counts from the scheduled moment.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/proof"
)

func main() {
	weft := flag.String("weft", "bin/weft", "the binary to measure")
	rate := flag.Int("rate", 20_000, "spans a second while visibility is measured")
	duration := flag.Duration("for", 30*time.Second, "how long spans arrive")
	spans := flag.Int("spans", 10_000_000, "spans stored when the time of a start is measured")
	out := flag.String("out", "docs/perf/server.md", "file to write")
	flag.Parse()
	report, err := run(context.Background(), *weft, *rate, *duration, *spans)
	fmt.Print(report)
	if err == nil {
		err = os.WriteFile(*out, []byte(report), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, weft string, rate int, duration time.Duration, spans int) (string, error) {
	binary, err := filepath.Abs(weft)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "weft-bench-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)

	var b strings.Builder
	fmt.Fprintf(&b, "# The server, measured from outside\n\n`make bench`, %s, %s/%s, %d cores. Written by the command; do not edit.\n\n",
		time.Now().UTC().Format("2 January 2006"), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Fprintf(&b, "| what | figure | target |\n| --- | --- | --- |\n")
	fmt.Fprintf(&b, "| binary | %.1f MB | ≤ 60 MB |\n", float64(info.Size())/1e6)

	s := &proof.Server{Binary: binary, Dir: filepath.Join(dir, "data")}
	var starts []time.Duration
	for range 5 {
		took, err := s.Start(ctx)
		if err != nil {
			return b.String(), err
		}
		starts = append(starts, took)
		if err := s.Stop(); err != nil {
			return b.String(), err
		}
	}
	slices.Sort(starts)
	fmt.Fprintf(&b, "| ready, empty folder, median of 5 | %s | ≤ 300 ms |\n", round(starts[2]))

	if _, err := s.Start(ctx); err != nil {
		return b.String(), err
	}
	time.Sleep(3 * time.Second)
	rss, err := residentMB(s.PID())
	if err != nil {
		return b.String(), err
	}
	fmt.Fprintf(&b, "| resident memory at rest | %.0f MB | ≤ 60 MB |\n", rss)

	demo, err := firstDemoTrace(ctx, binary, dir)
	if err != nil {
		return b.String(), err
	}
	fmt.Fprintf(&b, "| start with the demo → first trace | %s | ≤ 10 s |\n", round(demo))

	disk, err := syncTime(dir)
	if err != nil {
		return b.String(), err
	}
	lone, err := loneRequests(ctx, s, 100)
	if err != nil {
		return b.String(), err
	}
	fmt.Fprintf(&b, "| one lone request, p50 / p99 | %s / %s | ≤ 2 fsyncs of this disk + 5 ms = %s |\n",
		round(lone.at(0.5)), round(lone.at(0.99)), round(2*disk+5*time.Millisecond))

	v, err := visibility(ctx, s, rate, duration)
	if err != nil {
		return b.String(), err
	}
	fmt.Fprintf(&b, "| spans a second while measured | %.0f | %d |\n", v.achieved, rate)
	fmt.Fprintf(&b, "| request → acknowledged, p50 / p99 / max | %s / %s / %s | p99 ≤ 50 ms |\n", round(v.ack.at(0.5)), round(v.ack.at(0.99)), round(v.ack.at(1)))
	fmt.Fprintf(&b, "| sent → visible by id, p50 / p99 / max | %s / %s / %s | p99 ≤ 100 ms |\n", round(v.byID.at(0.5)), round(v.byID.at(0.99)), round(v.byID.at(1)))
	fmt.Fprintf(&b, "| sent → visible by search, p50 / p99 / max | %s / %s / %s | p99 ≤ 100 ms |\n", round(v.search.at(0.5)), round(v.search.at(0.99)), round(v.search.at(1)))
	beside, answered, err := besideQueries(ctx, s, rate, duration)
	if err != nil {
		return b.String(), err
	}
	fmt.Fprintf(&b, "| request → acknowledged beside the worst query, p50 / p99 / max | %s / %s / %s | p99 ≤ 2 × %s |\n", round(beside.ack.at(0.5)), round(beside.ack.at(0.99)), round(beside.ack.at(1)), round(v.ack.at(0.99)))
	fmt.Fprintf(&b, "| that query, answered meanwhile | %d times | |\n", answered)
	rss, err = residentMB(s.PID())
	if err != nil {
		return b.String(), err
	}
	fmt.Fprintf(&b, "| resident memory after it | %.0f MB | |\n", rss)
	rows, err := scale(ctx, s, dir, spans)
	for _, row := range rows {
		fmt.Fprintln(&b, row)
	}
	if err != nil {
		return b.String(), err
	}
	return b.String(), s.Stop()
}

func round(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
