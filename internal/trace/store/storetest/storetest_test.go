package storetest

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// faultVar makes the store under test wrong in one way.
const faultVar = "WEFT_STORETEST_FAULT"

// TestMemStore shows that a plain, right store passes the suite.
func TestMemStore(t *testing.T) {
	Run(t, openMem(os.Getenv(faultVar)))
}

// TestFaults shows that each case finds the mistake it is there for: it runs the case on a
// store with that mistake, in a process of its own, and wants it to fail.
func TestFaults(t *testing.T) {
	f := func(fault, name string) {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			if out, err := runFaulty(t, fault, name); err == nil {
				t.Errorf("case %q passes a store that %s:\n%s", name, fault, out)
			} else if want := "--- FAIL: TestMemStore/" + strings.ReplaceAll(name, " ", "_"); !strings.Contains(out, want) {
				t.Errorf("the run does not say %q: %v\n%s", want, err, out)
			}
		})
	}
	f("shows what is flushed only", "visible at once")
	f("forgets what it wrote", "visible at once")
	f("loses trace state", "lossless")
	f("keeps copies", "one span once")
	f("one span per id", "same ids, other content")
	f("mixes tenants", "tenants")
	f("ends at the last start", "search rows")
	f("ties the other way", "search order")
	f("repeats the last row", "search pages")
	f("closed window", "search window")
	f("one row too many", "search order")
	f("trace-level terms see a span", "trace-level intrinsics")
	f("forgets the prefix", "names")
	f("counts one name twice", "one span once")
	f("counts calls from the parent's start", "dependencies")
	f("counts the end of the window", "aggregate")
	f("starts buckets at midnight", "aggregate")
	f("forgets who has no value", "aggregate")
	f("keeps copies", "aggregate")
	f("mixes tenants", "aggregate")
	f("deletes from disk only", "aggregate")
	f("interpolates quantiles", "aggregate numbers")
	f("refuses nothing", "aggregate refusals")
	f("scans what is inside", "scan")
	f("forgets deletes at a restart", "delete")
	f("deletes from disk only", "delete")
	f("refuses for an hour", "delete")
	f("keeps what it was given", "visible at once")
	f("lends what it holds", "answers stay")
	f("goes by the shortest age", "retention")
	f("knows no age", "retention")
	f("waits too long", "retention")
	f("remembers the first age", "retention")
	f("one share for all", "retention")
	f("newest first", "retention")
	f("tails all tenants", "tail")
	f("halves its lag", "tail lag")
	f("answers an empty trace", "not found")
	f("knows no cancel", "cancel")
	f("knows no budget", "budget")
	f("claims what it skipped", "log")
}

// TestRandomShrinks shows that the random run finds a mistake by itself and leaves little
// of what it did to show it.
func TestRandomShrinks(t *testing.T) {
	for _, fault := range []string{"keeps copies", "ties the other way", "mixes tenants", "deletes from disk only"} {
		out, err := runFaulty(t, fault, "random")
		if err == nil {
			t.Errorf("the random run passes a store that %s", fault)
			continue
		}
		m := regexp.MustCompile(`after (\d+) steps`).FindStringSubmatch(out)
		if m == nil {
			t.Errorf("fault %q: no steps are shown:\n%s", fault, out)
			continue
		}
		if n, _ := strconv.Atoi(m[1]); n > 4 {
			t.Errorf("fault %q takes %d steps to show, want at most 4:\n%s", fault, n, out)
		}
	}
}

// runFaulty runs one case of TestMemStore on a faulty store in a new process.
func runFaulty(t *testing.T, fault, name string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := "^TestMemStore$/^" + regexp.QuoteMeta(strings.ReplaceAll(name, " ", "_")) + "$"
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run="+run, "-test.short", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), faultVar+"="+fault)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
