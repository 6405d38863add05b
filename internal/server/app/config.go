package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/pelletier/go-toml/v2"
)

//go:generate go test -run TestReference -update .

// Config is everything `weft up` can be told. Each field is a flag, a variable WEFT_* and
// a key of the configuration file, in this order of precedence; the tags are their
// documentation.
type Config struct {
	Data   string `key:"data" default:"weft-data" doc:"folder that holds everything"`
	Listen string `key:"listen" default:"127.0.0.1:8800" doc:"main address: UI, API, OTLP over HTTP and gRPC"`
	GRPC   string `key:"otlp.grpc" default:"127.0.0.1:4317" doc:"standard address of OTLP over gRPC; off to not listen"`
	HTTP   string `key:"otlp.http" default:"127.0.0.1:4318" doc:"standard address of OTLP over HTTP; off to not listen"`
	Pprof  string `key:"pprof" default:"127.0.0.1:0" doc:"loopback address of profiles and metrics; port 0: any free one; off to not listen"`

	Hosts    []string `key:"hosts" doc:"names under which browsers and senders reach the server, beside loopback and its own address; comma-separated"`
	Origins  []string `key:"cors.origins" doc:"web pages that may send spans from a browser; comma-separated"`
	Insecure bool     `key:"insecure" doc:"allow an address beyond this machine without tokens"`
	BasePath string   `key:"base-path" default:"/" doc:"path prefix under which a proxy shows the UI"`
	WebDir   string   `key:"web-dir" doc:"serve the web app from this folder instead of the built-in one"`

	DiskCap Bytes         `key:"disk-cap" default:"0" doc:"most bytes of traces on disk, oldest go first; 0: the smaller of 50 GB and half the free disk"`
	MaxAge  time.Duration `key:"max-age" default:"0s" doc:"drop traces this long after their arrival, at least an hour; 0: no limit"`
	// The limits of tenants that have none of their own.
	DiskShare      string `key:"tenant.disk-share" default:"0" doc:"most of disk-cap that one tenant may take: 25% or 10GB; 0: no limit of its own"`
	SpansPerSecond int    `key:"tenant.spans-per-second" default:"0" doc:"spans a tenant may send each second, on average over five; 0: no limit"`
	BytesPerSecond Bytes  `key:"tenant.bytes-per-second" default:"0" doc:"bytes a tenant may send each second, decompressed, on average over five; 0: no limit"`

	LogCap  Bytes         `key:"log-cap" default:"192MiB" doc:"most bytes of the ingest log, which a start reads again; spans of three eighths of it are written as a part at once"`
	HeadCap Bytes         `key:"head" default:"40MB" doc:"memory of the newest spans, which is written as a part when full while as much fills again"`
	HeadAge time.Duration `key:"head-age" default:"20s" doc:"longest time spans wait in memory before they are written as a part"`

	MaxRequest    Bytes         `key:"limits.request" default:"64MB" doc:"largest request, as sent and decompressed"`
	MaxInFlight   Bytes         `key:"limits.in-flight" default:"256MB" doc:"memory of all requests in progress"`
	MaxAttrs      int           `key:"limits.attributes" default:"1024" doc:"attributes kept of a span"`
	MaxValue      Bytes         `key:"limits.value" default:"65536" doc:"length at which a value is cut"`
	MaxEvents     int           `key:"limits.events" default:"4096" doc:"events kept of a span"`
	MaxLinks      int           `key:"limits.links" default:"4096" doc:"links kept of a span"`
	MaxDepth      int           `key:"limits.depth" default:"64" doc:"arrays and maps inside each other"`
	QueryTime     time.Duration `key:"limits.query-time" default:"30s" doc:"longest time of a query"`
	QueryBytes    Bytes         `key:"limits.query-bytes" default:"16GB" doc:"most bytes a query reads"`
	QueryMemory   Bytes         `key:"limits.query-memory" default:"256MB" doc:"most memory a query holds"`
	QueriesAtOnce int           `key:"limits.queries" default:"8" doc:"queries of a tenant that run at once"`
	KeptTraces    int           `key:"limits.kept-traces" default:"10000" doc:"traces a tenant may keep past retention; 0: no limit"`

	LogFormat string `key:"log.format" default:"text" doc:"text or json"`
	LogLevel  string `key:"log.level" default:"info" doc:"debug, info, warn or error"`
}

// Bytes is a size, written like 512MB or 64KiB.
type Bytes int64

// ParseBytes reads a size: a number with B, kB, MB, GB, TB (powers of 1000) or KiB, MiB,
// GiB, TiB (powers of 1024), or none.
func ParseBytes(s string) (Bytes, error) {
	units := []struct {
		suffix string
		factor float64
	}{
		{"KiB", 1 << 10},
		{"MiB", 1 << 20},
		{"GiB", 1 << 30},
		{"TiB", 1 << 40},
		{"kB", 1e3},
		{"KB", 1e3},
		{"MB", 1e6},
		{"GB", 1e9},
		{"TB", 1e12},
		{"B", 1},
	}
	factor := 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			s, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 || n*factor >= 1<<62 {
		return 0, fmt.Errorf("%q is not a size; write it like 512MB", s)
	}
	return Bytes(n * factor), nil
}

// Setting is one key of the configuration with its value and where that came from.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // "default", "file NAME", "environment WEFT_X", "flag --x"
	Doc    string `json:"doc"`
	Switch bool   `json:"-"` // a flag of it needs no value
}

// Settings is every key with its default.
func Settings() []Setting {
	t := reflect.TypeFor[Config]()
	out := make([]Setting, t.NumField())
	for i := range out {
		f := t.Field(i)
		out[i] = Setting{
			Key: f.Tag.Get("key"), Value: f.Tag.Get("default"), Origin: "default", Doc: f.Tag.Get("doc"),
			Switch: f.Type.Kind() == reflect.Bool,
		}
		if out[i].Switch && out[i].Value == "" {
			out[i].Value = "false"
		}
	}
	return out
}

// Sources are what a configuration is made from.
type Sources struct {
	File    string            // "" for none
	Environ []string          // as os.Environ
	Flags   map[string]string // by key, only those given
}

// notSettings are variables with our prefix that clients and tests read.
var notSettings = []string{"WEFT_SERVER", "WEFT_TOKEN", "WEFT_CONFIG", "WEFT_BIN"}

// Load makes a configuration and says where each value came from. Every problem is
// reported, not only the first.
func Load(src Sources) (Config, []Setting, error) {
	var cfg Config
	v := reflect.ValueOf(&cfg).Elem()
	settings := Settings()
	index := map[string]int{}
	for i, s := range settings {
		index[s.Key] = i
	}
	var errs []error
	// spell writes a key as its source does.
	set := func(key, value, origin, as string, spell func(key string) string) {
		i, ok := index[key]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: unknown key %q%s", origin, as, didYouMean(key, index, spell)))
			return
		}
		settings[i].Value, settings[i].Origin = value, origin
	}
	plain := func(key string) string { return key }
	if src.File != "" {
		values, err := readConfigFile(src.File)
		if err != nil {
			errs = append(errs, err)
		}
		for _, kv := range values {
			set(kv[0], kv[1], "file "+src.File, kv[0], plain)
		}
	}
	for _, e := range src.Environ {
		name, value, _ := strings.Cut(e, "=")
		rest, ours := strings.CutPrefix(name, "WEFT_")
		if !ours || slices.Contains(notSettings, name) || strings.HasPrefix(name, "WEFT_SECRET_") || serviceLink(rest) {
			continue
		}
		set(keyOfVariable(rest, index), value, "environment "+name, name, VariableOf)
	}
	for key, value := range src.Flags {
		set(key, value, "flag --"+key, "--"+key, plain)
	}
	for i, s := range settings {
		if err := assign(v.Field(i), s.Value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", s.Origin, s.Key, err))
		}
	}
	return cfg, settings, errors.Join(errs...)
}

// serviceLink reports whether Kubernetes sets WEFT_<rest> in every pod of a namespace that
// has a service called weft.
func serviceLink(rest string) bool {
	return rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_")
}

// VariableOf is the environment variable of a key.
func VariableOf(key string) string {
	return "WEFT_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

func keyOfVariable(rest string, index map[string]int) string {
	for key := range index {
		if VariableOf(key) == "WEFT_"+rest {
			return key
		}
	}
	return strings.ToLower(rest)
}

// readConfigFile flattens a YAML or TOML file: {otlp: {grpc: x}} is otlp.grpc.
func readConfigFile(name string) ([][2]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var tree map[string]any
	if strings.HasSuffix(name, ".toml") {
		err = toml.Unmarshal(text, &tree)
		var at *toml.DecodeError
		if errors.As(err, &at) {
			return nil, fmt.Errorf("read configuration %s:\n%s", name, at.String())
		}
	} else if err = yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("read configuration %s:\n%s", name, yaml.FormatError(err, false, true))
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", name, err)
	}
	out := flatten(nil, "", tree)
	slices.SortFunc(out, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	return out, nil
}

func flatten(out [][2]string, prefix string, v any) [][2]string {
	switch v := v.(type) {
	case map[string]any:
		for k, child := range v {
			out = flatten(out, strings.TrimPrefix(prefix+"."+k, "."), child)
		}
	case []any:
		var list []string
		for _, e := range v {
			list = append(list, fmt.Sprint(e))
		}
		out = append(out, [2]string{prefix, strings.Join(list, ",")})
	case nil: // a key without a value is not set
	default:
		out = append(out, [2]string{prefix, fmt.Sprint(v)})
	}
	return out
}

func assign(field reflect.Value, text string) error {
	switch p := field.Addr().Interface().(type) {
	case *string:
		*p = text
	case *[]string:
		for _, s := range strings.Split(text, ",") {
			if s = strings.TrimSpace(s); s != "" {
				*p = append(*p, s)
			}
		}
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*p = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a number from 0 up", text)
		}
		*p = n
	case *Bytes:
		n, err := ParseBytes(text)
		if err != nil {
			return err
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration; write it like 30s or 72h", text)
		}
		*p = d
	default:
		panic(fmt.Sprintf("setting of type %T", p))
	}
	return nil
}

// didYouMean names the known key nearest to an unknown one.
func didYouMean(key string, index map[string]int, spell func(string) string) string {
	best, dist := "", 4
	for known := range index {
		if d := distance(key, known); d < dist || d == dist && known < best {
			best, dist = known, d
		}
	}
	if best == "" {
		return "; weft config print lists the keys"
	}
	return fmt.Sprintf("; did you mean %q?", spell(best))
}

// distance is the number of characters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
