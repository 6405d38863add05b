package app

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

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
		QueriesAtOnce: c.QueriesAtOnce,
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
