package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/server/auth"
)

// Tokens is the tokens of a data folder that no server has open.
type Tokens struct {
	*auth.Service
	state meta.DB
}

// OpenTokens opens the tokens of a data folder, which is made if it is missing. A folder
// in use is a *vfs.LockedError; its server is then the one to ask, see ReadServerFile.
func OpenTokens(ctx context.Context, data, version string, log *slog.Logger) (*Tokens, error) {
	db, err := openState(ctx, data, version)
	if err != nil {
		return nil, err
	}
	s, err := auth.Open(ctx, auth.Config{DB: db, Logger: log})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Tokens{Service: s, state: db}, nil
}

// Close closes the folder.
func (t *Tokens) Close() error { return errors.Join(t.Service.Close(), t.state.Close()) }
