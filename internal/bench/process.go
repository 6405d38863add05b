package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weft-dev/weft/internal/bench/workload"
)

// usage is what a process has used since it started.
type usage struct {
	cpu     time.Duration // user and system
	peakRSS float64       // MiB
	written int64         // bytes handed to the disk
}

// usageOf reads /proc, where CPU comes in ticks of 10 ms.
func usageOf(pid int) (usage, error) {
	var u usage
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold spaces
	f := strings.Fields(rest)
	if len(f) < 13 {
		return u, fmt.Errorf("read the usage of process %d: %d fields", pid, len(f))
	}
	for _, ticks := range f[11:13] {
		n, err := strconv.ParseInt(ticks, 10, 64)
		if err != nil {
			return u, fmt.Errorf("read the usage of process %d: %w", pid, err)
		}
		u.cpu += time.Duration(n) * 10 * time.Millisecond
	}
	peak, err := procField(pid, "status", "VmHWM:")
	if err != nil {
		return u, err
	}
	u.peakRSS = float64(peak) / 1024
	u.written, err = procField(pid, "io", "write_bytes:")
	return u, err
}

func procField(pid int, file, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			return strconv.ParseInt(f[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("no %s of process %d", name, pid)
}

// settle waits until the process neither writes nor computes, five minutes at most, and
// reports whether it came to that.
func settle(ctx context.Context, pid int) (bool, error) {
	before, err := usageOf(pid)
	if err != nil {
		return false, err
	}
	for range 100 {
		if err := sleep(ctx, 3*time.Second); err != nil {
			return false, err
		}
		now, err := usageOf(pid)
		if err != nil {
			return false, err
		}
		if now.written-before.written < 1<<20 && now.cpu-before.cpu < 100*time.Millisecond {
			return true, nil
		}
		before = now
	}
	return false, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// folderBytes is the size of all files of a folder that a process may be changing.
func folderBytes(dir string) (int64, error) {
	total := int64(0)
	err := eachFile(dir, func(path string) error {
		info, err := os.Stat(path)
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// forget drops the folder's pages from the page cache, so that reads go to the disk.
func forget(dir string) error {
	return eachFile(dir, func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// eachFile calls do for the regular files below dir; a file that goes meanwhile is none.
func eachFile(dir string, do func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = do(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// calibration is what `zstd -3 -T1` takes for the first million spans of a stream, from a pipe.
type calibration struct {
	cpu         time.Duration
	raw, packed int64
	spans       int
}

// mostCalibrated bounds the calibration of long streams.
const mostCalibrated = 1_000_000

// calibrate runs zstd three times and keeps the median. The bytes are made before, so that
// making them does not run beside it.
func calibrate(ctx context.Context, requests iter.Seq2[workload.Request, error]) (calibration, error) {
	var c calibration
	var bodies [][]byte
	for r, err := range requests {
		if err != nil {
			return c, err
		}
		bodies = append(bodies, r.Body)
		c.raw += int64(len(r.Body))
		if c.spans += len(r.Spans); c.spans >= mostCalibrated {
			break
		}
	}
	var runs []time.Duration
	for range 3 {
		cpu, packed, err := zstdOnce(ctx, bodies)
		if err != nil {
			return c, fmt.Errorf("calibrate with zstd: %w", err)
		}
		runs, c.packed = append(runs, cpu), packed
	}
	slices.Sort(runs)
	c.cpu = runs[1]
	return c, nil
}

func zstdOnce(ctx context.Context, bodies [][]byte) (cpu time.Duration, packed int64, err error) {
	cmd := exec.CommandContext(ctx, "zstd", "-3", "-T1", "-c")
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, 0, err
	}
	out := &counter{}
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	for _, b := range bodies {
		if _, err := in.Write(b); err != nil {
			return 0, 0, errors.Join(err, in.Close(), cmd.Wait())
		}
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		return 0, 0, err
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), out.n, nil
}

// counter counts what is written to it.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
