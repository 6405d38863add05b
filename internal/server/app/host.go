package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/trace/ingest"
)

// host tells the API what only the running program knows.
type host struct{ app *App }

// Status is less for who acts for one tenant only, its admins included: the folder, the
// warnings, the disk and the other tenants are the operator's.
func (h host) Status(ctx context.Context) (api.Status, error) {
	a, who := h.app, auth.From(ctx)
	operator := operates(who)
	out := api.Status{
		Version: a.version, Demo: a.demo.Load(),
		StartedUnixNano: strconv.FormatInt(a.started.UnixNano(), 10),
		Listeners:       a.listeners,
	}
	if operator {
		counts := a.store.Counts()
		disk, err := a.diskUse()
		if err != nil {
			return api.Status{}, err
		}
		out.Disk = api.Disk{UsedBytes: disk.parts + a.log.Size(), CapBytes: disk.cap, FreeBytes: disk.free}
		out.Store = api.StoreState{Spans: counts.PartSpans + counts.HeadSpans, QuarantinedBlocks: int(counts.CorruptBlocks)}
		out.DataDir, out.Warnings = a.Data(), a.warnings(disk, counts.CorruptBlocks)
	} else {
		held, share := a.store.TenantCounts(who.Tenant), a.allowance(who.Tenant).Bytes
		if share == 0 {
			share = a.diskCap
		}
		out.Disk, out.Store = api.Disk{UsedBytes: held.Bytes, CapBytes: share}, api.StoreState{Spans: held.Spans}
	}
	for _, t := range a.pipeline.Stats() {
		if operator || t.Tenant == who.Tenant {
			out.Tenants = append(out.Tenants, tenantCounters(t))
		}
	}
	return out, nil
}

func tenantCounters(t ingest.TenantStats) api.TenantCounters {
	c := api.TenantCounters{
		Tenant: t.Tenant, AcceptedRequests: t.AcceptedRequests, AcceptedSpans: t.AcceptedSpans,
		DuplicateRequests: t.DuplicateRequests, RefusedRequests: t.RefusedRequests(), Dropped: []api.DropCount{},
	}
	for reason, n := range t.Dropped {
		if n > 0 {
			c.Dropped = append(c.Dropped, api.DropCount{Reason: reason, Spans: n})
		}
	}
	slices.SortFunc(c.Dropped, func(a, b api.DropCount) int { return cmp.Compare(a.Reason, b.Reason) })
	return c
}

// warnings is what needs a look, in sentences.
func (a *App) warnings(disk diskUse, corrupt int64) []string {
	var out []string
	if w := disk.warning(); w != "" {
		out = append(out, w)
	}
	for _, l := range a.listeners {
		if !l.Listening {
			out = append(out, fmt.Sprintf("%s is not served on %s: %s.", l.Name, l.Address, l.Detail))
		}
	}
	if err := a.log.Broken(); err != nil {
		out = append(out, fmt.Sprintf("The ingest log failed to write and takes no spans until a restart: %s.", err))
	}
	if err := a.store.Healthy(); err != nil {
		out = append(out, fmt.Sprintf("The store takes no spans: %s.", err))
	}
	if corrupt > 0 {
		out = append(out, fmt.Sprintf("%d blocks on disk do not read; the rest is served. Run weft store check.", corrupt))
	}
	return out
}

func (h host) Refused(tenant string) []api.Refused {
	var out []api.Refused
	for _, r := range h.app.pipeline.Refused(tenant) {
		out = append(out, api.Refused{
			TimeUnixNano: strconv.FormatInt(r.Time.UnixNano(), 10), Protocol: r.Protocol, Remote: r.Remote, Path: r.Path,
			ContentType: r.ContentType, UserAgent: r.UserAgent, Bytes: r.Bytes, Status: r.Status,
			Reason: string(r.Reason), Detail: r.Detail, Hint: r.Hint, Count: r.Count,
		})
	}
	return out
}
