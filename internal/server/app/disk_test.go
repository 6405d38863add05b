package app

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/auth"
)

// smallDisk is the machine's file system with another amount of free bytes.
type smallDisk struct {
	vfs.OS
	free atomic.Uint64
}

func (d *smallDisk) Space(string) (free, total uint64, err error) { return d.free.Load(), 1 << 40, nil }

// A disk that fills is said in the status, in the verbose readiness and in the metrics
// before spans are refused, and while they are; with room it is all well again.
func TestDiskFull(t *testing.T) {
	disk := &smallDisk{}
	w := newWorldOn(t, disk, "disk-cap=10GB")
	n := 0
	f := func(free uint64, sent int, warning, line string, full, low string) {
		t.Helper()
		disk.free.Store(free)
		n++
		if code, body := w.do("POST", "/v1/traces", encoded(t, request(traceID(n), "x")), protobufType); code != sent {
			t.Errorf("%d bytes free, send: %d %s", free, code, body)
		}
		var s api.Status
		if _, body := w.do("GET", "/api/v1/status", nil); json.Unmarshal([]byte(body), &s) != nil || !strings.Contains(strings.Join(s.Warnings, "\n")+"$", warning) {
			t.Errorf("%d bytes free, status: %q, want %q", free, s.Warnings, warning)
		}
		if code, body := w.do("GET", "/readyz?verbose", nil); code != 200 || !strings.Contains(body, line) {
			t.Errorf("%d bytes free, ready: %d %s", free, code, body)
		}
		_, body := w.do("GET", "/metrics", nil)
		for _, want := range []string{"weft_disk_full " + full, "weft_disk_low " + low} {
			if !strings.Contains(body, "\n"+want+"\n") {
				t.Errorf("%d bytes free, metrics lack %s", free, want)
			}
		}
	}
	const mib = 1 << 20
	f(20e9, 200, "$", "[+] disk ok\n", "0", "0")
	f(500*mib, 200, "is nearly full: 524 MB are free, traces take 0 B of 10 GB (disk-cap)", "[!] disk: The disk of", "0", "1")
	f(60*mib, 503, "is full: 62.9 MB are free", "[!] disk: The disk of", "1", "1")
	f(20e9, 200, "$", "[+] disk ok\n", "0", "0")

	disk.free.Store(60 * mib)
	w.token("acme", auth.Read) // from here on sizes are for who shows a token
	if _, body := w.do("GET", "/readyz?verbose", nil); !strings.Contains(body, "[!] disk full: spans are refused\n") {
		t.Errorf("ready, to a stranger: %s", body)
	}
}

// Which disk is worth a warning.
func TestDiskWarning(t *testing.T) {
	const gb = int64(1e9)
	f := func(parts, limit, free int64, want string) {
		t.Helper()
		got := diskUse{dir: "/data", parts: parts, cap: limit, free: free}.warning()
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%d of %d, %d free: %q, want %q", parts, limit, free, got, want)
		}
	}
	f(0, 50*gb, 50*gb, "")
	f(44*gb, 50*gb, 50*gb, "")
	f(45*gb, 50*gb, 50*gb, "") // a cap is met, and kept, without a word
	f(10*gb, 50*gb, gb, "The disk of /data is nearly full: 1 GB are free")
	f(10*gb, 50*gb, 0, "The disk of /data is full: 0 B are free")
	f(0, gb/10, gb/2, "")                                    // the cap is reached first
	f(50*gb, 50*gb, gb/10, "")                               // it cannot grow
	f(10*gb, 0, gb, "traces take 10 GB. Below 67.1 MB free") // no cap
}

func TestSizeText(t *testing.T) {
	f := func(n int64, text, down, up string) {
		t.Helper()
		if a, b, c := sizeText(n), sizeDown(n), sizeUp(n); a != text || b != down || c != up {
			t.Errorf("%d bytes are %q, at most %q, at least %q", n, a, b, c)
		}
	}
	f(0, "0 B", "0B", "0B")
	f(999, "999 B", "999B", "999B")
	f(1234, "1.23 kB", "1.2kB", "1.3kB")
	f(67_108_864, "67.1 MB", "67.1MB", "67.2MB")
	f(999_900_000, "1000 MB", "999.9MB", "999.9MB")
	f(1_234_000_000_000, "1.23 TB", "1.2TB", "1.3TB")
}
