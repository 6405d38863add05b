package part

import (
	"context"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Group is a row group: spans of one tenant that share tables.
type Group struct{}

// Tenant is whose spans these are.
func (g *Group) Tenant() string { return "" }

// Stats are known without reading anything.
func (g *Group) Stats() Stats { return Stats{} }

// Stats sum up the spans of a page or a group.
type Stats struct {
	Spans, Traces            int
	Bytes                    int64 // on disk
	MinStart, MaxStart       int64
	MinDuration, MaxDuration int64
	HasError                 bool // some span has status error
}

// Pages is the pages in order.
func (g *Group) Pages() ([]Page, error) { return nil, errNotYet }

// MayMatch reports whether some span of the group may satisfy the term. false is certain.
func (g *Group) MayMatch(t store.Term) (bool, error) { return true, nil }

// Names lists what q asks for with the spans (or events, or links) that have it, by
// prefix, without order and limit. It reads pages where the tables do not tell.
func (g *Group) Names(ctx context.Context, q store.NameQuery) ([]store.Name, error) {
	return nil, errNotYet
}

// Page is a run of whole traces, or a piece of a trace too large for one.
type Page struct {
	group *Group
	index int
}

// Stats are those of the page.
func (p Page) Stats() Stats { return Stats{} }

// MayMatch is Group.MayMatch for the page alone; it rules out more.
func (p Page) MayMatch(t store.Term) (bool, error) { return true, nil }

// Read decodes the wanted columns of the page. Other fields of the batch are zero, other
// attributes missing. Trace ids and starts are always there.
func (p Page) Read(ctx context.Context, c Columns) (*span.Batch, error) { return nil, errNotYet }

// Directory lists the traces of the page, without decoding spans.
func (p Page) Directory() ([]TraceEntry, error) { return nil, errNotYet }
