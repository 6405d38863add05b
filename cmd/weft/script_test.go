package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"weft": main})
}

// The scripts in testdata are what a user sees. Beside testscript's commands they have:
//
//	server ARG…       starts weft up on $WORK/data and a free port; sets WEFT_SERVER, ADDRESS
//	stop              ends it as an operator does
//	read NAME FILE    sets a variable to what a file holds
//	code N COMMAND    runs a command that ends with exit code N
//	await FILE REGEX  waits until a file has a line like that
//
// and those of commands_test.go, which make inputs and stand between client and server.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TZ", "UTC")
			e.Values[serverKey{}] = &server{}
			e.Values[gateKey{}] = &gate{}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"code": exitCode, "await": awaitLine, "spans": makeSpans, "protobuf": makeProtobuf, "compress": compress,
			"parquet": readParquet, "damage": damage, "fetch": fetch, "taken": takePort, "gate": openGate, "atgate": atGate,
			"server": startServer,
			"read": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
			},
			"stop": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Value(serverKey{}).(*server).stop(ts)
			},
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

type serverKey struct{}

type server struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

func startServer(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(serverKey{}).(*server)
	data := ts.MkAbs("data")
	program, err := exec.LookPath("weft")
	ts.Check(err)
	s.cmd = exec.Command(program, append([]string{
		"up", "--data", data, "--listen", "127.0.0.1:0",
		"--otlp.grpc", "off", "--otlp.http", "off", "--pprof", "off",
	}, args...)...)
	s.cmd.Dir = ts.MkAbs(".")
	log, err := os.Create(ts.MkAbs("server.log"))
	ts.Check(err)
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	ts.Check(s.cmd.Start())
	s.exited = make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(s.exited) }()
	ts.Defer(func() { s.stop(ts) })
	url := s.await(ts, filepath.Join(data, "server.json"))
	ts.Setenv("WEFT_SERVER", url)
	ts.Setenv("ADDRESS", strings.TrimPrefix(url, "http://"))
}

// await polls until the server is ready and has said so, and returns its address.
func (s *server) await(ts *testscript.TestScript, file string) string {
	deadline, tick := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		var at struct{ URL string }
		if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &at) == nil {
			if resp, err := http.Get(at.URL + "/readyz"); err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK && strings.Contains(ts.ReadFile("server.log"), "Ctrl-C") {
					return at.URL
				}
			}
		}
		select {
		case <-s.exited:
			ts.Fatalf("the server ended; see server.log: %s", ts.ReadFile("server.log"))
		case <-deadline:
			ts.Fatalf("the server was not ready in time: %s", ts.ReadFile("server.log"))
		case <-tick.C:
		}
	}
}

func (s *server) stop(ts *testscript.TestScript) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // or it has ended
	<-s.exited
	code := s.cmd.ProcessState.ExitCode()
	s.cmd = nil
	if code != 0 {
		ts.Fatalf("the server ended with code %d: %s", code, ts.ReadFile("server.log"))
	}
}
