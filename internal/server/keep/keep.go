// Package keep remembers which traces retention must spare.
//
//	Keep → state database (durable) → memory → Kept, read by retention and by queries
//
// Promise: when Keep has returned, no retention drops the trace, also after a crash. All
// marks are held in memory, because retention and the trace page ask often and marks are
// few; Marks is safe for concurrent use. It is the only writer of its tables.
package keep

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/server/audit"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Domain is the tables of this package.
func Domain() meta.Domain {
	return meta.Domain{Name: "keep", Migrations: []meta.Migration{{
		Name: "make kept traces",
		SQLite: `
CREATE TABLE keep_trace (
	tenant          TEXT   NOT NULL,
	trace_id        TEXT   NOT NULL,
	note            TEXT   NOT NULL,
	kept_by         TEXT   NOT NULL,
	since_unix_nano BIGINT NOT NULL,
	PRIMARY KEY (tenant, trace_id)
);`,
	}}}
}

// Mark is one kept trace.
type Mark struct {
	Tenant string
	Trace  span.TraceID
	Note   string
	By     string
	Since  time.Time
}

type key struct {
	tenant string
	trace  span.TraceID
}

// Marks is all kept traces.
type Marks struct {
	db    meta.DB
	clock clock.Clock

	change sync.Mutex // held over a change of the database and of marks; taken before mu
	mu     sync.RWMutex
	marks  map[key]Mark // what the database has
}

// Open reads the marks of a database. A nil clock is the machine's.
func Open(ctx context.Context, db meta.DB, c clock.Clock) (*Marks, error) {
	if c == nil {
		c = clock.Real{}
	}
	m := &Marks{db: db, clock: c}
	err := db.View(ctx, func(tx meta.Tx) (err error) {
		m.marks, err = readMarks(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read kept traces: %w", err)
	}
	return m, nil
}

func readMarks(tx meta.Tx) (map[key]Mark, error) {
	rows, err := tx.Query(`SELECT tenant, trace_id, note, kept_by, since_unix_nano FROM keep_trace`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	marks := map[key]Mark{}
	for rows.Next() {
		var k Mark
		var id string
		var since int64
		if err := rows.Scan(&k.Tenant, &id, &k.Note, &k.By, &since); err != nil {
			return nil, err
		}
		if k.Trace, err = span.ParseTraceID(id); err != nil {
			return nil, err
		}
		k.Since = time.Unix(0, since)
		marks[key{k.Tenant, k.Trace}] = k
	}
	return marks, rows.Err()
}

// FullError says that a tenant keeps as many traces as it may, or more.
type FullError struct {
	Tenant     string
	Kept, Most int
}

func (e *FullError) Error() string {
	return fmt.Sprintf("tenant %s keeps %d traces and may keep %d", e.Tenant, e.Kept, e.Most)
}

// Keep marks a trace, unless its tenant keeps most others, 0 for no limit. Repeating it
// replaces the note and keeps the time, whatever the limit.
func (m *Marks) Keep(ctx context.Context, tenant string, id span.TraceID, note, by string, most int) (Mark, error) {
	m.change.Lock()
	defer m.change.Unlock()
	if _, err := m.Get(tenant, id); most > 0 && err != nil {
		if n := m.Count(tenant); n >= most {
			return Mark{}, &FullError{tenant, n, most}
		}
	}
	k := Mark{Tenant: tenant, Trace: id, Note: note, By: by, Since: m.clock.Now()}
	err := m.db.Update(ctx, func(tx meta.Tx) error {
		_, err := tx.Exec(`INSERT INTO keep_trace (tenant, trace_id, note, kept_by, since_unix_nano) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (tenant, trace_id) DO UPDATE SET note = excluded.note, kept_by = excluded.kept_by`,
			tenant, id.String(), note, by, k.Since.UnixNano())
		if err != nil {
			return err
		}
		// The time of a mark that was there before.
		var since int64
		if err := tx.QueryRow(`SELECT since_unix_nano FROM keep_trace WHERE tenant = ? AND trace_id = ?`,
			tenant, id.String()).Scan(&since); err != nil {
			return err
		}
		k.Since = time.Unix(0, since)
		return audit.Write(tx, audit.Entry{At: m.clock.Now(), Tenant: tenant, Actor: by, Action: "trace keep", Object: id.String(), Detail: note})
	})
	if err != nil {
		return Mark{}, fmt.Errorf("keep trace %s: %w", id, err)
	}
	m.mu.Lock()
	m.marks[key{tenant, id}] = k
	m.mu.Unlock()
	return k, nil
}

// Count is how many traces a tenant keeps.
func (m *Marks) Count(tenant string) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n := 0
	for k := range m.marks {
		if k.tenant == tenant {
			n++
		}
	}
	return n
}

// Release removes the mark of a trace; none is no error.
func (m *Marks) Release(ctx context.Context, tenant string, id span.TraceID, by string) error {
	m.change.Lock()
	defer m.change.Unlock()
	err := m.db.Update(ctx, func(tx meta.Tx) error {
		n, err := tx.Exec(`DELETE FROM keep_trace WHERE tenant = ? AND trace_id = ?`, tenant, id.String())
		if err != nil || n == 0 {
			return err
		}
		return audit.Write(tx, audit.Entry{At: m.clock.Now(), Tenant: tenant, Actor: by, Action: "trace release", Object: id.String()})
	})
	if err != nil {
		return fmt.Errorf("release trace %s: %w", id, err)
	}
	m.mu.Lock()
	delete(m.marks, key{tenant, id})
	m.mu.Unlock()
	return nil
}

// Get is the mark of a trace; store.ErrNotFound if there is none.
func (m *Marks) Get(tenant string, id span.TraceID) (Mark, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	k, ok := m.marks[key{tenant, id}]
	if !ok {
		return Mark{}, fmt.Errorf("mark of trace %s: %w", id, store.ErrNotFound)
	}
	return k, nil
}

// List is the marks of a tenant, newest first.
func (m *Marks) List(tenant string) []Mark {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Mark
	for k, mark := range m.marks {
		if k.tenant == tenant {
			out = append(out, mark)
		}
	}
	slices.SortFunc(out, func(a, b Mark) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Trace.String(), b.Trace.String()))
	})
	return out
}

// Kept is the kept traces of a tenant, in no order.
func (m *Marks) Kept(tenant string) []span.TraceID {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []span.TraceID
	for k := range m.marks {
		if k.tenant == tenant {
			out = append(out, k.trace)
		}
	}
	return out
}

// All yields every kept trace of every tenant, as of the call, in no order.
func (m *Marks) All() iter.Seq2[string, span.TraceID] {
	m.mu.RLock()
	defer m.mu.RUnlock()
	keys := slices.Collect(maps.Keys(m.marks))
	return func(yield func(string, span.TraceID) bool) {
		for _, k := range keys {
			if !yield(k.tenant, k.trace) {
				return
			}
		}
	}
}
