package storetest

import (
	"sync"
	"time"
)

// manual is a clock that tests move. Each look at it moves it by a microsecond, so that
// no two records arrive at once and a budget of a nanosecond runs out.
type manual struct {
	mu     sync.Mutex
	now    time.Time
	timers []timer
}

type timer struct {
	at time.Time
	c  chan time.Time
}

func (m *manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(time.Microsecond)
	return m.now
}

func (m *manual) After(d time.Duration) <-chan time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := timer{m.now.Add(d), make(chan time.Time, 1)}
	m.timers = append(m.timers, t)
	return t.c
}

// advance moves the clock and fires the timers that are due.
func (m *manual) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	var rest []timer
	for _, t := range m.timers {
		if t.at.After(m.now) {
			rest = append(rest, t)
		} else {
			t.c <- m.now
		}
	}
	m.timers = rest
}
