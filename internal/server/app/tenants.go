package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/server/setting"
	"github.com/weft-dev/weft/internal/trace/ingest"
	"github.com/weft-dev/weft/internal/trace/store"
)

// ParseShare reads a share of the disk cap: a percentage, a size, or 0 for no limit.
func ParseShare(text string) (setting.Share, error) {
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		n, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		if err != nil {
			return setting.Share{}, fmt.Errorf("%q is not a percentage; write it like 25%%", text)
		}
		return setting.Share{Fraction: n / 100}, nil
	}
	n, err := ParseBytes(text)
	if err != nil {
		return setting.Share{}, errors.New(strconv.Quote(text) + " is no share of the disk; write it like 25% or 10GB")
	}
	return setting.Share{Bytes: int64(n)}, nil
}

// shareText is a share as ParseShare reads it.
func shareText(s setting.Share) string {
	if s.Fraction != 0 {
		return strconv.FormatFloat(100*s.Fraction, 'g', 6, 64) + "%"
	}
	return strconv.FormatInt(s.Bytes, 10)
}

// tenantLimits is what holds for a tenant without limits of its own.
func (c Config) tenantLimits() (setting.Limits, error) {
	share, err := ParseShare(c.DiskShare)
	return setting.Limits{
		MaxAge: c.MaxAge, DiskShare: share, SpansPerSecond: int64(c.SpansPerSecond), BytesPerSecond: int64(c.BytesPerSecond),
		QueriesAtOnce: c.QueriesAtOnce, KeptTraces: c.KeptTraces,
	}, err
}

// allowance is what the store keeps of a tenant.
func (a *App) allowance(tenant string) store.Allowance {
	l := a.tenants.Limits(tenant)
	return store.Allowance{Age: l.MaxAge, Bytes: l.DiskShare.Of(a.diskCap)}
}

// rate is what a tenant may send.
func (a *App) rate(tenant string) ingest.Rate {
	l := a.tenants.Limits(tenant)
	return ingest.Rate{Spans: l.SpansPerSecond, Bytes: l.BytesPerSecond}
}

// queriesAtOnce is how many queries of a tenant run at once.
func (a *App) queriesAtOnce(tenant string) int { return a.tenants.Limits(tenant).QueriesAtOnce }

// mostKept is how many traces a tenant may keep.
func (a *App) mostKept(tenant string) int { return a.tenants.Limits(tenant).KeptTraces }

// tenants shows limits to the API.
type tenants struct{ app *App }

var _ api.Tenants = tenants{}

func (t tenants) Limits(ctx context.Context, tenant string) (api.TenantLimits, error) {
	if err := mayActFor(ctx, tenant); err != nil {
		return api.TenantLimits{}, err
	}
	own, l, held := t.app.tenants.Own(tenant), t.app.tenants.Limits(tenant), t.app.store.TenantCounts(tenant)
	out := api.TenantLimits{
		Tenant: tenant, StoredBytes: held.Bytes, StoredSpans: held.Spans, KeptTraces: t.app.marks.Count(tenant),
		Own: api.OwnLimits{
			SpansPerSecond: own.SpansPerSecond, BytesPerSecond: own.BytesPerSecond, QueriesAtOnce: own.QueriesAtOnce,
			KeptTraces: own.KeptTraces,
		},
		Effective: api.Limits{
			MaxAge: l.MaxAge.String(), DiskShare: shareText(l.DiskShare),
			SpansPerSecond: l.SpansPerSecond, BytesPerSecond: l.BytesPerSecond, QueriesAtOnce: l.QueriesAtOnce,
			KeptTraces: l.KeptTraces,
		},
	}
	if own.MaxAge != nil {
		out.Own.MaxAge = own.MaxAge.String()
	}
	if own.DiskShare != nil {
		out.Own.DiskShare = shareText(*own.DiskShare)
	}
	return out, nil
}

func (t tenants) SetLimits(ctx context.Context, tenant string, in api.OwnLimits) (api.TenantLimits, error) {
	if err := mayActFor(ctx, tenant); err != nil {
		return api.TenantLimits{}, err
	}
	own := setting.Own{
		SpansPerSecond: in.SpansPerSecond, BytesPerSecond: in.BytesPerSecond, QueriesAtOnce: in.QueriesAtOnce, KeptTraces: in.KeptTraces,
	}
	if in.MaxAge != "" {
		age, err := time.ParseDuration(in.MaxAge)
		if err != nil {
			return api.TenantLimits{}, &api.RequestError{Detail: fmt.Sprintf("max_age: %q is no duration", in.MaxAge), Hint: "write it like 720h"}
		}
		own.MaxAge = &age
	}
	if in.DiskShare != "" {
		share, err := ParseShare(in.DiskShare)
		if err != nil {
			return api.TenantLimits{}, &api.RequestError{Detail: "disk_share: " + err.Error()}
		}
		own.DiskShare = &share
	}
	who := auth.From(ctx)
	// Limits protect the others: a tenant's own admin may keep to less, not take more.
	permit := func(from, to setting.Limits) error {
		if operates(who) || to.Within(from, t.app.diskCap) {
			return nil
		}
		return fmt.Errorf("a limit would be wider than it is; that needs an admin token for every tenant: %w", api.ErrForbidden)
	}
	err := t.app.tenants.Set(ctx, tenant, own, who.Actor(), permit)
	var wrong *setting.LimitsError
	if errors.As(err, &wrong) {
		return api.TenantLimits{}, &api.RequestError{Detail: wrong.Error()}
	}
	if err != nil {
		return api.TenantLimits{}, err
	}
	return t.Limits(ctx, tenant)
}

// operates reports whether the identity runs the server, not only one tenant of it.
func operates(who auth.Identity) bool { return who.Every || !who.Required }

// mayActFor is nil if the caller may act for the tenant; another's is not there for it.
func mayActFor(ctx context.Context, tenant string) error {
	if who := auth.From(ctx); auth.ValidTenant(tenant) && (operates(who) || who.Tenant == tenant) {
		return nil
	}
	return store.ErrNotFound
}
