package app

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"

	"github.com/weft-dev/weft/internal/base/vfs"
)

// diskCap is the configured cap, or the smaller of 50 GB and half of what is free or held
// by traces already, so that it does not shrink as traces come in.
func diskCap(fsys vfs.FS, cfg Config) (int64, error) {
	if cfg.DiskCap > 0 {
		return int64(cfg.DiskCap), nil
	}
	free, _, err := fsys.Space(cfg.Data)
	if err != nil {
		return 0, err
	}
	used, err := folderBytes(tracesDir(cfg.Data))
	if err != nil {
		return 0, err
	}
	return min(50e9, (int64(free)+used)/2), nil
}

// folderBytes sums up the files below a folder that may not be there yet.
func folderBytes(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return sum, err
}

const (
	// diskReserve of the file system stays free: below it the ingest log takes no spans, so
	// that the store can still write the parts that let the log be trimmed.
	diskReserve = 64 << 20
	// diskLow above the reserve is worth a warning, unless traces may not grow that far.
	diskLow = 1 << 30
	// capNear is the share of the disk cap from which on it is said to be near.
	capNear = 0.9
)

// diskUse is what traces take of the disk, and may take.
type diskUse struct {
	dir        string
	parts, cap int64 // bytes of parts, and those above which the oldest arrivals go; cap 0: none
	free       int64 // of the file system
}

func (a *App) diskUse() (diskUse, error) {
	free, _, err := a.fs.Space(a.cfg.Data)
	if err != nil {
		return diskUse{}, fmt.Errorf("ask for the free disk: %w", err)
	}
	return diskUse{dir: a.Data(), parts: a.store.Counts().PartBytes, cap: a.diskCap, free: int64(free)}, nil
}

// full: spans are refused.
func (d diskUse) full() bool { return d.free < diskReserve }

// low: the file system will be full before the cap makes the oldest traces go.
func (d diskUse) low() bool {
	room := int64(diskLow)
	if d.cap > 0 {
		room = min(room, max(0, d.cap-d.parts))
	}
	return d.free < diskReserve+room
}

// nearCap: the oldest traces go, or will soon. That is no warning: it is how a cap works, for
// as long as the server runs.
func (d diskUse) nearCap() bool { return d.cap > 0 && float64(d.parts) >= capNear*float64(d.cap) }

// warning says what is used, what happens next and what to do; "" where nothing is wrong.
func (d diskUse) warning() string {
	used := fmt.Sprintf("traces take %s", sizeText(d.parts))
	if d.cap > 0 {
		used += fmt.Sprintf(" of %s (disk-cap)", sizeText(d.cap))
	}
	switch {
	case d.full():
		return fmt.Sprintf("The disk of %s is full: %s are free, %s. Spans are refused (log_full) while less than %s are free; "+
			"searches go on. Make room on that disk, or set a smaller disk-cap and restart.", d.dir, sizeText(d.free), used, sizeText(diskReserve))
	case d.low():
		return fmt.Sprintf("The disk of %s is nearly full: %s are free, %s. Below %s free, spans are refused (log_full). "+
			"Make room on that disk, or set a smaller disk-cap and restart.", d.dir, sizeText(d.free), used, sizeText(diskReserve))
	}
	return ""
}

// sizeText is a number of bytes as people write it, in three digits.
func sizeText(n int64) string {
	f, unit := sizeOf(n)
	step := 1.0
	for s := f; s < 100 && step < 100; s *= 10 {
		step *= 10
	}
	return strconv.FormatFloat(math.Round(f*step)/step, 'f', -1, 64) + " " + unit
}

// sizeDown and sizeUp write at most and at least n bytes as a setting takes them.
func sizeDown(n int64) string {
	f, unit := sizeOf(n)
	return strconv.FormatFloat(math.Floor(f*10)/10, 'f', -1, 64) + unit
}

func sizeUp(n int64) string {
	f, unit := sizeOf(n)
	return strconv.FormatFloat(math.Ceil(f*10)/10, 'f', -1, 64) + unit
}

func sizeOf(n int64) (float64, string) {
	for _, u := range []struct {
		name string
		size float64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if f := float64(n) / u.size; f >= 1 {
			return f, u.name
		}
	}
	return float64(n), "B"
}
