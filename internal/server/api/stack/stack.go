// Package stack reads the stack traces that exceptions carry as text: Go, Java and its
// kin, .NET, JavaScript, Python, Ruby, PHP and Rust.
//
// Promise: frames come innermost first, whatever the language's own order; what is not a
// frame is left out; any text is read in time linear in its length. A frame is "yours"
// unless its file or function belongs to a package manager's folder or to the language's
// own library. Pure: memory only.
package stack

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MaxFrames bounds what Parse returns; frames beyond it are left out.
const MaxFrames = 500

// Frame is one call.
type Frame struct {
	Text     string // as it was written, without indentation
	Function string
	File     string
	Line     int // 0 if unknown
	Yours    bool
}

// Parse reads a stack trace.
func Parse(text string) []Frame {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, "\r")
	}
	var frames []Frame
	switch {
	case isPython(lines):
		frames = parsePython(lines)
	case isGo(lines):
		frames = parseGo(lines)
	case isRust(lines):
		frames = parseRust(lines)
	default:
		frames = parseLines(lines)
	}
	if len(frames) > MaxFrames {
		frames = frames[:MaxFrames]
	}
	return frames
}

// Top is at most n frames to show first: the innermost, but from the first of yours on if
// only libraries stand before it.
func Top(frames []Frame, n int) []Frame {
	if at := slices.IndexFunc(frames, func(f Frame) bool { return f.Yours }); at > 0 && at >= n {
		frames = frames[at:]
	}
	return frames[:min(n, len(frames))]
}

var (
	// at com.shop.Pay.charge(Pay.java:88)
	javaLine = regexp.MustCompile(`^at (?:[\w.@$-]+/+)*([\w.$<>/-]+)\(([^:()]*)(?::(\d+))?\)`)
	// at Shop.Pay.Charge(Order o) in /src/Pay.cs:line 88
	dotnetLine = regexp.MustCompile(`^at (.+?\)) in (.+):line (\d+)$`)
	dotnetBare = regexp.MustCompile(`^at ([\w.<>` + "`" + `\[\],+|]+\(.*\))$`)
	// at charge (/srv/pay.js:88:13), at /srv/pay.js:88:13, at async charge (…)
	jsLine = regexp.MustCompile(`^at (?:async )?(?:(.+?) \()?((?:[a-z-]+:)?[^\s()]*?):(\d+):\d+\)?$`)
	// charge@https://shop/app.js:88:13
	geckoLine = regexp.MustCompile(`^([^@\s]*)@(\S+?):(\d+):\d+$`)
	// /srv/pay.rb:88:in `charge'
	rubyLine = regexp.MustCompile("^(?:from )?(\\S[^:]*\\.(?:rb|erb|rake|ru)):(\\d+):in [`'](.+)'")
	// #0 /srv/pay.php(88): Shop\Pay->charge()
	phpLine = regexp.MustCompile(`^#\d+ ([^(]+)\((\d+)\): (.+?)(?:\(.*\))?$`)
	// File "/srv/pay.py", line 88, in charge
	pythonLine = regexp.MustCompile(`^File "([^"]+)", line (\d+)(?:, in (.+))?$`)
	// /srv/pay.go:88 +0x1d
	goPlace = regexp.MustCompile(`^(\S.*\.(?:go|s)):(\d+)(?: \+0x[0-9a-f]+)?$`)
	// 3: shop::pay::charge, at /srv/pay.rs:88:5
	rustCall  = regexp.MustCompile(`^\d+: +(?:0x[0-9a-f]+ - )?(\S.*)$`)
	rustPlace = regexp.MustCompile(`^at (.+\.rs):(\d+)(?::\d+)?$`)
)

// parseLines reads the formats with one frame to a line.
func parseLines(lines []string) []Frame {
	var out []Frame
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if len(l) > 2000 || len(out) >= MaxFrames {
			continue
		}
		if f, ok := parseLine(l); ok {
			f.Text = l
			f.Yours = yours(f)
			out = append(out, f)
		}
	}
	return out
}

func parseLine(l string) (Frame, bool) {
	at := strings.HasPrefix(l, "at ")
	if m := dotnetLine.FindStringSubmatch(l); at && m != nil {
		return Frame{Function: m[1], File: m[2], Line: number(m[3])}, true
	}
	if m := javaLine.FindStringSubmatch(l); at && m != nil && !strings.Contains(m[2], "/") && strings.Contains(m[1], ".") {
		return Frame{Function: m[1], File: m[2], Line: number(m[3])}, true
	}
	if m := jsLine.FindStringSubmatch(l); at && m != nil {
		return Frame{Function: m[1], File: m[2], Line: number(m[3])}, true
	}
	if m := dotnetBare.FindStringSubmatch(l); at && m != nil {
		return Frame{Function: m[1]}, true
	}
	if m := rubyLine.FindStringSubmatch(l); m != nil {
		return Frame{Function: m[3], File: m[1], Line: number(m[2])}, true
	}
	if m := phpLine.FindStringSubmatch(l); m != nil {
		return Frame{Function: m[3], File: m[1], Line: number(m[2])}, true
	}
	if m := geckoLine.FindStringSubmatch(l); m != nil {
		return Frame{Function: m[1], File: m[2], Line: number(m[3])}, true
	}
	return Frame{}, false
}

func isPython(lines []string) bool {
	return slices.ContainsFunc(lines, func(l string) bool {
		return strings.HasPrefix(strings.TrimSpace(l), `File "`)
	})
}

// parsePython reverses: a traceback ends with the innermost call. Of chained exceptions
// the last traceback is that of the exception that came out.
func parsePython(lines []string) []Frame {
	var out []Frame
	for i, l := range lines {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "Traceback (most recent call last)") {
			out = nil
		}
		m := pythonLine.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		f := Frame{Text: l, File: m[1], Line: number(m[2]), Function: m[3]}
		if i+1 < len(lines) {
			if code := strings.TrimSpace(lines[i+1]); code != "" && !strings.HasPrefix(code, `File "`) && strings.HasPrefix(lines[i+1], "    ") {
				f.Text += ": " + code
			}
		}
		f.Yours = yours(f)
		out = append(out, f)
	}
	slices.Reverse(out)
	return out
}

func isGo(lines []string) bool {
	return slices.ContainsFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "goroutine ") || strings.HasPrefix(l, "\t") && goPlace.MatchString(l[1:])
	})
}

// parseGo reads pairs of a call and, indented, its place.
func parseGo(lines []string) []Frame {
	var out []Frame
	for i := 1; i < len(lines); i++ {
		m := goPlace.FindStringSubmatch(strings.TrimSpace(lines[i]))
		if m == nil || !strings.HasPrefix(lines[i], "\t") && !strings.HasPrefix(lines[i], " ") {
			continue
		}
		call := strings.TrimSpace(lines[i-1])
		if cut := strings.LastIndex(call, "("); cut > 0 && strings.HasSuffix(call, ")") {
			call = call[:cut]
		}
		f := Frame{Text: call + " " + strings.TrimSpace(lines[i]), Function: call, File: m[1], Line: number(m[2])}
		f.Yours = yours(f) && !goStandard(call)
		out = append(out, f)
	}
	return out
}

// goStandard: the first element of a standard package's path has no dot, as in net/http,
// and neither has main, which is the user's.
func goStandard(function string) bool {
	function = strings.TrimPrefix(function, "created by ")
	path, _, _ := strings.Cut(function, ".")
	first, _, nested := strings.Cut(path, "/")
	if first == "main" || nested && strings.Contains(function[:strings.Index(function, "/")], ".") {
		return false
	}
	switch first {
	case "runtime", "net", "reflect", "sync", "internal", "encoding", "database", "os", "io", "context", "testing",
		"syscall", "time", "fmt", "strings", "bytes", "bufio", "errors", "log", "crypto", "math", "sort", "slices", "iter", "panic":
		return true
	}
	return false
}

func isRust(lines []string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return rustPlace.MatchString(strings.TrimSpace(l)) })
}

func parseRust(lines []string) []Frame {
	var out []Frame
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if m := rustPlace.FindStringSubmatch(l); m != nil && len(out) > 0 {
			f := &out[len(out)-1]
			f.File, f.Line = m[1], number(m[2])
			f.Text += " " + l
			f.Yours = yours(*f)
		} else if m := rustCall.FindStringSubmatch(l); m != nil {
			f := Frame{Text: l, Function: m[1]}
			f.Yours = yours(f)
			out = append(out, f)
		}
	}
	return out
}

// Folders of package managers and run times.
var libraryFiles = []string{
	"/site-packages/", "/dist-packages/", "/lib/python", "<frozen ", "<string>",
	"node_modules/", "node:", "internal/modules/", "<anonymous>", "native",
	"/pkg/mod/", "/usr/local/go/src/", "/go/src/runtime/", "/vendor/",
	"/gems/", "/lib/ruby/",
	"/.cargo/registry/", "/rustc/", "/library/std/", "/library/core/",
	"webpack/runtime", "webpack/bootstrap",
}

// Packages of standard libraries and of the frameworks one sees most.
var libraryFunctions = []string{
	"java.", "javax.", "jdk.", "sun.", "com.sun.", "kotlin.", "kotlinx.", "scala.", "akka.", "groovy.", "clojure.",
	"org.springframework.", "org.apache.", "org.eclipse.", "org.hibernate.", "org.jboss.", "org.junit.", "org.postgresql.",
	"io.netty.", "io.grpc.", "io.undertow.", "io.vertx.", "io.micronaut.", "io.quarkus.", "io.opentelemetry.", "reactor.",
	"com.fasterxml.", "com.google.common.", "com.mysql.", "com.zaxxer.", "okhttp3.", "retrofit2.",
	"System.", "Microsoft.", "Npgsql.", "Grpc.", "Newtonsoft.",
	"std::", "core::", "alloc::", "tokio::", "hyper::", "futures::", "rust_begin_unwind", "__rust_", "<alloc::", "<core::",
}

func yours(f Frame) bool {
	for _, l := range libraryFiles {
		if strings.Contains(f.File, l) {
			return false
		}
	}
	for _, l := range libraryFunctions {
		if strings.HasPrefix(f.Function, l) {
			return false
		}
	}
	return f.File != "Native Method" && f.File != "[internal function]"
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
