package api

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// cardPlain is the card as text to paste into a ticket or a chat.
func cardPlain(c *Card) string {
	var w strings.Builder
	start := time.Unix(0, parseNano(c.StartUnixNano)).UTC()
	fmt.Fprintf(&w, "%s on %s, %s, %s\n", orUnnamed(c.Root.Name), orUnnamed(c.Root.Service),
		humanDuration(parseNano(c.DurationNs)), start.Format("2006-01-02 15:04:05.000 MST"))
	fmt.Fprintf(&w, "trace %s: %s, %s, %s\n", c.TraceId, count(c.Spans, "span"), count(len(c.Services), "service"), count(c.Errors, "error"))
	if c.MissingParents > 0 {
		fmt.Fprintf(&w, "incomplete: %s not arrived\n", count(c.MissingParents, "parent has", "parents have"))
	}
	if f := &c.Failure; f.Span.SpanId != "" {
		w.WriteString("\nWhat failed\n  ")
		for i, p := range f.Path {
			if i > 0 {
				w.WriteString(" > ")
			}
			if p.Name == "" && p.Service == "" {
				w.WriteString("(not arrived)")
				continue
			}
			w.WriteString(orUnnamed(p.Service) + " " + p.Name)
		}
		fmt.Fprintf(&w, "\n  after %s, %s into the trace", humanDuration(parseNano(f.DurationNs)), humanDuration(parseNano(f.OffsetNs)))
		if f.Attempts > 1 {
			fmt.Fprintf(&w, ", attempt %d of %d", f.Attempt, f.Attempts)
		}
		w.WriteString("\n")
		if f.Type != "" || f.Message != "" {
			fmt.Fprintf(&w, "  %s\n", strings.TrimPrefix(strings.TrimSuffix(f.Type+": "+f.Message, ": "), ": "))
		}
		for _, fr := range f.Frames {
			if fr.Yours {
				fmt.Fprintf(&w, "    %s\n", fr.Text)
			}
		}
	}
	list := func(title string, facts []CardFact) {
		if len(facts) == 0 {
			return
		}
		fmt.Fprintf(&w, "\n%s\n", title)
		for _, f := range facts {
			fmt.Fprintf(&w, "  %s = %s\n", f.Key, f.Value)
		}
	}
	list("Inputs", c.Inputs)
	list("Outputs", c.Outputs)
	var versions []string
	for _, s := range c.Services {
		if len(s.Versions) > 0 {
			versions = append(versions, s.Name+" "+strings.Join(s.Versions, ", "))
		}
	}
	if len(versions) > 0 {
		fmt.Fprintf(&w, "\nVersions\n  %s\n", strings.Join(versions, "\n  "))
	}
	if who := c.Caller; who != (Caller{}) {
		var parts []string
		for _, p := range []string{strings.TrimSpace(who.Service + " " + who.Version), who.Address, who.UserAgent} {
			if p != "" {
				parts = append(parts, p)
			}
		}
		fmt.Fprintf(&w, "\nCaller\n  %s\n", strings.Join(parts, ", "))
	}
	if len(c.Related) > 0 {
		w.WriteString("\nRelated\n")
		for _, r := range c.Related {
			fmt.Fprintf(&w, "  %s = %s\n", r.Key, r.Value)
		}
	}
	return w.String()
}

func orUnnamed(s string) string {
	if s == "" {
		return "(unnamed)"
	}
	return s
}

// count is "1 span", "2 spans"; words are the singular and, where it is irregular, the
// plural.
func count(n int, words ...string) string {
	word := words[0]
	if n != 1 {
		word += "s"
		if len(words) > 1 {
			word = words[1]
		}
	}
	return strconv.Itoa(n) + " " + word
}

// humanDuration has three significant digits and a unit.
func humanDuration(ns int64) string {
	f, unit := float64(ns), "ns"
	for _, u := range []struct {
		name string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if math.Abs(float64(ns)) >= u.ns {
			f, unit = float64(ns)/u.ns, u.name
			break
		}
	}
	if unit == "s" && f >= 1000 {
		return time.Duration(ns).Round(time.Second).String()
	}
	digits := 2
	switch {
	case unit == "ns" || f >= 100:
		digits = 0
	case f >= 10:
		digits = 1
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + " " + unit
}
