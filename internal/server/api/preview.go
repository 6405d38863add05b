package api

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/span"
)

const (
	previewBars     = 48
	previewServices = 32
	// previewSpans is the largest trace that is read for a preview: a page of results
	// must not cost as much as opening all of them.
	previewSpans = 20_000
)

// addPreview fills what a result row shows of the trace itself.
func addPreview(row *TraceRow, t *tree.Tree) {
	row.Services = serviceShares(t)
	row.Miniature = miniature(t, row.Services)
	if row.Errors == 0 {
		return
	}
	at := failure(t)
	c := cardMaker{t: t, b: t.Batch}
	for _, r := range t.Path(at) {
		if ref := c.ref(r); t.SpanOf(r) != nil {
			row.ErrorPath = append(row.ErrorPath, ref.Service+"/"+ref.Name)
		}
	}
	f := c.failure(at, row.Errors)
	row.ErrorMessage = strings.TrimPrefix(strings.TrimSuffix(f.Type+": "+f.Message, ": "), ": ")
}

func serviceShares(t *tree.Tree) []ServiceShare {
	out := []ServiceShare{}
	at := map[string]int{}
	for r := range t.Rows {
		s := t.SpanOf(int32(r))
		if s == nil {
			continue
		}
		name := text(t.Batch.Service(s))
		i, ok := at[name]
		if !ok {
			i = len(out)
			at[name] = i
			out = append(out, ServiceShare{Name: name})
		}
		out[i].Spans++
		if s.Status == span.StatusError {
			out[i].Errors++
		}
	}
	slices.SortStableFunc(out, func(x, y ServiceShare) int { return cmp.Compare(y.Spans, x.Spans) })
	return out[:min(len(out), previewServices)]
}

// miniature picks the bars that give the trace its look, the failed and the longest, and
// leaves them in the order of the waterfall.
func miniature(t *tree.Tree, services []ServiceShare) []MiniatureBar {
	index := map[string]int{}
	for i, s := range services {
		index[s.Name] = i
	}
	rows := make([]int32, 0, len(t.Rows))
	for r := range t.Rows {
		if t.SpanOf(int32(r)) != nil {
			rows = append(rows, int32(r))
		}
	}
	if len(rows) > previewBars {
		slices.SortStableFunc(rows, func(x, y int32) int {
			return cmp.Or(cmp.Compare(t.SpanOf(y).Status&span.StatusError, t.SpanOf(x).Status&span.StatusError),
				cmp.Compare(t.SpanOf(y).Duration(), t.SpanOf(x).Duration()))
		})
		rows = rows[:previewBars]
		slices.Sort(rows)
	}
	whole := float64(max(t.End-t.Start, 1))
	fraction := func(ns int64) float64 { return math.Round(float64(ns-t.Start)/whole*1e4) / 1e4 }
	bars := make([]MiniatureBar, 0, len(rows))
	for _, r := range rows {
		s := t.SpanOf(r)
		at, ok := index[text(t.Batch.Service(s))]
		if !ok {
			at = -1
		}
		bars = append(bars, MiniatureBar{
			Start: fraction(t.Rows[r].Start), End: fraction(t.Rows[r].End), Service: at, Error: s.Status == span.StatusError,
		})
	}
	return bars
}
