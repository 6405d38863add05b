// Package storetest is the suite that every engine of package store passes:
//
//	func TestStore(t *testing.T) { storetest.Run(t, open) }
//
// It knows the contract only. Each rule of package store has a case of its own, and a
// random run compares the engine, through flushes, merges and restarts, with Model, a
// slice and a loop. What a case finds it says in terms of the contract.
//
// The suite plays the ingest log: it numbers records and, after a restart, applies those
// again that the engine does not hold, and some that it does.
package storetest

import (
	"testing"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Options is what the suite asks of a store it opens.
type Options struct {
	// Clock is the time the engine must go by. It moves a microsecond with each look.
	Clock clock.Clock
	// Allowance is how much of a tenant's data stays; the engine MUST ask it in each
	// round of retention. The answer changes during a case.
	Allowance func(tenant string) store.Allowance
}

// Instance is an engine opened on data of its own, empty at first.
type Instance struct {
	Store store.Store
	// Reopen closes the store and opens it again on the same data.
	Reopen func(t testing.TB) store.Store
	// Kill abandons the store as kill -9 does, without Close, and opens the data again.
	// nil: the engine cannot do this inside a test.
	Kill func(t testing.TB) store.Store
	// Merge merges what the engine has to merge, and returns when that is done. nil: it
	// has nothing to merge.
	Merge func(t testing.TB)
	// Retain does a round of retention.
	Retain func(t testing.TB)
}

// Run runs the suite. open makes a new, empty instance for each case; the store it
// returns is closed by the suite.
func Run(t *testing.T, open func(t *testing.T, o Options) Instance) {
	cases := []struct {
		name string
		run  func(w *world)
	}{
		{"visible at once", visibleAtOnce},
		{"lossless", lossless},
		{"one span once", oneSpanOnce},
		{"same ids, other content", sameIDs},
		{"tenants", tenants},
		{"search rows", searchRows},
		{"search order", searchOrder},
		{"search pages", searchPages},
		{"search window", searchWindow},
		{"search limit and break", searchLimit},
		{"trace-level intrinsics", traceIntrinsics},
		{"names", names},
		{"dependencies", dependencies},
		{"aggregate", aggregate},
		{"aggregate numbers", aggregateNumbers},
		{"aggregate refusals", aggregateRefusals},
		{"scan", scan},
		{"delete", deletes},
		{"retention", retention},
		{"tail", tail},
		{"tail lag", tailLag},
		{"answers stay", answersStay},
		{"not found", notFound},
		{"cancel", cancel},
		{"budget", budget},
		{"log", logPositions},
		{"concurrent", concurrent},
		{"huge trace", hugeTrace},
		{"from 1970 to 2262", ages},
		{"ten thousand hours", manyHours},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(newWorld(t, open)) })
	}
	t.Run("random", func(t *testing.T) { randomRuns(t, open) })
}
