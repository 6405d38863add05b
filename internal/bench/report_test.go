package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/bench/truth"
)

// Streams are the first world with all seeds, the others with one, and one more per wire.
func TestStreamsOf(t *testing.T) {
	f := func(worlds, seeds, wires, want string) {
		t.Helper()
		list, err := streamsOf(worlds, seeds, wires)
		var got []string
		for _, s := range list {
			name := s.String()
			if s.part {
				name += " part"
			}
			got = append(got, name)
		}
		if err != nil {
			got = append(got, err.Error())
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("streams of %s, %s, %s: %s; want %s", worlds, seeds, wires, text, want)
		}
	}
	f("shop,fleet", "1,2", "http,gzip,grpc", "shop 1, shop 2, fleet 1, shop 1 gzip part, shop 1 grpc part")
	f("fleet", "7", "http", "fleet 7")
	f("fleet", "7,8", "grpc", "fleet 7 grpc, fleet 8 grpc")
	f("farm", "1", "http", `no world "farm"`)
	f("shop", "1", "udp", `wire "udp": want http, gzip or grpc`)
}

func TestPartsOf(t *testing.T) {
	f := func(only string, want string) {
		t.Helper()
		parts, err := partsOf(only)
		got := ""
		for _, p := range []string{"server", "ingest", "query", "kill"} {
			if parts[p] {
				got += p + " "
			}
		}
		if err != nil {
			got = err.Error()
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("parts of %q: %s; want %s", only, got, want)
		}
	}
	f("", "server ingest query kill")
	f("kill,ingest", "ingest kill")
	f("queries", `part "queries": want one of server, ingest, query, kill`)
}

// A change is in percent of the last figure and silent where there is none.
func TestChange(t *testing.T) {
	f := func(now, was []float64, want string) {
		t.Helper()
		if got := change(now, was); got != want {
			t.Errorf("change of %v since %v: %q, want %q", now, was, got, want)
		}
	}
	f([]float64{103, 1}, []float64{100, 5}, " (+3 %)")
	f([]float64{50}, []float64{100}, " (−50 %)")
	f([]float64{100.2}, []float64{100}, "")
	f([]float64{99.8}, []float64{100}, "")
	f([]float64{5}, []float64{0}, "")
	f([]float64{5}, nil, "")
	f(nil, []float64{5}, "")
}

// The table has a line for each figure there is, compared by stream with what git has.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@localhost"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	if last, err := committed(t.Context(), dir); err != nil || last != nil {
		t.Fatalf("nothing is committed, found %v, %v", last, err)
	}
	was := &report{Date: "1 May 2026", Commit: "abc", Columns: []column{{"shop 1", figures{"bytes": {20}, "cpu": {4, 6}, "warm by id": {1.5, 5}}}}}
	if err := was.write(dir, was.text(nil)); err != nil {
		t.Fatal(err)
	}
	git("add", ".")
	git("commit", "-q", "-m", "figures")
	now := &report{Commit: "def", Spans: 1000, Hours: 1, Columns: []column{
		{"shop 1", figures{"bytes": {25}, "cpu": {3, 5}}},
		{"fleet 1", figures{"bytes": {21}}},
	}}
	if err := now.write(dir, "not committed"); err != nil {
		t.Fatal(err)
	}
	last, err := committed(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	text := now.text(last)
	for _, want := range []string{
		"the change since 1 May 2026, commit abc",
		"| | best peer | target | shop 1 | fleet 1 |",
		"| bytes a span of the folder after the rest | 68.1 | ≤ 28 | 25.0 (+25 %) | 21.0 |",
		"| 54.2 / 56.8 |  | 3.00 / 5.00 (−25 %) |  |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "by id") {
		t.Errorf("a row without figures is in:\n%s", text)
	}
	if written, err := os.ReadFile(dir + "/bench.md"); err != nil || string(written) != "not committed" {
		t.Errorf("bench.md is %q, %v", written, err)
	}
}

// Every kind of question has its rows, and no two rows share a key.
func TestRows(t *testing.T) {
	keys := map[string]bool{}
	for _, r := range rows() {
		if keys[r.key] {
			t.Errorf("two rows of %q", r.key)
		}
		keys[r.key] = true
	}
	for _, k := range truth.Kinds() {
		if !keys["warm "+k.String()] || !keys["cold "+k.String()] {
			t.Errorf("no rows of %s", k)
		}
	}
}
