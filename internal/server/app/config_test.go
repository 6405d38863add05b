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
	for _, want := range []string{`unknown key "WEFT_LISTNE"; did you mean "WEFT_LISTEN"?`, `disk-cap: "lots" is not a size`, `max-age: "a week" is not a duration`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

// YAML and TOML say the same; what is wrong in a file is said with the file's name.
func TestLoadFiles(t *testing.T) {
	f := func(name, text, wantErr string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, _, err := Load(Sources{File: file})
		switch {
		case wantErr == "" && (err != nil || cfg.GRPC != "off" || cfg.DiskCap != 53687091200 || len(cfg.Hosts) != 2 || !cfg.Insecure || cfg.MaxAge != 72*time.Hour):
			t.Errorf("%s: %+v, %v", name, cfg, err)
		case wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr) || !strings.Contains(err.Error(), file)):
			t.Errorf("%s: %v, want %q and the file's name", name, err, wantErr)
		}
	}
	f("a.yaml", "otlp: {grpc: \"off\"}\ndisk-cap: 53687091200\nhosts: [a, b]\ninsecure: true\nmax-age: 72h\nlisten:\n", "")
	f("a.yml", "otlp.grpc: \"off\"\ndisk-cap: 50GiB\nhosts: a, b\ninsecure: true\nmax-age: 72h\n", "")
	f("a.toml", "disk-cap = 53687091200\nhosts = ['a', 'b']\ninsecure = true\nmax-age = '72h'\n[otlp]\ngrpc = 'off'\n", "")
	f("b.yaml", "otlp: {grcp: x}\n", `unknown key "otlp.grcp"; did you mean "otlp.grpc"?`)
	f("b.toml", "[limit]\nrequest = 1\n", `unknown key "limit.request"; did you mean "limits.request"?`)
	f("c.yaml", "listen: [\n", "sequence end token")
	f("c.toml", "listen = \n", "listen =")
	f("d.yaml", "nothing like any key: 1\n", "weft config print lists the keys")
}

// A name is one variable, and those that others set are left alone.
func TestVariables(t *testing.T) {
	seen := map[string]string{}
	for _, s := range Settings() {
		v := VariableOf(s.Key)
		if other, ok := seen[v]; ok {
			t.Errorf("%s and %s are both %s", s.Key, other, v)
		}
		seen[v] = s.Key
		if s.Doc == "" {
			t.Errorf("%s has no documentation", s.Key)
		}
	}
	_, _, err := Load(Sources{Environ: []string{"WEFT_PORT=tcp://10.0.0.1:8800", "WEFT_SERVICE_HOST=10.0.0.1", "WEFT_PORT_8800_TCP_ADDR=10.0.0.1", "WEFT_SECRET_DB=x", "WEFTED=1"}})
	if err != nil {
		t.Error(err)
	}
}

// Values that contradict each other or make no sense are all found before anything starts.
func TestCheck(t *testing.T) {
	f := func(wantErr string, flags ...string) {
		t.Helper()
		given := map[string]string{}
		for _, fl := range flags {
			k, v, _ := strings.Cut(fl, "=")
			given[k] = v
		}
		cfg, _, err := Load(Sources{Flags: given})
		if err != nil {
			t.Fatal(err)
		}
		err = cfg.Check()
		if wantErr == "" && err != nil {
			t.Errorf("%v: %v", flags, err)
		}
		for want := range strings.SplitSeq(wantErr, " | ") {
			if wantErr != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%v: %v, want %q", flags, err, want)
			}
		}
	}
	f("")
	f("", "otlp.grpc=off", "otlp.http=off", "pprof=off", "cors.origins=https://a.example,*")
	f("listen: \"8800\" is not an address | log.format: \"xml\" | log.level: \"loud\"", "listen=8800", "log.format=xml", "log.level=loud")
	f("pprof: 0.0.0.0:0 can be reached", "pprof=0.0.0.0:0")
	f("cors.origins: \"shop.example\" is not an origin", "cors.origins=shop.example")
	f("limits.in-flight", "limits.request=1GB")
	f("web-dir: no web app there", "web-dir=/nowhere")
	f("data: no folder", "data=")
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
