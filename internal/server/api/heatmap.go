package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/weft-dev/weft/internal/trace/store"
)

const (
	heatColumns    = 120
	heatMaxColumns = 500
	// heatTraces bounds a heat map's work; its newest part is then exact.
	heatTraces = 100_000
)

// heatBounds are the lower bounds of the rows: 0, then four to a decade from 1 µs to
// 10⁶ s. They have three digits, because a box on the map becomes conditions that people
// read, and what a row counts has to be what its conditions find.
func heatBounds() []int64 {
	b := []int64{0}
	for unit := int64(10); unit <= 1e12; unit *= 10 {
		b = append(b, 100*unit, 178*unit, 316*unit, 562*unit)
	}
	return append(b, 1e15)
}

// Heatmap counts the traces of a search by time and duration.
func (s *server) Heatmap(w http.ResponseWriter, r *http.Request, p HeatmapParams) {
	q := store.Query{Tenant: s.tenant(r), Limit: heatTraces}
	c, err := s.compile(p.Q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	q.Filter = c.Filter
	if q.Window, err = s.window(p.Start, p.End); err != nil {
		s.fail(w, r, err)
		return
	}
	columns := p.Columns
	if columns == 0 && !r.URL.Query().Has("columns") {
		columns = heatColumns
	}
	if columns < 1 || columns > heatMaxColumns {
		s.fail(w, r, badRequest(fmt.Sprintf("columns: want 1 to %d", heatMaxColumns), ""))
		return
	}
	m := newHeatmap(q.Window, columns)
	partial := ""
	for sum, err := range s.Queries.Search(r.Context(), q) {
		var cut *store.PartialError
		if errors.As(err, &cut) {
			partial = cut.Reason
			break
		}
		if err != nil {
			s.fail(w, r, fmt.Errorf("heat map: %w", err))
			return
		}
		m.add(&sum)
	}
	if m.total == heatTraces && partial == "" {
		partial = fmt.Sprintf("the newest %d traces are counted", heatTraces)
	}
	out := m.result()
	out.Partial = partial
	s.writeJSON(w, out)
}

type heatmap struct {
	win     store.Window
	step    int64
	columns int
	bounds  []int64
	cells   map[[2]int]*HeatCell
	total   int
	errors  int
	top     int // highest row in use
}

// newHeatmap rounds the step up, so that the last column may end behind the window.
func newHeatmap(w store.Window, columns int) *heatmap {
	step := max((w.End-w.Start+int64(columns)-1)/int64(columns), 1)
	return &heatmap{win: w, step: step, columns: columns, bounds: heatBounds(), cells: map[[2]int]*HeatCell{}}
}

func (m *heatmap) add(s *store.Summary) {
	col := int((s.Key - m.win.Start) / m.step)
	if s.Key < m.win.Start || col >= m.columns {
		return
	}
	row, exact := slices.BinarySearch(m.bounds, s.End-s.Start)
	if !exact {
		row--
	}
	c := m.cells[[2]int{col, row}]
	if c == nil {
		c = &HeatCell{Column: col, Row: row}
		m.cells[[2]int{col, row}] = c
	}
	c.Count++
	m.total++
	m.top = max(m.top, row)
	if s.Errors > 0 {
		c.Errors++
		m.errors++
	}
}

func (m *heatmap) result() Heatmap {
	out := Heatmap{
		StartUnixNano: nano(m.win.Start), EndUnixNano: nano(m.win.End), StepNs: nano(m.step), Columns: m.columns,
		Total: m.total, Errors: m.errors, Cells: []HeatCell{},
	}
	for _, b := range m.bounds[:m.top+1] {
		out.DurationBoundsNs = append(out.DurationBoundsNs, nano(b))
	}
	for _, c := range m.cells {
		out.Cells = append(out.Cells, *c)
	}
	slices.SortFunc(out.Cells, func(x, y HeatCell) int {
		if x.Column != y.Column {
			return x.Column - y.Column
		}
		return x.Row - y.Row
	})
	return out
}
