package setting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/server/audit"
)

// Limits is what a tenant may use. Zero is no limit, but for QueriesAtOnce.
type Limits struct {
	MaxAge         time.Duration // spans go this long after their arrival
	DiskShare      Share
	SpansPerSecond int64
	BytesPerSecond int64 // of requests, decompressed
	QueriesAtOnce  int   // at least 1
	KeptTraces     int   // past retention
}

// Share is a part of the disk cap, or a number of bytes.
type Share struct {
	Fraction float64 `json:"fraction,omitempty"` // over 0 to 1
	Bytes    int64   `json:"bytes,omitempty"`
}

// Of is the share in bytes of a disk cap, 0 for no limit.
func (s Share) Of(diskCap int64) int64 {
	if s.Fraction > 0 {
		return int64(s.Fraction * float64(diskCap))
	}
	return s.Bytes
}

// The least a limit may be: less than what the store holds apart would be coarse, and
// spans would go while they arrive.
const (
	LeastAge   = time.Hour
	LeastShare = 16 << 20
)

// Check says everything that makes no sense.
func (l Limits) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if l.MaxAge != 0 && l.MaxAge < LeastAge {
		bad("max_age: %v is less than an hour", l.MaxAge)
	}
	switch s := l.DiskShare; {
	case s.Fraction < 0 || s.Fraction > 1 || s.Fraction != s.Fraction:
		bad("disk_share: %v %% is not between 0 and 100", 100*s.Fraction)
	case s.Bytes != 0 && s.Bytes < LeastShare:
		bad("disk_share: %d bytes are less than 16 MiB", s.Bytes)
	}
	if l.SpansPerSecond < 0 {
		bad("spans_per_second: %d is negative", l.SpansPerSecond)
	}
	if l.BytesPerSecond < 0 {
		bad("bytes_per_second: %d is negative", l.BytesPerSecond)
	}
	if l.QueriesAtOnce < 1 {
		bad("queries_at_once: %d is less than 1", l.QueriesAtOnce)
	}
	if l.KeptTraces < 0 {
		bad("kept_traces: %d is negative", l.KeptTraces)
	}
	return errors.Join(errs...)
}

// Within reports whether no limit is wider than in o.
func (l Limits) Within(o Limits, diskCap int64) bool {
	return within(int64(l.MaxAge), int64(o.MaxAge)) && within(l.DiskShare.Of(diskCap), o.DiskShare.Of(diskCap)) &&
		within(l.SpansPerSecond, o.SpansPerSecond) && within(l.BytesPerSecond, o.BytesPerSecond) && l.QueriesAtOnce <= o.QueriesAtOnce &&
		within(int64(l.KeptTraces), int64(o.KeptTraces))
}

func within(n, most int64) bool { return most == 0 || n != 0 && n <= most }

// Own is the limits set for one tenant; nil takes the server's.
type Own struct {
	MaxAge         *time.Duration `json:"max_age_ns,omitempty"`
	DiskShare      *Share         `json:"disk_share,omitempty"`
	SpansPerSecond *int64         `json:"spans_per_second,omitempty"`
	BytesPerSecond *int64         `json:"bytes_per_second,omitempty"`
	QueriesAtOnce  *int           `json:"queries_at_once,omitempty"`
	KeptTraces     *int           `json:"kept_traces,omitempty"`
}

// Over is base with what is set put in its place.
func (o Own) Over(base Limits) Limits {
	put(&base.MaxAge, o.MaxAge)
	put(&base.DiskShare, o.DiskShare)
	put(&base.SpansPerSecond, o.SpansPerSecond)
	put(&base.BytesPerSecond, o.BytesPerSecond)
	put(&base.QueriesAtOnce, o.QueriesAtOnce)
	put(&base.KeptTraces, o.KeptTraces)
	return base
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// limitsName is the setting that holds a tenant's Own, as JSON.
const limitsName = "limits"

// Tenants is the limits of all tenants. They are asked with each request, so all that are
// set are in memory. Safe for concurrent use; the only writer of its settings.
type Tenants struct {
	db    meta.DB
	clock clock.Clock
	base  Limits

	change sync.Mutex // held over a change of the database and of own; taken before mu
	mu     sync.RWMutex
	own    map[string]Own // what the database has. Guarded by mu.
}

// OpenTenants reads the limits that are set. base holds for everyone else.
func OpenTenants(ctx context.Context, db meta.DB, c clock.Clock, base Limits) (*Tenants, error) {
	t := &Tenants{db: db, clock: c, base: base}
	if err := db.View(ctx, t.read); err != nil {
		return nil, fmt.Errorf("read limits of tenants: %w", err)
	}
	return t, nil
}

func (t *Tenants) read(tx meta.Tx) error {
	t.own = map[string]Own{}
	rows, err := tx.Query(`SELECT tenant, value FROM setting_value WHERE name = ?`, limitsName)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var tenant, value string
		if err := rows.Scan(&tenant, &value); err != nil {
			return err
		}
		var o Own
		if err := json.Unmarshal([]byte(value), &o); err != nil {
			return fmt.Errorf("tenant %s: %w", tenant, err)
		}
		t.own[tenant] = o
	}
	return rows.Err()
}

// Limits is what holds for a tenant now.
func (t *Tenants) Limits(tenant string) Limits { return t.Own(tenant).Over(t.base) }

// Own is what is set for a tenant.
func (t *Tenants) Own(tenant string) Own {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.own[tenant]
}

// Set replaces what is set for a tenant, after permit, which may be nil, has agreed to go
// from what holds to what will. It holds from its return on, also after a crash.
func (t *Tenants) Set(ctx context.Context, tenant string, o Own, by string, permit func(from, to Limits) error) error {
	t.change.Lock()
	defer t.change.Unlock()
	to := o.Over(t.base)
	if err := to.Check(); err != nil {
		return &LimitsError{err}
	}
	if permit != nil {
		if err := permit(t.Limits(tenant), to); err != nil {
			return err
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("set limits of tenant %s: %w", tenant, err)
	}
	err = t.db.Update(ctx, func(tx meta.Tx) error {
		change := func() error { return Set(tx, tenant, limitsName, string(text)) }
		if o == (Own{}) {
			change = func() error { return Unset(tx, tenant, limitsName) }
		}
		if err := change(); err != nil {
			return err
		}
		return audit.Write(tx, audit.Entry{
			At: t.clock.Now(), Tenant: tenant, Actor: by, Action: "limits set", Object: tenant, Detail: string(text),
		})
	})
	if err != nil {
		return fmt.Errorf("set limits of tenant %s: %w", tenant, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if o == (Own{}) {
		delete(t.own, tenant)
	} else {
		t.own[tenant] = o
	}
	return nil
}

// LimitsError says what is wrong with limits, all of it.
type LimitsError struct{ err error }

func (e *LimitsError) Error() string { return e.err.Error() }
func (e *LimitsError) Unwrap() error { return e.err }
