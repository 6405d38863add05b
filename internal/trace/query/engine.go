package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/trace/store"
)

// ErrBusy: the tenant has as many queries running as it may; try again later.
var ErrBusy = errors.New("too many queries at once")

// Config says what an engine works on and what one query and one tenant may use.
type Config struct {
	// Reader answers the queries. Required.
	Reader store.Reader
	// MaxPerTenant is how many queries of a tenant run at once; further ones get ErrBusy.
	// Default 8: on a small machine more of them only wait for each other, and for ingest.
	MaxPerTenant int
	// PerTenant is MaxPerTenant for tenants one by one, asked for each query; 0 takes
	// MaxPerTenant. Default: 0 for all.
	PerTenant func(tenant string) int
	// Budget is what a query may use that does not say itself, and the most it may ask for.
	// Default: 30 s, 16 GiB read, 256 MiB held.
	Budget store.Budget
	// MaxLimit is the most rows of a page. Default 10,000.
	MaxLimit int
}

// Engine runs queries. Safe for concurrent use.
type Engine struct {
	cfg Config

	mu      sync.Mutex
	running map[string]int // by tenant; no entry where none runs. Guarded by mu.
}

// New makes an engine.
func New(cfg Config) (*Engine, error) {
	if cfg.Reader == nil {
		return nil, errors.New("new query engine: no reader")
	}
	if cfg.MaxPerTenant < 0 || cfg.MaxLimit < 0 || cfg.Budget.Time < 0 || cfg.Budget.Bytes < 0 || cfg.Budget.Memory < 0 {
		return nil, fmt.Errorf("new query engine: a negative limit in %+v", cfg)
	}
	fill(&cfg.MaxPerTenant, 8)
	if cfg.PerTenant == nil {
		cfg.PerTenant = func(string) int { return 0 }
	}
	fill(&cfg.MaxLimit, 10_000)
	fill(&cfg.Budget.Time, 30*time.Second)
	fill(&cfg.Budget.Bytes, 16<<30)
	fill(&cfg.Budget.Memory, 256<<20)
	return &Engine{cfg: cfg, running: map[string]int{}}, nil
}

func fill[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// Compile reads TraceQL or the search box's shorthand and plans it. The order is the
// text's own, if it says one; ordered tells.
func Compile(text string) (filter store.Expr, order store.Order, ordered bool, err error) {
	q, err := ParseBox(text)
	if err != nil {
		return nil, 0, false, err
	}
	return Plan(q.Filter), q.Order, q.Order != store.NewestFirst, nil
}

// Run is store.Reader.Search within the tenant's limits. It yields ErrBusy before the
// first row where the tenant has too many queries running. Zero fields of the budget take
// the engine's, larger ones are cut to it.
func (e *Engine) Run(ctx context.Context, q store.Query) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		if !e.acquire(q.Tenant) {
			yield(store.Summary{}, ErrBusy)
			return
		}
		defer e.release(q.Tenant)
		limit(&q.Budget.Time, e.cfg.Budget.Time)
		limit(&q.Budget.Bytes, e.cfg.Budget.Bytes)
		limit(&q.Budget.Memory, e.cfg.Budget.Memory)
		e.cfg.Reader.Search(ctx, q)(yield)
	}
}

func limit[T int64 | time.Duration](v *T, most T) {
	if *v <= 0 || *v > most {
		*v = most
	}
}

func (e *Engine) acquire(tenant string) bool {
	most := e.cfg.PerTenant(tenant)
	fill(&most, e.cfg.MaxPerTenant)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running[tenant] >= most {
		return false
	}
	e.running[tenant]++
	return true
}

func (e *Engine) release(tenant string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running[tenant]--; e.running[tenant] == 0 {
		delete(e.running, tenant)
	}
}

// Request is one page of a search.
type Request struct {
	Text   string       // TraceQL or the box's shorthand
	Window store.Window // of span starts; zero: all of time
	Order  store.Order  // where the text does not order
	Limit  int          // rows; 0: 20
	Page   string       // token of the page before, which also brings its window
	Budget store.Budget
}

// Search starts a search. Errors are the caller's: a *SyntaxError, ErrBadPage. Nothing
// runs until the results are ranged over.
func (e *Engine) Search(ctx context.Context, tenant string, r Request) (*Results, error) {
	parsed, err := ParseBox(r.Text)
	if err != nil {
		return nil, err
	}
	q := store.Query{Tenant: tenant, Window: r.Window, Order: r.Order, Limit: r.Limit, Budget: r.Budget}
	if parsed.Order != store.NewestFirst {
		q.Order = parsed.Order
	}
	if q.Window == (store.Window{}) {
		q.Window = store.Window{End: math.MaxInt64}
	}
	if q.Limit <= 0 {
		q.Limit = 20
	}
	q.Limit = min(q.Limit, e.cfg.MaxLimit)
	canonical := parsed.String()
	if r.Page != "" {
		if err := decodeToken(r.Page, canonical, &q); err != nil {
			return nil, err
		}
	}
	q.Filter = Plan(parsed.Filter)
	return &Results{engine: e, ctx: ctx, query: q, canonical: canonical}, nil
}

// Results is a running search. Not safe for concurrent use.
type Results struct {
	engine    *Engine
	ctx       context.Context // of the search: All takes none, being a sequence
	query     store.Query
	canonical string

	rows    int
	last    store.Cursor
	partial string
}

// All yields the rows as they are found. It is ranged over once. A budget that ran out
// ends it without an error; Partial then says why. ErrBusy comes before the first row.
func (r *Results) All() iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		for row, err := range r.engine.Run(r.ctx, r.query) {
			var cut *store.PartialError
			if errors.As(err, &cut) {
				r.partial = cut.Reason
				return
			}
			if err != nil {
				if !errors.Is(err, ErrBusy) {
					err = fmt.Errorf("search %s: %w", r.canonical, err)
				}
				yield(store.Summary{}, err)
				return
			}
			r.rows++
			r.last = row.Cursor()
			if !yield(row, nil) {
				return
			}
		}
	}
}

// Query is what runs, in canonical TraceQL.
func (r *Results) Query() string { return r.canonical }

// Window is what is searched, which a page token fixes.
func (r *Results) Window() store.Window { return r.query.Window }

// Partial says why the answer is cut, "" if it is not. Known when All has ended.
func (r *Results) Partial() string { return r.partial }

// Next is the token of the next page, "" if there is none. Known when All has ended. A
// full page has one, though the next may turn out empty: to know costs as much as to ask.
// A partial answer of the newest can be continued; of the longest it cannot, since a
// longer one than the last may be among those not looked at.
func (r *Results) Next() string {
	full := r.rows >= r.query.Limit
	if r.rows == 0 || !full && (r.partial == "" || r.query.Order != store.NewestFirst) {
		return ""
	}
	return encodeToken(&r.query, r.canonical, r.last)
}
