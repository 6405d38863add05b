package sqlite

import (
	"context"
	"database/sql"

	"github.com/weft-dev/weft/internal/base/meta"
)

// writing is the transaction of an update.
type writing struct{ conn *sql.Conn }

var _, _ meta.Tx = writing{}, snapshot{}

func (t writing) Exec(query string, args ...any) (int64, error) {
	r, err := t.conn.ExecContext(context.Background(), query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t writing) Query(query string, args ...any) (*sql.Rows, error) {
	return t.conn.QueryContext(context.Background(), query, args...)
}

func (t writing) QueryRow(query string, args ...any) *sql.Row {
	return t.conn.QueryRowContext(context.Background(), query, args...)
}

// snapshot is the transaction of a view. Its connection refuses changes by itself.
type snapshot struct {
	ctx context.Context
	tx  *sql.Tx
}

func (t snapshot) Exec(query string, args ...any) (int64, error) {
	r, err := t.tx.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t snapshot) Query(query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(t.ctx, query, args...)
}

func (t snapshot) QueryRow(query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.ctx, query, args...)
}
