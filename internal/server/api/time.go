package api

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// nano writes nanoseconds the way the API does.
func nano(n int64) Nano { return strconv.FormatInt(n, 10) }

// parseNano reads what nano wrote.
func parseNano(s Nano) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// maxSeconds leaves room for a fraction.
const maxSeconds = math.MaxInt64/1_000_000_000 - 1

var errTime = errors.New("want RFC 3339 or Unix seconds")

// parseTime reads RFC 3339, or Unix seconds with an optional fraction, exactly: a float
// would lose nanoseconds. A space where the zone's sign should be is a plus sign that was
// not escaped in the URL.
func parseTime(s string) (int64, error) {
	if s == "" {
		return 0, errTime
	}
	if c := s[0]; (c == '-' || c >= '0' && c <= '9') && !strings.Contains(s[1:], "-") {
		return parseUnix(s)
	}
	if i := strings.LastIndexByte(s, ' '); i > 10 {
		s = s[:i] + "+" + s[i+1:]
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, fmt.Errorf("time %q: %w", s, errTime)
	}
	if t.Before(time.Unix(0, math.MinInt64)) || t.After(time.Unix(0, math.MaxInt64)) {
		return 0, fmt.Errorf("time %q: not between 1677-09-22 and 2262-04-11", s)
	}
	return t.UnixNano(), nil
}

func parseUnix(s string) (int64, error) {
	whole, frac, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec > maxSeconds || sec < -maxSeconds {
		return 0, fmt.Errorf("time %q: %w", s, errTime)
	}
	if len(frac) > 9 {
		frac = frac[:9]
	}
	var ns int64
	if frac != "" {
		u, err := strconv.ParseUint(frac+strings.Repeat("0", 9-len(frac)), 10, 32)
		if err != nil {
			return 0, fmt.Errorf("time %q: %w", s, errTime)
		}
		ns = int64(u)
	}
	if strings.HasPrefix(s, "-") {
		ns = -ns
	}
	return sec*1_000_000_000 + ns, nil
}
