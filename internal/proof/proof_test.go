package proof

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The rounds of `make test`; `make soak` runs a hundred.
const (
	testRounds = 10
	testSeed   = 7
)

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "weft-proof-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "weft")
	cmd := exec.Command("go", "build", "-o", binary, "../../cmd/weft")
	cmd.Stderr = os.Stderr
	return binary, cmd.Run()
})

// weft is the real server, built from this tree.
func weft(t *testing.T) string {
	t.Helper()
	b, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMain(m *testing.M) {
	code := m.Run()
	if b, err := buildOnce(); err == nil {
		os.RemoveAll(filepath.Dir(b))
	}
	os.Exit(code)
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// The real binary, killed at random moments under load, loses nothing it acknowledged and
// shows nothing twice.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("drives the real binary, which -short leaves to the full run")
	}
	s := &Server{Binary: weft(t), Dir: filepath.Join(t.TempDir(), "data")}
	res, err := Kill(context.Background(), KillOptions{Server: s, Rounds: testRounds, Seed: testSeed, Out: testWriter{t}})
	if err != nil {
		t.Fatal(err)
	}
	if res.Acked == 0 {
		t.Fatal("nothing was acknowledged, so nothing is proven")
	}
}

// A power cut at a random file operation loses nothing that was acknowledged.
func TestPowerCut(t *testing.T) {
	rounds := testRounds
	if testing.Short() {
		rounds = 3
	}
	res, err := PowerCut(context.Background(), PowerCutOptions{Rounds: rounds, Seed: testSeed, Out: testWriter{t}})
	if err != nil {
		t.Fatal(err)
	}
	if res.Acked == 0 {
		t.Fatal("nothing was acknowledged, so nothing is proven")
	}
}

// For every 2xx of the real binary, strace shows a write to the log after the request was
// read, an fdatasync begun after that write, and the answer after the fdatasync's end.
func TestStraceOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("drives the real binary, which -short leaves to the full run")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed; make test installs it")
	}
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	if err := syscall.Mkfifo(trace, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan []byte, 1) // what strace wrote, once it, which outlives the server, has ended
	go func() {
		text, err := os.ReadFile(trace)
		if err != nil {
			t.Error(err)
		}
		written <- text
	}()
	wrapper := filepath.Join(dir, "weft")
	script := "#!/bin/sh\nexec " + strace + " -D -f -ttt -yy -s 64 -e trace=read,write,pwrite64,writev,fdatasync -o " + trace + " " + weft(t) + ` "$@"` + "\n"
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &Server{Binary: wrapper, Dir: filepath.Join(dir, "data")}
	ctx := context.Background()
	if _, err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const clients, each = 4, 25
	for c := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				body := Workload(99, uint64(c*each+i), 20, time.Now()).Body()
				if err := s.Post(ctx, body); err != nil {
					t.Errorf("post: %v", err)
				}
			}
		}()
	}
	wg.Wait()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	answers := checkOrder(t, <-written)
	if answers < clients*each {
		t.Fatalf("strace shows %d acknowledged requests, %d were sent", answers, clients*each)
	}
}

type call struct {
	name, rest string
	begin, end float64
}

var (
	straceLine    = regexp.MustCompile(`^(\d+)\s+(\d+\.\d+) (.*)$`)
	straceBegin   = regexp.MustCompile(`^(\w+)\((\d+<.*?>(?:\)|,|\]>,| )?.*)$`)
	straceResumed = regexp.MustCompile(`^<\.\.\. (\w+) resumed>(.*)$`)
)

// checkOrder reads a strace log and returns the number of answers it found in order.
func checkOrder(t *testing.T, trace []byte) int {
	t.Helper()
	var calls []call
	open := map[string]call{} // by thread
	lines := bufio.NewScanner(bytes.NewReader(trace))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m := straceLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		at, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		if r := straceResumed.FindStringSubmatch(m[3]); r != nil {
			c := open[m[1]]
			delete(open, m[1])
			c.end, c.rest = at, c.rest+r[2]
			calls = append(calls, c)
			continue
		}
		b := straceBegin.FindStringSubmatch(m[3])
		if b == nil {
			continue
		}
		c := call{name: b[1], rest: b[2], begin: at, end: at}
		if strings.Contains(m[3], "<unfinished ...>") {
			open[m[1]] = c
			continue
		}
		calls = append(calls, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	isLog := func(c call) bool { return strings.Contains(c.rest, "/data/log/") }
	lastRead := map[string]float64{}                       // by descriptor, when its request was read
	socket := regexp.MustCompile(`^(\d+)<(?:TCP|socket):`) // strace does not know a new peer yet
	answers := 0
	for _, c := range calls {
		conn := socket.FindStringSubmatch(c.rest)
		switch {
		case c.name == "read" && conn != nil && strings.Contains(c.rest, "OST /v1/t"): // the first byte, and what tells HTTP/2, may have been read ahead
			lastRead[conn[1]] = c.end
		case c.name == "write" && conn != nil && strings.Contains(c.rest, "HTTP/1.1 200"):
			read, ok := lastRead[conn[1]]
			if !ok {
				continue // an answer to something else
			}
			delete(lastRead, conn[1])
			if !syncedBetween(calls, isLog, read, c.begin) {
				t.Errorf("the answer at %f to the request read at %f has no log write and fdatasync between them", c.begin, read)
			}
			answers++
		}
	}
	return answers
}

// syncedBetween: a log write begun after from, then an fdatasync of the log begun after
// the write ended and ended before to.
func syncedBetween(calls []call, isLog func(call) bool, from, to float64) bool {
	for _, w := range calls {
		if (w.name != "write" && w.name != "pwrite64" && w.name != "writev") || !isLog(w) || w.begin < from || w.end > to {
			continue
		}
		for _, s := range calls {
			if s.name == "fdatasync" && isLog(s) && s.begin >= w.end && s.end <= to {
				return true
			}
		}
	}
	return false
}
