package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/base/meta"
	"github.com/weft-dev/weft/internal/server/audit"
	"github.com/weft-dev/weft/internal/server/setting"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Config is what a Service works over.
type Config struct {
	DB     meta.DB      // the state; it stays the caller's, who closes it after the Service
	Clock  clock.Clock  // nil: the machine's
	Logger *slog.Logger // nil: discard
	// Local is a secret that acts as an admin of every tenant for as long as this process
	// runs: who may read it may read the data folder as well. "": none.
	Local string
}

// Service is the tokens and sessions of a server.
type Service struct {
	db    meta.DB
	clock clock.Clock
	log   *slog.Logger
	local hash
	// attempts bounds how often an address may fail to sign in.
	attempts attempts

	change sync.Mutex // held over a change of the database and of what follows; before mu
	mu     sync.RWMutex
	// required: a token was made once. Revoking the last one does not open the server.
	required bool
	tokens   map[hash]*entry
	ids      map[string]*entry
	sessions map[hash]session

	stop chan struct{}
	done chan struct{}
}

// Token is a token without its secret.
type Token struct {
	ID       string // the visible start of the secret
	Name     string
	Tenant   string // AllTenants: every tenant
	Scopes   []Scope
	Created  time.Time
	Expires  time.Time // zero: never
	LastUsed time.Time // to a minute or so; zero: never
}

// entry is a token in memory.
type entry struct {
	Token
	hash  hash
	used  atomic.Int64 // Unix nanoseconds; Token.LastUsed is not kept up to date here
	saved int64        // what the database has; owned by saveUsed
}

// requiredSetting is set when the first token is made.
const requiredSetting = "tokens_required"

// Open reads the tokens of a state database.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		db: cfg.DB, clock: cfg.Clock, log: cfg.Logger,
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	if cfg.Local != "" {
		s.local = hashOf(cfg.Local)
	}
	err := cfg.DB.View(ctx, func(tx meta.Tx) error {
		tokens, err := readTokens(tx)
		if err != nil {
			return err
		}
		sessions, err := readSessions(tx)
		if err != nil {
			return err
		}
		_, s.required, err = setting.Get(tx, setting.Server, requiredSetting)
		s.tokens, s.ids, s.sessions = map[hash]*entry{}, map[string]*entry{}, map[hash]session{}
		for _, e := range tokens {
			e.saved = e.used.Load()
			s.tokens[e.hash], s.ids[e.ID] = e, e
		}
		for _, x := range sessions {
			s.sessions[x.hash] = x
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	go s.background()
	return s, nil
}

// Required reports whether requests need a token.
func (s *Service) Required() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.required
}

// NewToken asks for a token.
type NewToken struct {
	Name    string
	Tenant  string // AllTenants needs scope admin
	Scopes  []Scope
	Expires time.Time // zero: never
}

// RequestError says what is wrong with what was asked for.
type RequestError struct{ Text, Hint string }

func (e *RequestError) Error() string { return e.Text }

func (n *NewToken) check(now time.Time) error {
	n.Name = strings.TrimSpace(n.Name)
	switch {
	case len(n.Name) > 200:
		return &RequestError{Text: "the name of a token has at most 200 bytes"}
	case len(n.Scopes) == 0:
		return &RequestError{Text: "a token needs a scope", Hint: "one or more of ingest, read, operate, admin"}
	case n.Tenant != AllTenants && !ValidTenant(n.Tenant):
		return &RequestError{
			Text: fmt.Sprintf("%q is no name of a tenant", n.Tenant),
			Hint: "up to 64 letters, digits, dots, dashes and underscores; * for every tenant",
		}
	case n.Tenant == AllTenants && !slices.Contains(n.Scopes, Admin):
		return &RequestError{Text: "only a token with scope admin may act for every tenant"}
	case !n.Expires.IsZero() && !n.Expires.After(now):
		return &RequestError{Text: "the token would have expired already"}
	}
	for _, scope := range n.Scopes {
		if !slices.Contains(Scopes(), scope) {
			return &RequestError{Text: fmt.Sprintf("%q is no scope", scope), Hint: "the scopes are ingest, read, operate, admin"}
		}
	}
	// In one order, each once, so that lists are easy to read.
	asked := n.Scopes
	n.Scopes = nil
	for _, scope := range Scopes() {
		if slices.Contains(asked, scope) {
			n.Scopes = append(n.Scopes, scope)
		}
	}
	return nil
}

// Create makes a token and returns its secret, which is nowhere else. first reports that
// it is the first one: from now on every request needs a token.
func (s *Service) Create(ctx context.Context, n NewToken, actor string) (t Token, secret string, first bool, err error) {
	now := s.clock.Now()
	if err := n.check(now); err != nil {
		return Token{}, "", false, err
	}
	id, secret := newSecret()
	e := &entry{
		Token: Token{ID: id, Name: n.Name, Tenant: n.Tenant, Scopes: n.Scopes, Created: now, Expires: n.Expires},
		hash:  hashOf(secret),
	}
	s.change.Lock()
	defer s.change.Unlock()
	err = s.db.Update(ctx, func(tx meta.Tx) error {
		if err := insertToken(tx, e); err != nil {
			return err
		}
		if err := setting.Set(tx, setting.Server, requiredSetting, "1"); err != nil {
			return err
		}
		return audit.Write(tx, audit.Entry{
			At: now, Tenant: n.Tenant, Actor: actor, Action: "token create", Object: id,
			Detail: fmt.Sprintf("name %q, scopes %v, expires %s", n.Name, n.Scopes, expiryText(n.Expires)),
		})
	})
	if err != nil {
		return Token{}, "", false, fmt.Errorf("create token: %w", err)
	}
	s.mu.Lock()
	first = !s.required
	s.required = true
	s.tokens[e.hash], s.ids[id] = e, e
	s.mu.Unlock()
	s.log.Info("token created", "token", id, "name", n.Name, "tenant", n.Tenant, "scopes", n.Scopes, "by", actor)
	if first {
		s.log.Warn("the first token was made: from now on every request needs one")
	}
	return e.Token, secret, first, nil
}

func expiryText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// List is the tokens of a tenant, newest first; of every tenant for AllTenants.
func (s *Service) List(tenant string) []Token {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Token
	for _, e := range s.ids {
		if tenant == AllTenants || e.Tenant == tenant {
			t := e.Token
			t.LastUsed = fromNano(e.used.Load())
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b Token) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Revoke ends a token of a tenant, and the sessions signed in with it; of any tenant for
// AllTenants. store.ErrNotFound if there is none.
func (s *Service) Revoke(ctx context.Context, tenant, id, actor string) error {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.RLock()
	e, ok := s.ids[id]
	s.mu.RUnlock()
	if !ok || tenant != AllTenants && e.Tenant != tenant {
		return fmt.Errorf("revoke token %s: %w", id, store.ErrNotFound)
	}
	err := s.db.Update(ctx, func(tx meta.Tx) error {
		if _, err := tx.Exec(`DELETE FROM auth_session WHERE token = ?`, id); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM auth_token WHERE id = ?`, id); err != nil {
			return err
		}
		return audit.Write(tx, audit.Entry{At: s.clock.Now(), Tenant: e.Tenant, Actor: actor, Action: "token revoke", Object: id, Detail: e.Name})
	})
	if err != nil {
		return fmt.Errorf("revoke token %s: %w", id, err)
	}
	s.mu.Lock()
	delete(s.tokens, e.hash)
	delete(s.ids, id)
	maps.DeleteFunc(s.sessions, func(_ hash, x session) bool { return x.token == id })
	s.mu.Unlock()
	s.log.Info("token revoked", "token", id, "name", e.Name, "tenant", e.Tenant, "by", actor)
	return nil
}

// Reset revokes every token and opens the server again, as if none had ever been made.
func (s *Service) Reset(ctx context.Context, actor string) error {
	s.change.Lock()
	defer s.change.Unlock()
	err := s.db.Update(ctx, func(tx meta.Tx) error {
		for _, table := range []string{"auth_session", "auth_token"} {
			if _, err := tx.Exec(`DELETE FROM ` + table); err != nil {
				return err
			}
		}
		if err := setting.Unset(tx, setting.Server, requiredSetting); err != nil {
			return err
		}
		return audit.Write(tx, audit.Entry{At: s.clock.Now(), Tenant: AllTenants, Actor: actor, Action: "token reset"})
	})
	if err != nil {
		return fmt.Errorf("reset tokens: %w", err)
	}
	s.mu.Lock()
	s.required = false
	clear(s.tokens)
	clear(s.ids)
	clear(s.sessions)
	s.mu.Unlock()
	s.log.Warn("all tokens were removed: requests need none", "by", actor)
	return nil
}

// saveEvery is how often the times of last use, and the end of sessions, reach the
// database: often enough for "is this token still used?".
const saveEvery = time.Minute

func (s *Service) background() {
	defer close(s.done)
	for {
		select {
		case <-s.stop:
			return
		case <-s.clock.After(saveEvery):
		}
		if err := s.save(context.Background()); err != nil && !errors.Is(err, meta.ErrBroken) {
			s.log.Error("save last use of tokens", "err", err)
		}
	}
}

// save writes times of last use and forgets sessions that have ended.
func (s *Service) save(ctx context.Context) error {
	s.change.Lock()
	defer s.change.Unlock()
	now := s.clock.Now()
	type use struct {
		e  *entry
		at int64
	}
	var used []use
	var ended []hash
	s.mu.RLock()
	for _, e := range s.ids {
		if at := e.used.Load(); at != e.saved {
			used = append(used, use{e, at})
		}
	}
	for h, x := range s.sessions {
		if !now.Before(x.expires) {
			ended = append(ended, h)
		}
	}
	s.mu.RUnlock()
	if len(used) == 0 && len(ended) == 0 {
		return nil
	}
	err := s.db.Update(ctx, func(tx meta.Tx) error {
		for _, u := range used {
			if _, err := tx.Exec(`UPDATE auth_token SET last_used_unix_nano = ? WHERE id = ?`, u.at, u.e.ID); err != nil {
				return err
			}
		}
		for _, h := range ended {
			if _, err := tx.Exec(`DELETE FROM auth_session WHERE hash = ?`, h.String()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, u := range used {
		u.e.saved = u.at
	}
	s.mu.Lock()
	for _, h := range ended {
		delete(s.sessions, h)
	}
	s.mu.Unlock()
	return nil
}

// Close saves what is not saved yet. It does not close the database.
func (s *Service) Close() error {
	close(s.stop)
	<-s.done
	if err := s.save(context.Background()); err != nil {
		return fmt.Errorf("close tokens: %w", err)
	}
	return nil
}
