package demo

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

const productCount = 40

// product is a row of the catalog.
type product struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Cents int    `json:"cents"`
}

// runCatalog serves products from SQLite.
func runCatalog(ctx context.Context, s *service) error {
	schema := []string{"CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL)"}
	for i := range productCount {
		schema = append(schema, fmt.Sprintf("INSERT INTO products VALUES (%d, '%s %d', %d)", i+1, words[i%len(words)], i/len(words)+1, 900+i*731%9000))
	}
	if err := s.openDB("catalog.db", schema...); err != nil {
		return err
	}
	return s.serveHTTP(ctx, map[string]http.HandlerFunc{
		"GET /products": s.searchProducts, "GET /products/{id}": s.oneProduct, "GET /prices": s.allPrices,
	})
}

func (s *service) searchProducts(w http.ResponseWriter, r *http.Request) {
	word := r.FormValue("q")
	found := []product{}
	err := s.query(r.Context(), "SELECT products", "SELECT id, name, cents FROM products WHERE name LIKE ? ORDER BY name", func(rows *sql.Rows) error {
		var p product
		found = append(found, p)
		return rows.Scan(&found[len(found)-1].ID, &found[len(found)-1].Name, &found[len(found)-1].Cents)
	}, word+"%")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.rank(r.Context(), found)
	writeJSON(w, found)
}

// rank stands for work without a span of its own below it: a gap in the waterfall.
func (s *service) rank(ctx context.Context, found []product) {
	ctx, span := s.tracer.Start(ctx, "rank results", trace.WithAttributes(attribute.Int("products", len(found))))
	defer span.End()
	sleep(ctx, jitter(6))
}

func (s *service) oneProduct(w http.ResponseWriter, r *http.Request) {
	var found []product
	err := s.query(r.Context(), "SELECT products", "SELECT id, name, cents FROM products WHERE id = ?", func(rows *sql.Rows) error {
		var p product
		defer func() { found = append(found, p) }()
		return rows.Scan(&p.ID, &p.Name, &p.Cents)
	}, r.PathValue("id"))
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case len(found) == 0:
		http.Error(w, "no product "+r.PathValue("id"), http.StatusNotFound)
	default:
		writeJSON(w, found[0])
	}
}

// allPrices is the large fan-out: a price of 300 offers, 16 at a time.
func (s *service) allPrices(w http.ResponseWriter, r *http.Request) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range 300 {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			ctx, span := s.tracer.Start(r.Context(), "price offer", trace.WithAttributes(
				attribute.Int("offer.id", i), attribute.String("currency", "EUR")))
			defer span.End()
			if i%50 == 7 {
				_ = s.query(ctx, "SELECT products", "SELECT cents FROM products WHERE id = ?", func(rows *sql.Rows) error {
					var cents int
					return rows.Scan(&cents)
				}, i%productCount+1)
			}
			sleep(ctx, jitter(3))
			if i == 211 && chance(0.2) {
				_ = fail(span, "StalePriceError", fmt.Errorf("offer %d: price is older than 24 h", i))
			}
		}()
	}
	wg.Wait()
	writeJSON(w, map[string]int{"offers": 300})
}

// jitter is a duration around ms milliseconds, with a long tail.
func jitter(ms float64) time.Duration {
	return time.Duration(ms * (0.5 + rand.ExpFloat64()*0.5) * float64(time.Millisecond))
}

func chance(p float64) bool { return rand.Float64() < p }
