package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/server/api/spantext"
	"github.com/weft-dev/weft/internal/server/api/tree"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares v, as indented JSON, with testdata/name.json.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	var w bytes.Buffer
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	goldenText(t, name+".json", w.Bytes())
}

func goldenText(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// payTrace is the failed payment of the brief: a retry, a time-out with its stack, and
// everything else a card shows.
func payTrace(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/pay.spantext")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The card of a failed payment, of a healthy trace and of a fragment; the text is golden
// as a person pastes it.
func TestCard(t *testing.T) {
	f := func(name, text string) {
		t.Helper()
		card := newCard(tree.Build(spantext.Parse(text)))
		golden(t, name, card)
		goldenText(t, name+".txt", []byte(card.Text))
	}
	f("card", payTrace(t))
	f("card-healthy", `1 - web "GET /" 0 12.5 server ok http.route=/ http.response.status_code=200
	                   2 1 cache get 1 0.05 client cache.input.key=home`)
	f("card-fragment", `2 1 worker step 0 3 internal error
	                    3 1 worker step 5 3 internal`)
}

// The blame falls on the span nearest to the cause.
func TestFailure(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		tr := tree.Build(spantext.Parse(text))
		if got := tr.SpanOf(failure(tr)).Name; got != want {
			t.Errorf("failure of\n%s\nis %s, want %s", text, got, want)
		}
	}
	f(`1 - s root 0 9 error`, "root")
	f(`1 - s root 0 9 error
	   2 1 s child 1 2 error
	   3 2 s grandchild 1 1 error
	   4 1 s fine 4 1`, "grandchild")
	f(`1 - s root 0 9
	   2 1 s handled 1 2
	   3 2 s deep 1 1 error`, "deep") // nobody above failed
	f(`1 - s root 0 9 error
	   2 1 s try1 1 2 error
	   3 1 s try2 4 2 error`, "try2") // the last try decides
	f(`1 - s root 0 9 error
	   2 1 s slow 1 7 error
	   3 1 s first 1 2 error
	   4 1 s cancelled 1 6 error`, "first") // the first to end stopped the others
	f(`1 - s root 0 9
	   2 1 s a 1 2
	   3 2 s below 1 1 error
	   4 1 s beside 5 1 error`, "beside") // nearer to the root
	f(`2 1 s orphan 1 2 error`, "orphan")
}

// Attempts count only siblings that ran one after the other.
func TestAttempts(t *testing.T) {
	f := func(text string, n, of int) {
		t.Helper()
		f := newCard(tree.Build(spantext.Parse(text))).Failure
		if f.Attempt != n || f.Attempts != of {
			t.Errorf("attempt %d of %d, want %d of %d, in\n%s", f.Attempt, f.Attempts, n, of, text)
		}
	}
	f("1 - s a 0 9 error", 1, 1)
	f("1 - s a 0 9\n2 1 s b 1 1 error\n3 1 s b 3 1 error\n4 1 s b 5 1 error", 3, 3)
	f("1 - s a 0 9\n2 1 s b 1 1 error\n3 1 s b 3 1", 1, 2) // the second try worked
	f("1 - s a 0 9\n2 1 s b 1 5 error\n3 1 s b 3 5 error", 1, 1)
	f("1 - s a 0 9\n2 1 s b 1 1 error\n3 1 t b 3 1 error", 1, 1) // another service
}

// What failed is said by the exception, else the status, else HTTP.
func TestFailureMessage(t *testing.T) {
	f := func(attrs, typ, message string) {
		t.Helper()
		f := newCard(tree.Build(spantext.Parse("1 - s a 0 9 error " + attrs))).Failure
		if f.Type != typ || f.Message != message {
			t.Errorf("%s: type %q, message %q, want %q, %q", attrs, f.Type, f.Message, typ, message)
		}
	}
	f("", "", "")
	f("status=why", "", "why")
	f(`status=why @exception:1 exception.type=T exception.message=m`, "T", "m")
	f(`status=why @exception:1 exception.type=T`, "T", "why")
	f("exception.type=T exception.message=m", "T", "m")
	f("error.type=Timeout error.message=slow", "Timeout", "slow")
	f(`error.type="402" http.response.status_code=402`, "", "402 Payment Required")
	f("http.response.status_code=503", "", "503 Service Unavailable")
	f("http.response.status_code=999", "", "")
	f("@exception:1 exception.type=First @exception:2 exception.type=Last", "Last", "")
}

// Which keys lead on to other traces.
func TestRelatedRank(t *testing.T) {
	f := func(key string, want bool) {
		t.Helper()
		if got := relatedRank(key) >= 0; got != want {
			t.Errorf("relatedRank(%q) is in the list: %v, want %v", key, got, want)
		}
	}
	f("customer", true)
	f("order.id", true)
	f("app.order_id", true)
	f("orderId", true)
	f("invoice.number", true)
	f("messaging.message.id", true)
	f("thread.id", false)
	f("container.id", false)
	f("service.instance.id", false)
	f("messaging.kafka.consumer.id", false)
	f("http.route", false)
	f("paid", false)
	f("valid", false)
}

// A preview has the services, the bars and the way to the error; a large trace is thinned
// to the failed and the longest spans.
func TestPreview(t *testing.T) {
	row := TraceRow{Errors: 4}
	addPreview(&row, tree.Build(spantext.Parse(payTrace(t))))
	golden(t, "preview", row)

	var w strings.Builder
	w.WriteString("1 - s root 0 1000\n")
	for i := range 200 {
		w.WriteString("1" + string(rune('a'+i%6)) + string(rune('a'+i/6%6)) + string(rune('a'+i/36)) + " 1 s short " + "1 1\n")
	}
	w.WriteString("2 1 s failed 500 1 error\n3 1 s long 100 800\n")
	big := TraceRow{Errors: 1}
	addPreview(&big, tree.Build(spantext.Parse(w.String())))
	if len(big.Miniature) != previewBars || big.Miniature[0].End != 1 {
		t.Errorf("%d bars, the first %+v", len(big.Miniature), big.Miniature[0])
	}
	var failed, long bool
	for _, b := range big.Miniature {
		failed = failed || b.Error
		long = long || b.End-b.Start == 0.8
	}
	if !failed || !long {
		t.Errorf("the failed span is shown: %v, the long one: %v", failed, long)
	}
}

// Durations have three significant digits and a unit.
func TestHumanDuration(t *testing.T) {
	f := func(ns int64, want string) {
		t.Helper()
		if got := humanDuration(ns); got != want {
			t.Errorf("humanDuration(%d) = %q, want %q", ns, got, want)
		}
	}
	f(0, "0 ns")
	f(999, "999 ns")
	f(1_500, "1.50 µs")
	f(38_400_000, "38.4 ms")
	f(1_240_000_000, "1.24 s")
	f(120_000_000_000, "120 s")
	f(5_400_000_000_000, "1h30m0s")
}
