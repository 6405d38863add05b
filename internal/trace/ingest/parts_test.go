package ingest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// TestWindow shows when a digest is forgotten: not before 15 minutes, with more than the
// window may hold the oldest first, and with a clock that jumps.
func TestWindow(t *testing.T) {
	start := time.Unix(1_700_000_123, 456)
	f := func(after time.Duration, want bool) {
		t.Helper()
		w := newWindow()
		d := log.Digest{1}
		fl, mine, _ := w.begin(d, start)
		if !mine {
			t.Fatal("a new digest is not mine")
		}
		w.end(d, fl, start, Result{}, nil)
		if _, _, accepted := w.begin(d, start.Add(after)); accepted != want {
			t.Errorf("after %v: accepted %v, want %v", after, accepted, want)
		}
	}
	f(0, true)
	f(15*time.Minute-1, true)
	f(15*time.Minute+time.Second, false)
	f(21*time.Minute, false)
	f(-time.Hour, true) // a clock set back

	w := newWindow()
	for i := range 3 {
		w.remember(log.Digest{byte(i + 1)}, start.Add(-time.Duration(i)*6*time.Minute), start)
	}
	w.remember(log.Digest{9}, start.Add(-time.Hour), start)
	w.remember(log.Digest{}, start, start)
	if w.count != 3 || len(w.accepted) != 3 || !w.accepted[0].start.Before(w.accepted[2].start) {
		t.Errorf("%d digests in %d buckets, want 3 in 3, oldest first", w.count, len(w.accepted))
	}
	w.count = maxDigests + 1
	if w.forget(start); len(w.accepted) != 2 {
		t.Errorf("%d buckets left over the limit, want 2", len(w.accepted))
	}
}

// TestDigest shows that tenant and content each have bits of their own.
func TestDigest(t *testing.T) {
	a, b := digestOf("a", []byte("x")), digestOf("b", []byte("x"))
	if a == b || [4]byte(a[:4]) == [4]byte(b[:4]) || [12]byte(a[4:]) != [12]byte(b[4:]) {
		t.Errorf("digests of one body by two tenants: %x, %x", a, b)
	}
	if c := digestOf("a", []byte("y")); [4]byte(a[:4]) != [4]byte(c[:4]) || [12]byte(a[4:]) == [12]byte(c[4:]) {
		t.Errorf("digests of two bodies by one tenant: %x, %x", a, c)
	}
}

// TestRefusedList shows the list for people: newest first, a tenant's own and nobody's,
// equal ones in a row counted, at most 100, texts cut.
func TestRefusedList(t *testing.T) {
	var l refusedList
	at := time.Unix(1_700_000_000, 0)
	add := func(tenant, path string) {
		at = at.Add(time.Second)
		l.add(Refused{Time: at, Tenant: tenant, Path: path, Reason: WrongPath, Remote: at.String()})
	}
	f := func(tenant, want string) {
		t.Helper()
		var got []string
		for _, r := range l.list(tenant) {
			got = append(got, fmt.Sprintf("%s×%d", r.Path, r.Count))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("list of %q is %q, want %q", tenant, s, want)
		}
	}
	f("a", "")
	add("a", "/1")
	add("", "/x")
	add("b", "/2")
	add("a", "/1")
	add("a", "/3")
	f("a", "/3×1 /1×2 /x×1")
	f("b", "/2×1 /x×1")
	f("c", "/x×1")
	f("", "/x×1")
	for i := range 300 {
		add("a", fmt.Sprint(i))
	}
	if got := l.list("a"); len(got) != refusedKept || got[0].Path != "299" {
		t.Errorf("%d entries, newest %s", len(got), got[0].Path)
	}
	add("b", strings.Repeat("ы", 1000))
	if p := l.list("b")[0].Path; len(p) > refusedText+len("…") || strings.ContainsRune(p, '\ufffd') {
		t.Errorf("path of %d bytes kept: %q", len(p), p)
	}
	for i := range 2 * refusedTenants {
		add(fmt.Sprint("tenant", i), "/")
	}
	if len(l.tenants) > refusedTenants {
		t.Errorf("%d tenants are kept", len(l.tenants))
	}
}

// TestCollector shows that the metrics say what Stats says, under names and labels that
// dashboards use.
func TestCollector(t *testing.T) {
	r := newRig(t, Limits{})
	r.submit(t, "a", body(1, 3))
	r.submit(t, "a", body(1, 3))
	r.NoteRefused(Refused{Tenant: "b", Reason: TooLarge})
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(r.Collector()); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"weft_ingest_spans_total tenant=a":                             3,
		"weft_ingest_requests_total tenant=a":                          1,
		"weft_ingest_bytes_total tenant=a":                             float64(len(body(1, 3))),
		"weft_ingest_duplicate_requests_total tenant=a":                1,
		"weft_ingest_refused_requests_total reason=too_large tenant=b": 1,
		"weft_ingest_log_position":                                     1,
		"weft_ingest_applied_position":                                 0,
		"weft_ingest_log_bytes":                                        float64(r.log.Size()),
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
}

// TestRefusal shows that any error becomes a refusal that hides what senders must not see.
func TestRefusal(t *testing.T) {
	r := AsRefusal(fmt.Errorf("around: %w", &Refusal{Reason: TooLarge, Detail: "d"}))
	if r.Reason != TooLarge || r.Error() != "too_large: d" || r.Message() != "d" {
		t.Errorf("refusal %v, message %q", r, r.Message())
	}
	r = AsRefusal(errors.New("open /var/lib/secret"))
	if r.Reason != StoreDown || r.Retry == 0 || strings.Contains(r.Message(), "secret") {
		t.Errorf("refusal %v, message %q", r, r.Message())
	}
}

// TestLimits shows that limits which contradict each other are refused.
func TestLimits(t *testing.T) {
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("New without log and store gave %v", err)
	}
	if _, err := (Limits{RequestBytes: 10, InFlightBytes: 19, Patience: -1}).withDefaults(); err == nil ||
		!strings.Contains(err.Error(), "negative") || !strings.Contains(err.Error(), "twice") {
		t.Errorf("bad limits gave %v", err)
	}
}
