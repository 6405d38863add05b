package colstore

import (
	"sync/atomic"
	"time"
)

// backlogParts is what a search for what few spans have can look into without delay.
const backlogParts = 48

// Beside queries a merge rests restShare times as long as it works, so that it takes a fifth of
// a core, but no longer at once than longestRest. Queries that follow each other closer than
// askedLately count as one.
const (
	restShare   = 4
	longestRest = 100 * time.Millisecond
	askedLately = 20 * time.Millisecond
)

// giveWay is called by merges between pages, with the time that the last one took. While a
// head is being written they wait, since senders wait for that, and more parts at once cost a
// merge less; while queries run they rest. If there are many parts they do neither.
func (s *Store) giveWay(worked time.Duration) {
	if s.cfg.pace != nil {
		s.cfg.pace()
	}
	s.mu.RLock()
	parts := len(s.view.parts)
	s.mu.RUnlock()
	if parts > backlogParts {
		return
	}
	s.flushing.Lock()
	s.flushing.Unlock() //nolint:staticcheck // what is waited for is that it can be had
	rest := s.restAfter(worked)
	if rest == 0 {
		return
	}
	wake := time.NewTimer(rest)
	defer wake.Stop()
	select {
	case <-wake.C:
	case <-s.stop:
	}
}

// restAfter is how long a merge that worked so long rests.
func (s *Store) restAfter(worked time.Duration) time.Duration {
	if s.asking.running.Load() == 0 && s.cfg.Clock.Now().UnixNano()-s.asking.ended.Load() > int64(askedLately) {
		return 0
	}
	return min(restShare*worked, longestRest)
}

// asking is which queries there are.
type asking struct {
	running atomic.Int64
	ended   atomic.Int64 // when the last one did, Unix time in ns
}

// ask begins a query; the returned function ends it.
func (s *Store) ask() (end func()) {
	s.asking.running.Add(1)
	return func() {
		s.asking.ended.Store(s.cfg.Clock.Now().UnixNano())
		s.asking.running.Add(-1)
	}
}
