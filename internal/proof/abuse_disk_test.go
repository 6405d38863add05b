package proof

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// load is senders that remember what was acknowledged.
type load struct {
	a       *abused
	wg      sync.WaitGroup
	mu      sync.Mutex
	acked   []Work         // Guarded by mu.
	refused map[string]int // by status and Retry-After. Guarded by mu.
}

// load starts senders of requests of some spans. Each sends until more says no; more may
// be called by several at once.
func (a *abused) load(senders, spans int, seed uint64, more func() bool) *load {
	l := &load{a: a, refused: map[string]int{}}
	var next atomic.Uint64
	for range senders {
		l.wg.Add(1)
		go func() {
			defer l.wg.Done()
			for more() {
				w := Workload(seed, next.Add(1), spans, time.Unix(1_790_000_000, 0))
				got, err := a.trySend(ingestPath, protobufType, "", w.Body())
				l.mu.Lock()
				switch {
				case err != nil:
					l.refused[err.Error()]++
				case got.status == http.StatusOK:
					l.acked = append(l.acked, w)
				default:
					l.refused[fmt.Sprint(got.status, " again ", got.again)]++
				}
				l.mu.Unlock()
			}
		}()
	}
	return l
}

// end waits for the senders.
func (l *load) end() (acked []Work, refused map[string]int) {
	l.wg.Wait()
	return l.acked, l.refused
}

// times makes a function that says yes n times.
func times(n int64) func() bool {
	var left atomic.Int64
	left.Store(n)
	return func() bool { return left.Add(-1) >= 0 }
}

// wantOnly: every refusal was the documented one.
func (a *abused) wantOnly(refused map[string]int, reasons ...string) {
	a.t.Helper()
	documented := map[string]bool{}
	for _, r := range reasons {
		documented[fmt.Sprint(a.docs.answers[r].http, " again ", a.docs.answers[r].again)] = true
	}
	for what, n := range refused {
		if !documented[what] {
			a.t.Errorf("%d requests were answered %q, documented for %q: %v", n, what, reasons, documented)
		}
	}
}

// wantReadyIs compares /readyz.
func (a *abused) wantReadyIs(want int, line string) {
	a.t.Helper()
	resp, err := a.get(a.t.Context(), "/readyz?verbose")
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if resp.StatusCode != want || !strings.Contains(string(text), line) {
		a.t.Errorf("ready: %s %s, want %d and %q", resp.Status, text, want, line)
	}
}

// On a file system that becomes full under load, writes get the documented answer and reads
// go on, also after a restart. When there is room again, writes are taken without a restart,
// and nothing acknowledged is lost.
func TestAbuseFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("drives the real binary, which -short leaves to the full run")
	}
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=128m", "weft-proof", disk).CombinedOutput(); err != nil {
		t.Skipf("no file system of a known size: mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	a := abuse(t, func(s *Server) {
		s.Dir, s.Log = filepath.Join(disk, "data"), filepath.Join(t.TempDir(), "weft.log")
	}, "--head", "1MB")
	var full atomic.Bool
	l := a.load(4, 100, 1, func() bool { return !full.Load() })
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	// Every sender has to have met the full disk.
	until(t, "requests are refused", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		n := 0
		for _, k := range l.refused {
			n += k
		}
		return n >= 8
	})
	full.Store(true)
	acked, refused := l.end()
	a.wantOnly(refused, "log_full")
	w := Workload(2, 1, 100, time.Unix(1_790_000_000, 0))
	a.wantRefused("full disk", a.send(ingestPath, protobufType, "", w.Body()), "log_full")
	_, err := a.export(w.Batch)
	a.wantRetryInfo("full disk", err, "log_full")
	a.wantWorks(acked)
	a.wantReadyIs(http.StatusOK, "[+] store ok")

	if err := a.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Start(t.Context()); err != nil {
		t.Fatalf("start on a full disk: %v", err)
	}
	a.wantWorks(acked)
	a.wantRefused("full disk after a restart", a.send(ingestPath, protobufType, "", w.Body()), "log_full")

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	a.sendBatch(w.Batch)
	more, refused := a.load(4, 100, 3, times(60)).end()
	a.wantOnly(refused)
	acked = append(append(acked, more...), w)
	a.wantWorks(acked)
	a.restarted(acked)
	a.wantSmall(512)
	a.wantSound()
}

// restarted restarts the server and reads everything again.
func (a *abused) restarted(acked []Work) {
	a.t.Helper()
	if err := a.Kill(); err != nil {
		a.t.Fatal(err)
	}
	if _, err := a.Start(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	a.wantWorks(acked)
}

// wantSound checks every block on disk.
func (a *abused) wantSound() {
	a.t.Helper()
	if out, err := exec.Command(a.Binary, "store", "check", "--data", a.Dir).CombinedOutput(); err != nil {
		a.t.Errorf("store check: %v: %s", err, out)
	}
}

// wantRetryInfo compares the answer of gRPC.
func (a *abused) wantRetryInfo(what string, err error, reason string) {
	a.t.Helper()
	want, again := a.docs.answers[reason], ""
	st := status.Convert(err)
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			again = fmt.Sprint(info.RetryDelay.AsDuration().Seconds())
		}
	}
	if st.Code() != want.grpc || again != want.again {
		a.t.Errorf("%s over gRPC: %v, again after %q; documented for %s: %v and %q", what, err, again, reason, want.grpc, want.again)
	}
}

// fill writes a file until the file system has no byte left.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		_, err := f.Write(make([]byte, size))
		if errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// strace attaches strace to the server's threads; stop takes it off again. out is its log.
func (a *abused) strace(args ...string) (out string, stop func()) {
	a.t.Helper()
	program, err := exec.LookPath("strace")
	if err != nil {
		a.t.Skip("strace is not installed; make test installs it")
	}
	out = filepath.Join(a.t.TempDir(), "strace")
	cmd := exec.Command(program, append([]string{"-f", "-ttt", "-yy", "-s", "64", "-o", out, "-p", fmt.Sprint(a.PID())}, args...)...)
	dieWithParent(cmd)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	ended := make(chan struct{})
	attached := make(chan bool, 1)
	var said []string // by strace; to be read when it has ended
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			said = append(said, lines.Text())
			if regexp.MustCompile(`Process \d+ attached`).MatchString(lines.Text()) {
				select {
				case attached <- true:
				default:
				}
			}
		}
		close(attached)
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended with the server
			<-ended
			_ = cmd.Wait() // it ends as its tracee does
		})
	}
	if !<-attached {
		stop()
		a.t.Skipf("strace may not attach: %q", said)
	}
	a.t.Cleanup(stop)
	return out, stop
}

// On a disk of which every fdatasync takes a third of a second, no answer comes before its
// fdatasync has ended, and what waits is bounded: senders above it are told to come back.
func TestAbuseSlowDisk(t *testing.T) {
	const inFlight = 8 << 20
	a := abuse(t, nil, "--limits.in-flight", fmt.Sprint(inFlight), "--limits.request", fmt.Sprint(inFlight/2))
	before, _ := a.load(2, 50, 1, times(10)).end()
	out, stop := a.strace("-e", "trace=read,write,pwrite64,writev,fdatasync", "-e", "inject=fdatasync:delay_enter=300000")
	// 24 requests of half a megabyte, three times that in memory, do not fit into 8.
	acked, refused := a.load(24, 2000, 2, times(72)).end()
	a.wantOnly(refused, "out_of_memory")
	if len(refused) == 0 || len(acked) == 0 {
		t.Errorf("%d requests acknowledged, refused: %v; want some of each", len(acked), refused)
	}
	stop()
	trace, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if n := checkOrder(t, trace); n < len(acked) {
		t.Errorf("strace shows %d answers after their fdatasync, %d were acknowledged", n, len(acked))
	}
	if n := slowSyncs(t, out); n == 0 {
		t.Error("no fdatasync was slow, so nothing is proven")
	}
	a.wantWorks(append(before, acked...))
	a.wantSmall(512)
}

// slowSyncs counts the fdatasync that took the delay or longer.
func slowSyncs(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "(DELAYED)")
}

// After one fdatasync that fails, writes get the documented answer although the disk works
// again, because nobody knows what the kernel has dropped. Reads go on; a restart heals;
// nothing acknowledged is lost.
func TestAbuseFailedSync(t *testing.T) {
	a := abuse(t, nil)
	acked, refused := a.load(2, 50, 1, times(40)).end()
	a.wantOnly(refused)
	_, stop := a.strace("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO")
	during, refused := a.load(4, 50, 2, times(40)).end()
	stop()
	if len(during) > 0 {
		t.Errorf("%d requests were acknowledged while every fdatasync failed", len(during))
	}
	a.wantOnly(refused, "log_broken")

	w := Workload(3, 1, 50, time.Unix(1_790_000_000, 0))
	a.wantRefused("a failed sync", a.send(ingestPath, protobufType, "", w.Body()), "log_broken")
	_, err := a.export(w.Batch)
	a.wantRetryInfo("a failed sync", err, "log_broken")
	a.wantWorks(acked)
	a.wantReadyIs(http.StatusServiceUnavailable, "[-] ingest log failed")
	var state struct{ Warnings []string }
	a.getJSON("/api/v1/status", &state)
	if !strings.Contains(strings.Join(state.Warnings, " "), "restart") {
		t.Errorf("the status has no warning about the log: %q", state.Warnings)
	}

	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.wantReadyIs(http.StatusOK, "[+] ingest log ok")
	a.sendBatch(w.Batch)
	a.wantWorks(append(acked, w))
	// What met the error is there whole or not at all.
	for n := range uint64(40) {
		b := Workload(2, n+1, 50, time.Unix(1_790_000_000, 0)).Batch
		got, err := a.Trace(t.Context(), b.Spans[0].TraceID)
		if err != nil {
			t.Error(err)
		}
		if got != nil {
			a.wantTraces(b)
		}
	}
	a.wantSmall(512)
}
