// Command bench measures the built server from outside and writes docs/perf.
//
//	go run ./internal/bench -weft bin/weft                        all of it: bench.md, bench.json, server.md
//	go run ./internal/bench -only ingest,query -worlds fleet      a part of it, only printed
//	go run ./internal/bench -only ingest,query -spans 20000000 -hours 24 -seeds 1 -worlds shop -wires http -beside 20000
//	go run ./internal/bench -again DIR -beside 20000              the same questions once more, of what -keep DIR left
//
// bench.md is the store: a generated workload of known content is sent, the folder and the
// process are measured, every answer is compared with the exact one, and the server is
// killed while spans arrive (packages workload and truth). server.md is time to ready,
// memory at rest, acknowledgement and visibility at a fixed rate, open-loop: requests leave
// on schedule and latency counts from the scheduled moment.
//
// A figure never fails: machines are noisy, figures are for reading. A wrong answer does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/proof"
)

func main() {
	// Interrupted, it still stops its servers and removes their folders.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context) error {
	p := plan{}
	weft := flag.String("weft", "bin/weft", "the binary to measure")
	only := flag.String("only", "", "parts to run, of server, ingest, query, kill; comma-separated")
	flag.IntVar(&p.spans, "spans", 1_000_000, "spans of a stream")
	hours := flag.Float64("hours", 1, "span times are spread over so many hours")
	seeds := flag.String("seeds", "1,2", "seeds of the first world; the others run with the first seed")
	worlds := flag.String("worlds", "shop,fleet", "worlds of services")
	wires := flag.String("wires", "http,gzip,grpc", "how spans are sent; all but http are measured once, ingest only")
	flag.DurationVar(&p.rest, "rest", 45*time.Second, "after the last acknowledgement, before the folder is measured")
	flag.IntVar(&p.held, "hold", 2_000_000, "streams of more spans are made while they are sent, beside the server")
	flag.IntVar(&p.beside, "beside", 0, "spans a second that arrive while queries are asked")
	flag.IntVar(&p.ids, "ids", 300, "traces asked for by id")
	flag.IntVar(&p.searches, "searches", 60, "searches of a kind")
	flag.IntVar(&p.killSpans, "kill-spans", 300_000, "the kill comes after a quarter to three quarters of these")
	flag.StringVar(&p.profiles, "profiles", "", "folder for CPU profiles of ingest and queries, see make pgo")
	flag.StringVar(&p.pprof, "pprof", "127.0.0.1:8801", "where the server serves them")
	flag.StringVar(&p.keep, "keep", "", "folder to be made, for the store as queries find it and their questions")
	again := flag.String("again", "", "only ask what -keep left in this folder")
	dir := flag.String("out", "docs/perf", "folder of the reports")
	rate := flag.Int("rate", 20_000, "spans a second while visibility is measured")
	duration := flag.Duration("for", 30*time.Second, "how long spans arrive")
	stored := flag.Int("stored", 10_000_000, "spans stored when the time of a start is measured")
	flag.Parse()
	parts, err := partsOf(*only)
	if err != nil {
		return err
	}
	p.over = time.Duration(*hours * float64(time.Hour))
	p.ingest, p.query, p.kills = parts["ingest"], parts["query"], parts["kill"]
	if p.binary, err = filepath.Abs(*weft); err != nil {
		return err
	}
	if *again != "" {
		return askKept(ctx, p, *again)
	}
	streams, err := streamsOf(*worlds, *seeds, *wires)
	if err != nil {
		return err
	}
	if parts["ingest"] || parts["query"] || parts["kill"] {
		if err := measureStreams(ctx, p, streams, *dir, byDefault(parts)); err != nil {
			return err
		}
	}
	if !parts["server"] {
		return nil
	}
	report, err := run(ctx, p.binary, *rate, *duration, *stored)
	fmt.Print(report)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(*dir, "server.md"), []byte(report), 0o644)
}

// byDefault reports whether all of the store is measured as by default, so that the
// figures may be written for the next run to compare with.
func byDefault(parts map[string]bool) bool {
	same := parts["ingest"] && parts["query"] && parts["kill"]
	flag.Visit(func(f *flag.Flag) {
		same = same && slices.Contains([]string{"weft", "only", "out"}, f.Name)
	})
	return same
}

// partsOf reads -only; all parts where it is empty.
func partsOf(only string) (map[string]bool, error) {
	known := []string{"server", "ingest", "query", "kill"}
	parts := map[string]bool{}
	if only == "" {
		for _, k := range known {
			parts[k] = true
		}
		return parts, nil
	}
	for _, name := range strings.Split(only, ",") {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("part %q: want one of %s", name, strings.Join(known, ", "))
		}
		parts[name] = true
	}
	return parts, nil
}

// streamsOf are the streams to measure: the first world with each seed, the other worlds
// with the first, and the first of all once more on every other wire.
func streamsOf(worlds, seeds, wires string) ([]stream, error) {
	var list []stream
	for i, name := range strings.Split(worlds, ",") {
		w, ok := workload.Worlds()[name]
		if !ok {
			return nil, fmt.Errorf("no world %q", name)
		}
		for k, text := range strings.Split(seeds, ",") {
			seed, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("seed: %w", err)
			}
			if i == 0 || k == 0 {
				list = append(list, stream{world: w, seed: seed, wire: "http"})
			}
		}
	}
	first := list[0]
	for i, wire := range strings.Split(wires, ",") {
		switch {
		case wire != "http" && wire != "gzip" && wire != "grpc":
			return nil, fmt.Errorf("wire %q: want http, gzip or grpc", wire)
		case i == 0:
			for k := range list {
				list[k].wire = wire
			}
		default:
			list = append(list, stream{first.world, first.seed, wire, true})
		}
	}
	return list, nil
}

// measureStreams measures every stream, prints the table and writes it into dir if keep is
// set. It fails where an answer was wrong, once all is measured.
func measureStreams(ctx context.Context, p plan, streams []stream, dir string, keep bool) error {
	last, err := committed(ctx, dir) // now: it may not be there to ask
	if err != nil {
		return err
	}
	r := newReport(ctx, p)
	var wrong []error
	for _, s := range streams {
		if s.part && !p.ingest {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s, %d spans\n", s, p.spans)
		f, bad, err := p.measure(ctx, s)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s, err), errors.Join(bad...))
		}
		r.Columns = append(r.Columns, column{s.String(), f})
		for _, err := range bad {
			wrong = append(wrong, fmt.Errorf("%s: %w", s, err))
		}
	}
	text := r.text(last)
	fmt.Print(text)
	if len(wrong) > 0 {
		return fmt.Errorf("%d answers were wrong, among them:\n%w", len(wrong), errors.Join(wrong[:min(10, len(wrong))]...))
	}
	if !keep {
		return nil
	}
	return r.write(dir, text)
}

// run measures the server and returns docs/perf/server.md.
func run(ctx context.Context, weft string, rate int, duration time.Duration, spans int) (string, error) {
	info, err := os.Stat(weft)
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

	s := &proof.Server{Binary: weft, Dir: filepath.Join(dir, "data")}
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

	demo, err := firstDemoTrace(ctx, weft, dir)
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
