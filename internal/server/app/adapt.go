package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/audit"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/server/keep"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// keeps shows the kept traces to the API, with the caller as the one who keeps.
type keeps struct {
	marks *keep.Marks
	most  func(tenant string) int
}

var _ api.Keeps = keeps{}

func (k keeps) Keep(ctx context.Context, tenant string, id span.TraceID, note string) (time.Time, error) {
	m, err := k.marks.Keep(ctx, tenant, id, note, auth.From(ctx).Actor(), k.most(tenant))
	var full *keep.FullError
	if errors.As(err, &full) {
		return time.Time{}, &api.RequestError{
			Code: api.CodeKeptLimit, Detail: full.Error(),
			Hint: fmt.Sprintf("let one go: weft trace keep --release TRACE_ID (weft audit names them); or raise the limit: weft tenant set %s --kept-traces %d", tenant, 2*full.Most),
		}
	}
	return m.Since, err
}

func (k keeps) Release(ctx context.Context, tenant string, id span.TraceID) error {
	return k.marks.Release(ctx, tenant, id, auth.From(ctx).Actor())
}

func (k keeps) Kept(_ context.Context, tenant string, id span.TraceID) (time.Time, string, error) {
	m, err := k.marks.Get(tenant, id)
	return m.Since, m.Note, err
}

// keeper deletes traces and says so in the audit log. The entry comes first: state and
// store share no transaction, and an entry too many is better than one that lacks.
type keeper struct {
	store.Keeper
	state meta.DB
	clock clock.Clock
}

func (k keeper) Delete(ctx context.Context, tenant string, id span.TraceID, now bool) error {
	err := k.state.Update(ctx, func(tx meta.Tx) error {
		return audit.Write(tx, audit.Entry{
			At: k.clock.Now(), Tenant: tenant, Actor: auth.From(ctx).Actor(), Action: "trace delete", Object: id.String(),
			Detail: fmt.Sprintf("bytes removed at once: %v", now),
		})
	})
	if err != nil {
		return fmt.Errorf("delete trace %s: %w", id, err)
	}
	return k.Keeper.Delete(ctx, tenant, id, now)
}
