package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/weft-dev/weft/internal/bench/truth"
	"github.com/weft-dev/weft/internal/bench/workload"
	"github.com/weft-dev/weft/internal/proof"
)

// plan says what is measured of the store.
type plan struct {
	binary               string
	spans                int
	over                 time.Duration // span times are spread over this
	rest                 time.Duration // after the last acknowledgement, before the folder is measured
	held                 int           // streams of more spans are made while they are sent
	beside               int           // spans a second that arrive while queries are asked
	ids, searches        int           // questions of a kind
	killSpans            int
	profiles, pprof      string // folder of CPU profiles, and where the server serves them
	keep                 string // folder for the store and its questions; see kept
	ingest, query, kills bool
}

// stream is one workload, and how it is sent.
type stream struct {
	world workload.World
	seed  uint64
	wire  string // http, gzip or grpc
	part  bool   // ingest only: the rest is that of another stream
}

func (s stream) String() string {
	name := fmt.Sprintf("%s %d", s.world.Name, s.seed)
	if s.wire != "http" {
		name += " " + s.wire
	}
	return name
}

func (s stream) config(spans int, over time.Duration) workload.Config {
	return workload.Config{World: s.world, Seed: s.seed, Spans: spans, From: time.Now().Add(-over), Over: over}
}

// figures are the values of one column, by the key of their row; most are a median and a
// 95th or 99th percentile.
type figures map[string][]float64

// measure runs the plan for one stream on a server of its own. wrong are answers that
// are not what the truth says.
func (p plan) measure(ctx context.Context, s stream) (f figures, wrong []error, err error) {
	dir, err := os.MkdirTemp("", "weft-bench-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	f = figures{}
	if p.ingest || p.query && !s.part {
		if wrong, err = p.measureStore(ctx, s, dir, f); err != nil {
			return f, wrong, err
		}
	}
	if p.kills && !s.part {
		lost, err := p.measureKill(ctx, s, dir, f)
		return f, append(wrong, lost...), err
	}
	return f, wrong, nil
}

func (p plan) measureStore(ctx context.Context, s stream, dir string, f figures) (wrong []error, err error) {
	config := s.config(p.spans, p.over)
	t := truth.New(s.world, p.spans)
	var z calibration
	if p.ingest {
		if z, err = calibrate(ctx, config.Requests(nil)); err != nil {
			return nil, err
		}
	}
	requests := config.Requests(t.Add)
	if s.wire == "gzip" {
		requests = zipped(requests)
	}
	if p.spans <= p.held {
		if requests, err = hold(requests); err != nil {
			return nil, err
		}
	}
	server := &proof.Server{Binary: p.binary, Dir: filepath.Join(dir, "data"), Args: p.pprofArgs()}
	if _, err := server.Start(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if wrong, err = p.measureIngest(ctx, server, s.wire, requests, z, f); err != nil {
		return wrong, err
	}
	if !p.query || s.part {
		return wrong, nil
	}
	more, err := p.measureQueries(ctx, server, t, s.seed, f)
	return append(wrong, more...), err
}

func (p plan) measureIngest(ctx context.Context, server *proof.Server, wire string, requests iter.Seq2[workload.Request, error], z calibration, f figures) ([]error, error) {
	before, err := usageOf(server.PID())
	if err != nil {
		return nil, err
	}
	watch := watchParts(filepath.Join(server.Dir, "traces", "parts"))
	defer func() { _, _, _ = watch.end() }() // where an error comes before its figures are wanted
	profiled := p.profile(ctx, "ingest", p.rest)
	sent, err := send(ctx, server.URL, wire, requests, nil)
	if err != nil || !p.ingest {
		return nil, err
	}
	acked, err := usageOf(server.PID())
	if err != nil {
		return nil, err
	}
	if err := errors.Join(sleep(ctx, p.rest), profiled()); err != nil {
		return nil, err
	}
	rested, err := usageOf(server.PID())
	if err != nil {
		return nil, err
	}
	size, err := folderBytes(server.Dir)
	if err != nil {
		return nil, err
	}
	written, left, err := watch.end()
	if err != nil {
		return nil, err
	}
	if sent.again > 0 {
		fmt.Fprintf(os.Stderr, "bench: %d requests were sent again, the first after: %v\n", sent.again, sent.firstRefusal())
	}
	millions := float64(sent.spans) / 1e6
	zstd := z.cpu.Seconds() / float64(z.spans) * 1e6
	cpu := func(u usage) float64 { return (u.cpu - before.cpu).Seconds() / millions }
	f["cpu.multiple"] = []float64{cpu(rested) / zstd}
	f["cpu"] = []float64{cpu(acked), cpu(rested)}
	f["zstd"] = []float64{zstd}
	f["zstd.bytes"] = []float64{float64(z.raw) / float64(z.spans), float64(z.packed) / float64(z.spans)}
	f["rate"] = []float64{float64(sent.spans) / sent.took.Seconds()}
	f["bytes"] = []float64{float64(size) / float64(sent.spans)}
	f["written"] = []float64{float64(rested.written-before.written) / float64(sent.spans)}
	f["amplification"] = []float64{float64(written) / float64(max(1, left))}
	f["rss"] = []float64{rested.peakRSS}
	f["ack"] = []float64{millis(sent.ack.at(0.5)), millis(sent.ack.at(0.99))}
	f["visible"] = []float64{millis(sent.visible.at(0.5)), millis(sent.visible.at(0.99))}
	f["again"] = []float64{float64(sent.again)}
	return sent.unseen, nil
}

// measureQueries lets merges settle, starts the server again with its pages out of the
// page cache, and asks every kind of question twice.
func (p plan) measureQueries(ctx context.Context, server *proof.Server, t *truth.Truth, seed uint64, f figures) ([]error, error) {
	settled, err := settle(ctx, server.PID())
	if err != nil {
		return nil, err
	}
	if !settled {
		fmt.Fprintln(os.Stderr, "bench: merges have not settled in five minutes; queries are asked all the same")
	}
	size, err := folderBytes(server.Dir)
	if err != nil {
		return nil, err
	}
	f["bytes.settled"] = []float64{float64(size) / float64(t.Spans)}
	if err := server.Stop(); err != nil {
		return nil, err
	}
	k := p.questions(t, seed)
	if p.keep != "" {
		if err := k.write(p.keep, server.Dir); err != nil {
			return nil, err
		}
	}
	if err := forget(server.Dir); err != nil {
		return nil, err
	}
	ready, err := server.Start(ctx)
	if err != nil {
		return nil, err
	}
	f["ready"] = []float64{millis(ready)}
	stop := p.arriving(ctx, server)
	profiled := p.profile(ctx, "query", 20*time.Second)
	wrong, err := askAll(ctx, server, k, f)
	rate, stopErr := stop()
	if err := errors.Join(err, stopErr, profiled()); err != nil {
		return wrong, err
	}
	if p.beside > 0 {
		f["beside"] = []float64{rate}
	}
	c := newClient(server.URL)
	defer c.close()
	more, err := everyTrace(ctx, c, t)
	f["traces"] = []float64{float64(len(t.Traces)), float64(len(more))}
	f["spans"] = []float64{float64(t.Spans)}
	return append(wrong, more...), err
}

// questions draws what is asked.
func (p plan) questions(t *truth.Truth, seed uint64) kept {
	var k kept
	k.From, k.To = t.Window()
	for _, kind := range truth.Kinds() {
		n := p.searches
		if kind == truth.ByID || kind == truth.UnknownID {
			n = p.ids
		}
		k.Questions = append(k.Questions, t.Questions(kind, seed, n)...)
	}
	return k
}

// askAll asks every kind cold, then all of them warm.
func askAll(ctx context.Context, server *proof.Server, k kept, f figures) (wrong []error, err error) {
	c := newClient(server.URL)
	defer c.close()
	asked := 0
	for _, warmth := range []string{"cold", "warm"} {
		for _, kind := range truth.Kinds() {
			if warmth == "cold" {
				if err := forget(server.Dir); err != nil {
					return wrong, err
				}
			}
			a, err := k.ask(ctx, c, kind)
			if err != nil {
				return wrong, fmt.Errorf("%s: %w", kind, err)
			}
			if a.asked == 0 {
				return wrong, fmt.Errorf("%s: the workload is too small for a question", kind)
			}
			f[warmth+" "+kind.String()] = []float64{millis(a.at(0.5)), millis(a.at(0.95))}
			if warmth == "warm" && kind == truth.Operation {
				f["again "+kind.String()] = []float64{millis(a.second.at(0.5)), millis(a.second.at(0.95))}
			}
			asked += a.asked
			wrong = append(wrong, a.wrong...)
		}
	}
	f["answers"] = []float64{float64(asked), float64(len(wrong))}
	return wrong, nil
}

// arriving has other spans arrive, of other services and other hours, until the returned
// function is called, which tells how many arrived a second.
func (p plan) arriving(ctx context.Context, server *proof.Server) (stop func() (float64, error)) {
	if p.beside == 0 {
		return func() (float64, error) { return 0, nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	start, arrived := time.Now(), 0
	go func() {
		const spans = 500
		seed := uint64(start.UnixNano())
		for i := 0; ; i++ {
			due := start.Add(time.Duration(i) * time.Second * spans / time.Duration(p.beside))
			if sleep(ctx, time.Until(due)) != nil {
				done <- nil
				return
			}
			// Times behind the workload's window, so that no answer holds these spans.
			body := proof.Workload(seed, uint64(i), spans, due.Add(24*time.Hour)).Body()
			if err := server.Post(ctx, body); err != nil {
				if ctx.Err() != nil {
					err = nil
				}
				done <- err
				return
			}
			arrived += spans
		}
	}()
	return func() (float64, error) {
		cancel()
		err := <-done
		return float64(arrived) / time.Since(start).Seconds(), err
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
