package api

import (
	"math"
	"testing"
)

// Both ways to write a time, exact to the nanosecond, and what is neither.
func TestParseTime(t *testing.T) {
	f := func(s string, want int64) {
		t.Helper()
		if got, err := parseTime(s); err != nil || got != want {
			t.Errorf("parseTime(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
	f("0", 0)
	f("1769839140", 1769839140_000000000)
	f("1769839140.25", 1769839140_250000000)
	f("1769839140.123456789", 1769839140_123456789)
	f("1769839140.1234567899", 1769839140_123456789)
	f("-1.5", -1_500000000)
	f("2026-01-31T05:59:00Z", 1769839140_000000000)
	f("2026-01-31T14:59:00+09:00", 1769839140_000000000)
	f("2026-01-31T14:59:00 09:00", 1769839140_000000000) // a plus that was not escaped
	f("2026-01-31T14:59:00.000000001+09:00", 1769839140_000000001)
	f("2262-04-11T23:47:16.854775807Z", math.MaxInt64)
	bad := func(s string) {
		t.Helper()
		if got, err := parseTime(s); err == nil {
			t.Errorf("parseTime(%q) = %d, want an error", s, got)
		}
	}
	bad("")
	bad("yesterday")
	bad("99999999999999")
	bad("9223372036.9")
	bad("1.2.3")
	bad("1.x")
	bad("2026-01-31")
	bad("2262-04-11T23:47:16.854775808Z")
	bad("2400-01-31T05:59:00Z")
	bad("0001-01-01T00:00:00Z")
}
