package layout_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/server/api/layout"
	"github.com/weft-dev/weft/internal/server/api/spantext"
	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/span"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// decoded is a layout as a reader of the format sees it.
type decoded struct {
	Header map[string]any
	Rows   []map[string]float64
	IDs    []string
}

// decode reads the format by its document, not by the encoder's code.
func decode(t *testing.T, data []byte) decoded {
	t.Helper()
	if string(data[:4]) != "WTL1" {
		t.Fatalf("magic %q", data[:4])
	}
	h := int(binary.LittleEndian.Uint32(data[4:]))
	if (8+h)%8 != 0 {
		t.Fatalf("header length %d leaves the columns unaligned", h)
	}
	var d decoded
	if err := json.Unmarshal(data[8:8+h], &d.Header); err != nil {
		t.Fatal(err)
	}
	body := data[8+h:]
	n := int(d.Header["rows"].(float64))
	d.Rows = make([]map[string]float64, n)
	for i := range d.Rows {
		d.Rows[i] = map[string]float64{}
	}
	for name, c := range d.Header["columns"].(map[string]any) {
		at := int(c.(map[string]any)["at"].(float64))
		if at%8 != 0 {
			t.Errorf("column %s at %d", name, at)
		}
		for i := range n {
			b := body[at:]
			if name == "span_id" {
				d.IDs = append(d.IDs, fmt.Sprintf("%x", b[8*i:8*i+8]))
				continue
			}
			var v float64
			switch typ := c.(map[string]any)["type"].(string); typ {
			case "f64":
				v = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
			case "i32":
				v = float64(int32(binary.LittleEndian.Uint32(b[4*i:])))
			case "u32":
				v = float64(binary.LittleEndian.Uint32(b[4*i:]))
			case "u16":
				v = float64(binary.LittleEndian.Uint16(b[2*i:]))
			case "u8":
				v = float64(b[i])
			default:
				t.Fatalf("column %s has type %q", name, typ)
			}
			d.Rows[i][name] = v
		}
	}
	return d
}

func unhex(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

var columns = []string{"start", "duration", "parent", "subtree", "depth", "service", "name", "kind", "status", "flags", "hidden"}

func (d decoded) String() string {
	var w strings.Builder
	head := map[string]any{}
	for k, v := range d.Header {
		if k != "columns" {
			head[k] = v
		}
	}
	text, _ := json.MarshalIndent(head, "", "  ")
	fmt.Fprintf(&w, "%s\n%-16s", text, "span_id")
	for _, c := range columns {
		fmt.Fprintf(&w, " %10s", c)
	}
	for i, r := range d.Rows {
		fmt.Fprintf(&w, "\n%s", d.IDs[i])
		for _, c := range columns {
			if v, ok := r[c]; ok {
				fmt.Fprintf(&w, " %10.0f", v)
			} else {
				fmt.Fprintf(&w, " %10s", "-")
			}
		}
	}
	return w.String() + "\n"
}

func encode(t *testing.T, b *span.Batch, o layout.Options) []byte {
	t.Helper()
	data, err := layout.Append(nil, tree.Build(b), o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The golden files show each case as a table of its columns.
func TestGolden(t *testing.T) {
	f := func(name, text string, o layout.Options) {
		t.Helper()
		got := decode(t, encode(t, spantext.Parse(text), o)).String()
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	pay := `1 - gateway "POST /pay" 0 1240 server error
	        2 1 payment Charge 20 1200 internal error @exception:900 exception.type=Timeout
	        3 2 db INSERT 25 3 client
	        4 2 bank AUTH 210 - client ->c/9
	        6 5 audit write 300 10 producer`
	f("pay", pay, layout.Options{})
	f("pay-subtree", pay, layout.Options{Root: span.SpanID{7: 2}})
	f("empty", "", layout.Options{})
	f("cycle", "1 2 s a 0 5\n2 1 s b 1 2\n3 - s backwards 10 -2\n3 - s twice 10 4", layout.Options{})
	wide := `1 - s root 0 100
	         2 1 s short 1 1
	         3 1 s long 2 50
	         4 1 s failed 3 1 error
	         5 1 s middle 4 9
	         6 3 s below 5 1`
	f("cut-siblings", wide, layout.Options{MaxRows: 3})
	f("cut-level", wide, layout.Options{MaxRows: 5})
}

// A cut answer has the rows it may have, keeps every parent of a row, and says what it hid.
func TestCut(t *testing.T) {
	b := &span.Batch{Resources: []span.Resource{{}}, Scopes: []span.Scope{{}}}
	id := func(i int) span.SpanID { return span.SpanID{5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)} }
	const n = 30_000
	kids := make([]int, n+1)
	for i := 1; i <= n; i++ {
		s := span.Span{SpanID: id(i), Start: int64(i), End: int64(i + 5)}
		if i > 1 {
			s.Parent = id(max(1, i/7))
			kids[max(1, i/7)]++
		}
		b.Spans = append(b.Spans, s)
	}
	for _, limit := range []int{1, 2, 7, 1000, n - 1} {
		d := decode(t, encode(t, b, layout.Options{MaxRows: limit}))
		if len(d.Rows) > limit || len(d.Rows) < limit/2 {
			t.Errorf("limit %d: %d rows", limit, len(d.Rows))
		}
		if d.Header["spans"].(float64) != n || d.Header["cut"] == nil {
			t.Errorf("limit %d: header %v", limit, d.Header)
		}
		shown := map[float64]float64{}
		for _, r := range d.Rows {
			shown[r["parent"]]++
		}
		for i, r := range d.Rows {
			at := int(binary.BigEndian.Uint32([]byte(unhex(d.IDs[i]))[4:]))
			if left := kids[at] > int(shown[float64(i)]); left != (r["hidden"] > r["subtree"]) {
				t.Fatalf("limit %d: span %d shows %v of %d children and hides %v", limit, at, shown[float64(i)], kids[at], r["hidden"])
			}
		}
		for i, r := range d.Rows[1:] {
			if p := int(r["parent"]); p < 0 || p > i || d.Rows[p]["depth"]+1 != r["depth"] {
				t.Fatalf("limit %d: row %d has parent %d", limit, i+1, p)
			}
		}
	}
	if d := decode(t, encode(t, b, layout.Options{MaxRows: n})); d.Header["cut"] != nil || len(d.Rows) != n {
		t.Errorf("a trace as large as the limit is cut: %d rows", len(d.Rows))
	}
}

// More services than a column can number share the last number.
func TestManyServices(t *testing.T) {
	b := &span.Batch{}
	const n = math.MaxUint16 + 10
	for i := range n {
		b.Attrs = append(b.Attrs, span.Attr{Key: "service.name", Value: span.String(fmt.Sprint("s", i))})
		b.Resources = append(b.Resources, span.Resource{Attrs: span.Range{From: uint32(i), To: uint32(i + 1)}})
		b.Scopes = append(b.Scopes, span.Scope{Resource: uint32(i)})
		b.Spans = append(b.Spans, span.Span{SpanID: span.SpanID{4: 1, 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)}, Start: int64(i), Scope: uint32(i)})
	}
	data := encode(t, b, layout.Options{})
	h := 8 + int(binary.LittleEndian.Uint32(data[4:]))
	var header struct {
		Services []string
		Columns  map[string]struct{ At int }
	}
	if err := json.Unmarshal(data[8:h], &header); err != nil {
		t.Fatal(err)
	}
	if s := header.Services; len(s) != math.MaxUint16+1 || s[math.MaxUint16] != "…" {
		t.Errorf("%d services, the last %v", len(s), s[len(s)-1])
	}
	if got := binary.LittleEndian.Uint16(data[h+header.Columns["service"].At+2*(n-1):]); got != math.MaxUint16 {
		t.Errorf("service of the last row: %v", got)
	}
}

// The same trace gives the same bytes, and an unknown root is told apart.
func TestAppend(t *testing.T) {
	b := spantext.Parse("1 - s a 0 9\n2 1 t b 1 2")
	if !bytes.Equal(encode(t, b, layout.Options{}), encode(t, b, layout.Options{})) {
		t.Error("two encodings of a trace differ")
	}
	if _, err := layout.Append(nil, tree.Build(b), layout.Options{Root: span.SpanID{7: 9}}); err == nil {
		t.Error("an unknown root has a layout")
	}
	if got := encode(t, b, layout.Options{}); !slices.Equal(got[:4], []byte("WTL1")) {
		t.Errorf("starts with %q", got[:4])
	}
}
