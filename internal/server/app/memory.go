package app

import (
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// LimitMemory tells Go's collector how much memory there is, unless GOMEMLIMIT does: half as
// much again as the requests in progress may take, so that a burst of large ones leaves no
// garbage of its own size; and at most four fifths of the container's or the machine's, so
// that garbage is collected harder before the kernel kills the process. Beyond that the
// collector takes up to half of the processor's time: large queries beside each other wait
// for it, and nothing fails.
//
// What grows with the load is outside its heap, so that it may go round more often than it
// does by itself and still takes a fiftieth of the time; GOGC has the last word.
func LimitMemory(cfg *Config, log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := int64(cfg.MaxInFlight) / 2 * 3
	if total := memoryTotal(); total > 0 {
		limit = min(limit, total/5*4)
	}
	debug.SetMemoryLimit(limit)
	log.Debug("memory limit", "bytes", limit)
}

// gcPercent is how much garbage there may be to what is in use.
const gcPercent = 50

// memoryTotal is the smaller of the control group's limit and the machine's memory, 0 if
// neither is known.
func memoryTotal() int64 {
	total := int64(0)
	lower := func(n int64) {
		if n > 0 && (total == 0 || n < total) {
			total = n
		}
	}
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if text, err := os.ReadFile(name); err == nil {
			n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			if err == nil { // "max" is no limit
				lower(n)
			}
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
				if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
					lower(kib << 10)
				}
			}
		}
	}
	return total
}
