package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Store is a database of a ClickHouse server as a trace store.
type Store struct {
	cfg     Config
	db      client
	tails   store.Tails
	deleted deleted
	gate    sync.RWMutex // see the package's comment

	flushMu sync.Mutex // one Flush at a time

	mu      sync.Mutex
	last    uint64              // number of the newest INSERT. Guarded by mu.
	running map[uint64]struct{} // those under way. Guarded by mu.
	records records             // Guarded by mu.
	purged  time.Time           // when bytes of deleted traces last left the disk. Used by the janitor only.

	ctx    context.Context // of the background work
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

// Open connects to the server and makes what is missing there.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse store: %w", err)
	}
	s := &Store{
		cfg: cfg, running: map[uint64]struct{}{}, purged: cfg.Clock.Now(),
		db: client{url: cfg.URL, user: cfg.User, password: cfg.Password, http: cfg.Client},
	}
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("open ClickHouse store %s, database %s: %w", cfg.URL, cfg.Database, err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.flushLoop)
	s.wg.Go(s.janitorLoop)
	return s, nil
}

// load makes the tables and reads what the store holds in memory.
func (s *Store) load(ctx context.Context) error {
	for _, sql := range tables {
		if err := s.db.exec(ctx, fmt.Sprintf(sql, s.cfg.Database)); err != nil {
			return err
		}
	}
	err := s.query(ctx, "SELECT max(seq) FROM "+s.table("spans"), func(r *rowReader) { s.last = r.uint64() })
	if err != nil {
		return err
	}
	if err := s.loadRecords(ctx); err != nil {
		return err
	}
	return s.loadDeleted(ctx)
}

// Close notes what is applied and ends the background work. The caller must have stopped
// writing.
func (s *Store) Close() error {
	err := s.Flush(context.Background())
	s.stop()
	s.cfg.Client.CloseIdleConnections()
	if err != nil {
		return fmt.Errorf("close ClickHouse store: %w", err)
	}
	return nil
}

func (s *Store) stop() {
	s.cancel()
	s.wg.Wait()
}

// table is the full name of a table.
func (s *Store) table(name string) string { return s.cfg.Database + "." + name }

// query calls row for each row of the answer, which it must read whole.
func (s *Store) query(ctx context.Context, sql string, row func(*rowReader)) error {
	r, err := s.db.rows(ctx, sql)
	if err != nil {
		return err
	}
	for r.next() {
		row(r)
	}
	return r.close()
}

// snapshot is the INSERTs that a query of several statements sees.
type snapshot struct {
	last    uint64
	running []uint64 // not these
}

func (s *Store) snapshot() snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	sn := snapshot{last: s.last}
	for seq := range s.running {
		sn.running = append(sn.running, seq)
	}
	return sn
}

// begin numbers an INSERT.
func (s *Store) begin() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.running[s.last] = struct{}{}
	return s.last
}

// end makes the INSERT part of later snapshots.
func (s *Store) end(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, seq)
}

// every runs work again and again until the store closes.
func (s *Store) every(period time.Duration, what string, work func(context.Context) error) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.cfg.Clock.After(period):
		}
		if err := work(s.ctx); err != nil && s.ctx.Err() == nil {
			s.cfg.Logger.Error(what, "error", err)
		}
	}
}

func (s *Store) flushLoop() { s.every(s.cfg.FlushEvery, "note applied records", s.Flush) }

// passing reports whether doing it again later may help.
func passing(err error) bool {
	var answer *ServerError
	if errors.As(err, &answer) {
		return answer.passing()
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// Applied is the position up to which every record is in ClickHouse and noted there.
func (s *Store) Applied() log.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records.applied
}
