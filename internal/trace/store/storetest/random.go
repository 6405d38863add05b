package storetest

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/storetest/gen"
)

// seedVar names the environment variable that makes the random run use that seed alone.
const seedVar = "WEFT_STORETEST_SEED"

// Seed is what an instance may choose sizes and timings by: the seed that the environment
// variable WEFT_STORETEST_SEED names, or else 1.
func Seed(t testing.TB) uint64 {
	t.Helper()
	s := os.Getenv(seedVar)
	if s == "" {
		return 1
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", seedVar, err)
	}
	return n
}

// op is one step of a random run.
type op struct {
	kind   opKind
	tenant string
	batch  *span.Batch // apply
	query  store.Query // search, pages
	names  store.NameQuery
	sums   store.AggregateQuery
	id     span.TraceID
	again  int // restarts: how many held records are applied once more
}

type opKind uint8

const (
	opApply opKind = iota
	opFlush
	opMerge
	opReopen
	opKill
	opSearch
	opPages
	opTrace
	opScan
	opDelete
	opNames
	opAggregate
	opEverything
)

var opTexts = []string{"apply", "flush", "merge", "reopen", "kill", "search", "pages", "trace", "scan", "delete", "names", "aggregate", "compare everything"}

// randomRuns does random things to an engine and to Model and compares their answers.
// What differs is made small before it is shown.
func randomRuns(t *testing.T, open func(*testing.T, Options) Instance) {
	seeds := []uint64{1, 2, 3, 4}
	if testing.Short() {
		seeds = seeds[:1]
	}
	if os.Getenv(seedVar) != "" {
		seeds = []uint64{Seed(t)}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			ops := randomOps(gen.New(seed), 150)
			at, err := try(t, open, ops)
			if err == nil {
				return
			}
			ops, err = shrink(ops[:at+1], err, func(ops []op) (int, error) { return try(t, open, ops) })
			t.Errorf("seed %d (run it alone with %s=%d), after %d steps:\n%s\n%v", seed, seedVar, seed, len(ops), describeOps(ops), err)
		})
	}
}

// randomOps is n steps; writes and questions are as frequent as each other.
func randomOps(g *gen.Gen, n int) []op {
	var ops []op
	for range n {
		o := op{tenant: []string{"default", "default", "other"}[g.IntN(3)], again: g.IntN(4)}
		switch k := g.IntN(50); {
		case k < 13:
			o.batch = g.Batch(1 + g.IntN(40))
		case k < 16:
			o.kind = opFlush
		case k < 18:
			o.kind = opMerge
		case k < 19:
			o.kind = opReopen
		case k < 20:
			o.kind = opKill
		case k < 32:
			o.kind, o.query = opSearch, g.Query(o.tenant)
		case k < 34:
			o.kind, o.query = opPages, g.Query(o.tenant)
			o.query.Limit = 1 + g.IntN(4)
		case k < 37:
			o.kind, o.id = opTrace, g.TraceID()
		case k < 39:
			o.kind, o.query.Window = opScan, g.Window()
		case k < 41:
			o.kind, o.id = opDelete, g.TraceID()
		case k < 44:
			o.kind, o.names = opNames, g.NameQuery(o.tenant)
		case k < 49:
			o.kind, o.sums = opAggregate, g.AggregateQuery(o.tenant)
		default:
			o.kind = opEverything
		}
		ops = append(ops, o)
	}
	return append(ops, op{kind: opEverything, tenant: "default"}, op{kind: opEverything, tenant: "other"})
}

// try does ops on a new instance, up to the first that goes wrong.
func try(t *testing.T, open func(*testing.T, Options) Instance, ops []op) (at int, err error) {
	w := newWorld(t, open)
	defer w.close()
	for i, o := range ops {
		if err := w.do(o); err != nil {
			return i, fmt.Errorf("step %d: %w", i, err)
		}
	}
	return 0, nil
}

func (w *world) do(o op) error {
	switch o.kind {
	case opApply:
		w.apply(o.tenant, o.batch)
	case opFlush:
		w.flush()
	case opMerge:
		w.merge()
	case opReopen:
		w.reopen(o.again)
	case opKill:
		w.kill(o.again)
	case opSearch:
		return w.rows(o.query)
	case opPages:
		for q := o.query; ; {
			if err := w.rows(q); err != nil {
				return err
			}
			page := w.model.Search(q)
			if len(page) == 0 {
				return nil
			}
			q.After = store.CursorAfter(page[len(page)-1])
		}
	case opTrace:
		return w.trace(o.tenant, o.id)
	case opScan:
		return w.scan(o.tenant, o.query.Window)
	case opDelete:
		if err := w.store.Delete(w.Context(), o.tenant, o.id, o.again == 0); err != nil {
			if w.model.Trace(o.tenant, o.id) != nil {
				return fmt.Errorf("delete %s: %w", o.id, err)
			}
			return nil // nothing was there
		}
		w.model.Delete(o.tenant, o.id)
	case opNames:
		return w.names(o.names)
	case opAggregate:
		return w.aggregate(o.sums)
	case opEverything:
		return w.everything(o.tenant)
	}
	return nil
}

// shrink leaves out what the failure does not need: steps first, in halves, quarters and
// so on, then spans of batches. It gives up after a number of tries.
func shrink(ops []op, err error, try func([]op) (int, error)) ([]op, error) {
	tries := 400
	fails := func(candidate []op) bool {
		if tries == 0 {
			return false
		}
		tries--
		_, e := try(candidate)
		if e != nil {
			err = e
		}
		return e != nil
	}
	for size := len(ops) / 2; size > 0; size /= 2 {
		for from := 0; from+size <= len(ops) && len(ops) > 1; {
			if without := slices.Delete(slices.Clone(ops), from, from+size); fails(without) {
				ops = without
			} else {
				from += size
			}
		}
	}
	for i := range ops {
		if ops[i].kind != opApply {
			continue
		}
		for size := len(ops[i].batch.Spans) / 2; size > 0; size /= 2 {
			for from := 0; from+size <= len(ops[i].batch.Spans) && len(ops[i].batch.Spans) > 1; {
				smaller := slices.Clone(ops)
				smaller[i].batch = without(ops[i].batch, from, from+size)
				if fails(smaller) {
					ops = smaller
				} else {
					from += size
				}
			}
		}
	}
	return ops, err
}

func without(b *span.Batch, from, to int) *span.Batch {
	var w span.Builder
	for i := range b.Spans {
		if i < from || i >= to {
			w.Append(b, i)
		}
	}
	return w.Batch()
}

func describeOps(ops []op) string {
	var out strings.Builder
	for i, o := range ops {
		fmt.Fprintf(&out, "%3d %s", i, opTexts[o.kind])
		switch o.kind {
		case opApply:
			fmt.Fprintf(&out, " %s", o.tenant)
			for k := range o.batch.Spans {
				fmt.Fprintf(&out, "\n      %s", describe(o.batch, k))
			}
		case opSearch, opPages:
			fmt.Fprintf(&out, " %+v", o.query)
		case opNames:
			fmt.Fprintf(&out, " %+v", o.names)
		case opAggregate:
			fmt.Fprintf(&out, " %s", describeAggregate(&o.sums))
		case opTrace, opDelete:
			fmt.Fprintf(&out, " %s %s", o.tenant, o.id)
		case opScan:
			fmt.Fprintf(&out, " %s %+v", o.tenant, o.query.Window)
		case opReopen, opKill:
			fmt.Fprintf(&out, ", %d records again", o.again)
		case opEverything:
			fmt.Fprintf(&out, " of %s", o.tenant)
		}
		out.WriteByte('\n')
	}
	return out.String()
}
