// Package all lists the engines of the state seam. It is an explicit list, so that a search
// finds every engine and nothing registers itself. It keeps nothing and starts nothing.
package all

import (
	"context"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/base/meta/sqlite"
)

// Engine opens databases of one kind.
type Engine struct {
	Dialect meta.Dialect
	// Open opens the database at target: for SQLite, its folder.
	Open func(ctx context.Context, target string, cfg meta.Config) (meta.DB, error)
}

// Engines are those linked into this program.
func Engines() []Engine {
	return []Engine{
		{Dialect: meta.SQLite, Open: func(ctx context.Context, dir string, cfg meta.Config) (meta.DB, error) {
			return sqlite.Open(ctx, sqlite.Config{Config: cfg, Dir: dir})
		}},
	}
}
