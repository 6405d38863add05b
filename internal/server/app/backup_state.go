package app

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/weft-dev/weft/internal/base/meta/sqlite"
)

// backupState copies the state database, which a server may have open.
func backupState(ctx context.Context, from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return sqlite.Backup(ctx, from, to)
}
