package otlp

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
)

// 64-bit integers come as numbers or as strings, and a number may be written with a
// fraction or an exponent as long as its value is whole: 1.5e3 is 1500.

// numeric reads a number or a string that should hold one.
func (p *scanner) numeric() (text string, at int, err *SyntaxError) {
	c := p.peek()
	at = p.pos
	switch {
	case c == '"':
		text, err = p.text()
	case c == '-' || c >= '0' && c <= '9':
		text, err = p.number()
	default:
		err = p.unfit("a number")
	}
	return text, at, err
}

func (p *scanner) uint64() (uint64, *SyntaxError) {
	text, at, err := p.numeric()
	if err != nil {
		return 0, err
	}
	v, negative, ok := wholeNumber(text)
	if !ok || negative && v != 0 {
		return 0, p.mismatch(at, "expected a whole number from 0 to 2^64-1")
	}
	return v, nil
}

func (p *scanner) int64() (int64, *SyntaxError) {
	text, at, err := p.numeric()
	if err != nil {
		return 0, err
	}
	v, negative, ok := wholeNumber(text)
	switch {
	case ok && !negative && v <= math.MaxInt64:
		return int64(v), nil
	case ok && negative && v <= 1<<63:
		return -int64(v), nil
	}
	return 0, p.mismatch(at, "expected a whole number of 64 bits")
}

func (p *scanner) uint32() (uint32, *SyntaxError) {
	text, at, err := p.numeric()
	if err != nil {
		return 0, err
	}
	v, negative, ok := wholeNumber(text)
	if !ok || v > math.MaxUint32 || negative && v != 0 {
		return 0, p.mismatch(at, "expected a whole number from 0 to 2^32-1")
	}
	return uint32(v), nil
}

// enum reads the number or the name of an enum's value.
func (p *scanner) enum(names []string) (int32, *SyntaxError) {
	text, at, err := p.numeric()
	if err != nil {
		return 0, err
	}
	for i, name := range names {
		if text == name {
			return int32(i), nil
		}
	}
	v, negative, ok := wholeNumber(text)
	switch {
	case ok && !negative && v <= math.MaxInt32:
		return int32(v), nil
	case ok && negative && v <= 1<<31:
		return int32(-int64(v)), nil
	}
	return 0, p.mismatch(at, "expected "+names[0]+" or another name or number of that kind")
}

func (p *scanner) double() (float64, *SyntaxError) {
	text, at, err := p.numeric()
	if err != nil {
		return 0, err
	}
	switch text {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	// ParseFloat knows more spellings than JSON has; a quoted one has to be JSON too.
	q := scanner{s: text}
	if whole, bad := q.number(); bad != nil || len(whole) != len(text) {
		return 0, p.mismatch(at, "expected a number")
	}
	v, bad := strconv.ParseFloat(text, 64)
	if bad != nil {
		return 0, p.mismatch(at, "expected a number of 64 bits")
	}
	return v, nil
}

// base64 reads bytes, in the standard or the URL alphabet, padded or not.
func (p *scanner) base64() (string, *SyntaxError) {
	p.peek()
	at := p.pos
	text, err := p.text()
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		enc = base64.RawURLEncoding
	}
	buf, bad := enc.DecodeString(strings.TrimRight(text, "="))
	if bad != nil {
		return "", p.mismatch(at, "expected base64")
	}
	return alias(buf), nil
}

// hex reads an id.
func (p *scanner) hex() (string, *SyntaxError) {
	p.peek()
	at := p.pos
	text, err := p.text()
	if err != nil {
		return "", err
	}
	if len(text)%2 != 0 {
		return "", p.mismatch(at, "expected hex digits, an even number")
	}
	buf := make([]byte, len(text)/2)
	for i := range buf {
		high, low := hexValue(text[2*i]), hexValue(text[2*i+1])
		if high < 0 || low < 0 {
			return "", p.mismatch(at, "expected hex digits")
		}
		buf[i] = byte(high<<4 | low)
	}
	return alias(buf), nil
}

// wholeNumber is the magnitude and sign of a JSON number whose value is whole and fits
// 64 bits.
func wholeNumber(text string) (v uint64, negative, ok bool) {
	digits := strings.TrimPrefix(text, "-")
	negative = len(digits) < len(text)
	if v, err := strconv.ParseUint(digits, 10, 64); err == nil {
		return v, negative, true
	}
	q := scanner{s: text}
	if whole, bad := q.number(); bad != nil || len(whole) != len(text) {
		return 0, false, false
	}
	mantissa, exponent := digits, 0
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		n, err := strconv.Atoi(mantissa[i+1:])
		if err != nil || n > 400 || n < -400 {
			return 0, false, false
		}
		mantissa, exponent = mantissa[:i], n
	}
	if i := strings.IndexByte(mantissa, '.'); i >= 0 {
		exponent -= len(mantissa) - i - 1
		mantissa = mantissa[:i] + mantissa[i+1:]
	}
	if exponent < 0 {
		cut := max(0, len(mantissa)+exponent)
		if strings.Trim(mantissa[cut:], "0") != "" {
			return 0, false, false
		}
		mantissa = "0" + mantissa[:cut]
	} else {
		mantissa += strings.Repeat("0", exponent)
	}
	v, err := strconv.ParseUint(mantissa, 10, 64)
	return v, negative, err == nil
}
