package query

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// units of durations, largest first. Never changed.
var units = []struct {
	name string
	size time.Duration
}{
	{"d", 24 * time.Hour},
	{"h", time.Hour},
	{"m", time.Minute},
	{"s", time.Second},
	{"ms", time.Millisecond},
	{"us", time.Microsecond},
	{"µs", time.Microsecond},
	{"μs", time.Microsecond},
	{"ns", time.Nanosecond},
}

// literal reads the number or duration in tok.
func (p *parser) literal(pos int, negative bool) (node, *SyntaxError) {
	t := p.tok
	lit, problem := readNumber(t, negative)
	if problem != "" {
		hint := ""
		if t.kind == tokDuration {
			hint = "units are ns, us, ms, s, m, h and d: 1.5s, 2h"
		}
		return node{}, p.fail(t.pos, t.end, hint, "%s", problem)
	}
	return node{lit, number, pos, t.end}, p.advance(false)
}

// readNumber is the value of a number or duration as written; problem says what is wrong
// with it.
func readNumber(t token, negative bool) (lit store.Literal, problem string) {
	if t.kind == tokDuration {
		n, problem := readDuration(t.text, negative)
		return store.Literal{Value: span.Int(n), Unit: store.UnitDuration}, problem
	}
	written := t.text
	if negative {
		written = "-" + written
	}
	if !strings.ContainsAny(written, ".eE") {
		n, err := strconv.ParseInt(written, 10, 64)
		if err != nil {
			return lit, "the number " + written + " does not fit into 64 bits"
		}
		return store.Literal{Value: span.Int(n)}, ""
	}
	f, err := strconv.ParseFloat(written, 64)
	if err != nil {
		return lit, "the number " + written + " is out of range"
	}
	return store.Literal{Value: span.Double(f)}, ""
}

// readDuration reads 1h30m, 1.5s and the like, exactly, in nanoseconds.
func readDuration(s string, negative bool) (int64, string) {
	all := s
	total := new(big.Rat)
	for s != "" {
		digits := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if digits <= 0 || digits > 40 {
			return 0, all + " is not a duration"
		}
		amount, ok := new(big.Rat).SetString(s[:digits])
		if !ok {
			return 0, all + " is not a duration"
		}
		s = s[digits:]
		letters := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' })
		if letters < 0 {
			letters = len(s)
		}
		size := unitSize(s[:letters])
		if size == 0 {
			return 0, all + " has the unknown unit " + s[:letters]
		}
		total.Add(total, amount.Mul(amount, new(big.Rat).SetInt64(int64(size))))
		s = s[letters:]
	}
	if negative {
		total.Neg(total)
	}
	if !total.IsInt() {
		return 0, all + " is finer than a nanosecond"
	}
	if !total.Num().IsInt64() {
		return 0, all + " is longer than 292 years"
	}
	return total.Num().Int64(), ""
}

func unitSize(name string) time.Duration {
	for _, u := range units {
		if u.name == name {
			return u.size
		}
	}
	return 0
}

// formatDuration writes nanoseconds in the largest unit that needs no rounding: 90m,
// 1.5s, 250us.
func formatDuration(n int64) string {
	if n == 0 {
		return "0s"
	}
	sign, abs := "", uint64(n)
	if n < 0 {
		sign, abs = "-", -abs
	}
	for _, u := range units {
		size := uint64(u.size)
		if abs < size {
			continue
		}
		whole, rest := abs/size, abs%size
		if rest == 0 {
			return sign + strconv.FormatUint(whole, 10) + u.name
		}
		if u.size <= time.Second {
			width := len(strconv.FormatUint(size, 10)) - 1
			fraction := strconv.FormatUint(rest, 10)
			fraction = strings.Repeat("0", width-len(fraction)) + fraction
			return sign + strconv.FormatUint(whole, 10) + "." + strings.TrimRight(fraction, "0") + u.name
		}
	}
	return sign + strconv.FormatUint(abs, 10) + "ns"
}

// formatDouble writes f so that it is read back as a double.
func formatDouble(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") && !math.IsInf(f, 0) && !math.IsNaN(f) {
		s += ".0"
	}
	return s
}
