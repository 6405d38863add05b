package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A flag wins over the environment, that over the file, that over the default, and each
// value says where it came from.
func TestLoadPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weft.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:1\ndata: /from/file\notlp: {grpc: \"off\"}\nmax-age: 72h\nhosts: [a.example, b.example]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, settings, err := Load(Sources{
		File: file, Environ: []string{"WEFT_LISTEN=127.0.0.1:2", "WEFT_DATA=/from/env", "WEFT_TOKEN=x", "HOME=/"},
		Flags: map[string]string{"listen": "127.0.0.1:3", "disk-cap": "5GiB"},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(key, value, origin string) {
		t.Helper()
		for _, s := range settings {
			if s.Key == key && (s.Value != value || s.Origin != origin) {
				t.Errorf("%s is %q from %q, want %q from %q", key, s.Value, s.Origin, value, origin)
			}
		}
	}
	f("listen", "127.0.0.1:3", "flag --listen")
	f("data", "/from/env", "environment WEFT_DATA")
	f("otlp.grpc", "off", "file "+file)
	f("otlp.http", "127.0.0.1:4318", "default")
	if cfg.MaxAge != 72*time.Hour || cfg.DiskCap != 5<<30 || len(cfg.Hosts) != 2 {
		t.Errorf("typed values: %v %v %v", cfg.MaxAge, cfg.DiskCap, cfg.Hosts)
	}
}

// Unknown keys and bad values are errors, all of them at once, with a suggestion.
func TestLoadProblems(t *testing.T) {
	_, _, err := Load(Sources{
		Environ: []string{"WEFT_LISTNE=x", "WEFT_DISK_CAP=lots"},
		Flags:   map[string]string{"max-age": "a week"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`unknown key "WEFT_LISTNE"; did you mean "listen"?`, `disk-cap: "lots" is not a size`, `max-age: "a week" is not a duration`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func TestParseBytes(t *testing.T) {
	f := func(text string, want Bytes, ok bool) {
		t.Helper()
		got, err := ParseBytes(text)
		if (err == nil) != ok || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	f("0", 0, true)
	f("512", 512, true)
	f("1.5GB", 1_500_000_000, true)
	f("64KiB", 65536, true)
	f("-1", 0, false)
	f("many", 0, false)
	f("99999999TB", 0, false)
}
