package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/trace/store"
)

// errTime says that the query's time is over.
var errTime = &store.PartialError{Reason: "the query's time is over"}

// budget is what a running query may take. The server stops at the time too, so that it does
// not work for nobody.
type budget struct {
	store.Budget
	clock    clock.Clock
	deadline time.Time // zero: none
}

func (s *Store) budget(b store.Budget) budget {
	out := budget{Budget: b, clock: s.cfg.Clock}
	if b.Time > 0 {
		out.deadline = out.clock.Now().Add(b.Time)
	}
	return out
}

// settings is what tells the server, behind a statement.
func (b *budget) settings() string {
	if b.Time <= 0 {
		return ""
	}
	return fmt.Sprintf(" SETTINGS max_execution_time = %f", max(b.Time.Seconds(), 0.001))
}

// check tells why the query must not go on.
func (b *budget) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !b.deadline.IsZero() && b.clock.Now().After(b.deadline) {
		return errTime
	}
	return nil
}

// cause is the error that ended a query: errTime if it is the server's word for that.
func (b *budget) cause(err error) error {
	var answer *ServerError
	if b.Time > 0 && errors.As(err, &answer) && (answer.Code == codeTimeout || answer.Code == codeTooSlow) {
		return errTime
	}
	return err
}
