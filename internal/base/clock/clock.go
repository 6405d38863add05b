// Package clock is time as an interface, so that tests own it.
package clock

import "time"

// Clock tells the time and makes timers. Safe for concurrent use.
type Clock interface {
	Now() time.Time
	// After sends the time once, d from now.
	After(d time.Duration) <-chan time.Time
}

// Real is the machine's clock.
type Real struct{}

// Now is time.Now.
func (Real) Now() time.Time { return time.Now() }

// After is time.After.
func (Real) After(d time.Duration) <-chan time.Time { return time.After(d) }
